"""Promises of freshness: how far behind an asset's data is, and whether that is late.

Rule 1: an asset is as old as its data (see `datatimes`), not as the file that holds it.
Rule 2: without ``cron`` the promise holds at any time; with it, at each tick: between ticks
an asset is as late, or not, as it was for the last one.
Rule 3: what was never built is overdue.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from assetkit.definitions.cronticks import next_tick
from assetkit.definitions.policies import FreshnessPolicy
from assetkit.definitions.universe import Universe
from assetkit.display.quantities import moment_text, rough_duration_text
from assetkit.planning.datatimes import ALWAYS, NEVER, SlotTimes, Times, micros, moment_at
from assetkit.planning.world import Ledger, World, known_of
from assetkit.records import AssetKey, partition_text, slot_name


class Lateness(StrEnum):
    """What a promise of freshness amounts to."""

    FRESH = "fresh"
    WARNING = "warning"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How an asset stands to its promise at one moment.

    ``data_time`` is up to when its data reflects the world (None: never built);
    ``lag`` how far that is back, in seconds. From ``deadline`` on it is overdue
    unless its data gets newer (None: no time makes it so); ``changes_at`` is when
    time alone changes the status next.
    ``reason`` says in words what holds it back, empty where it is fresh; ``holder`` is the
    asset whose data that is about, None where it is fresh or was never built.
    """

    asset: AssetKey
    status: Lateness
    data_time: datetime | None
    lag: float | None
    max_lag: float
    deadline: datetime | None
    changes_at: datetime | None
    reason: str = ""
    holder: AssetKey | None = None

    @property
    def is_late(self) -> bool:
        """Whether the promise is broken."""
        return self.status is Lateness.OVERDUE


def freshness_of(
    key: AssetKey, policy: FreshnessPolicy, times: Times, world: World, ledger: Ledger
) -> Freshness:
    """Return how an asset stands to its promise."""
    time, now = whole_time(key, times, ledger), world.now
    if time == ALWAYS:
        return Freshness(
            asset=key, status=Lateness.FRESH, data_time=now, lag=0.0, max_lag=policy.max_lag,
            deadline=None, changes_at=None,
        )  # fmt: skip
    if time == NEVER:
        is_there = ledger.decided[key].present.any()
        why = _blamed(key, times, world, ledger) if is_there else (None, "never built")
        return Freshness(
            asset=key, status=Lateness.OVERDUE, data_time=None, lag=None, max_lag=policy.max_lag,
            deadline=now, changes_at=None, reason=why[1], holder=why[0],
        )  # fmt: skip
    of = moment_at(time)
    late_at = deadline_of(of, policy, policy.max_lag)
    warn_at = None if policy.warn_lag is None else deadline_of(of, policy, policy.warn_lag)
    status = Lateness.FRESH
    if _is_past(late_at, policy, now):
        status = Lateness.OVERDUE
    elif _is_past(warn_at, policy, now):
        status = Lateness.WARNING
    ahead = [at for at in (late_at, warn_at) if at and not _is_past(at, policy, now)]
    is_kept = status is Lateness.FRESH
    holder, reason = (None, "") if is_kept else _blamed(key, times, world, ledger)
    return Freshness(
        asset=key,
        status=status,
        data_time=of,
        lag=(now - of).total_seconds(),
        max_lag=policy.max_lag,
        deadline=late_at,
        changes_at=min(ahead, default=None),
        reason=reason,
        holder=holder,
    )


def whole_time(key: AssetKey, times: Times, ledger: Ledger) -> int:
    """Return the data time of an asset as a whole; `NEVER` where none of it is there."""
    decided = ledger.decided[key]
    if decided.newest is None and len(decided.row) and not decided.present.any():
        return NEVER
    return times[key].whole()


def deadline_of(data_time: datetime, policy: FreshnessPolicy, lag: float) -> datetime | None:
    """Return when data of *data_time* becomes older than promised; None: never.

    That is a moment after the time returned; with ``cron``, the very tick.
    """
    old = data_time + timedelta(seconds=lag)
    return old if policy.cron is None else next_tick(policy.cron, policy.timezone, old)


def _is_past(at: datetime | None, policy: FreshnessPolicy, now: datetime) -> bool:
    return at is not None and (now > at or (now == at and policy.cron is not None))


def blame(key: AssetKey, times: Times, world: World, ledger: Ledger) -> str:
    """Say in words what keeps an asset's data from being newer, however far up."""
    return _blamed(key, times, world, ledger)[1]


def _blamed(key: AssetKey, times: Times, world: World, ledger: Ledger) -> tuple[AssetKey, str]:
    way: list[AssetKey] = []
    while key not in ledger.blamed:
        way.append(key)
        universe, own = world.universes[key], known_of(key, world, ledger)
        absent = np.flatnonzero(~own.present)
        holder = None if len(absent) else _oldest_input(key, times, world, ledger)
        if len(absent):
            words = _missing_text(key, universe, int(absent[0]), world)
            ledger.blamed[key] = (key, words)
        elif holder is None:
            ledger.blamed[key] = (key, _age_text(key, times[key], world))
        else:
            key = holder
    ledger.blamed.update(dict.fromkeys(way, ledger.blamed[key]))
    return ledger.blamed[key]


def _missing_text(key: AssetKey, universe: Universe, position: int, world: World) -> str:
    partition = partition_text(universe.key(position))
    if world.graph.assets[key].kind == "external":
        return f"the source {slot_name(key, partition)} is missing"
    return f"{slot_name(key, partition)} is missing" if partition else f"{key} was never built"


def _oldest_input(key: AssetKey, times: Times, world: World, ledger: Ledger) -> AssetKey | None:
    """Return the input whose data is no newer than the asset's own; None where all are newer."""
    own = times[key].whole()
    for edge in world.graph.edges[key]:
        if edge.upstream == key or edge.input.need == "optional":
            continue
        if whole_time(edge.upstream, times, ledger) <= own:
            return edge.upstream
    return None


def _age_text(key: AssetKey, times: SlotTimes, world: World) -> str:
    time = times.whole()
    if time in (ALWAYS, NEVER):
        return f"{key} has no data time"
    ago = rough_duration_text((micros(world.now) - time) / 1e6)
    source = "the source " if world.graph.assets[key].kind == "external" else ""
    return f"the data of {source}{key} is of {moment_text(moment_at(time))}, {ago} ago"
