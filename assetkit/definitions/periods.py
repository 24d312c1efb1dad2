"""Hours, days, weeks and months as partitions.

Rule 1: a definition is a pattern of ticks in a zone; window ``i`` lasts from one
tick to the next. The first window is the first whole one after ``start``, the
last the last whole one before ``end``.
Rule 2: a window exists once it has ended, ``available_after`` later, and
``end_offset`` windows more or fewer.
Rule 3: what is excluded leaves a hole: its neighbours keep their windows.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from assetkit.definitions.calendar import EveryDay, MonthDay, TickPattern, Weekday
from assetkit.definitions.numbering import DayNumbers, MonthNumbers, Numbering, WeekNumbers
from assetkit.definitions.timekeys import Unit
from assetkit.definitions.timepartitions import TimePartitions
from assetkit.definitions.zones import DAY

_HOUR, _MINUTE = 3600, 60


@dataclass(frozen=True, repr=False)
class HourlyPartitions(TimePartitions):
    """One partition an hour, at *minute_offset* past it; keys like ``2026-01-31T06``.

    An hour that occurs twice, when clocks go back, has two partitions, whose
    keys end with their UTC offset; one that never occurs has none. With a
    *minute_offset* keys look like ``2026-01-31T06:15``. The other arguments are
    those of `DailyPartitions`.
    """

    _: KW_ONLY
    minute_offset: int = 0

    kind: ClassVar[str] = "hourly"

    def _pattern(self) -> TickPattern:
        first = self.minute_offset * _MINUTE
        return TickPattern(
            days=EveryDay(), seconds=tuple(range(first, DAY, _HOUR)), every_hour=True
        )

    def _unit(self) -> Unit:
        return "m" if self.minute_offset else "h"

    def _check(self) -> None:
        self._check_range("minute_offset", 0, 59)


@dataclass(frozen=True, repr=False)
class DailyPartitions(TimePartitions):
    """One partition a day; keys like ``2026-01-31``.

    *start* is the first moment covered: the first window is the first whole
    one. *end* is exclusive. Both are text, a date or a datetime, in *timezone*
    where they have no zone of their own. Windows begin at *hour_offset* and
    *minute_offset* after midnight; where that never occurs, at the first moment
    after it, and where it occurs twice, at the first.

    A window exists once it has ended: *available_after* that (``"2h"``, seconds
    or a timedelta), and *end_offset* windows more (1: the one that is running,
    too) or fewer (-1). *exclude* is a list of dates, or of months or times, that
    leaves out all windows that start in one, or a function that gets the start
    of a window (a datetime of the zone) and says True to leave it out.
    *dimension* names the folder level and the column with keys; *key_format* is
    a strftime format for keys, which must sort as time does.

    >>> days = DailyPartitions("2013-01-01", end="2014-01-01", timezone="America/New_York")
    >>> len(days.keys()), days.keys()[0], days.keys()[-1]
    (365, '2013-01-01', '2013-12-31')
    """

    _: KW_ONLY
    minute_offset: int = 0
    hour_offset: int = 0

    kind: ClassVar[str] = "daily"

    def _pattern(self) -> TickPattern:
        return TickPattern(days=EveryDay(), seconds=(self._second(),))

    def _unit(self) -> Unit:
        return "D"

    def _numbering(self, pattern: TickPattern) -> Numbering:
        return DayNumbers(pattern.seconds)

    def _check(self) -> None:
        self._check_range("minute_offset", 0, 59)
        self._check_range("hour_offset", 0, 23)

    def _second(self) -> int:
        return self.hour_offset * _HOUR + self.minute_offset * _MINUTE


@dataclass(frozen=True, repr=False)
class WeeklyPartitions(TimePartitions):
    """One partition a week, from *day_offset* (Sunday = 0) on; keys like ``2026-01-25``.

    A key is the date of a week's first day. The other arguments are those of
    `DailyPartitions`.
    """

    _: KW_ONLY
    minute_offset: int = 0
    hour_offset: int = 0
    day_offset: int = 0

    kind: ClassVar[str] = "weekly"

    def _pattern(self) -> TickPattern:
        return TickPattern(
            days=Weekday(self.day_offset), seconds=(self._second(),), keeps_lost_days=True
        )

    def _unit(self) -> Unit:
        return "D"

    def _numbering(self, pattern: TickPattern) -> Numbering:
        return WeekNumbers(self.day_offset, self._second())

    def _check(self) -> None:
        self._check_range("minute_offset", 0, 59)
        self._check_range("hour_offset", 0, 23)
        self._check_range("day_offset", 0, 6)

    def _second(self) -> int:
        return self.hour_offset * _HOUR + self.minute_offset * _MINUTE


@dataclass(frozen=True, repr=False)
class MonthlyPartitions(TimePartitions):
    """One partition a month, from *day_offset* (1 = the first) on; keys like ``2026-01``.

    A key is the month in which a window begins. The other arguments are those
    of `DailyPartitions`; for days after the 28th see `CronPartitions`.
    """

    _: KW_ONLY
    minute_offset: int = 0
    hour_offset: int = 0
    day_offset: int = 1

    kind: ClassVar[str] = "monthly"

    def _pattern(self) -> TickPattern:
        return TickPattern(
            days=MonthDay(self.day_offset), seconds=(self._second(),), keeps_lost_days=True
        )

    def _unit(self) -> Unit:
        return "M"

    def _numbering(self, pattern: TickPattern) -> Numbering:
        return MonthNumbers((self.day_offset - 1) * DAY + self._second())

    def _check(self) -> None:
        self._check_range("minute_offset", 0, 59)
        self._check_range("hour_offset", 0, 23)
        hint = "; for the last day of a month see CronPartitions('0 0 L * *', start)"
        self._check_range("day_offset", 1, 28, hint)

    def _second(self) -> int:
        return self.hour_offset * _HOUR + self.minute_offset * _MINUTE
