"""Windows of time as arithmetic: ticks in runs of equal steps, looked up by index or by moment.

Rule 1: window ``i`` lasts from tick ``i`` to tick ``i + 1``, so windows tile time.
Rule 2: runs are in order of time and do not overlap; a run of minutes may hold years.
Rule 3: moments and wall times are whole seconds (see `zones`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

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


class Ticks:
    """Moments in order, by index; immutable."""

    __slots__ = ("_first", "_runs", "_total")

    def __init__(self, runs: Runs) -> None:
        ends = np.cumsum(runs.count)
        self._runs = runs
        self._first: Ints = ends - runs.count
        self._total = int(ends[-1]) if len(ends) else 0

    def __len__(self) -> int:
        return self._total

    @property
    def has_offsets(self) -> bool:
        """Whether any wall time occurs twice, so that wall times do not rise throughout."""
        return bool((self._runs.offset != NO_OFFSET).any())

    def moments(self, indices: Ints) -> Ints:
        """Return the moments of ticks."""
        row, within = self._places(indices)
        return self._runs.start[row] + within * self._runs.step[row]

    def walls(self, indices: Ints) -> Ints:
        """Return the wall times that the keys of ticks show."""
        row, within = self._places(indices)
        return self._runs.wall[row] + within * self._runs.step[row]

    def offsets(self, indices: Ints) -> Ints:
        """Return the UTC offsets that the keys of ticks show, `NO_OFFSET` where none."""
        return self._runs.offset[self._places(indices)[0]]

    def moment(self, index: int) -> int:
        """Return the moment of one tick."""
        return int(self.moments(np.array([index], dtype=np.int64))[0])

    def before(self, moments: Ints) -> Ints:
        """Return how many ticks lie before each moment: the index of the first at or after it."""
        return self._count_before(self._runs.start, moments)

    def before_moment(self, moment: int) -> int:
        """Return how many ticks lie before one moment."""
        return int(self.before(np.array([moment], dtype=np.int64))[0])

    def with_walls(self, walls: Ints) -> Ints:
        """Return the index of the (first) tick with each wall time, -1 where there is none.

        Only for ticks whose wall times rise: those of no repeated hours.
        """
        if not self._total:
            return np.full(len(walls), -1, dtype=np.int64)
        found = np.minimum(self._count_before(self._runs.wall, walls), self._total - 1)
        return np.where(self.walls(found) == walls, found, -1)

    def with_moments(self, moments: Ints) -> Ints:
        """Return the index of the tick at each moment, -1 where there is none."""
        if not self._total:
            return np.full(len(moments), -1, dtype=np.int64)
        found = np.minimum(self.before(moments), self._total - 1)
        return np.where(self.moments(found) == moments, found, -1)

    def with_wall(self, wall: int) -> list[int]:
        """Return the indices of all ticks with one wall time: two in a repeated hour."""
        runs = self._runs
        away = wall - runs.wall
        hit = (away >= 0) & (away % runs.step == 0) & (away // runs.step < runs.count)
        rows = np.flatnonzero(hit)
        return (self._first[rows] + away[rows] // runs.step[rows]).tolist()

    def _count_before(self, starts: Ints, values: Ints) -> Ints:
        if not self._total:
            return np.zeros(len(values), dtype=np.int64)
        row = self._row(starts, values)
        within = -((starts[row] - values) // self._runs.step[row])
        return self._first[row] + np.clip(within, 0, self._runs.count[row])

    def _places(self, indices: Ints) -> tuple[Ints, Ints]:
        row = self._row(self._first, indices)
        return row, indices - self._first[row]

    @staticmethod
    def _row(starts: Ints, values: Ints) -> Ints:
        if len(starts) == 1:
            return np.zeros(len(values), dtype=np.int64)
        return np.maximum(np.searchsorted(starts, values, "right") - 1, 0)
