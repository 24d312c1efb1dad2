"""Who may build what: the rules of leases that both catalogs follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from assetkit.catalog.base import Claim, LeaseRow
from assetkit.catalog.liveness import owner_is_alive
from assetkit.catalog.ranges import in_ranges
from assetkit.columns import Ints
from assetkit.records import AssetKey, Owner

GONE = "Its process ended without a farewell."


@dataclass(frozen=True, slots=True)
class Mortals:
    """Where to look whether the owners of runs live: the folder of run files, and a clock."""

    runs: Path
    clock: Callable[[], datetime]

    def guard(self, run_id: str) -> Path:
        """Return where the run file of a run lies, if it has one."""
        return self.runs / f"{run_id}.lock"

    def lives(self, run_id: str, owner: Owner, *, guarded: bool, heartbeat_at: datetime) -> bool:
        """Return whether the owner of a run lives; *guarded*: it began with a run file."""
        return owner_is_alive(
            owner,
            guard=self.guard(run_id) if guarded else None,
            heartbeat_at=heartbeat_at,
            now=self.clock(),
        )


def owner_text(owner: Owner) -> str:
    """Return an owner as people are told of it."""
    return f"process {owner.pid} on {owner.host} ({owner.command})"


def divide(
    claims: Sequence[Claim], others: Sequence[LeaseRow]
) -> tuple[tuple[Claim, ...], tuple[LeaseRow, ...]]:
    """Return what of *claims* is free, and the leases that stand in the way of the rest."""
    granted: list[Claim] = []
    busy: list[LeaseRow] = []
    held = by_asset(others)
    for claim in claims:
        free = beyond(claim.ordinals, held.get(claim.asset, []))
        if len(free):
            granted.append(Claim(asset=claim.asset, ordinals=free))
        if len(free) < len(claim.ordinals):
            busy += [lease for lease in others if _overlap(lease, claim)]
    return tuple(granted), tuple(dict.fromkeys(busy))


def beyond(ordinals: Ints, ranges: Sequence[tuple[int, int]]) -> Ints:
    """Return those of *ordinals* that lie in none of *ranges*."""
    return ordinals[~in_ranges(ordinals, ranges)] if ranges else ordinals


def _overlap(lease: LeaseRow, claim: Claim) -> bool:
    if lease.asset != claim.asset:
        return False
    first, last = np.searchsorted(claim.ordinals, (lease.lo, lease.hi))
    return bool(first < last)


def by_asset(leases: Iterable[LeaseRow]) -> dict[AssetKey, list[tuple[int, int]]]:
    """Return the ranges of leases."""
    ranges: dict[AssetKey, list[tuple[int, int]]] = {}
    for lease in leases:
        ranges.setdefault(lease.asset, []).append((lease.lo, lease.hi))
    return ranges
