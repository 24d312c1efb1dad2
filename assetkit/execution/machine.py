"""The state machine of a run: events in, commands out.

Rule 1: everything that decides which step may start lives here and in `ready`; what a step is,
where it runs and what time it is are not known here. Steps are integers.
Rule 2: a state changes only as `TRANSITIONS` says; anything else is a mistake in
the runner and raises.
Rule 3: the cost of an event is that of the arcs it clears, whatever the size of the run.

A node of the waiting graph sends two notices to those who wait for it: `BREAK` when
it is known to fail (at once, so that what cannot run is told early) and `END`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, TypeAlias

import numpy as np

from assetkit.execution.ready import Calls, Ready, StepPools
from assetkit.execution.states import Change, State
from assetkit.execution.waiting import WaitingGraph

TRANSITIONS: dict[tuple[int, int], State] = {
    (State.WAITING, Change.CLEAR): State.READY,
    (State.WAITING, Change.BLOCK): State.BLOCKED,
    (State.WAITING, Change.CANCEL): State.CANCELLED,
    (State.READY, Change.START): State.RUNNING,
    (State.READY, Change.CANCEL): State.CANCELLED,
    (State.RUNNING, Change.SUCCEED): State.DONE,
    (State.RUNNING, Change.FAIL): State.FAILED,
    (State.RUNNING, Change.REST): State.RESTING,
    (State.RUNNING, Change.BLOCK): State.BLOCKED,
    (State.RUNNING, Change.CANCEL): State.CANCELLED,
    (State.RESTING, Change.WAKE): State.READY,
    (State.RESTING, Change.CANCEL): State.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Room:
    """Event: *count* more calls may be started."""

    count: int


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Event: a step is done; its value is there, new or as it was."""

    step: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Event: a step failed and is not tried again."""

    step: int


@dataclass(frozen=True, slots=True)
class Deferred:
    """Event: steps of one call are to be started again at *until* (seconds of the runner)."""

    steps: tuple[int, ...]
    until: float


@dataclass(frozen=True, slots=True)
class Refused:
    """Event: a started step cannot run, as too little of what it needs is there."""

    step: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """Event: a running step was stopped on request."""

    step: int


@dataclass(frozen=True, slots=True)
class TimeReached:
    """Event: it is *now*, in seconds of the runner's clock."""

    now: float


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Event: nothing more is to start, and what runs is to stop."""


Event: TypeAlias = (
    Room | Succeeded | Failed | Deferred | Refused | Stopped | TimeReached | CancelAsked
)


@dataclass(frozen=True, slots=True)
class Start:
    """Command: start these steps, in one call."""

    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Command: note that a step cannot run, because *culprit* failed."""

    step: int
    culprit: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Command: note that these steps were never started."""

    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """Command: stop these running steps; each still ends by an event."""

    steps: tuple[int, ...]


Command: TypeAlias = Start | Block | Drop | Stop


class Machine:
    """Decides what may start; feed it events with `handle` and carry out what it returns.

    With *stop_on_failure*, nothing more is started after the first failure.
    *pools* keeps the number of running calls of some steps down; of the steps that could
    start, those of the lowest *ranks* do (None: the first ones).
    """

    def __init__(
        self,
        graph: WaitingGraph,
        *,
        stop_on_failure: bool = False,
        pools: StepPools | None = None,
        ranks: Sequence[int] | None = None,
    ) -> None:
        self._slots = graph.slots
        self._waits: list[int] = graph.waits.tolist()
        self._offsets = memoryview(np.ascontiguousarray(graph.offsets).data)
        self._targets = memoryview(np.ascontiguousarray(graph.targets).data)
        self._state = bytearray(graph.slots)
        self._culprit: dict[int, int] = {}
        self._calls = Calls(graph)
        self._ready = Ready(pools, ranks)
        self._resting: list[tuple[float, tuple[int, ...]]] = []
        self._open = graph.slots
        self._running = 0
        self._stop_on_failure = stop_on_failure
        self._closed = False
        self._handlers: dict[type, Callable[[Any, list[Command]], None]] = {
            Room: self._on_room,
            Succeeded: self._on_succeeded,
            Failed: self._on_failed,
            Deferred: self._on_deferred,
            Refused: self._on_refused,
            Stopped: self._on_stopped,
            TimeReached: self._on_time,
            CancelAsked: self._on_cancel,
        }
        for step in np.flatnonzero(graph.waits[: graph.slots] == 0).tolist():
            self._clear(step)

    @property
    def finished(self) -> bool:
        """True once every step has ended."""
        return self._open == 0

    @property
    def startable(self) -> bool:
        """True where a call could start now, given room."""
        return self._ready.startable

    @property
    def running(self) -> int:
        """How many steps are running."""
        return self._running

    @property
    def next_due(self) -> float | None:
        """When the next resting step is due, in seconds of the runner's clock."""
        return self._resting[0][0] if self._resting else None

    def state_of(self, step: int) -> State:
        """Return where a step stands."""
        return State(self._state[step])

    def handle(self, event: Event) -> Sequence[Command]:
        """Take an event in and return what is to be done, in order."""
        commands: list[Command] = []
        self._handlers[type(event)](event, commands)
        return commands

    def _on_room(self, event: Room, commands: list[Command]) -> None:
        for _ in range(event.count):
            steps = self._ready.pop()
            if not steps:
                return
            for step in steps:
                self._change(step, Change.START)
            commands.append(Start(steps))

    def _on_succeeded(self, event: Succeeded, commands: list[Command]) -> None:
        self._change(event.step, Change.SUCCEED)
        self._notify(event.step, commands)

    def _on_failed(self, event: Failed, commands: list[Command]) -> None:
        self._change(event.step, Change.FAIL)
        self._culprit[event.step] = event.step
        self._notify(event.step, commands)
        if self._stop_on_failure:
            self._close(commands)

    def _on_refused(self, event: Refused, commands: list[Command]) -> None:
        self._change(event.step, Change.BLOCK)
        self._culprit[event.step] = event.step
        self._notify(event.step, commands)

    def _on_stopped(self, event: Stopped, commands: list[Command]) -> None:
        self._change(event.step, Change.CANCEL)
        self._close(commands)

    def _on_deferred(self, event: Deferred, commands: list[Command]) -> None:
        for step in event.steps:
            self._change(step, Change.REST)
        heappush(self._resting, (event.until, event.steps))
        if self._closed:
            self._close(commands)

    def _on_time(self, event: TimeReached, commands: list[Command]) -> None:
        while self._resting and self._resting[0][0] <= event.now:
            _, steps = heappop(self._resting)
            for step in steps:
                self._change(step, Change.WAKE)
            self._ready.push(steps)

    def _on_cancel(self, event: CancelAsked, commands: list[Command]) -> None:
        self._close(commands)
        if running := tuple(self._steps_in(State.RUNNING)):
            commands.append(Stop(running))

    def _close(self, commands: list[Command]) -> None:
        """Give up all steps that have not started."""
        self._closed = True
        dropped = [
            step
            for state in (State.WAITING, State.READY, State.RESTING)
            for step in self._steps_in(state)
        ]
        for step in dropped:
            self._change(step, Change.CANCEL)
        self._ready.clear()
        self._resting.clear()
        if dropped:
            commands.append(Drop(tuple(sorted(dropped))))

    def _steps_in(self, state: State) -> list[int]:
        states = np.frombuffer(self._state, dtype=np.uint8)
        found: list[int] = np.flatnonzero(states == state).tolist()
        return found

    def _change(self, step: int, change: Change) -> None:
        before = self._state[step]
        after = TRANSITIONS.get((before, change))
        if after is None:
            raise AssertionError(f"step {step}: {change.name} does not fit {State(before).name}")
        self._state[step] = after
        self._running += (after == State.RUNNING) - (before == State.RUNNING)
        if before == State.RUNNING:
            self._ready.ended(step)
        self._open -= after >= State.DONE

    def _notify(self, ended: int, commands: list[Command]) -> None:
        """Tell all who wait for *ended*, and go on with those that this ends in turn."""
        notices = deque([(ended, True)] if ended in self._culprit else [])
        notices.append((ended, False))
        while notices:
            node, breaks = notices.popleft()
            arcs = self._targets[self._offsets[node] : self._offsets[node + 1]]
            for arc in arcs:
                if breaks:
                    self._break(node, arc, notices, commands)
                else:
                    self._end(node, arc, notices)

    def _break(
        self, node: int, arc: int, notices: deque[tuple[int, bool]], commands: list[Command]
    ) -> None:
        """Tell the target of *arc* that *node* fails."""
        if arc < 0 or arc in self._culprit:
            return
        if arc >= self._slots:
            self._culprit[arc] = self._culprit[node]
            notices.append((arc, True))
            return
        if self._state[arc] != State.WAITING:
            return
        self._culprit[arc] = self._culprit[node]
        self._change(arc, Change.BLOCK)
        commands.append(Block(arc, self._culprit[arc]))
        self._settle(arc)
        notices.append((arc, True))
        notices.append((arc, False))

    def _end(self, node: int, arc: int, notices: deque[tuple[int, bool]]) -> None:
        """Tell the target of *arc* that *node* has ended."""
        target = ~arc if arc < 0 else arc
        self._waits[target] -= 1
        if self._waits[target]:
            return
        if target >= self._slots:
            notices.append((target, False))
        elif self._state[target] == State.WAITING:
            self._clear(target)

    def _clear(self, step: int) -> None:
        self._change(step, Change.CLEAR)
        self._settle(step)

    def _settle(self, step: int) -> None:
        """Make a step's call ready once none of its steps waits any more."""
        if steps := self._calls.settle(step, self._state):
            self._ready.push(steps)
