"""What promises of freshness ask for, as late as measured durations allow.

Rule 1: an asset is made anew when only that keeps its promise; upstream of it, only what is
too old to keep it. So one run of a shared upstream serves all promises that come due
while its data is new enough.
Rule 2: it starts so early that the longest way of runs, each as long as 19 of 20 took, ends
a margin before the deadline: a minute, or a twentieth of ``max_lag`` where that is less; as
much for each asset on the way that was measured less than five times.
Rule 3: nothing runs that would not make the data newer. A source that is late cannot be
hurried, nor what may not run by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from assetkit.columns import Flags
from assetkit.errors import AssetkitError
from assetkit.planning.candidates import in_scope
from assetkit.planning.datatimes import NEVER, micros
from assetkit.planning.decisions import Outcome
from assetkit.planning.freshness import Freshness, blame, whole_time
from assetkit.planning.needs import Need, Needs
from assetkit.planning.survey import Survey
from assetkit.records import AssetKey

_LEAST_MARGIN = 60.0
_SHARE = 20
_MOST = 4
_MEASURED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one promise asks for now. ``need``: what is to run; ``due``: when it starts."""

    asset: AssetKey
    outcome: Outcome
    reason: str
    due: datetime | None = None
    need: Need | None = None


class Promises:
    """The promises of a survey, and what they ask for."""

    def __init__(self, survey: Survey, horizon: timedelta) -> None:
        self._survey, self._horizon = survey, horizon
        self._runnable: dict[AssetKey, Flags] = {}
        self._needs = Needs(survey, self.runnable, self._seconds)
        self._longest, self._unsure = self._longest_ways()

    def demand_of(self, status: Freshness) -> Demand:
        """Return what the promise of an asset asks for."""
        key, now = status.asset, self._survey.world.now
        policy = self._survey.policy_of(key)
        if policy is not None and policy.on == "never":
            return Demand(asset=key, outcome=Outcome.WAITING, reason="it never runs by itself")
        if status.deadline is None:
            return Demand(asset=key, outcome=Outcome.FRESH, reason="nothing newer can come")
        margin = self._margin(status)
        lead = self._longest[key] + margin
        earliest = status.deadline - timedelta(seconds=lead)
        if earliest > now + self._horizon:
            return self._later(status, earliest)
        return self._near(status, lead, margin)

    def _margin(self, status: Freshness) -> float:
        """Return how many seconds before its deadline a promise is to be kept."""
        once = min(_LEAST_MARGIN, status.max_lag / _SHARE)
        return max(once, min(once * self._unsure[status.asset], status.max_lag / _MOST))

    def _near(self, status: Freshness, lead: float, margin: float) -> Demand:
        """Return the demand of a promise that may be due."""
        key, survey, deadline = status.asset, self._survey, status.deadline
        own = whole_time(key, survey.times, survey.ledger)
        least = self._least_time(status, own, lead)
        need = self._needs.of(key, least)
        if need.best <= own:
            return self._stuck(status)
        if need.best <= least:
            need = self._needs.of(key, need.best - 1)
        if deadline is None or need.runs is None:
            return self._stuck(status)
        due = deadline - timedelta(seconds=need.seconds + margin)
        if due > survey.world.now + self._horizon:
            return self._later(status, due)
        words = "its promise would be broken"
        if status.is_late:
            words = status.reason if own == NEVER else "it is overdue"
        return Demand(asset=key, outcome=Outcome.LAUNCH, reason=words, need=need)

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

    def _longest_ways(self) -> tuple[dict[AssetKey, float], dict[AssetKey, int]]:
        """Return how many seconds each asset takes if all upstream of it runs first, and how
        many assets on such a way were hardly measured yet.
        """
        world, assets = self._survey.world, self._survey.world.graph.assets
        seconds, unsure = dict.fromkeys(assets, 0.0), dict.fromkeys(assets, 0)
        estimates = world.state.estimates
        for key in assets if estimates else ():
            longest, most = 0.0, 0
            for edge in world.graph.edges[key]:
                if edge.input.need != "optional" and edge.upstream != key:
                    longest = max(longest, seconds[edge.upstream])
                    most = max(most, unsure[edge.upstream])
            estimate = estimates.get(key)
            if estimate is not None:
                longest += estimate.seconds_p95 * self._usual_count(key)
                most += estimate.count < _MEASURED
            seconds[key], unsure[key] = longest, most
        return seconds, unsure

    def _usual_count(self, key: AssetKey) -> int:
        if self._survey.has_windows(key):
            return max(1, int(np.count_nonzero(self._survey.parts[key].run)))
        return len(self._survey.positions(key))

    def _seconds(self, key: AssetKey, slots: int) -> float:
        estimate = self._survey.world.state.estimates.get(key)
        return 0.0 if estimate is None else estimate.seconds_p95 * slots

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
