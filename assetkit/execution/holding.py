"""Which slots this run may build: leases, slots that another run holds, and what is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

import numpy as np

from assetkit.catalog.base import Catalog, Claim, Grant
from assetkit.columns import NO_SLOTS, Ints, SlotColumns
from assetkit.execution.waiting import StepTable
from assetkit.io.base import Place
from assetkit.io.sweep import sweep_pins, sweep_staging
from assetkit.planning.data import PlanData
from assetkit.records import AssetKey, AssetRow, Basis, RunRecord

_SLOWEST = 2.0
"""Seconds between two questions after slots of others, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSlots:
    """What is published, with all versions and digests, as of one sequence number."""

    seq: int
    slots: Mapping[AssetKey, SlotColumns]
    bases: Mapping[int, Basis]

    def columns(self, asset: AssetKey) -> SlotColumns:
        """Return an asset's slots; none where nothing is known."""
        return self.slots.get(asset, NO_SLOTS)


class Holdings:
    """The leases of one run, and the slots that it wants and another run holds."""

    def __init__(self, catalog: Catalog, place: Place, run_id: str, poll_every: float) -> None:
        self._catalog, self._place, self._run_id = catalog, place, run_id
        self._held: dict[AssetKey, set[int]] = {}
        self._pause = poll_every
        self._poll_every = poll_every
        self._next = 0.0

    def begin(
        self, run: RunRecord, definitions: Sequence[AssetRow], plan: PlanData, steps: StepTable
    ) -> Grant:
        """Write a run down, lease all of its slots, and note those that are not to be had yet."""
        claims = {
            asset: plan.universes[asset].ordinals(positions)
            for asset, positions in steps.positions.items()
        }
        grant = self._catalog.begin(
            run,
            definitions,
            [Claim(asset=asset, ordinals=ordinals) for asset, ordinals in claims.items()],
        )
        self._note(claims, grant)
        self._clear_up()
        return grant

    def _clear_up(self) -> None:
        """Bar the runs whose slots may now be ours from publishing late, and remove their files."""
        sweep_staging(self._place, self._is_alive, for_good=True)
        sweep_pins(self._place)

    def _is_alive(self, run_id: str) -> bool:
        return run_id == self._run_id or self._catalog.is_running(run_id)

    def is_held(self, asset: AssetKey, ordinal: int) -> bool:
        """Return whether another run holds a slot, as far as known."""
        return bool(self._held) and ordinal in self._held.get(asset, ())

    def ask_again(self, asset: AssetKey) -> tuple[Grant | None, Ints]:
        """Ask after the slots of an asset that others hold; return those that are ours now."""
        wanted = np.array(sorted(self._held.get(asset, ())), dtype=np.int64)
        if monotonic() < self._next or not len(wanted):
            return None, wanted[:0]
        grant = self._catalog.claim(self._run_id, [Claim(asset=asset, ordinals=wanted)])
        self._note({asset: wanted}, grant)
        if grant.granted:
            self._clear_up()
        ours = np.array(
            [one for one in wanted.tolist() if not self.is_held(asset, one)], dtype=np.int64
        )
        self._pause = self._poll_every if len(ours) else min(self._pause * 1.5, _SLOWEST)
        self._next = monotonic() + self._pause
        return grant, ours

    @property
    def next_question(self) -> float:
        """When to ask again, in seconds of the monotonic clock."""
        return max(self._next, monotonic() + 0.001)

    def _note(self, claims: Mapping[AssetKey, Ints], grant: Grant) -> None:
        if not grant.busy:
            for asset in claims:
                self._held.pop(asset, None)
            return
        granted = {claim.asset: claim.ordinals for claim in grant.granted}
        for asset, wanted in claims.items():
            rest = np.setdiff1d(wanted, granted.get(asset, wanted[:0])).tolist()
            self._held.pop(asset, None)
            if rest:
                self._held[asset] = set(rest)


def known_slots(plan: PlanData, steps: StepTable, catalog: Catalog, grant: Grant) -> KnownSlots:
    """Return what is published of all that a run touches: as planned, where that still holds.

    It holds where the claim itself was the only write since.
    """
    touched = _touched(plan, steps)
    seen = plan.snapshot
    claimed = any(len(claim.ordinals) for claim in grant.granted)
    if seen.seq + claimed == grant.seq and all(
        columns.detailed or not len(columns) for columns in map(seen.columns, touched)
    ):
        return KnownSlots(seq=grant.seq, slots=seen.slots, bases=seen.bases)
    snapshot = catalog.snapshot(touched, detail=touched)
    slots = {key: seen.columns(key) for key in touched if key not in snapshot.slots}
    for key, columns in snapshot.slots.items():
        # What a base lends is read as it was planned, whatever happens there meanwhile.
        slots[key] = _without(columns, seen.gone.get(key)).over(seen.columns(key).lent)
    return KnownSlots(seq=snapshot.seq, slots=slots, bases={**seen.bases, **snapshot.bases})


def changed_since(plan: PlanData, known: KnownSlots, asset: AssetKey) -> set[int]:
    """Return the ordinals of an asset that another run published after a plan was made."""
    old, new = plan.snapshot.columns(asset), known.columns(asset)
    if new is old or not len(new):
        return set()
    if not len(old):
        return set(new.ordinal.tolist())
    rows = np.minimum(np.searchsorted(old.ordinal, new.ordinal), len(old) - 1)
    same = (
        (old.ordinal[rows] == new.ordinal)
        & (old.ver_seq[rows] == new.ver_seq)
        & (old.materialized_at[rows] == new.materialized_at)
    )
    found: set[int] = set(new.ordinal[~same].tolist())
    return found


def read_published(catalog: Catalog, asset: AssetKey) -> KnownSlots:
    """Read anew what is published of one asset."""
    snapshot = catalog.snapshot([asset], detail=[asset])
    return KnownSlots(seq=snapshot.seq, slots=snapshot.slots, bases=snapshot.bases)


def _touched(plan: PlanData, steps: StepTable) -> list[AssetKey]:
    touched = dict.fromkeys(steps.first)
    for asset in steps.first:
        touched |= dict.fromkeys(edge.upstream for edge in plan.graph.edges[asset])
    return list(touched)


def _without(columns: SlotColumns, gone: Ints | None) -> SlotColumns:
    if gone is None or not len(gone):
        return columns
    return columns.take(~np.isin(columns.ordinal, gone))
