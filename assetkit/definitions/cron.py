"""Windows between the ticks of a cron expression."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import ClassVar

from assetkit.definitions.calendar import TickPattern
from assetkit.definitions.exclusion import Exclude
from assetkit.definitions.numbering import DayNumbers, Numbering
from assetkit.definitions.timekeys import Unit
from assetkit.definitions.timepartitions import TimePartitions
from assetkit.definitions.zones import When


@dataclass(frozen=True, repr=False, init=False)
class CronPartitions(TimePartitions):
    """One partition from each tick of *cron* to the next.

    *cron* is any expression of croniter: five fields, a sixth for seconds, a
    seventh for years, names, ``L``, ``#``, ``W``. Keys show as much of a tick's
    time as differs from zero: ``2026-01-31`` for ``0 0 * * *``,
    ``2026-01-31T06`` for ``0 6 * * *``, ``2026-01-31T06:15`` for
    ``*/15 * * * *``. Where the hour is ``*``, hours are taken as in
    `HourlyPartitions`, else times of day as in `DailyPartitions`, which has the
    other arguments.

    >>> months = CronPartitions("0 0 L * *", "2013-01-01", end="2013-05-01")
    >>> list(months.keys())
    ['2013-01-31', '2013-02-28', '2013-03-31']
    """

    cron: str = ""

    kind: ClassVar[str] = "cron"

    def __init__(  # noqa: PLR0913  as the other definitions by time
        self,
        cron: str,
        start: When,
        end: When | None = None,
        *,
        timezone: str = "UTC",
        end_offset: int = 0,
        available_after: timedelta | float | str | None = None,
        exclude: Exclude = None,
        dimension: str = "partition",
        key_format: str | None = None,
    ) -> None:
        self._set("cron", cron)
        self._set("start", start)
        self._set("end", end)
        self._set("timezone", timezone)
        self._set("end_offset", end_offset)
        self._set("available_after", available_after)
        self._set("exclude", exclude)
        self._set("dimension", dimension)
        self._set("key_format", key_format)
        self.__post_init__()

    def _pattern(self) -> TickPattern:
        # croniter takes long to import, and most projects have no cron partitions.
        reader = import_module("assetkit.definitions.cronfields")
        pattern: TickPattern = reader.read_cron(self.cron, owner=self._owner)
        return pattern

    def _unit(self) -> Unit:
        seconds = self.pattern.seconds
        if any(second % 60 for second in seconds):
            return "s"
        if any(second % 3600 for second in seconds):
            return "m"
        return "h" if any(seconds) else "D"

    def _numbering(self, pattern: TickPattern) -> Numbering:
        return super()._numbering(pattern) if pattern.every_hour else DayNumbers(pattern.seconds)

    def describe(self) -> str:
        return f"{self.cron!r}, {super().describe()}"

    def __repr__(self) -> str:
        rest = super().__repr__().removeprefix("CronPartitions(")
        return f"CronPartitions({self.cron!r}, {rest}"
