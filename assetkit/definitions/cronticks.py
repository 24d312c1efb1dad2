"""The ticks of a cron expression around a moment, in a zone; see `calendar` for clock changes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module

from assetkit.definitions.calendar import TickPattern, ticks_between
from assetkit.definitions.windows import Ticks
from assetkit.definitions.zones import moment_of

_EPOCH_YEAR, _LAST_YEAR = 1971, 9990
_FAR = 60


def last_tick(cron: str, timezone: str, now: datetime) -> datetime | None:
    """Return the newest tick at or before *now*; None where none was in 60 years.

    >>> last_tick("0 6 * * *", "Europe/Berlin", datetime(2026, 3, 29, 12, tzinfo=UTC)).isoformat()
    '2026-03-29T04:00:00+00:00'
    """
    moment = moment_of(now)
    for ticks in _spans(cron, timezone, now.astimezone(UTC).year, back=True):
        place = ticks.before_moment(moment + 1) if len(ticks) else 0
        if place:
            return datetime.fromtimestamp(ticks.moment(place - 1), UTC)
    return None


def next_tick(cron: str, timezone: str, now: datetime) -> datetime | None:
    """Return the first tick after *now*; None where none comes in 60 years."""
    moment = moment_of(now)
    for ticks in _spans(cron, timezone, now.astimezone(UTC).year, back=False):
        place = ticks.before_moment(moment + 1) if len(ticks) else 0
        if place < len(ticks):
            return datetime.fromtimestamp(ticks.moment(place), UTC)
    return None


def _spans(cron: str, timezone: str, year: int, *, back: bool) -> list[Ticks]:
    """Return the ticks of the years around one, and (made only where they are needed) of many."""
    pattern = _pattern(cron)
    near = _ticks(pattern, timezone, year - 1, year + 1)
    if len(near) and _reaches(near, year, back=back):
        return [near]
    far = (year - _FAR, year) if back else (year, year + _FAR)
    return [near, _ticks(pattern, timezone, *far)]


def _reaches(ticks: Ticks, year: int, *, back: bool) -> bool:
    """Return whether there is a tick in the year before, or the year after."""
    if back:
        return ticks.moment(0) < moment_of(datetime(year, 1, 1, tzinfo=UTC))
    return ticks.moment(-1) >= moment_of(datetime(year + 1, 1, 1, tzinfo=UTC))


def _ticks(pattern: TickPattern, timezone: str, first: int, last: int) -> Ticks:
    start = datetime(max(first, _EPOCH_YEAR), 1, 1, tzinfo=UTC)
    return ticks_between(pattern, timezone, moment_of(start), min(last, _LAST_YEAR))


@lru_cache(maxsize=256)
def _pattern(cron: str) -> TickPattern:
    # croniter takes long to import, and most projects have no cron.
    pattern: TickPattern = import_module("assetkit.definitions.cronfields").read_cron(
        cron, owner="cron"
    )
    return pattern
