"""From a pattern of days and times to ticks in a zone, across its changes of clock.

Rule 1: a tick is a wall time of a matching day. Between two changes of the
UTC offset, wall times and moments differ by a constant; ticks are made stretch
by stretch and hold for years.
Rule 2: a pattern of every hour follows the hours as they occur: an hour that
occurs twice ticks twice, one that never occurs does not tick.
Rule 3: any other pattern ticks once for each of its wall times: where it
occurs twice at the first, where it never occurs at the first moment after the
gap. Of several ticks at one moment the last counts, and a day that never
occurs at all has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from math import gcd
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np

from assetkit.columns import Flags, Ints
from assetkit.definitions.windows import NO_OFFSET, Runs, Ticks, joined
from assetkit.definitions.zones import DAY, Transition, moment_of, offset_at, transitions

_HOUR = 3600
_LAST_YEAR = 9990


class Days(Protocol):
    """Which days a pattern ticks on; hashable."""

    def matching(self, days: Ints) -> Flags:
        """Return which of the days (numbered from 1970-01-01) match."""
        ...


@dataclass(frozen=True, slots=True)
class EveryDay:
    """All days."""

    def matching(self, days: Ints) -> Flags:
        return np.ones(len(days), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Weekday:
    """One day a week, counted from Sunday = 0."""

    weekday: int

    def matching(self, days: Ints) -> Flags:
        return np.equal(weekdays(days), self.weekday)


@dataclass(frozen=True, slots=True)
class MonthDay:
    """One day a month, from 1 to 28."""

    day: int

    def matching(self, days: Ints) -> Flags:
        return np.equal(month_days(days), self.day)


def weekdays(days: Ints) -> Ints:
    """Return the weekdays of days, Sunday = 0."""
    return (days + 4) % 7


def month_days(days: Ints) -> Ints:
    """Return the days of the month, from 1."""
    dates = days.astype("datetime64[D]")
    firsts = dates.astype("datetime64[M]").astype("datetime64[D]")
    return days - firsts.astype(np.int64) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TickPattern:
    """Wall times that recur: *seconds* of the day (sorted) on matching *days*.

    ``every_hour`` chooses rule 2. ``keeps_lost_days`` makes a tick whose whole
    day never occurs move to the next day (weeks and months) instead of vanishing.
    """

    days: Days
    seconds: tuple[int, ...]
    every_hour: bool = False
    keeps_lost_days: bool = False

    def hour_step(self) -> int:
        """Return the largest number of seconds that all ticks within the hours are apart."""
        within = sorted({second % _HOUR for second in self.seconds})
        step = _HOUR
        for second in within:
            step = gcd(step, second - within[0])
        return step


@lru_cache(maxsize=64)
def ticks_between(pattern: TickPattern, zone_name: str, first: int, last_year: int) -> Ticks:
    """Return the ticks from the moment *first* to the end of a year (UTC)."""
    zone = ZoneInfo(zone_name)
    last = moment_of(datetime(last_year + 1, 1, 1, tzinfo=UTC))
    walls = _wall_runs(pattern, first // DAY - 2, last // DAY + 2)
    changes = transitions(zone, first - 3 * DAY, last + 3 * DAY)
    parts = (
        _every_hour(walls, zone, changes)
        if pattern.every_hour
        else _once(walls, zone, changes, keeps_lost_days=pattern.keeps_lost_days)
    )
    return Ticks(joined(parts).clipped(first, last))


def ticks_past(pattern: TickPattern, zone_name: str, first: int, moment: int) -> Ticks | None:
    """Return ticks from *first* to at least one after *moment*; None if none comes in 60 years.

    There are two at least, so that there is a window: the 29th of February takes four years.
    """
    year = datetime.fromtimestamp(max(first, moment), UTC).year
    for ahead in (2, 12, 60):
        ticks = ticks_between(pattern, zone_name, first, min(year + ahead, _LAST_YEAR))
        if len(ticks) > 1 and ticks.moment(len(ticks) - 1) > moment:
            return ticks
    return None


def _wall_runs(pattern: TickPattern, first_day: int, last_day: int) -> Runs:
    """Return the wall times of whole days as runs."""
    days = np.arange(first_day, last_day + 1, dtype=np.int64)
    days = days[pattern.days.matching(days)]
    start, step, count = _runs_of_day(pattern.seconds)
    if len(start) > 1 or int(step[0] * count[0]) != DAY:
        walls = (days[:, None] * DAY + start[None, :]).ravel()
        return Runs.of_walls(walls, np.tile(step, len(days)), np.tile(count, len(days)))
    # Equal steps that fill the day: consecutive days are one run.
    heads = np.flatnonzero(np.diff(days, prepend=first_day - 2) != 1)
    lengths = np.diff(heads, append=len(days))
    return Runs.of_walls(
        days[heads] * DAY + start[0], np.full(len(heads), step[0]), lengths * count[0]
    )


def _runs_of_day(seconds: tuple[int, ...]) -> tuple[Ints, Ints, Ints]:
    """Split the ticks of a day into runs of equal steps: starts, steps, counts."""
    runs: list[list[int]] = []
    for second in seconds:
        if runs and runs[-1][2] == 1:
            runs[-1][1:] = [second - runs[-1][0], 2]
        elif runs and second == runs[-1][0] + runs[-1][1] * runs[-1][2]:
            runs[-1][2] += 1
        else:
            runs.append([second, DAY, 1])
    if runs[-1][2] == 1:
        runs[-1][1] = DAY
    start, step, count = np.array(runs, dtype=np.int64).T
    return start, step, count


def _stretches(zone: ZoneInfo, changes: list[Transition], runs: Runs) -> list[tuple[int, int, int]]:
    """Return (first moment, last moment, offset) of the times between changes of offset."""
    if not len(runs.start):
        return []
    lo, hi = int(runs.start[0]) - DAY, int(runs.start[-1] + runs.step[-1] * runs.count[-1]) + DAY
    inside = [change for change in changes if lo < change.moment < hi]
    edges = [lo, *(change.moment for change in inside), hi]
    offsets = [offset_at(lo, zone), *(change.after for change in inside)]
    return list(zip(edges, edges[1:], offsets, strict=False))


def _every_hour(walls: Runs, zone: ZoneInfo, changes: list[Transition]) -> list[Runs]:
    repeated = [(c.moment + c.after, c.moment + c.before) for c in changes if c.after < c.before]
    parts = []
    for lo, hi, offset in _stretches(zone, changes, walls):
        first, last = lo + offset, hi + offset
        cuts = sorted({first, last, *(c for pair in repeated for c in pair if first < c < last)})
        for a, b in pairwise(cuts):
            twice = any(start <= a and b <= end for start, end in repeated)
            parts.append(walls.clipped(a, b).shifted(offset, marked=twice))
    return parts


def _once(
    walls: Runs, zone: ZoneInfo, changes: list[Transition], *, keeps_lost_days: bool
) -> list[Runs]:
    parts: list[Runs] = []
    done = None  # the wall time up to which ticks are made
    for lo, hi, offset in _stretches(zone, changes, walls):
        first, last = lo + offset, hi + offset
        if done is not None and done < first:
            gap = walls.clipped(done, first)
            parts += _moved(gap, lo, first, walls, keeps_lost_days=keeps_lost_days)
        if done is None or done < last:
            parts.append(
                walls.clipped(max(first, done or first), last).shifted(offset, marked=False)
            )
            done = last
    return parts


def _moved(gap: Runs, moment: int, wall: int, walls: Runs, *, keeps_lost_days: bool) -> list[Runs]:
    """Return the last tick in a gap, moved to the moment after it, unless another one is there."""
    if not len(gap.start) or len(walls.clipped(wall, wall + 1).start):
        return []
    tick = int(gap.wall[-1] + gap.step[-1] * (gap.count[-1] - 1))
    if tick // DAY != wall // DAY and not keeps_lost_days:
        return []
    one, day = np.array([moment], dtype=np.int64), np.array([DAY], dtype=np.int64)
    return [Runs(one, np.array([tick]), day, np.array([1]), np.array([NO_OFFSET]))]
