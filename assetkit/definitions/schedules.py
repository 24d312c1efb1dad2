"""Schedules: times at which something is brought up to date, whatever else happens.

Rule 1: a tick is known by its UTC instant.
Rule 2: where clocks change, ticks follow the rule of `calendar`: a schedule of every hour
follows the hours as they occur; any other ticks once for each of its wall times, at the
first of two, and where it never occurs at the first moment after the gap. So each wall
time ticks once: never twice, never skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from assetkit.definitions.calendar import TickPattern, ticks_past
from assetkit.definitions.crontab import check_cron, check_timezone
from assetkit.definitions.jobs import checked_target, target_text
from assetkit.definitions.names import caller, invalid
from assetkit.definitions.zones import DAY, moment_of
from assetkit.records import SourceLocation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schedule:
    """When a target is brought up to date; made by `schedule`."""

    name: str
    target: Any
    cron: str
    source: SourceLocation
    timezone: str = "UTC"
    partitions: Any = "latest"
    catchup: bool = False
    max_concurrent: int = 1
    pattern: TickPattern = field(repr=False)

    def ticks(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the ticks later than *after*, up to *until* (included), in UTC.

        >>> rows = schedule("report", "30 2 * * *", timezone="Europe/Berlin").ticks(
        ...     datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 30, 12, tzinfo=UTC)
        ... )
        >>> [f"{tick:%d %H:%M}" for tick in rows]  # 2:30 does not occur on the 29th
        ['28 01:30', '29 01:00', '30 00:30']
        """
        begin, end = moment_of(after), moment_of(until)
        found = self._ticks(end)
        if found is None:
            return
        for index in range(found.before_moment(begin + 1), found.before_moment(end + 1)):
            yield from_epoch(found.moment(index))

    def next_tick(self, after: datetime) -> datetime | None:
        """Return the first tick later than *after*; None where none comes in 60 years."""
        moment = moment_of(after)
        found = self._ticks(moment)
        if found is None:
            return None
        return from_epoch(found.moment(found.before_moment(moment + 1)))

    def last_tick(self, after: datetime, until: datetime) -> tuple[datetime | None, int]:
        """Return the newest tick later than *after*, up to *until*, and how many there are."""
        found = self._ticks(moment_of(until))
        if found is None:
            return None, 0
        first, end = (found.before_moment(moment_of(one) + 1) for one in (after, until))
        if end <= first:
            return None, 0
        return from_epoch(found.moment(end - 1)), end - first

    def _ticks(self, moment: int) -> Any:
        # From the start of a decade on, so that the ticks of a pattern are made once and kept.
        decade = datetime(from_epoch(moment).year // 10 * 10, 1, 1, tzinfo=UTC)
        return ticks_past(self.pattern, self.timezone, moment_of(decade) - DAY, moment)

    def __repr__(self) -> str:
        return f"<Schedule {self.name} ({self.source})>"


def schedule(  # noqa: PLR0913  the arguments are the contract's
    target: Any,
    cron: str,
    *,
    timezone: str = "UTC",
    partitions: Any = "latest",
    catchup: bool = False,
    max_concurrent: int = 1,
    name: str | None = None,
) -> Schedule:
    """Bring a target up to date at each tick of *cron*, in *timezone*.

    *target*: a job, an asset, the text of a selection, or a list of these. Each
    tick plans as of its own instant: *partitions* selects among what exists then
    (``"latest"``: the newest window of what has windows of time, all of the
    rest). Unpartitioned targets without upstreams are asked anew at each tick;
    everything else runs where it is missing or stale. *catchup*: ticks that
    passed while no daemon was at work run all, one after another; otherwise
    the newest of them. At most *max_concurrent* ticks run at once. Name it where
    two schedules of one target have the same cron text.

    >>> schedule("+report", "0 6 * * mon-fri", timezone="Europe/Berlin").name
    '+report [0 6 * * mon-fri]'
    """
    owner = f"schedule ({caller()})"
    checked_target(target, owner=owner)
    if cron is None:
        raise invalid(owner, "cron", cron, "a text such as '0 6 * * mon-fri'")
    check_cron(cron, owner=owner)
    check_timezone(timezone, owner=owner)
    if type(max_concurrent) is not int or max_concurrent < 1:
        raise invalid(owner, "max_concurrent", max_concurrent, "a whole number of at least 1")
    if name is not None and not str(name).strip():
        raise invalid(owner, "name", name, "a text")
    pattern = import_module("assetkit.definitions.cronfields").read_cron(cron, owner=owner)
    made = Schedule(
        name=name or f"{target_text(target)} [{' '.join(cron.split())}]",
        target=tuple(target) if isinstance(target, list | set) else target,
        cron=cron,
        source=caller(),
        timezone=timezone,
        partitions=partitions,
        catchup=catchup,
        max_concurrent=max_concurrent,
        pattern=pattern,
    )
    if made.next_tick(_EPOCH) is None:
        raise invalid(owner, "cron", cron, "a time that comes at least once in 60 years")
    return made


def from_epoch(moment: int) -> datetime:
    """Return a moment in UTC."""
    return _EPOCH + timedelta(seconds=moment)
