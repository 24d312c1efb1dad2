"""Cron expressions as days and times, read by croniter.

Rule: the days that match are croniter's: a day of the month and a day of the
week, both given, are joined by "or"; ``#`` and ``W`` narrow both sides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from croniter import croniter
from croniter.croniter import CroniterError

from assetkit.columns import Flags, Ints
from assetkit.definitions.calendar import TickPattern, month_days, weekdays
from assetkit.definitions.names import invalid

_FIELDS = ("minute", "hour", "day of month", "month", "day of week", "second", "year")
_HASHED = re.compile(r"[hr](?:\(|/|\Z)", re.IGNORECASE)
_SATURDAY, _SUNDAY = 6, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CronDays:
    """Days as cron fields give them; None: all. ``last``: the last day of the month, too.

    ``nth`` pairs a weekday with its occurrence in the month (0: the last);
    ``nearest`` are days of the month of which the nearest working day counts.
    """

    month_days: tuple[int, ...] | None
    last: bool
    months: tuple[int, ...] | None
    weekdays: tuple[int, ...] | None
    nth: tuple[tuple[int, int], ...]
    nearest: tuple[int, ...]
    years: tuple[int, ...] | None

    def matching(self, days: Ints) -> Flags:
        dates = days.astype("datetime64[D]")
        months = dates.astype("datetime64[M]").astype(np.int64)
        hit = np.ones(len(days), dtype=np.bool_)
        if self.months is not None:
            hit &= np.isin(months % 12 + 1, self.months)
        if self.years is not None:
            hit &= np.isin(months // 12 + 1970, self.years)
        return hit & self._of_day(days, _lengths(months))

    def _of_day(self, days: Ints, lengths: Ints) -> Flags:
        everywhere = np.ones(len(days), dtype=np.bool_)
        in_month = self._in_month(days, lengths)
        in_week = self._in_week(days, lengths)
        if self.month_days is None or self.weekdays is None:
            return in_month & in_week
        narrowed_month = in_month & (in_week if self.nth else everywhere)
        narrowed_week = in_week & (in_month if self.nearest else everywhere)
        return narrowed_month | narrowed_week

    def _in_month(self, days: Ints, lengths: Ints) -> Flags:
        day = month_days(days)
        if self.nearest:
            first = days - day + 1
            near = [_nearest(first, lengths, wanted) == days for wanted in self.nearest]
            return np.asarray(np.logical_or.reduce(near), dtype=np.bool_)
        if self.month_days is None:
            return np.ones(len(days), dtype=np.bool_)
        named: Flags = np.isin(day, self.month_days)
        return named | (day == lengths) if self.last else named

    def _in_week(self, days: Ints, lengths: Ints) -> Flags:
        weekday = weekdays(days)
        if not self.nth:
            all_days = np.ones(len(days), dtype=np.bool_)
            return all_days if self.weekdays is None else np.isin(weekday, self.weekdays)
        day = month_days(days)
        hit = np.zeros(len(days), dtype=np.bool_)
        for wanted, occurrence in self.nth:
            place = day + 7 > lengths if occurrence == 0 else (day - 1) // 7 + 1 == occurrence
            hit |= (weekday == wanted) & place
        return hit


def read_cron(cron: object, *, owner: str) -> TickPattern:
    """Return when a cron expression ticks.

    Fields are minute, hour, day of month, month, day of week, and then, where
    there are more than five, second and year. Raises `InvalidArgument` that
    names the field that cannot be read.
    """
    if not isinstance(cron, str):
        raise invalid(owner, "cron", cron, "a text such as '0 6 * * mon-fri'")
    if any(_HASHED.match(field) for field in cron.split()):
        raise invalid(owner, "cron", cron, "fields without H and R: they would mean a random time")
    try:
        read = croniter(cron, 0)
    except (CroniterError, ValueError, KeyError) as problem:
        raise invalid(owner, "cron", cron, _allowed(cron)) from problem
    minute, hour, *_ = fields = [_numbers(field) for field in read.expanded]
    seconds = (0,) if len(fields) < 6 else _all(fields[5], 60)
    times = product(_all(hour, 24), _all(minute, 60), seconds)
    return TickPattern(
        days=_days(read, fields),
        seconds=tuple(h * 3600 + m * 60 + s for h, m, s in times),
        every_hour=hour is None,
    )


def _days(read: Any, fields: list[tuple[int, ...] | None]) -> CronDays:
    nth = {
        (weekday, 0 if occurrence == "l" else occurrence)
        for named, occurrences in read.nth_weekday_of_month.items()
        for weekday in (range(7) if named == "*" else [named])
        for occurrence in occurrences
    }
    return CronDays(
        month_days=fields[2],
        last="l" in read.expanded[2],
        months=fields[3],
        weekdays=fields[4],
        nth=tuple(sorted(nth)),
        nearest=tuple(sorted(getattr(read, "nearest_weekday", None) or ())),
        years=fields[6] if len(fields) > 6 else None,
    )


def _numbers(field: list[Any]) -> tuple[int, ...] | None:
    """Return the numbers of a field, None for all."""
    if field[0] == "*":
        return None
    return tuple(sorted(int(value) for value in field if value != "l"))


def _all(values: tuple[int, ...] | None, count: int) -> tuple[int, ...]:
    return tuple(range(count)) if values is None else values


def _allowed(cron: str) -> str:
    """Say which field cannot be read, and what there may be."""
    fields = cron.split()
    if not 5 <= len(fields) <= 7:
        return (
            "five fields (minute, hour, day of month, month, day of week), then second and year "
            f"where wanted, as in '0 6 * * mon-fri'; this has {len(fields)}"
        )
    for place, field in enumerate(fields):
        alone = ["*"] * len(fields)
        alone[place] = field
        try:
            croniter.expand(" ".join(alone))
        except (CroniterError, ValueError, KeyError):
            return f"fields that cron knows; the {_FIELDS[place]} cannot be {field!r}"
    return "an expression that croniter knows, as in '0 6 * * mon-fri'"


def _lengths(months: Ints) -> Ints:
    """Return how many days months (counted from 1970-01) have."""
    firsts = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    nexts = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return nexts - firsts


def _nearest(first: Ints, lengths: Ints, wanted: int) -> Ints:
    """Return the working days nearest to a day of the month, within their months."""
    day = np.minimum(wanted, lengths)
    weekday = weekdays(first + day - 1)
    saturday = np.where(day > 1, day - 1, day + 2)
    sunday = np.where(day < lengths, day + 1, day - 2)
    moved = np.where(weekday == _SATURDAY, saturday, np.where(weekday == _SUNDAY, sunday, day))
    return first + moved - 1
