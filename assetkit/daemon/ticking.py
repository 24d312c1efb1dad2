"""Which ticks of a schedule are due.

Rule 1: a tick is due once its instant is reached, and belongs to its schedule from the moment
the schedule was first seen: nothing of before runs.
Rule 2: with ``catchup`` each tick that passed is due; without, the newest of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from assetkit.catalog.automation import AutomationState, TickRecord
from assetkit.definitions.schedules import Schedule
from assetkit.display.quantities import count_text

_AT_ONCE = 1_000
"""Ticks that one turn writes down at most; the next one goes on."""


def source_of(schedule: Schedule) -> str:
    """Return how ticks name the schedule that they are of."""
    return f"schedule:{schedule.name}"


def instant_text(instant: datetime) -> str:
    """Return the UTC instant that identifies a tick.

    >>> instant_text(datetime(2026, 3, 29, 1, tzinfo=UTC))
    '2026-03-29T01:00:00Z'
    """
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def due_ticks(
    schedule: Schedule, state: AutomationState | None, now: datetime
) -> tuple[list[TickRecord], AutomationState | None]:
    """Return the ticks that are due, and what is to be remembered (None: what is there stays)."""
    source = source_of(schedule)
    first = state is None
    # The second in which a schedule is first seen counts, so that a turn on a tick runs it.
    known = state or AutomationState(name=source, since=now - timedelta(seconds=1))
    if schedule.catchup:
        instants = list(islice(schedule.ticks(known.since, now), _AT_ONCE))
        passed = 0
    else:
        newest, count = schedule.last_tick(known.since, now)
        instants, passed = ([newest] if newest else []), max(count - 1, 0)
    ticks = [
        TickRecord(
            source=source,
            key=instant_text(instant),
            instant=instant,
            request=_request(schedule),
            message=f"{count_text(passed, 'tick')} before it passed unseen" if passed else "",
        )
        for instant in instants
    ]
    if ticks:
        return ticks, replace(known, since=instants[-1], checked_at=now)
    return [], known if first else None


def _request(schedule: Schedule) -> Mapping[str, Any]:
    return {"cron": schedule.cron, "timezone": schedule.timezone}
