"""Partitions as a grid: rows of cells, drawn as few rectangles, however many cells there are.

Rule 1: neighbouring cells of a row that stand alike are one piece.
Rule 2: days of one month, hours of one day and months of one year are in one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from assetkit.columns import Flags
from assetkit.definitions.universe import Universe
from assetkit.web.states import ATTEMPTS, STATES, SlotStates

WRAPPED = 40
"""Cells in a row where the keys give no better measure."""
CELL = 14
"""Pixels of a cell."""
_CHAR = 6.8
_LONGEST = 18
_DAY = re.compile(r"\d{4}-\d\d-\d\d$")
_HOUR = re.compile(r"\d{4}-\d\d-\d\dT\d\d$")
_MONTH = re.compile(r"\d{4}-\d\d$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Cells ``at`` .. ``at + count - 1`` of a row that stand alike; ``keys``: the first and last.

    ``state`` and ``attempt`` are the worst of the slots behind them, the latter empty where
    all went well. ``is_mixed``: some of a cell's slots are fresh all the same.
    """

    at: int
    count: int
    state: str
    attempt: str
    first: str
    last: str
    is_mixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """One row. ``start`` is the column of its first cell; ``keys`` are what its cells stand for."""

    label: str
    start: int
    pieces: Sequence[Piece]
    keys: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Rows of cells. ``across`` and ``down`` name what columns and rows are.

    ``heads`` are (column, text), what stands above; ``left`` is how many pixels the labels
    of rows need. ``axes`` are the dimensions to choose from, where there are several,
    ``fixed`` selects the keys that were chosen of others, ``left_out`` says what of a matrix
    is shown where not all of it is.
    """

    rows: Sequence[GridRow]
    columns: int
    heads: Sequence[tuple[int, str]]
    left: int
    across: str
    down: str
    axes: Sequence[str] = ()
    fixed: str = ""
    left_out: str = ""

    @property
    def has_mixed(self) -> bool:
        """Whether some of its cells stand for slots of which not all stand alike."""
        return any(piece.is_mixed for row in self.rows for piece in row.pieces)


def grid_of(states: SlotStates, universe: Universe) -> Grid | None:
    """Lay the slots of an asset with one dimension out as a grid; None where there are none."""
    if len(universe.dimensions) != 1 or not len(states):
        return None
    texts = [text or "" for text in universe.texts(states.positions)]
    cut, _ = _calendar(texts)
    rows = list(_rows(states, texts))
    columns = max(row.start + len(row.keys) for row in rows)
    return Grid(
        rows=rows,
        columns=columns,
        heads=_numbers(cut, columns),
        left=left_of([row.label for row in rows]),
        across="",
        down=universe.dimensions[0],
    )


def left_of(labels: Sequence[str]) -> int:
    """Return how many pixels the labels of rows need."""
    return round(min(_LONGEST, max(map(len, labels), default=0)) * _CHAR) + 10


def heads_of(keys: Sequence[str]) -> list[tuple[int, str]]:
    """Return the keys that stand above columns: as many as there is room for.

    >>> heads_of(["de", "fr", "it", "uk"])
    [(0, 'de'), (2, 'it')]
    """
    longest = min(_LONGEST, max(map(len, keys), default=1))
    step = 1 + int((longest + 1) * _CHAR / CELL)
    return [(at, keys[at]) for at in range(0, len(keys), step)]


def _numbers(cut: int, columns: int) -> list[tuple[int, str]]:
    """Return what stands above the days of a month, the hours of a day, the months of a year."""
    first, step = {7: (1, 5), 10: (0, 6), 4: (1, 3)}.get(cut, (0, 0))
    if not step or columns > 40:
        return []
    numbers = range(first, first + columns)
    return [(at, str(n)) for at, n in enumerate(numbers) if n == first or n % step == 0]


def _rows(states: SlotStates, texts: Sequence[str]) -> Iterator[GridRow]:
    cut, first_column = _calendar(texts)
    if not cut:
        width = max(WRAPPED, len(texts) // 200)
        for lo in range(0, len(texts), width):
            hi = min(lo + width, len(texts))
            yield _row(texts[lo] if len(texts) > width else "", 0, states, texts, lo, hi)
        return
    lo = 0
    for at in range(1, len(texts) + 1):
        if at == len(texts) or texts[at][:cut] != texts[lo][:cut]:
            start = first_column if lo == 0 else 0
            yield _row(texts[lo][:cut], start, states, texts, lo, at)
            lo = at


def _calendar(texts: Sequence[str]) -> tuple[int, int]:
    """Return after how many characters of a key its row is known, and the first row's column.

    >>> _calendar(["2026-01-05", "2026-01-06"]), _calendar(["2026-03"]), _calendar(["us", "eu"])
    ((7, 4), (4, 2), (0, 0))
    """
    ends = (texts[0], texts[-1])
    if all(_DAY.fullmatch(text) for text in ends):
        daily = len(texts) == 1 or texts[1][:7] != texts[0][:7] or _next_day(texts[0], texts[1])
        return (7, int(texts[0][8:]) - 1) if daily else (4, 0)
    if all(_HOUR.fullmatch(text) for text in ends):
        return 10, int(texts[0][11:])
    if all(_MONTH.fullmatch(text) for text in ends):
        return 4, int(texts[0][5:]) - 1
    return 0, 0


def _next_day(one: str, other: str) -> bool:
    return int(other[8:]) - int(one[8:]) == 1


def _row(
    label: str, start: int, states: SlotStates, texts: Sequence[str], lo: int, hi: int
) -> GridRow:
    keys = texts[lo:hi]
    pieces = pieces_of(states.state[lo:hi], states.attempt[lo:hi], keys, start)
    return GridRow(label=label, start=start, pieces=pieces, keys=keys)


def pieces_of(
    state: NDArray[np.int8],
    attempt: NDArray[np.int8],
    keys: Sequence[str],
    start: int,
    mixed: Flags | None = None,
) -> list[Piece]:
    """Return a row's cells as pieces that stand alike; those that stand for nothing have no state.

    *state* -1 means nothing; the first cell is in the column *start*. *mixed*: in which cells
    some slots are fresh although the worst is not.
    """
    some = np.zeros(len(state), dtype=np.bool_) if mixed is None else mixed
    both = (state.astype(np.int64) * len(ATTEMPTS) + attempt) * 2 + some
    cuts = np.flatnonzero(np.diff(both)) + 1
    bounds = [0, *cuts.tolist(), len(both)]
    return [
        Piece(
            at=start + lo,
            count=hi - lo,
            state=STATES[state[lo]] if state[lo] >= 0 else "",
            attempt=ATTEMPTS[attempt[lo]],
            first=keys[lo],
            last=keys[hi - 1],
            is_mixed=bool(some[lo]),
        )
        for lo, hi in pairwise(bounds)
    ]
