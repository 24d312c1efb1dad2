"""A shift: the time in which one process looks after a workspace, turn by turn.

Rule 1: whatever a turn finds is written down before anything runs for it; what is open when a
process dies is taken up by the next one.
Rule 2: a turn repeated at the same time finds nothing new.
Rule 3: what fails (a sensor, a run, an evaluation) is told of, and holds up nothing else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from assetkit.catalog.automation import (
    AutomationState,
    DaemonRecord,
    TickRecord,
    TickStatus,
)
from assetkit.daemon.assets import Assets
from assetkit.daemon.lanes import Lanes
from assetkit.daemon.launching import ASSETS, Project, ended, launch_of, plan_launch
from assetkit.daemon.sensing import Question, answer_of, ask
from assetkit.daemon.sensing import source_of as sensor_source
from assetkit.daemon.ticking import due_ticks
from assetkit.daemon.ticking import source_of as schedule_source
from assetkit.definitions.schedules import Schedule
from assetkit.errors import AssetkitError, DaemonReplaced
from assetkit.execution.runner import new_run_id
from assetkit.faultpoints import reach
from assetkit.planning.plan import Plan
from assetkit.records import AssetKey
from assetkit.workspace import Workspace
from assetkit.workspace.evaluating import Evaluation
from assetkit.workspace.running import RunWishes, run_in

_AT_ONCE = 4
"""Runs of one sensor at once."""
_KEPT = 1_000
_WRITE_EVERY = timedelta(minutes=5)
_FAR = datetime(9999, 1, 1, tzinfo=UTC)

log = logging.getLogger("assetkit.daemon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one turn did.

    ``ticks`` are those that ended in it, ``sensors`` what was remembered of those
    asked. ``evaluation`` is None where no asset has a policy. ``wake_at`` is when
    there is something to do next, as far as time decides. ``standing_by`` names
    another process that looks after the workspace; then nothing was done.
    """

    now: datetime
    ticks: tuple[TickRecord, ...] = ()
    sensors: tuple[AutomationState, ...] = ()
    evaluation: Evaluation | None = field(default=None, repr=False)
    wake_at: datetime | None = None
    standing_by: DaemonRecord | None = None

    @property
    def success(self) -> bool:
        """True where no tick and no sensor failed."""
        return not any(tick.status is TickStatus.FAILED for tick in self.ticks) and not any(
            state.outcome == "failed" for state in self.sensors
        )


class Shift:
    """Looks after a workspace; *holder* has its lease. *woken* is called when work ended."""

    def __init__(
        self,
        project: Project,
        workspace: Workspace,
        holder: str,
        lanes: Lanes,
        *,
        progress: Any = "none",
        woken: Callable[[], None] = lambda: None,
    ) -> None:
        self.holder, self.lanes, self._woken, self._progress = holder, lanes, woken, progress
        self._bare = workspace
        self.log = workspace.core.catalog.automation
        self.states = {state.name: state for state in self.log.states()}
        self._open = {(one.source, one.key): one for one in self.log.ticks(open_only=True)}
        self._lock = threading.Lock()
        self._questions: dict[str, Question] = {}
        self._ended: list[TickRecord] = []
        self._asked: list[AutomationState] = []
        self._written: dict[str, datetime] = {}
        self._noted = 0
        self.stopping = False
        self.under_way: dict[str, frozenset[AssetKey]] = {}
        self.take(project)

    def take(self, project: Project) -> None:
        """Go on with other definitions."""
        self.project, self.workspace = project, project.furnish(self._bare)
        self._next: dict[str, datetime] = {}
        self._assets = Assets(self, project)

    def turn(self, now: datetime, horizon: timedelta = timedelta(0)) -> Turn:
        """Do what is due, and return what was done; *horizon*: when the next turn comes.

        Raises `DaemonReplaced` where another process has taken over.
        """
        self._note_schedules(now)
        self._ask_sensors(now)
        self._begin_open()
        evaluation = self._assets.look(now, horizon)
        self._forget()
        with self._lock:
            done, self._ended = tuple(self._ended), []
            asked, self._asked = tuple(self._asked), []
        return Turn(
            now=now,
            ticks=done,
            sensors=asked,
            evaluation=evaluation,
            wake_at=self._wake_at(now, evaluation),
        )

    # ------------------------------------------------------------------------------- schedules

    def _note_schedules(self, now: datetime) -> None:
        ticks: list[TickRecord] = []
        states: list[AutomationState] = []
        for schedule in self.project.definitions.schedules:
            source = schedule_source(schedule)
            if now < self._next.get(source, now):
                continue
            found, state = due_ticks(schedule, self.states.get(source), now)
            ticks += found
            states += [state] if state is not None else []
            more = state is not None and state.since < now and schedule.catchup
            soon = schedule.next_tick(state.since if more and state else now)
            self._next[source] = soon or _FAR
        self.note(ticks, states)

    # --------------------------------------------------------------------------------- sensors

    def _ask_sensors(self, now: datetime) -> None:
        for sensor in self.project.definitions.sensors:
            source = sensor_source(sensor)
            if source in self._questions or now < self._next_question(source, sensor.interval, now):
                continue
            self._questions[source] = ask(
                sensor,
                self.states.get(source),
                now,
                resources=self.workspace.core.resources,
                answered=self._woken,
            )
        if not self.lanes.beside:
            for question in self._questions.values():
                question.wait()
        for source, question in list(self._questions.items()):
            self._take_answer(source, question, now)

    def _next_question(self, source: str, interval: float, now: datetime) -> datetime:
        state = self.states.get(source)
        if state is None or state.checked_at is None or state.checked_at > now:
            return now  # never asked yet, or the clock was set back since
        return state.checked_at + timedelta(seconds=interval)

    def _take_answer(self, source: str, question: Question, now: datetime) -> None:
        if question.is_late and not question.given_up:
            question.give_up()
        elif not question.done.is_set():
            return
        elif question.given_up:  # its thread has ended at last
            del self._questions[source]
            return
        else:
            del self._questions[source]
        before = self.states.get(source)
        try:
            ticks, state = answer_of(question, before, now)
            self._note_sensor(ticks, state, before)
        except TypeError as error:  # a request that JSON cannot hold
            ticks, state = answer_of(replace_error(question, error), before, now)
            self._note_sensor([], state, before)
        with self._lock:
            self._asked.append(state)
        if state.outcome == "failed":
            log.warning("%s failed: %s", source, state.message)

    def _note_sensor(
        self, ticks: Sequence[TickRecord], state: AutomationState, before: AutomationState | None
    ) -> None:
        """Write down what a sensor said; where that is what it said last, not each time."""
        if self._is_repeat(ticks, state, before):
            self.states[state.name] = state
            return
        self.note(ticks, [state])
        if state.checked_at is not None:
            self._written[state.name] = state.checked_at

    def _is_repeat(
        self, ticks: Sequence[TickRecord], state: AutomationState, before: AutomationState | None
    ) -> bool:
        written, at = self._written.get(state.name), state.checked_at
        if ticks or before is None or written is None or at is None or not self.lanes.beside:
            return False
        said = (state.cursor, state.outcome, state.message)
        is_same = said == (before.cursor, before.outcome, before.message)
        return is_same and at - written < _WRITE_EVERY

    # ----------------------------------------------------------------------------------- ticks

    def note(self, ticks: Iterable[TickRecord], states: Iterable[AutomationState] = ()) -> None:
        """Write down ticks and states; ticks that are new are open from now on."""
        ticks, states = list(ticks), list(states)
        if not ticks and not states:
            return
        new = self.log.note(ticks, states, holder=self.holder)
        reach("daemon.noted")
        self.states |= {state.name: state for state in states}
        with self._lock:
            self._open |= {(one.source, one.key): one for one in new if one.is_open}
            self._noted += len(new)

    def _begin_open(self) -> None:
        with self._lock:
            waiting = sorted(self._open.values(), key=lambda one: (one.instant, one.seq, one.key))
        newest = {one.source: one for one in waiting}
        for tick in waiting:
            # In this order: work that ends is first no longer open, then no longer in a lane.
            if self.lanes.has(tick.source, tick.key) or self.stopping or not self._is_open(tick):
                continue
            trigger = self.project.triggers.get(tick.source)
            if tick.source == ASSETS:
                self.close(tick, TickStatus.CANCELLED, "its process ended; decided anew since")
            elif self._is_superseded(trigger, tick, newest[tick.source]):
                by = newest[tick.source].key
                self.close(tick, TickStatus.MISSED, f"{by} came before it could begin")
            elif self.lanes.has_room and self.lanes.busy(tick.source) < _limit(trigger):
                self.lanes.begin(tick.source, tick.key, partial(self._carry_out, tick))

    def _is_open(self, tick: TickRecord) -> bool:
        with self._lock:
            return (tick.source, tick.key) in self._open

    def _is_superseded(self, trigger: Any, tick: TickRecord, newest: TickRecord) -> bool:
        return (
            isinstance(trigger, Schedule)
            and not trigger.catchup
            and tick.status is TickStatus.DUE
            and not tick.runs
            and newest.key != tick.key
        )

    def _carry_out(self, tick: TickRecord) -> None:
        """Plan and run what a tick asks for; write down what came of it."""
        try:
            launch = launch_of(self.project, tick)
            plan = plan_launch(self.project, self.workspace, launch, tick)
            wishes = RunWishes(
                tags=launch.tags, origin=tick.source.partition(":")[0], hooks=launch.hooks
            )
            self.run(tick, plan, wishes)
        except DaemonReplaced:
            log.warning("%s %s goes on elsewhere", tick.source, tick.key)
        except Exception as error:  # noqa: BLE001  whatever a user's code raises ends this tick only
            self._fail(tick, error)

    def _fail(self, tick: TickRecord, error: Exception) -> None:
        known = isinstance(error, AssetkitError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        try:
            self.close(tick, TickStatus.FAILED, message)
        except AssetkitError as worse:
            log.warning("%s %s: %s", tick.source, tick.key, worse)

    def run(self, tick: TickRecord, plan: Plan, wishes: RunWishes) -> None:
        """Run a plan for a tick, and write down what came of it."""
        core = self.workspace.core
        begun = tick
        if len(plan):
            run_id = new_run_id(core.now())
            begun = replace(
                tick, status=TickStatus.RUNNING, runs=(*tick.runs, run_id), started_at=core.now()
            )
            self.log.update(begun, holder=self.holder)
            with self._lock:
                self._open[tick.source, tick.key] = begun
            reach("daemon.begun")
            wishes = replace(wishes, run_id=run_id)
        wishes = replace(wishes, raise_on_error=False, progress=self._progress)
        result = run_in(core, plan, wishes)
        reach("daemon.ran")
        over = ended(begun, result, core.now(), stopping=self.stopping)
        self._finish(replace(over, message="; ".join(filter(None, (tick.message, over.message)))))

    def close(self, tick: TickRecord, status: TickStatus, message: str) -> None:
        """Write down the end of a tick for which nothing more runs."""
        now = self.workspace.core.now()
        self._finish(replace(tick, status=status, ended_at=now, message=message))

    def _finish(self, tick: TickRecord) -> None:
        self.log.update(tick, holder=self.holder)
        reach("daemon.finished")
        with self._lock:
            if tick.is_open:
                self._open[tick.source, tick.key] = tick
                return
            self._open.pop((tick.source, tick.key), None)
            self._ended.append(tick)
        level = logging.WARNING if tick.status is TickStatus.FAILED else logging.INFO
        log.log(level, "%s %s: %s, %s", tick.source, tick.key, tick.status.value, tick.message)

    def running_ids(self) -> list[str]:
        """Return the ids of the runs that are under way for ticks."""
        with self._lock:
            return [
                one.runs[-1]
                for one in self._open.values()
                if one.status is TickStatus.RUNNING and self.lanes.has(one.source, one.key)
            ]

    def _forget(self) -> None:
        if self._noted >= _KEPT:
            self._noted = 0
            self.log.forget(keep=_KEPT)

    def _wake_at(self, now: datetime, evaluation: Evaluation | None) -> datetime | None:
        times = [at for at in self._next.values() if at is not _FAR]
        for sensor in self.project.definitions.sensors:
            source = sensor_source(sensor)
            if source not in self._questions:
                times.append(self._next_question(source, sensor.interval, now))
        if evaluation is not None and evaluation.wake_at is not None:
            times.append(evaluation.wake_at)
        return max(now, min(times)) if times else None


def _limit(trigger: Any) -> int:
    return trigger.max_concurrent if isinstance(trigger, Schedule) else _AT_ONCE


def replace_error(question: Question, error: TypeError) -> Question:
    """Return a question as if the sensor had raised: its request cannot be kept."""
    problem = TypeError(
        f"its request cannot be kept: {error}. Give partitions, config and tags as plain values "
        f"(text, numbers, lists, dicts)"
    )
    return replace(question, finding=None, error=problem)
