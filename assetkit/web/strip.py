"""Very many partitions as a strip of pieces, each with its share of every state.

Rule 1: a strip is an index: each of its pieces leads to the grid of its own partitions.
Rule 2: a piece that hides one failure says so: the worst attempt in it is marked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.universe import Universe
from assetkit.records import partition_text
from assetkit.web.states import ATTEMPTS, STATES, SlotStates

MOST_CELLS = 10_000
"""Beyond so many partitions the grid shows one piece of a strip."""
_PIECES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class StripPiece:
    """Neighbouring partitions, the piece number ``at``.

    ``bars`` are (state, where it begins from the top, how much there is of it), 0 to 1.
    """

    at: int

    first: str
    last: str
    count: int
    bars: Sequence[tuple[str, float, float]]
    attempt: str
    words: str
    is_shown: bool

    @property
    def selection(self) -> str:
        """The text that selects just these partitions."""
        return self.first if self.count == 1 else f"{self.first}..{self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Pieces of ``total`` partitions; ``shown`` is what the grid beneath has of them."""

    pieces: Sequence[StripPiece]
    total: int
    shown: str


def windowed(
    states: SlotStates, universe: Universe, within: str
) -> tuple[Strip | None, SlotStates]:
    """Return a strip of partitions, and those of them that the grid shows.

    There is no strip where all can be shown. *within* selects what is looked at; without
    it, the last piece is.

    Raises:
        PlanError: *within* is no selection of these partitions.
    """
    whole = states
    if within:
        states = _some(states, universe.select(within))
    if len(whole) <= MOST_CELLS or len(universe.dimensions) > 1:
        return None, states
    if len(states) > MOST_CELLS:
        whole, size = states, -(-len(states) // _PIECES)
        states = _cut(states, (len(states) - 1) // size * size, size)
        if len(states) > MOST_CELLS:
            states = _cut(states, len(states) - MOST_CELLS, MOST_CELLS)
    return _strip(whole, universe, states), states


def _some(states: SlotStates, chosen: Ints) -> SlotStates:
    kept = np.isin(states.positions, chosen)
    return SlotStates(
        positions=states.positions[kept], state=states.state[kept], attempt=states.attempt[kept]
    )


def _cut(states: SlotStates, start: int, size: int) -> SlotStates:
    piece = slice(start, start + size)
    return SlotStates(
        positions=states.positions[piece], state=states.state[piece], attempt=states.attempt[piece]
    )


def _strip(states: SlotStates, universe: Universe, shown: SlotStates) -> Strip:
    size = -(-len(states) // _PIECES)
    pieces = [
        _piece(_cut(states, start, size), universe, shown, number)
        for number, start in enumerate(range(0, len(states), size))
    ]
    ends = [_text(universe, shown, at) for at in (0, -1)] if len(shown) else [""]
    return Strip(pieces=pieces, total=len(states), shown="..".join(ends))


def _piece(part: SlotStates, universe: Universe, shown: SlotStates, number: int) -> StripPiece:
    counts = list(zip(STATES, np.bincount(part.state, minlength=len(STATES)).tolist(), strict=True))
    worst = ATTEMPTS[int(part.attempt.max())]
    words = [f"{count:,} {name}" for name, count in counts if count]
    bars, top = [], 0.0
    for name, count in reversed(counts):
        if count:
            bars.append((name, round(top, 4), round(count / len(part), 4)))
        top += count / len(part)
    return StripPiece(
        at=number,
        first=_text(universe, part, 0),
        last=_text(universe, part, -1),
        count=len(part),
        bars=bars,
        attempt=worst,
        words=", ".join([*words, *([f"some {worst}"] if worst else [])]),
        is_shown=bool(np.isin(part.positions, shown.positions).any()),
    )


def _text(universe: Universe, states: SlotStates, at: int) -> str:
    return partition_text(universe.key(int(states.positions[at]))) or ""
