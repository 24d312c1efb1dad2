"""How the slots of an asset stand, as columns and as ranges: what grids, bars and tables show.

Rule 1: two things are told apart: the state of the data that is there, and how the last
attempt at a slot went. Data may be fresh although its last attempt failed.
Rule 2: a slot that nothing can be done about now is ``held`` (failed too often) or
``blocked`` (an input is missing); that stands beside the state of its data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assetkit.columns import Flags, Ints
from assetkit.definitions.grid import Grid
from assetkit.definitions.universe import Universe
from assetkit.planning.data import PlanData
from assetkit.planning.model import VERDICTS, AssetPlan
from assetkit.records import AssetKey, Verdict, partition_text
from assetkit.web.boxes import box_size, box_text, boxes_of

STATES = ("fresh", "partial", "stale", "missing")
"""States of data, the worst last."""
ATTEMPTS = ("", "running", "blocked", "held", "failed")
"""What else is to be said of a slot, the worst last."""


_FAILED: Final = ATTEMPTS.index("failed")
_HELD: Final = VERDICTS.index(Verdict.QUARANTINED)
_RUNNING: Final = VERDICTS.index(Verdict.RUNNING)


def _by_verdict(words: Sequence[str], said: Mapping[Verdict, str], other: str) -> NDArray[np.int8]:
    return np.array([words.index(said.get(one, other)) for one in VERDICTS], dtype=np.int8)


_STATE_BY_VERDICT: Final = _by_verdict(
    STATES, {Verdict.FRESH: "fresh", Verdict.PARTIAL: "partial"}, "stale"
)
_ATTEMPT_BY_VERDICT: Final = _by_verdict(
    ATTEMPTS,
    {Verdict.BLOCKED: "blocked", Verdict.QUARANTINED: "held", Verdict.RUNNING: "running"},
    "",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotStates:
    """Parallel columns: positions, and indices into `STATES` and `ATTEMPTS`."""

    positions: Ints
    state: NDArray[np.int8]
    attempt: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many slots of an asset there are, by state, and what else is to be said of some."""

    total: int
    fresh: int = 0
    partial: int = 0
    stale: int = 0
    missing: int = 0
    running: int = 0
    blocked: int = 0
    held: int = 0
    failed: int = 0

    @property
    def worst(self) -> str:
        """The one word that stands for all of them."""
        for name in ("running", "failed", "held"):
            if getattr(self, name):
                return name
        return next((name for name in reversed(STATES) if getattr(self, name)), "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRange:
    """Slots that stand alike, and the text that selects just them."""

    selection: str
    count: int
    state: str
    attempt: str


def slot_states(plan: PlanData, asset: AssetKey) -> SlotStates:
    """Return how all slots of an asset stand, by position; none where the plan has none."""
    part = next((part for part in plan.assets if part.asset == asset), None)
    return _states(plan, part, _failed_ordinals(plan).get(asset, ()))


def tallies_of(plan: PlanData) -> dict[AssetKey, Tally]:
    """Count the slots of each asset that a plan looks at, as `tally_of` does."""
    failed = _failed_ordinals(plan)
    return {
        part.asset: tally_of(_states(plan, part, failed.get(part.asset, ())))
        for part in plan.assets
    }


def _failed_ordinals(plan: PlanData) -> dict[AssetKey, list[int]]:
    found: dict[AssetKey, list[int]] = {}
    for asset, ordinal in plan.snapshot.failures:
        found.setdefault(asset, []).append(ordinal)
    return found


def _states(plan: PlanData, part: AssetPlan | None, failed: Sequence[int]) -> SlotStates:
    if part is None or not len(part.positions):
        nothing = np.empty(0, dtype=np.int8)
        return SlotStates(positions=np.empty(0, dtype=np.int64), state=nothing, attempt=nothing)
    ordinals = plan.universes[part.asset].ordinals(part.positions)
    state, attempt = _STATE_BY_VERDICT[part.verdict], _ATTEMPT_BY_VERDICT[part.verdict]
    there = _are_among(plan.snapshot.columns(part.asset).ordinal, ordinals)
    state[~there & (state != STATES.index("fresh"))] = STATES.index("missing")
    if failed:
        lost = _are_among(np.array(sorted(failed), dtype=np.int64), ordinals)
        attempt[lost & (part.verdict != _HELD) & (part.verdict != _RUNNING)] = _FAILED
    return SlotStates(positions=part.positions, state=state, attempt=attempt)


def _are_among(known: Ints, ordinals: Ints) -> Flags:
    """Return which ordinals are among those *known*, which ascend; `np.isin` is slow on few."""
    if not len(known):
        return np.zeros(len(ordinals), dtype=np.bool_)
    found: Flags = known[np.minimum(np.searchsorted(known, ordinals), len(known) - 1)] == ordinals
    return found


def tally_of(states: SlotStates) -> Tally:
    """Count slots by state and by what else is to be said of them."""
    data = np.bincount(states.state, minlength=len(STATES)).tolist()
    attempts = np.bincount(states.attempt, minlength=len(ATTEMPTS)).tolist()
    counts = dict(zip(STATES, data, strict=True)) | dict(zip(ATTEMPTS, attempts, strict=True))
    del counts[""]
    return Tally(total=len(states), **counts)


def ranges_of(
    states: SlotStates, universe: Universe, *, limit: int | None = None
) -> tuple[list[StateRange], bool]:
    """Return slots that stand alike as ranges, at most *limit*, and whether these are all.

    Those of one dimension are in order; of several dimensions the worst come first.
    """
    found = _boxes(states, universe) if isinstance(universe, Grid) else _runs(states, universe)
    some = list(islice(found, limit))
    return some, next(found, None) is None


def _runs(states: SlotStates, universe: Universe) -> Iterator[StateRange]:
    for lo, hi in alike(states):
        ends = [universe.key(int(states.positions[at])) for at in (lo, hi)]
        first, last = (partition_text(key) or "" for key in ends)
        yield StateRange(
            selection=first if lo == hi else f"{first}..{last}",
            count=hi - lo + 1,
            state=STATES[states.state[lo]],
            attempt=ATTEMPTS[states.attempt[lo]],
        )


def _boxes(states: SlotStates, universe: Grid) -> Iterator[StateRange]:
    both = states.attempt.astype(np.int64) * len(STATES) + states.state
    order = range(len(universe.dimensions))
    for one in np.unique(both)[::-1].tolist():
        for box in boxes_of(universe.split(states.positions[both == one])):
            yield StateRange(
                selection=box_text(universe, box, order),
                count=box_size(box),
                state=STATES[one % len(STATES)],
                attempt=ATTEMPTS[one // len(STATES)],
            )


def alike(states: SlotStates) -> list[tuple[int, int]]:
    """Return the places of neighbours that stand alike, each as its first and last.

    >>> column = np.array([0, 0, 3], dtype=np.int8)
    >>> none = np.zeros(3, dtype=np.int8)
    >>> alike(SlotStates(positions=np.arange(3), state=column, attempt=none))
    [(0, 1), (2, 2)]
    """
    if not len(states):
        return []
    key = states.state.astype(np.int64) * len(ATTEMPTS) + states.attempt
    cuts = np.flatnonzero((np.diff(key) != 0) | (np.diff(states.positions) != 1))
    first = np.concatenate(([0], cuts + 1)).tolist()
    last = np.concatenate((cuts, [len(key) - 1])).tolist()
    return list(zip(first, last, strict=True))
