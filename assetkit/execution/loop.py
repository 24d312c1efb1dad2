"""The only loop: carries out what the state machine says, and tells it what came of it.

Rule 1: it decides nothing: which step may start is the machine's, whether a slot
is up to date follows from digests, how an attempt went is the worker's to say.
Rule 2: no transaction is held open while the user's code runs.
Rule 3: what waits (for a retry, for another run) holds no worker.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from assetkit.catalog.approvals import ApprovalStatus
from assetkit.columns import fingerprint, join_version
from assetkit.errors import StepCancelled, StepTimeout, WorkerLost
from assetkit.execution.approving import Approvals
from assetkit.execution.environment import Environment
from assetkit.execution.holding import Holdings, KnownSlots, changed_since, read_published
from assetkit.execution.logs import add_to_log, log_name
from assetkit.execution.machine import (
    Block,
    CancelAsked,
    Command,
    Deferred,
    Drop,
    Event,
    Failed,
    Machine,
    Refused,
    Room,
    Start,
    Stop,
    Stopped,
    Succeeded,
    TimeReached,
)
from assetkit.execution.noting import Ending, Notes, SlotName
from assetkit.execution.pools import Held, Pools
from assetkit.execution.preparing import AssetSteps, Attempt, Needs
from assetkit.execution.published import time_of
from assetkit.execution.recorder import Recorder
from assetkit.execution.states import State
from assetkit.execution.step import log_path, run_step
from assetkit.execution.task import Failure, SlotResult, StepResult
from assetkit.execution.tracebacks import trim
from assetkit.executors.base import NO_DEMANDS, Done
from assetkit.planning.data import PlanData
from assetkit.records import AssetKey, Outcome, slot_name

_LOOK_AROUND = 0.5
"""Seconds after which a wait for workers looks whether the run was cancelled."""

_POOL_PAUSE = 0.1
"""Seconds until a call asks again for a place in a pool that other processes fill."""

_LAST_WAIT = 1.0
"""Seconds that an interrupted run gives to what is about to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a loop works through: the machine, and what each step number stands for."""

    run_id: str
    machine: Machine
    assets: Sequence[AssetSteps]
    known: KnownSlots


@dataclass(slots=True)
class _Call:
    """One call under way: a task of an executor."""

    owner: AssetSteps
    steps: tuple[int, ...]
    needs: Mapping[int, Needs]
    attempt: int
    began: float
    held: Held


@dataclass(slots=True)
class _Renewed:
    """What another run published meanwhile, by asset, and which steps it concerns."""

    known: dict[AssetKey, KnownSlots] = field(default_factory=dict)
    steps: set[int] = field(default_factory=set)


class Loop:
    """Works through the steps of one run."""

    def __init__(
        self,
        work: Workload,
        environment: Environment,
        recorder: Recorder,
        notes: Notes,
        holdings: Holdings,
    ) -> None:
        self._work, self._machine = work, work.machine
        self._firsts = [asset.first for asset in work.assets]
        self._environment, self._executor = environment, environment.executor
        self._recorder, self._notes, self._holdings = recorder, notes, holdings
        self._calls: dict[int, _Call] = {}
        self._attempts: dict[int, int] = {}
        self._renewed = _Renewed()
        self._tasks = 0
        self._pools = Pools(environment.place.private, environment.pools)
        self._approvals = Approvals(environment, work.run_id, notes)
        self._now = environment.clock()
        self._logs = str(environment.place.private / "logs" / work.run_id)
        self._cancelled = False

    def reuse(self, plan: PlanData) -> None:
        """Look again at what other runs published after the plan was made, before building it."""
        for owner in self._work.assets:
            key = owner.asset.key
            if key in plan.request.forced:
                continue
            if changed := changed_since(plan, self._work.known, key):
                self._renewed.known[key] = self._work.known
                self._renewed.steps |= {
                    owner.first + place
                    for place, ordinal in enumerate(owner.ordinals)
                    if ordinal in changed
                }

    def run(self) -> bool:
        """Work until every step has ended; return whether the run was cancelled."""
        machine = self._machine
        while not machine.finished:
            if self._recorder.cancel_asked.is_set() and not self._cancelled:
                self._cancelled = True
                self._tell(CancelAsked())
            due = machine.next_due
            if due is not None and monotonic() >= due:
                self._tell(TimeReached(monotonic()))
            while machine.startable and (room := self._room()) > 0:
                self._tell(Room(room))
            self._wait()
        return self._cancelled

    def give_up(self) -> None:
        """Stop what runs at once, and note all that is not done as cancelled."""
        self._cancelled = True
        self._tell(CancelAsked())
        end = monotonic() + _LAST_WAIT
        while self._calls and (found := self._executor.wait(max(0.0, end - monotonic()))):
            for done in found:
                self._take_in(done)
        self._executor.stop(kill=True)
        for call in tuple(self._calls.values()):
            call.held.give_back()
            for step in call.steps:
                if self._machine.state_of(step) == State.RUNNING:
                    self._stopped(step, call)
        self._calls.clear()

    def _room(self) -> int:
        """Return how many more calls may be under way."""
        capacity, most = self._executor.capacity, self._environment.max_concurrency
        return (capacity if most is None else min(capacity, most)) - len(self._calls)

    def _wait(self) -> None:
        """Wait for a worker, or for the next step that is due."""
        due = self._machine.next_due
        pause = None if due is None else max(0.0, due - monotonic())
        if self._calls:
            longest = _LOOK_AROUND if pause is None else min(pause, _LOOK_AROUND)
            for done in self._executor.wait(longest):
                self._take_in(done)
        elif pause is not None:
            self._recorder.cancel_asked.wait(pause)
        elif not self._machine.finished and not self._machine.startable:
            raise AssertionError("steps are left, but none can start and none is running")

    def _tell(self, event: Event) -> None:
        for command in self._machine.handle(event):
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Start(steps):
                self._begin(steps)
            case Block(step, culprit):
                reason = f"{self._name_of(culprit)} did not succeed"
                self._end(step, Outcome.BLOCKED, reason)
            case Drop(steps):
                reason = "the run was cancelled" if self._cancelled else "a step failed before"
                for step in steps:
                    self._end(step, Outcome.CANCELLED, reason)
            case Stop():
                for task_id in self._calls:
                    self._executor.cancel(task_id)

    def _begin(self, steps: tuple[int, ...]) -> None:
        """Start a call, with those of its steps that have to run and can."""
        owner = self._owner_of(steps[0])
        if owner.asset.together is not None:
            self._begin_several(steps)
            return
        if self._wait_for_others(owner, steps):
            return
        needs: dict[int, Needs] = {}
        for step in steps:
            found = self._needs_of(owner, step)
            if found is not None and not self._skips(owner, step, found):
                needs[step] = found
        if needs:
            self._submit(owner, needs)

    def _begin_several(self, steps: tuple[int, ...]) -> None:
        """Start a call of a function that makes several assets.

        Where it makes all or none, a slot is only skipped if the others of its partition are.
        """
        owners = {step: self._owner_of(step) for step in steps}
        for owner in dict.fromkeys(owners.values()):
            if self._wait_for_others(owner, [one for one in steps if owners[one] is owner], steps):
                return
        found = {step: self._needs_of(owners[step], step) for step in steps}
        needs = {step: need for step, need in found.items() if need is not None}
        skips = {step: self._reason_to_skip(owners[step], step, needs[step]) for step in needs}
        together = owners[steps[0]].asset.together
        if together is not None and not together.can_subset:
            ordinals = {step: owners[step].ordinals[step - owners[step].first] for step in needs}
            made = {ordinals[step] for step, reason in skips.items() if reason is None}
            skips = {step: why for step, why in skips.items() if ordinals[step] not in made}
        for step, reason in skips.items():
            if reason is not None:
                self._skip(step, reason)
                del needs[step]
        if needs:
            self._submit(owners[steps[0]], needs)

    def _needs_of(self, owner: AssetSteps, step: int) -> Needs | None:
        """Return what a step needs; None where it cannot run, which is noted."""
        found = owner.find_needs(step)
        if isinstance(found, Needs):
            return found
        self._end(step, Outcome.BLOCKED, found.reason)
        self._tell(Refused(step))
        return None

    def _wait_for_others(
        self, owner: AssetSteps, steps: Sequence[int], call: Sequence[int] = ()
    ) -> bool:
        """Put a call off while another run holds any of its slots: *steps* of this owner."""
        key = owner.asset.key
        ordinals = [owner.ordinals[step - owner.first] for step in steps]
        if not any(self._holdings.is_held(key, ordinal) for ordinal in ordinals):
            return False
        grant, ours = self._holdings.ask_again(key)
        if grant is not None and len(ours):
            self._recorder.fence = grant.fence
            self._renew(owner, set(ours.tolist()))
        if not any(self._holdings.is_held(key, ordinal) for ordinal in ordinals):
            return False
        self._tell(Deferred(tuple(call or steps), self._holdings.next_question))
        return True

    def _renew(self, owner: AssetSteps, ordinals: set[int]) -> None:
        """Take in what another run has published of slots that were its own until now."""
        known = read_published(self._environment.catalog, owner.asset.key)
        self._renewed.known[owner.asset.key] = known
        columns = known.columns(owner.asset.key)
        for row, ordinal in enumerate(columns.ordinal.tolist()):
            if ordinal in ordinals:
                position = owner.positions[owner.ordinals.index(ordinal)]
                owner.own.publish(
                    position,
                    join_version(int(columns.version_hi[row]), int(columns.version_lo[row])),
                    time_of(int(columns.data_time[row])),
                )
        for place, ordinal in enumerate(owner.ordinals):
            if ordinal in ordinals:
                self._renewed.steps.add(owner.first + place)

    def _skips(self, owner: AssetSteps, step: int, needs: Needs) -> bool:
        """End a step without a call where its slot turns out to be up to date."""
        reason = self._reason_to_skip(owner, step, needs)
        if reason is not None:
            self._skip(step, reason)
        return reason is not None

    def _skip(self, step: int, reason: str) -> None:
        self._end(step, Outcome.SKIPPED, reason)
        self._tell(Succeeded(step))

    def _reason_to_skip(self, owner: AssetSteps, step: int, needs: Needs) -> str | None:
        key = owner.asset.key
        if step in self._renewed.steps:
            known, reason = self._renewed.known[key], "another run made it meanwhile"
        elif owner.maybe[step - owner.first]:
            known, reason = self._work.known, "its inputs did not change"
        else:
            return None
        current = owner.is_current(step, needs, known.columns(key), known.bases)
        return reason if current else None

    def _submit(self, owner: AssetSteps, needs: Mapping[int, Needs]) -> None:
        if owner.asset.requires_approval and not (needs := self._approved(needs)):
            return
        owners = [self._owner_of(step) for step in needs] if owner.asset.together else ()
        owner = owners[0] if owners else owner
        steps = tuple(needs)
        held = self._pools.take(owner.asset.pool)
        if held is None:
            self._tell(Deferred(steps, monotonic() + _POOL_PAUSE))
            return
        number = 1 + max(self._attempts.get(step, 0) for step in steps)
        for step in steps:
            self._attempts[step] = number
            if self._notes.watched:
                self._notes.started(self._slot(self._owner_of(step), step), number)
        attempt = Attempt(
            run_id=self._work.run_id,
            number=number,
            now=self._now,
            logs=self._logs,
            local=self._executor.in_process,
        )
        task = owner.make_task(steps, tuple(needs.values()), attempt, owners)
        self._tasks += 1
        self._calls[self._tasks] = _Call(owner, steps, needs, number, monotonic(), held)
        here = self._executor.in_process
        demands = NO_DEMANDS if here else owner.demands(len(steps), log_path(task))
        self._executor.submit(self._tasks, run_step, task, demands)

    def _approved(self, needs: Mapping[int, Needs]) -> Mapping[int, Needs]:
        """Return those of a call's steps that a person let go on; none while one of them waits."""
        standing: dict[int, ApprovalStatus] = {}
        for step, need in needs.items():
            owner = self._owner_of(step)
            print_ = fingerprint(owner.basis, need.digests)
            standing[step] = self._approvals.standing_of(self._slot(owner, step), print_)
            if standing[step] is ApprovalStatus.REJECTED:
                self._tell(Failed(step))
        left = [step for step, found in standing.items() if found is not ApprovalStatus.REJECTED]
        if ApprovalStatus.AWAITING in standing.values():
            self._tell(Deferred(tuple(left), self._approvals.next_look))
            return {}
        return {step: needs[step] for step in left}

    def _take_in(self, done: Done) -> None:
        call = self._calls.pop(done.task_id)
        call.held.give_back()
        if done.error is not None:
            self._take_in_error(call, done)
            return
        result: StepResult = done.value
        log = self._log_of(call) if result.logged else None
        if log and result.log:
            add_to_log(self._environment.place.private / log, result.log)
        again: list[int] = []
        for slot in result.slots:
            if slot.failure is not None and self._note_failure(call, slot.step, slot.failure, log):
                again.append(slot.step)
            elif slot.made is not None:
                self._note_made(call, slot, log)
        self._try_again(call, again)

    def _take_in_error(self, call: _Call, done: Done) -> None:
        """Take in that an executor could not do a task, or lost its worker."""
        error = done.error or WorkerLost("its worker was lost")
        log = self._log_of(call) if isinstance(error, StepTimeout) else None
        if self._cancelled or isinstance(error, StepCancelled):
            for step in call.steps:
                self._stopped(step, call)
            return
        policy = call.owner.asset.retry
        failure = Failure.of(
            trim(error), again=policy is not None and policy.retries(error, call.attempt)
        )
        again = [step for step in call.steps if self._note_failure(call, step, failure, log)]
        self._try_again(call, again)

    def _note_made(self, call: _Call, slot: SlotResult, log: str | None) -> None:
        made = slot.made
        if made is None:
            return
        owner = self._owner_of(slot.step)
        place = slot.step - owner.first
        owner.own.publish(owner.positions[place], made.data_version, made.data_time)
        owner.learn(made)
        ending = Ending(attempt=call.attempt, duration=made.duration, log=log)
        self._notes.made(self._slot(owner, slot.step), made, ending)
        self._attempts.pop(slot.step, None)
        self._approvals.spend(owner.asset.key, owner.texts[place])
        self._tell(Succeeded(slot.step))

    def _note_failure(self, call: _Call, step: int, failure: Failure, log: str | None) -> bool:
        """Note a failed attempt; return whether it is to be tried again."""
        again = failure.again and not self._cancelled
        ending = Ending(
            attempt=call.attempt,
            duration=monotonic() - call.began,
            log=log,
            reason=f"{failure.error_type}: {failure.message.strip().partition(chr(10))[0]}",
        )
        owner = self._owner_of(step)
        print_ = fingerprint(owner.basis, call.needs[step].digests)
        slot = self._slot(owner, step)
        self._notes.failed(slot, failure, ending, fingerprint=print_, final=not again)
        if not again:
            self._tell(Failed(step))
        return again

    def _try_again(self, call: _Call, steps: Sequence[int]) -> None:
        policy = call.owner.asset.retry
        if not steps or policy is None:
            return
        # Spreading retries out needs no secrecy.
        delay = policy.delay_before(call.attempt + 1, random.random())  # noqa: S311
        self._tell(Deferred(tuple(steps), monotonic() + delay))

    def _stopped(self, step: int, call: _Call) -> None:
        ending = Ending(
            attempt=call.attempt, duration=monotonic() - call.began, reason="the run was cancelled"
        )
        self._notes.ended(self._slot(self._owner_of(step), step), Outcome.CANCELLED, ending)
        self._tell(Stopped(step))

    def _log_of(self, call: _Call) -> str:
        """Return where the log of a call lies, relative to the private folder."""
        step, owner = call.steps[0], call.owner
        name = log_name(step, owner.asset.key, owner.texts[step - owner.first])
        return f"logs/{self._work.run_id}/{name}"

    def _end(self, step: int, outcome: Outcome, reason: str) -> None:
        attempt = self._attempts.pop(step, 0)
        slot = self._slot(self._owner_of(step), step)
        self._notes.ended(slot, outcome, Ending(attempt=attempt, reason=reason))

    def _owner_of(self, step: int) -> AssetSteps:
        return self._work.assets[bisect_right(self._firsts, step) - 1]

    def _slot(self, owner: AssetSteps, step: int) -> SlotName:
        key, row = owner.asset.key, step - owner.first
        return SlotName(key, owner.texts[row], owner.ordinals[row], owner.key_of(step))

    def _name_of(self, step: int) -> str:
        owner = self._owner_of(step)
        return slot_name(owner.asset.key, owner.key_of(step))
