"""Windows of time as arithmetic: ticks in runs of equal steps, looked up by index or by moment.

Rule 1: window ``i`` lasts from tick ``i`` to tick ``i + 1``, so windows tile time.
Rule 2: runs are in order of time and do not overlap; a run of minutes may hold years.
Rule 3: moments and wall times are whole seconds (see `zones`).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from assetkit.columns import Flags, Ints

NO_OFFSET: Final = np.iinfo(np.int64).min
"""Stands for "no UTC offset in the key": its wall time occurs once."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Ticks in runs: parallel columns.

    ``start``: the moment of a run's first tick; ``wall``: what clocks show
    then, or would, were it not for a gap; ``step`` in seconds; ``count`` of ticks.
    ``offset``: the UTC offset to tell a repeated wall time apart, else `NO_OFFSET`.
    """

    start: Ints
    wall: Ints
    step: Ints
    count: Ints
    offset: Ints

    @classmethod
    def of_walls(cls, wall: Ints, step: Ints, count: Ints) -> Runs:
        """Make runs on a clock that never changes: moments are wall times."""
        return cls(wall, wall, step, count, np.full(len(wall), NO_OFFSET, dtype=np.int64))

    def clipped(self, lo: int, hi: int) -> Runs:
        """Return the ticks of the moments from *lo* up to, without, *hi*."""
        first = max(int(np.searchsorted(self.start, lo, "right")) - 1, 0)
        part = self._rows(slice(first, int(np.searchsorted(self.start, hi, "left"))))
        skip = np.maximum(-((part.start - lo) // part.step), 0)
        keep = np.minimum(-((part.start - hi) // part.step), part.count) - skip
        moved = skip * part.step
        cut = Runs(part.start + moved, part.wall + moved, part.step, keep, part.offset)
        return cut if (keep > 0).all() else cut._rows(keep > 0)

    def shifted(self, utc_offset: int, *, marked: bool) -> Runs:
        """Return ticks given by wall time as moments; *marked*: their keys show the offset."""
        mark = np.full(len(self.start), utc_offset if marked else NO_OFFSET, dtype=np.int64)
        return Runs(self.start - utc_offset, self.wall, self.step, self.count, mark)

    def _rows(self, rows: slice | Flags) -> Runs:
        return Runs(
            self.start[rows], self.wall[rows], self.step[rows], self.count[rows], self.offset[rows]
        )


def joined(parts: list[Runs]) -> Runs:
    """Return runs one after another; *parts* are in order of time."""
    if len(parts) == 1:
        return parts[0]
    columns = ("start", "wall", "step", "count", "offset")
    empty = [np.empty(0, dtype=np.int64)]
    return Runs(*(np.concatenate([getattr(p, name) for p in parts] or empty) for name in columns))


class Tick(NamedTuple):
    """One tick; see `Runs`."""

    moment: int
    wall: int
    offset: int


class Ticks:
    """Moments in order, by index; immutable.

    Columns are NumPy's; a single tick is looked up in plain lists, ten times as fast.
    """

    __slots__ = ("_first", "_lists", "_runs", "_total")

    def __init__(self, runs: Runs) -> None:
        ends = np.cumsum(runs.count)
        self._runs = runs
        self._first: Ints = ends - runs.count
        self._total = int(ends[-1]) if len(ends) else 0
        self._lists: _Lists | None = None

    def __len__(self) -> int:
        return self._total

    def moments(self, indices: Ints) -> Ints:
        """Return the moments of ticks."""
        return self._along(self._runs.start, indices)

    def walls(self, indices: Ints) -> Ints:
        """Return the wall times that the keys of ticks show."""
        return self._along(self._runs.wall, indices)

    def offsets(self, indices: Ints) -> Ints:
        """Return the UTC offsets that the keys of ticks show, `NO_OFFSET` where none."""
        return self._runs.offset[_rows(self._first, indices)]

    def at(self, index: int) -> Tick:
        """Return one tick; -1 is the last. Raises `IndexError`."""
        place = index + self._total if index < 0 else index
        if not 0 <= place < self._total:
            raise IndexError(index)
        lists = self._plain()
        row = bisect_right(lists.first, place) - 1
        away = (place - lists.first[row]) * lists.step[row]
        return Tick(lists.start[row] + away, lists.wall[row] + away, lists.offset[row])

    def moment(self, index: int) -> int:
        """Return the moment of one tick; -1 is the last."""
        return self.at(index).moment

    def before(self, moments: Ints) -> Ints:
        """Return how many ticks lie before each moment: the index of the first at or after it."""
        return self._count_before(self._runs.start, moments)

    def before_moment(self, moment: int) -> int:
        """Return how many ticks lie before one moment."""
        lists = self._plain()
        row = bisect_right(lists.start, moment) - 1
        if row < 0:
            return 0
        steps = -((lists.start[row] - moment) // lists.step[row])
        return min(lists.first[row] + steps, self._end_of(row))

    def with_walls(self, walls: Ints) -> Ints:
        """Return the index of the tick with each wall time, -1 where there is none.

        Only for ticks whose wall times rise: those of no repeated hours.
        """
        return self._with(self._runs.wall, walls)

    def with_moments(self, moments: Ints) -> Ints:
        """Return the index of the tick at each moment, -1 where there is none."""
        return self._with(self._runs.start, moments)

    def from_walls(self, walls: Ints) -> Ints:
        """Return the index of the first tick at or after each wall time that occurs once.

        The last such tick where none is. There must be one.
        """
        runs = self._runs
        once = np.flatnonzero(runs.offset == NO_OFFSET)
        rows = once[_rows(runs.wall[once], walls)]
        steps = np.clip(-((runs.wall[rows] - walls) // runs.step[rows]), 0, runs.count[rows])
        found: Ints = np.minimum(self._first[rows] + steps, self._total - 1)
        return found

    def named(self, wall: int, offset: int) -> int | None:
        """Return the first tick at or after a wall time, None where there is none.

        With an *offset*, of the repeated wall times with that offset; else of
        those that occur once.
        """
        lists = self._plain()
        runs = lists.runs_by_offset.get(offset, ([], []))
        at = max(bisect_right(runs[0], wall) - 1, 0)
        for row in runs[1][at : at + 2]:
            steps = max(-((lists.wall[row] - wall) // lists.step[row]), 0)
            if lists.first[row] + steps < self._end_of(row):
                return lists.first[row] + steps
        return None

    def _end_of(self, row: int) -> int:
        first = self._plain().first
        return first[row + 1] if row + 1 < len(first) else self._total

    def _plain(self) -> _Lists:
        if self._lists is None:
            self._lists = _lists_of(self._runs, self._first)
        return self._lists

    def _along(self, starts: Ints, indices: Ints) -> Ints:
        """Return what is *starts* at the first tick of each run, and goes on by its steps."""
        origins = starts - self._first * self._runs.step
        pieces = _pieces(self._first, indices)
        if pieces is None:
            rows = _rows(self._first, indices)
            values: Ints = origins[rows] + indices * self._runs.step[rows]
            return values
        found = np.empty(len(indices), dtype=np.int64)
        for row, part in pieces:
            np.multiply(indices[part], self._runs.step[row], out=found[part])
            found[part] += origins[row]
        return found

    def _count_before(self, starts: Ints, values: Ints) -> Ints:
        if not self._total:
            return np.zeros(len(values), dtype=np.int64)
        runs, pieces = self._runs, _pieces(starts, values)
        if pieces is None:
            rows = _rows(starts, values)
            within = -((starts[rows] - values) // runs.step[rows])
            counted: Ints = self._first[rows] + np.clip(within, 0, runs.count[rows])
            return counted
        found = np.empty(len(values), dtype=np.int64)
        for row, part in pieces:
            piece = found[part]
            np.add(values[part], runs.step[row] - 1 - starts[row], out=piece)
            np.floor_divide(piece, runs.step[row], out=piece)
            np.clip(piece, 0, runs.count[row], out=piece)
            piece += self._first[row]
        return found

    def _with(self, starts: Ints, values: Ints) -> Ints:
        if not self._total:
            return np.full(len(values), -1, dtype=np.int64)
        found = np.minimum(self._count_before(starts, values), self._total - 1)
        found[self._along(starts, found) != values] = -1
        return found


class _Lists(NamedTuple):
    """The columns of runs as lists, and (wall times, rows) of the runs with each offset."""

    first: list[int]
    start: list[int]
    wall: list[int]
    step: list[int]
    offset: list[int]
    runs_by_offset: dict[int, tuple[list[int], list[int]]]


def _lists_of(runs: Runs, first: Ints) -> _Lists:
    walls, offsets = runs.wall.tolist(), runs.offset.tolist()
    by_offset: dict[int, tuple[list[int], list[int]]] = {}
    for row, (wall, offset) in enumerate(zip(walls, offsets, strict=True)):
        known = by_offset.setdefault(offset, ([], []))
        known[0].append(wall)
        known[1].append(row)
    return _Lists(
        first.tolist(), runs.start.tolist(), walls, runs.step.tolist(), offsets, by_offset
    )


def _rows(starts: Ints, values: Ints) -> Ints:
    """Return the run that each value falls into; the first for what lies before all."""
    if len(starts) == 1:
        return np.zeros(len(values), dtype=np.int64)
    return np.maximum(np.searchsorted(starts, values, "right") - 1, 0)


def _pieces(starts: Ints, values: Ints) -> list[tuple[int, slice]] | None:
    """Split sorted values by the run that they fall into; None where that does not pay.

    Columns of millions are sorted, and fall into a few runs.
    """
    if len(starts) * 32 > len(values) or (len(starts) > 1 and (values[1:] < values[:-1]).any()):
        return None
    edges = [0, *np.searchsorted(values, starts[1:], "left").tolist(), len(values)]
    return [(row, slice(lo, hi)) for row, (lo, hi) in enumerate(pairwise(edges)) if lo < hi]
