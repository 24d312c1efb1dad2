"""The policies and promises of assets: evaluated, launched, told of."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from assetkit.catalog.automation import AutomationState, TickRecord, TickStatus
from assetkit.daemon.launching import ASSETS, Project
from assetkit.errors import AssetkitError
from assetkit.execution.hooks import HookEvent, tell
from assetkit.planning.decisions import NEEDS_A_PERSON, Decision, Outcome
from assetkit.planning.freshness import Freshness
from assetkit.planning.plan import Plan
from assetkit.records import AssetKey
from assetkit.workspace.evaluating import Evaluation, evaluate
from assetkit.workspace.running import RunWishes
from assetkit.workspace.situation import describe_graph

if TYPE_CHECKING:
    from assetkit.daemon.shift import Shift

_SAID: Final = 100
"""Decisions that a tick keeps at most."""

log = logging.getLogger("assetkit.daemon")


class Assets:
    """Looks after the assets of a project in the turns of a shift."""

    def __init__(self, shift: Shift, project: Project) -> None:
        self._shift, self._project = shift, project
        self._is_wanted = any(
            asset.automation is not None or asset.freshness is not None
            for asset in project.graph.assets.values()
        )
        self._described = describe_graph(project.graph, {}) if self._is_wanted else None

    def look(self, now: datetime, horizon: timedelta) -> Evaluation | None:
        """Evaluate policies and promises, and launch what is due before the next turn."""
        if self._described is None or self._shift.stopping:
            return None
        try:
            core = self._shift.workspace.core
            found = evaluate(core, self._described, now=now, horizon=horizon)
        except AssetkitError as error:
            log.warning("The assets could not be evaluated: %s", error)
            return None
        self._tell(found, now)
        plan = self._apart(found.plan)
        if len(plan) and self._shift.lanes.has_room:
            self._launch(plan, found.decisions, now)
        return found

    def _apart(self, plan: Plan) -> Plan:
        """Return what of a plan has nothing to do with runs that are under way."""
        busy: frozenset[AssetKey] = frozenset()
        under_way = self._shift.under_way
        for key, assets in list(under_way.items()):
            if self._shift.lanes.has(ASSETS, key):
                busy |= assets
            else:
                del under_way[key]
        request = plan.request
        if not len(plan) or not busy & _running(plan) or request.slots is None:
            return plan
        slots = {key: ranges for key, ranges in request.slots.items() if key not in busy}
        rest = replace(
            request,
            targets=tuple(key for key in request.targets if key in slots),
            slots=slots,
            forced=request.forced & slots.keys(),
        )
        workspace = self._shift.workspace
        made = workspace.plan(plan.graph, rest, now=plan.now)
        return made if not busy & _running(made) else replace(made, assets=())

    def _launch(self, plan: Plan, decisions: Iterable[Decision], now: datetime) -> None:
        said = [str(one) for one in decisions if one.outcome is Outcome.LAUNCH]
        tick = TickRecord(
            source=ASSETS,
            key=f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            instant=now,
            request={"decisions": said[:_SAID], "plan": plan.plan_id},
        )
        new = self._shift.log.note([tick], holder=self._shift.holder)
        if not new:  # this very turn has been done already
            return
        self._shift.under_way[tick.key] = _running(plan)
        self._shift.lanes.begin(ASSETS, tick.key, partial(self._carry_out, new[0], plan))

    def _carry_out(self, tick: TickRecord, plan: Plan) -> None:
        wishes = RunWishes(
            origin="auto",
            tags={"tick": f"{tick.source} {tick.key}"},
            hooks=self._project.definitions.hooks,
        )
        try:
            self._shift.run(tick, plan, wishes)
        except Exception as error:  # noqa: BLE001  one run that fails ends no daemon
            text = str(error) if isinstance(error, AssetkitError) else repr(error)
            try:
                self._shift.close(tick, TickStatus.FAILED, text)
            except AssetkitError as worse:
                log.warning("%s %s: %s", tick.source, tick.key, worse)

    # ------------------------------------------------------------------------------ what is told

    def _tell(self, found: Evaluation, now: datetime) -> None:
        """Write down what changed for promises, and for what waits for a person; call hooks."""
        changed = [one for one in found.statuses if self._is_news(f"freshness:{one.asset}", one)]
        waiting: dict[AssetKey, Decision] = {
            one.asset: one for one in found.decisions if one.outcome in NEEDS_A_PERSON
        }
        stuck = [one for one in waiting.values() if self._is_stuck_anew(one)]
        freed = [
            state
            for name, state in self._shift.states.items()
            if name.startswith("held:")
            and state.outcome
            and name.removeprefix("held:") not in waiting
        ]
        states = [
            *(_promise(one, now) for one in changed),
            *(_held(one, now) for one in stuck),
            *(replace(state, outcome="", message="", checked_at=now) for state in freed),
        ]
        self._shift.note([_history(one, now) for one in changed], states)
        hooks, memory = self._project.definitions.hooks, self._shift.log
        for status in changed:
            if status.is_late:
                tell(hooks, _event("overdue", status.asset, status.reason, now), memory)
        for one in stuck:
            if one.outcome is Outcome.QUARANTINED:
                tell(hooks, _event("quarantined", one.asset, one.reason, now), memory)

    def _is_news(self, name: str, status: Freshness) -> bool:
        known = self._shift.states.get(name)
        return known is None or known.outcome != status.status.value

    def _is_stuck_anew(self, decision: Decision) -> bool:
        known = self._shift.states.get(f"held:{decision.asset}")
        return known is None or known.outcome != decision.outcome.value


def _running(plan: Plan) -> frozenset[AssetKey]:
    return frozenset(part.asset for part in plan.assets if part.run.any())


def _promise(status: Freshness, now: datetime) -> AutomationState:
    return AutomationState(
        name=f"freshness:{status.asset}",
        since=now,
        checked_at=now,
        outcome=status.status.value,
        message=status.reason,
    )


def _held(decision: Decision, now: datetime) -> AutomationState:
    return AutomationState(
        name=f"held:{decision.asset}",
        since=now,
        checked_at=now,
        outcome=decision.outcome.value,
        message=decision.reason,
    )


def _history(status: Freshness, now: datetime) -> TickRecord:
    """Return the entry of the history of a promise."""
    words = status.status.value + (f": {status.reason}" if status.reason else "")
    return TickRecord(
        source=f"freshness:{status.asset}",
        key=f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        instant=now,
        status=TickStatus.FAILED if status.is_late else TickStatus.SUCCESS,
        ended_at=now,
        message=words,
    )


def _event(kind: str, asset: AssetKey, reason: str, now: datetime) -> HookEvent:
    return HookEvent(
        kind=kind, run_id="", asset=asset, partition=None, attempt=0, at=now, duration=0.0,
        reason=reason,
    )  # fmt: skip
