"""The steps of a plan, made when they are asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import overload

import numpy as np

from assetkit.definitions.universe import Universe
from assetkit.planning.model import VERDICTS, AssetPlan, Cause, Step
from assetkit.records import AssetKey


class Steps(Sequence[Step]):
    """All steps to run, upstreams first, each asset's in partition order; made on demand."""

    def __init__(self, assets: Sequence[AssetPlan], universes: Mapping[AssetKey, Universe]) -> None:
        self._parts = [part for part in assets if part.run.any()]
        self._universes = universes
        self._places = [np.flatnonzero(part.run) for part in self._parts]
        ends = np.cumsum([len(places) for places in self._places])
        self._starts = [0, *(int(end) for end in ends)]

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, index: int | slice) -> Step | tuple[Step, ...]:
        if isinstance(index, slice):
            return tuple(self._at(place) for place in range(*index.indices(len(self))))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"this plan has {len(self)} steps, so there is no step {index}")
        return self._at(place)

    def __iter__(self) -> Iterator[Step]:
        return (self._at(place) for place in range(len(self)))

    def __repr__(self) -> str:
        return f"<{len(self)} steps>"

    def _at(self, index: int) -> Step:
        which = bisect_right(self._starts, index) - 1
        part = self._parts[which]
        return step_of(
            part, int(self._places[which][index - self._starts[which]]), index, self._universes
        )


def step_of(
    part: AssetPlan, place: int, index: int, universes: Mapping[AssetKey, Universe]
) -> Step:
    """Make the step of the slot at *place* of an asset's columns."""
    return Step(
        index=index,
        asset=part.asset,
        partition=universes[part.asset].key(int(part.positions[place])),
        verdict=VERDICTS[part.verdict[place]],
        causes=causes_of(part, place),
        maybe=bool(part.maybe[place]),
    )


def causes_of(part: AssetPlan, place: int) -> tuple[Cause, ...]:
    """Return the causes of one slot."""
    bits = int(part.causes[place])
    return tuple(cause for bit, cause in enumerate(part.cause_table) if bits >> bit & 1)
