"""Partitions as a grid: rows of cells, drawn as few rectangles, however many cells there are.

Rule 1: neighbouring cells of a row that stand alike are one piece.
Rule 2: a cell that stands for several slots shows the worst of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from assetkit.columns import Ints
from assetkit.definitions.universe import Universe
from assetkit.web.states import ATTEMPTS, STATES, SlotStates

WRAPPED = 40
"""Cells in a row where the keys give no better measure."""
MOST_PIECES = 6_000
"""Beyond so many pieces neighbouring cells are drawn as one."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d$")
_HOUR = re.compile(r"\d{4}-\d\d-\d\dT\d\d$")
_MONTH = re.compile(r"\d{4}-\d\d$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Cells ``at`` .. ``at + count - 1`` of a row that stand alike; ``keys``: the first and last.

    ``attempt`` is the worst of the slots behind them, empty where all went well.
    """

    at: int
    count: int
    state: str
    attempt: str
    first: str
    last: str


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

    ``axes`` are the dimensions to choose from, where there are several. ``bucket``: how many
    partitions a cell stands for; more than 1 where there are too many to draw.
    """

    rows: Sequence[GridRow]
    columns: int
    across: str
    down: str
    axes: Sequence[str] = ()
    bucket: int = 1


def grid_of(
    states: SlotStates, universe: Universe, *, across: str | None = None, down: str | None = None
) -> Grid | None:
    """Lay the slots of an asset out as a grid; None for one without partitions.

    *across* and *down* are dimensions of an asset that has several; by default the first
    and the second.
    """
    if not universe.dimensions or not len(states):
        return None
    if len(universe.dimensions) > 1:
        return _matrix(states, universe, across, down)
    bucket = 1 + len(states) // 60_000
    if bucket > 1:
        states = _bucketed(states, bucket)
    texts = [text or "" for text in universe.texts(states.positions)]
    rows = list(_rows(states, texts, bucket))
    columns = max(row.start + len(row.keys) for row in rows)
    return Grid(rows=rows, columns=columns, across="", down=universe.dimensions[0], bucket=bucket)


def _bucketed(states: SlotStates, size: int) -> SlotStates:
    starts = np.arange(0, len(states), size)
    return SlotStates(
        positions=states.positions[starts],
        state=np.maximum.reduceat(states.state, starts),
        attempt=np.maximum.reduceat(states.attempt, starts),
    )


def _rows(states: SlotStates, texts: Sequence[str], bucket: int) -> Iterator[GridRow]:
    cut, first_column = _calendar(texts) if bucket == 1 else (0, 0)
    if not cut:
        width = max(WRAPPED, len(texts) // 200)
        for lo in range(0, len(texts), width):
            hi = min(lo + width, len(texts))
            yield _row(
                texts[lo] if bucket > 1 or len(texts) > width else "", 0, states, texts, lo, hi
            )
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
    pieces = _pieces(states.state[lo:hi], states.attempt[lo:hi], keys, start)
    return GridRow(label=label, start=start, pieces=pieces, keys=keys)


def _pieces(
    state: NDArray[np.int8], attempt: NDArray[np.int8], keys: Sequence[str], start: int
) -> list[Piece]:
    both = state.astype(np.int64) * len(ATTEMPTS) + attempt
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
        )
        for lo, hi in pairwise(bounds)
    ]


def _matrix(states: SlotStates, universe: Universe, across: str | None, down: str | None) -> Grid:
    names = universe.dimensions
    column = names.index(across) if across in names else 0
    row = names.index(down) if down in names and down != names[column] else int(column == 0)
    parts = [universe.parts(int(position)) for position in states.positions.tolist()]
    columns = list(dict.fromkeys(part[column][1] for part in parts))
    rows = list(dict.fromkeys(part[row][1] for part in parts))
    columns.sort()
    place = {key: at for at, key in enumerate(columns)}
    line = {key: at for at, key in enumerate(rows)}
    shape = (len(rows), len(columns))
    state, attempt = np.full(shape, -1, dtype=np.int8), np.zeros(shape, dtype=np.int8)
    at: tuple[Ints, Ints] = (
        np.array([line[part[row][1]] for part in parts], dtype=np.int64),
        np.array([place[part[column][1]] for part in parts], dtype=np.int64),
    )
    np.maximum.at(state, at, states.state)
    np.maximum.at(attempt, at, states.attempt)
    return Grid(
        rows=[
            GridRow(
                label=label,
                start=0,
                pieces=[one for one in _pieces(state[n], attempt[n], columns, 0) if one.state],
                keys=columns,
            )
            for n, label in enumerate(rows)
        ],
        columns=len(columns),
        across=names[column],
        down=names[row],
        axes=names,
    )
