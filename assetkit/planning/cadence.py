"""When an asset may run by itself again: `AutoMaterializePolicy.every` and ``cron``.

Rule 1: only what was published counts as a build. A tick since which a slot was not published
is still due, however often it failed.
Rule 2: a slot that came to be after the newest tick is due at the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from assetkit.columns import Flags, Ints
from assetkit.definitions.cronticks import last_tick, next_tick
from assetkit.definitions.policies import AutoMaterializePolicy
from assetkit.planning.datatimes import ALWAYS, NEVER, micros, moment_at


@dataclass(frozen=True, slots=True)
class Cadence:
    """Which slots of an asset are due, and for the others from when on."""

    due: Flags
    next_at: Ints

    def first_of(self, slots: Flags) -> datetime | None:
        """Return when the first of some slots is due; None where none ever is."""
        times = self.next_at[slots]
        first = int(times.min()) if len(times) else ALWAYS
        return None if first == ALWAYS else moment_at(first)


class Clock:
    """The ticks around one moment, each worked out once."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._ticks: dict[tuple[str, str], tuple[int, int]] = {}

    def around(self, cron: str, timezone: str) -> tuple[int, int]:
        """Return the last tick and the next one, in microseconds; `NEVER`, `ALWAYS` without one."""
        if (cron, timezone) not in self._ticks:
            before, after = (find(cron, timezone, self.now) for find in (last_tick, next_tick))
            self._ticks[cron, timezone] = (
                NEVER if before is None else micros(before),
                ALWAYS if after is None else micros(after),
            )
        return self._ticks[cron, timezone]


def has_cadence(policy: AutoMaterializePolicy | None) -> bool:
    """Return whether a policy says how often, at most or at least, an asset is built."""
    return policy is not None and (policy.every is not None or policy.cron is not None)


def cadence_of(
    policy: AutoMaterializePolicy | None, built_at: Ints, ends: Ints | None, clock: Clock
) -> Cadence:
    """Return which slots are due: *built_at* is when each was published last (`NEVER`: not yet).

    *ends* are the ends of their windows; all times in microseconds since 1970 UTC.
    """
    size = len(built_at)
    if policy is None or not has_cadence(policy):
        return Cadence(np.ones(size, dtype=np.bool_), np.full(size, micros(clock.now)))
    if policy.cron is not None:
        before, after = clock.around(policy.cron, policy.timezone)
        due = built_at < before
        if ends is not None:
            due &= ends <= before
        return Cadence(due, np.full(size, after, dtype=np.int64))
    next_at = np.where(built_at == NEVER, NEVER, built_at + round(policy.every * 1e6))
    return Cadence(next_at <= micros(clock.now), next_at)
