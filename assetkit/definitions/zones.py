"""Wall clocks: the moments at which a zone changes its UTC offset, and the way there and back.

Rule 1: inside the package a moment is whole seconds since 1970 UTC, and a wall
time is the seconds since 1970 that a clock on the wall would show.
Rule 2: a wall time that never occurs stands for the first moment after the gap;
one that occurs twice for the first of its two moments.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import gcd
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  a wall time has no zone
# No zone has two changes within 6 days, so looking every 3 days finds each.
_LOOK_EVERY = 3 * DAY

When: TypeAlias = str | date | datetime
"""A moment as users write it; without a UTC offset it is a wall time of the definition's zone."""


class Transition(NamedTuple):
    """A change of the UTC offset: at *moment*, from *before* to *after* (seconds)."""

    moment: int
    before: int
    after: int


def utc_now() -> datetime:
    """Return the current time; what `now` defaults to where a definition is used by itself."""
    return datetime.now(UTC)


def moment_of(when: datetime) -> int:
    """Return the second that an aware datetime lies in."""
    return (when - _EPOCH) // timedelta(seconds=1)


def datetime_at(moment: int, zone: ZoneInfo) -> datetime:
    """Return a moment as a datetime of a zone."""
    return (_EPOCH + timedelta(seconds=moment)).astimezone(zone)


def wall_of(when: datetime) -> int:
    """Return the wall time that a datetime shows, whatever its zone."""
    return (when.replace(tzinfo=None) - _WALL_EPOCH) // timedelta(seconds=1)


def wall_datetime(wall: int) -> datetime:
    """Return a wall time as a datetime without a zone."""
    return _WALL_EPOCH + timedelta(seconds=wall)


def offset_at(moment: int, zone: ZoneInfo) -> int:
    """Return the UTC offset of a zone at a moment, in seconds."""
    offset = datetime_at(moment, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def moment_of_wall(wall: int, zone: ZoneInfo) -> int:
    """Return the (first) moment at which a zone's clocks show a wall time; see rule 2."""
    early, late = offset_at(wall - DAY, zone), offset_at(wall + DAY, zone)
    found = [wall - offset for offset in (early, late) if offset_at(wall - offset, zone) == offset]
    if found:
        return min(found)
    return change_between(wall - DAY - 1, wall + DAY, zone).moment


def change_between(lo: int, hi: int, zone: ZoneInfo) -> Transition:
    """Return the change of offset after the moment *lo*, at or before *hi*; there must be one."""
    before = offset_at(lo, zone)
    while hi - lo > 1:
        middle = (lo + hi) // 2
        if offset_at(middle, zone) == before:
            lo = middle
        else:
            hi = middle
    return Transition(hi, before, offset_at(hi, zone))


def transitions(zone: ZoneInfo, first: int, last: int) -> list[Transition]:
    """Return the changes of offset from the moment *first* to *last*, in order."""
    if zone.key == "UTC":
        return []
    years = range(_EPOCH.year + first // (366 * DAY) - 1, _EPOCH.year + last // (365 * DAY) + 2)
    found = [change for year in years for change in _changes_of_year(zone.key, year)]
    return [change for change in found if first <= change.moment <= last]


@lru_cache(maxsize=4096)
def _changes_of_year(zone_name: str, year: int) -> tuple[Transition, ...]:
    """Return the changes of one year of UTC."""
    zone = ZoneInfo(zone_name)
    year = min(max(year, 2), 9998)
    start, end = (moment_of(datetime(y, 1, 1, tzinfo=UTC)) for y in (year, year + 1))
    found = []
    lo, offset = start - 1, offset_at(start - 1, zone)
    for hi in [*range(start + _LOOK_EVERY, end - 1, _LOOK_EVERY), end - 1]:
        if offset_at(hi, zone) != offset:
            change = change_between(lo, hi, zone)
            found.append(change)
            offset = change.after
        lo = hi
    return tuple(found)


@lru_cache(maxsize=256)
def offset_step(zone_name: str, since_year: int) -> int:
    """Return the largest number of seconds that divides each change of offset since a year.

    0 where the offset never changes.
    """
    zone, step = ZoneInfo(zone_name), 0
    seen = {
        offset_at(moment_of(datetime(year, month, 1, tzinfo=UTC)), zone)
        for year in range(since_year, 2100)
        for month in range(1, 13)
    }
    for offset in seen:
        step = gcd(step, offset - min(seen))
    return step
