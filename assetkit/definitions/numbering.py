"""Ordinals of time windows: numbers that follow from a window's own time alone.

Rule 1: an ordinal does not depend on a definition's start, end or exclusions, on
the moment, or on how often clocks were changed before: what is stored under
it stays valid while those change.
Rule 2: ordinals rise with time; neighbours differ by 1 where windows are equally long.
Rule 3: they count from the year 1, so that none is negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.windows import Ticks
from assetkit.definitions.zones import DAY

_DAYS_TO_1970 = 719_162
_MONTHS_TO_1970 = 1969 * 12
_YEARS = 2_400


class Numbering(Protocol):
    """A way to number ticks. ``layout`` tells one from another."""

    @property
    def layout(self) -> str: ...

    @property
    def capacity(self) -> int:
        """More than any ordinal up to the year 2400; no window of later years has ended."""
        ...

    def of(self, ticks: Ticks, indices: Ints) -> Ints:
        """Return the ordinals of ticks."""
        ...

    def find(self, ticks: Ticks, ordinals: Ints) -> Ints:
        """Return the indices of ticks by ordinal, -1 where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class DayNumbers:
    """Days times the ticks of a day. *seconds* of the day are the ticks."""

    seconds: tuple[int, ...]

    @property
    def layout(self) -> str:
        return "day" if len(self.seconds) == 1 else f"day*{','.join(map(str, self.seconds))}"

    @property
    def capacity(self) -> int:
        return _YEARS * 366 * len(self.seconds)

    def of(self, ticks: Ticks, indices: Ints) -> Ints:
        day, second = np.divmod(ticks.walls(indices), DAY)
        if len(self.seconds) == 1:
            return day + _DAYS_TO_1970
        within = np.searchsorted(np.array(self.seconds), second)
        return (day + _DAYS_TO_1970) * len(self.seconds) + within

    def find(self, ticks: Ticks, ordinals: Ints) -> Ints:
        day, within = np.divmod(ordinals, len(self.seconds))
        return ticks.with_walls((day - _DAYS_TO_1970) * DAY + np.array(self.seconds)[within])


@dataclass(frozen=True, slots=True)
class WeekNumbers:
    """Weeks that begin on *weekday* (Sunday = 0) at *second* of the day."""

    weekday: int
    second: int

    @property
    def layout(self) -> str:
        return f"week/{self.weekday}"

    @property
    def capacity(self) -> int:
        return _YEARS * 53

    def of(self, ticks: Ticks, indices: Ints) -> Ints:
        return (ticks.walls(indices) // DAY - self._origin) // 7

    def find(self, ticks: Ticks, ordinals: Ints) -> Ints:
        return ticks.with_walls((ordinals * 7 + self._origin) * DAY + self.second)

    @property
    def _origin(self) -> int:
        # 1970-01-01, day 0, was a Thursday (4).
        return (self.weekday - 4) % 7 - 7 * (_DAYS_TO_1970 // 7)


@dataclass(frozen=True, slots=True)
class MonthNumbers:
    """Months that begin *offset* seconds after the first of the month."""

    offset: int

    @property
    def layout(self) -> str:
        return "month"

    @property
    def capacity(self) -> int:
        return _YEARS * 12

    def of(self, ticks: Ticks, indices: Ints) -> Ints:
        months = ticks.walls(indices).astype("datetime64[s]").astype("datetime64[M]")
        return months.astype(np.int64) + _MONTHS_TO_1970

    def find(self, ticks: Ticks, ordinals: Ints) -> Ints:
        months = (ordinals - _MONTHS_TO_1970).astype("datetime64[M]")
        return ticks.with_walls(months.astype("datetime64[s]").astype(np.int64) + self.offset)


@dataclass(frozen=True, slots=True)
class MomentNumbers:
    """Steps of equal length on the clock that never changes, UTC; *phase* seconds off."""

    step: int
    phase: int
    zone: str

    @property
    def layout(self) -> str:
        return f"utc/{self.step}+{self.phase} {self.zone}"

    @property
    def capacity(self) -> int:
        return _YEARS * 366 * DAY // self.step

    def of(self, ticks: Ticks, indices: Ints) -> Ints:
        return (ticks.moments(indices) - self._origin) // self.step

    def find(self, ticks: Ticks, ordinals: Ints) -> Ints:
        return ticks.with_moments(ordinals * self.step + self._origin)

    @property
    def _origin(self) -> int:
        return self.phase - _DAYS_TO_1970 * DAY // self.step * self.step
