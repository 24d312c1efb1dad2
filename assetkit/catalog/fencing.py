"""Which results come too late: the rule that both catalogs follow.

Rule 1: a result is refused where another living run now holds a lease on its slot.
Rule 2: a result is refused where its fence was voided: the run was taken for dead, or
the asset got a new layout since.
Rule 3: fence 0 stands for no lease at all, as when files are adopted; only rule 1 holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from assetkit.catalog.base import Commit, Receipt
from assetkit.catalog.ranges import in_ranges
from assetkit.catalog.times import to_micros
from assetkit.records import AssetKey, FailedAttempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Fences:
    """What stands against late results: the leases of other living runs, and void fences."""

    leases: Mapping[AssetKey, Sequence[tuple[int, int]]] = field(default_factory=dict)
    run: int = 0
    assets: Mapping[AssetKey, int] = field(default_factory=dict)


def admitted(commit: Commit, fences: Fences) -> list[bool]:
    """Return for each materialization of a commit whether it may be written."""
    admit = [_is_valid(one.asset, commit.fence, fences) for one in commit.materializations]
    for asset, ranges in fences.leases.items():
        rows = [i for i, one in enumerate(commit.materializations) if one.asset == asset]
        ordinals = np.array([commit.materializations[i].ordinal for i in rows], dtype=np.int64)
        for i, held in zip(rows, in_ranges(ordinals, ranges).tolist(), strict=True):
            admit[i] = admit[i] and not held
    return admit


def _is_valid(asset: AssetKey, fence: int, fences: Fences) -> bool:
    return fence == 0 or fence > max(fences.run, fences.assets.get(asset, 0))


def receipt_for(commit: Commit, admit: Sequence[bool], *, previous_seq: int, seq: int) -> Receipt:
    """Return the receipt of a commit."""
    refused = tuple(
        (one.asset, one.ordinal)
        for one, is_admitted in zip(commit.materializations, admit, strict=True)
        if not is_admitted
    )
    return Receipt(previous_seq=previous_seq, seq=seq, refused=refused)


def read_seqs_of(commit: Commit, receipt: Receipt) -> list[int]:
    """Return the ``read_seq`` of each materialization: raised where nobody wrote in between."""
    given = commit.read_seqs or (0,) * len(commit.materializations)
    return [receipt.seq if seq == receipt.previous_seq else seq for seq in given]


def still_open(commit: Commit, admit: Sequence[bool]) -> list[bool]:
    """Return for each failure of a commit whether no success of its slot came after it there."""
    done: dict[tuple[AssetKey, int], datetime] = {
        (one.asset, one.ordinal): one.materialized_at
        for one, is_admitted in zip(commit.materializations, admit, strict=True)
        if is_admitted
    }
    return [_is_open(one, done.get((one.asset, one.ordinal))) for one in commit.failures]


def _is_open(failure: FailedAttempt, done: datetime | None) -> bool:
    return done is None or to_micros(done) < to_micros(failure.failed_at)
