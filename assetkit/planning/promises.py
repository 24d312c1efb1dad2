"""What promises of freshness ask for, as late as measured durations allow.

Rule 1: an asset is made anew when only that keeps its promise; upstream of it, only what is
too old to keep it. So one run of a shared upstream serves all promises that come due
while its data is new enough.
Rule 2: it starts so early that the longest way of runs, each as long as 19 of 20 took, ends
a margin before the deadline: a minute, or a twentieth of ``max_lag`` where that is less.
Rule 3: nothing runs that would not make the data newer. A source that is late cannot be
hurried, nor what may not run by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush

import numpy as np

from assetkit.columns import Flags
from assetkit.errors import AssetkitError
from assetkit.graph.graph import Edge
from assetkit.planning.candidates import in_scope
from assetkit.planning.datatimes import ALWAYS, NEVER, micros
from assetkit.planning.decisions import Outcome
from assetkit.planning.freshness import Freshness, blame, whole_time
from assetkit.planning.ranges import covered
from assetkit.planning.scope import fan_of
from assetkit.planning.survey import Survey, needed_edges
from assetkit.records import AssetKey

_LEAST_MARGIN = 60.0
_SHARE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one promise asks for now. ``wants``: slots by asset; ``due``: when it starts."""

    asset: AssetKey
    outcome: Outcome
    reason: str
    due: datetime | None = None
    wants: dict[AssetKey, Flags] = field(default_factory=dict)


class Promises:
    """The promises of a survey, and what they ask for."""

    def __init__(self, survey: Survey, horizon: timedelta) -> None:
        self._survey, self._horizon = survey, horizon
        self._order = {key: place for place, key in enumerate(survey.world.graph.assets)}
        self._runnable: dict[AssetKey, Flags] = {}
        self._longest = self._longest_ways()

    def demand_of(self, status: Freshness) -> Demand:
        """Return what the promise of an asset asks for."""
        key, now = status.asset, self._survey.world.now
        policy = self._survey.policy_of(key)
        if policy is not None and policy.on == "never":
            return Demand(asset=key, outcome=Outcome.WAITING, reason="it never runs by itself")
        if status.deadline is None:
            return Demand(asset=key, outcome=Outcome.FRESH, reason="nothing newer can come")
        margin = min(_LEAST_MARGIN, status.max_lag / _SHARE)
        lead = self._longest[key] + margin
        earliest = status.deadline - timedelta(seconds=lead)
        if earliest > now + self._horizon:
            return self._later(status, earliest)
        return self._near(status, lead, margin)

    def _near(self, status: Freshness, lead: float, margin: float) -> Demand:
        """Return the demand of a promise that may be due."""
        key, survey, deadline = status.asset, self._survey, status.deadline
        own = whole_time(key, survey.times, survey.ledger)
        least = self._least_time(status, own, lead)
        walk = self._walk(key, least)
        if walk.best <= own:
            return self._stuck(status)
        if walk.best <= least:
            walk = self._walk(key, walk.best - 1)
        if deadline is None or not walk.wants:
            return self._stuck(status)
        due = deadline - timedelta(seconds=walk.seconds + margin)
        if due > survey.world.now + self._horizon:
            return self._later(status, due)
        words = "its promise would be broken"
        if status.is_late:
            words = status.reason if own == NEVER else "it is overdue"
        return Demand(asset=key, outcome=Outcome.LAUNCH, reason=words, wants=walk.wants)

    def _least_time(self, status: Freshness, own: int, lead: float) -> int:
        """Return the data time that an input must be above to be worth building from."""
        policy = self._survey.world.graph.assets[status.asset].freshness
        max_lag = round(status.max_lag * 1e6)
        if policy is not None and policy.cron is not None:
            tick = self._survey.clock.around(policy.cron, policy.timezone)[0]
            if status.deadline is not None and not status.is_late:
                tick = micros(status.deadline)
            return max(own, tick - max_lag - 1)
        now = micros(self._survey.world.now)
        # What is hardly newer would be too old again before the runs that use it are over.
        return max(own, now + round(2 * lead * 1e6) - max_lag)

    def _later(self, status: Freshness, due: datetime) -> Demand:
        return Demand(
            asset=status.asset, outcome=Outcome.NOT_DUE, reason="its promise holds until then",
            due=due,
        )  # fmt: skip

    def _stuck(self, status: Freshness) -> Demand:
        survey = self._survey
        words = blame(status.asset, survey.times, survey.world, survey.ledger)
        return Demand(
            asset=status.asset, outcome=Outcome.WAITING, reason=f"nothing newer to be had: {words}"
        )

    def _longest_ways(self) -> dict[AssetKey, float]:
        """Return how many seconds each asset takes if all upstream of it runs first."""
        world, seconds = self._survey.world, dict[AssetKey, float]()
        estimates = world.state.estimates
        if not estimates:
            return dict.fromkeys(world.graph.assets, 0.0)
        for key in world.graph.assets:
            longest = 0.0
            for edge in world.graph.edges[key]:
                if edge.input.need != "optional" and edge.upstream != key:
                    longest = max(longest, seconds[edge.upstream])
            if key in estimates:
                longest += self._seconds(key, self._usual_count(key))
            seconds[key] = longest
        return seconds

    def _usual_count(self, key: AssetKey) -> int:
        if self._survey.has_windows(key):
            return max(1, int(np.count_nonzero(self._survey.parts[key].run)))
        return len(self._survey.positions(key))

    def _seconds(self, key: AssetKey, slots: int) -> float:
        estimate = self._survey.world.state.estimates.get(key)
        return 0.0 if estimate is None else estimate.seconds_p95 * slots

    def _walk(self, key: AssetKey, least: int) -> _Walk:
        """Go up from an asset to all that must be newer than *least* for it to be so."""
        walk = _Walk({key: self._survey.every(key)})
        pending = [(-self._order[key], key)]
        while pending:
            one = heappop(pending)[1]
            old = walk.asked[one] & (self._survey.times[one].limit <= least)
            if one in walk.must:
                old |= walk.must[one] & ~self._survey.present(one)
            if not old.any():
                continue
            can = old & self.runnable(one)
            if can.any():
                walk.wants[one] = can
                for edge, needed in self._needs(one, can):
                    upstream = edge.upstream
                    if upstream not in walk.asked:
                        heappush(pending, (-self._order[upstream], upstream))
                    _add(walk.asked, upstream, needed)
                    if edge.input.need == "all":
                        _add(walk.must, upstream, needed)
        walk.best, walk.seconds = self._outcome(key, walk)
        return walk

    def _needs(self, key: AssetKey, slots: Flags) -> list[tuple[Edge, Flags]]:
        world, found = self._survey.world, []
        rows = np.flatnonzero(slots).astype(np.int64)
        for edge in needed_edges(key, world):
            fan = fan_of(edge, rows, world.universes)
            found.append((edge, covered(fan, len(world.universes[edge.upstream]))))
        return found

    def _outcome(self, key: AssetKey, walk: _Walk) -> tuple[int, float]:
        """Return the data time that the runs of a walk lead to, and the seconds they take."""
        best: dict[AssetKey, int] = {}
        seconds: dict[AssetKey, float] = {}
        for one in sorted(walk.asked, key=self._order.__getitem__):
            asked, times = walk.asked[one], self._survey.times[one]
            can = walk.wants.get(one)
            left = asked if can is None else asked & ~can
            rest = times.limit[left]
            best[one] = int(rest.min()) if len(rest) else ALWAYS
            if one in walk.must and (walk.must[one] & left & ~self._survey.present(one)).any():
                best[one] = NEVER  # what needs all of it cannot be made
            if times.reach is not None and asked.any():
                best[one] = min(best[one], int(times.reach[asked].max()))
            if can is None:
                continue
            above = [edge.upstream for edge in needed_edges(one, self._survey.world)]
            best[one] = min([best[one], *(best[up] for up in above if up in best)])
            longest = max((seconds.get(up, 0.0) for up in above), default=0.0)
            seconds[one] = longest + self._seconds(one, int(np.count_nonzero(can)))
        return best[key], seconds.get(key, 0.0)

    def runnable(self, key: AssetKey) -> Flags:
        """Return which slots of an asset may run for a promise downstream."""
        if key not in self._runnable:
            self._runnable[key] = self._find_runnable(key)
        return self._runnable[key]

    def _find_runnable(self, key: AssetKey) -> Flags:
        survey, asset = self._survey, self._survey.world.graph.assets[key]
        policy = survey.policy_of(key)
        can, none = survey.every(key), ~survey.every(key)
        if asset.kind == "external" or (policy is not None and policy.on == "never"):
            return none
        if not asset.rebuildable or (policy is not None and policy.on == "missing"):
            can = can & ~survey.present(key)
        try:
            can = can & in_scope(key, policy, survey)
        except AssetkitError:
            return none
        can = can & survey.cadence(key).due & ~survey.held(key)
        return can & ~survey.quarantined(key) if can.any() else can


@dataclass(slots=True)
class _Walk:
    """What was asked of each asset on a way up, what must be there, and what may run."""

    asked: dict[AssetKey, Flags]
    must: dict[AssetKey, Flags] = field(default_factory=dict)
    wants: dict[AssetKey, Flags] = field(default_factory=dict)
    best: int = NEVER
    seconds: float = 0.0


def _add(flags: dict[AssetKey, Flags], key: AssetKey, more: Flags) -> None:
    flags[key] = flags[key] | more if key in flags else more
