"""The state machine of a run, held against a model that recomputes everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from assetkit.execution.machine import (
    Block,
    CancelAsked,
    Deferred,
    Drop,
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
from assetkit.execution.states import State
from assetkit.execution.waiting import WaitingGraph


def graph_of(slots, arcs, calls=None):
    """Make a waiting graph of (source, target, soft) triples, without barriers."""
    ordered = sorted(arcs)
    offsets = np.zeros(slots + 1, dtype=np.int64)
    waits = np.zeros(slots, dtype=np.int64)
    for source, target, _soft in ordered:
        offsets[source + 1] += 1
        waits[target] += 1
    return WaitingGraph(
        slots=slots,
        waits=waits,
        offsets=np.cumsum(offsets),
        targets=np.array([~t if soft else t for _, t, soft in ordered], dtype=np.int64),
        calls=None if calls is None else np.array(calls, dtype=np.int64),
    )


class Model:
    """What must hold, computed anew from the arcs and what happened so far."""

    def __init__(self, slots, arcs):
        self.slots, self.arcs = slots, arcs
        self.ended: dict[int, bool] = {}

    def blocked(self):
        """Return the steps that cannot run any more, as something that they need failed."""
        found = set()
        for step in range(self.slots):
            needs = [source for source, target, soft in self.arcs if target == step and not soft]
            if any(self.ended.get(one) is False or one in found for one in needs):
                found.add(step)
        return found

    def clear(self):
        """Return the steps that nothing holds up."""
        over = set(self.ended) | self.blocked()
        return {
            step
            for step in range(self.slots)
            if step not in over and all(s in over for s, t, _ in self.arcs if t == step)
        }


@st.composite
def graphs(draw):
    """Draw a small graph whose arcs go from lower to higher steps."""
    slots = draw(st.integers(1, 9))
    pairs = [(s, t) for t in range(slots) for s in range(t)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return slots, [(s, t, draw(st.booleans())) for s, t in chosen]


class AgainstTheModel(RuleBasedStateMachine):
    """Any graph and any order of events: just what is clear starts, and all ends."""

    @initialize(drawn=graphs())
    def begin(self, drawn):
        self.slots, arcs = drawn
        self.machine, self.model = Machine(graph_of(self.slots, arcs)), Model(self.slots, arcs)
        self.running, self.resting, self.blocked = set(), set(), set()
        self.now = 0.0

    @rule(count=st.integers(1, 3))
    def give_room(self, count):
        for command in self.machine.handle(Room(count)):
            assert isinstance(command, Start)
            self.running |= set(command.steps)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), kind=st.sampled_from([Succeeded, Failed, Refused]))
    def end_a_step(self, data, kind):
        step = data.draw(st.sampled_from(sorted(self.running)))
        self.running.discard(step)
        self.model.ended[step] = kind is Succeeded
        for command in self.machine.handle(kind(step)):
            assert isinstance(command, Block)
            self.blocked.add(command.step)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def put_a_step_off(self, data):
        step = data.draw(st.sampled_from(sorted(self.running)))
        self.running.discard(step)
        self.resting.add(step)
        self.machine.handle(Deferred((step,), self.now + 0.5))

    @rule()
    def let_time_pass(self):
        self.now += 1.0
        self.machine.handle(TimeReached(self.now))
        self.resting.clear()

    @invariant()
    def agrees(self):
        ready = {s for s in range(self.slots) if self.machine.state_of(s) == State.READY}
        assert self.model.blocked() == self.blocked
        assert self.model.clear() == self.running | self.resting | ready
        assert len(self.running) == self.machine.running
        ended = len(self.model.ended) + len(self.blocked)
        assert self.machine.finished == (ended == self.slots)

    def teardown(self):
        while hasattr(self, "machine") and not self.machine.finished:
            self.let_time_pass()
            self.give_room(self.slots)
            for step in sorted(self.running):
                self.machine.handle(Succeeded(step))
            self.running.clear()


TestAgainstTheModel = AgainstTheModel.TestCase
TestAgainstTheModel.settings = settings(stateful_step_count=30, max_examples=60)


def test_a_failure_names_its_culprit_down_the_line():
    """What is blocked, however far down, is told which step failed."""
    machine = Machine(graph_of(4, [(0, 1, False), (1, 2, False), (2, 3, False)]))
    machine.handle(Room(1))

    commands = machine.handle(Failed(0))

    assert [Block(1, 0), Block(2, 0), Block(3, 0)] == commands
    assert machine.finished


def test_soft_dependents_wait_for_the_end_only():
    """A step that may do without an input starts once that has failed."""
    machine = Machine(graph_of(2, [(0, 1, True)]))
    machine.handle(Room(2))

    assert machine.handle(Failed(0)) == []
    assert machine.handle(Room(1)) == [Start((1,))]


def test_steps_of_one_call_start_together_without_those_that_are_blocked():
    """A call waits until each of its steps is ready or out, and starts with the ready ones."""
    machine = Machine(graph_of(5, [(0, 2, False), (1, 3, False)], calls=[0, 1, 2, 2, 2]))
    assert machine.handle(Room(9)) == [Start((0,)), Start((1,))]

    assert machine.handle(Failed(1)) == [Block(3, 1)]
    assert machine.handle(Room(9)) == []
    machine.handle(Succeeded(0))

    assert machine.handle(Room(9)) == [Start((2, 4))]


def test_stop_on_failure_starts_nothing_more():
    """After the first failure what runs may end; the rest is dropped."""
    machine = Machine(graph_of(4, []), stop_on_failure=True)
    machine.handle(Room(2))

    assert machine.handle(Failed(0)) == [Drop((2, 3))]
    assert not machine.finished
    machine.handle(Succeeded(1))
    assert machine.finished


def test_cancel_stops_what_runs_and_drops_the_rest():
    """A cancelled run is over once its running steps have ended."""
    machine = Machine(graph_of(4, [(0, 3, False)]))
    machine.handle(Room(2))
    machine.handle(Deferred((1,), 5.0))

    assert machine.handle(CancelAsked()) == [Drop((1, 2, 3)), Stop((0,))]
    machine.handle(Stopped(0))
    assert machine.finished


def test_a_step_that_fails_after_cancel_is_not_put_off():
    """Once cancelled, a step that wanted another attempt is dropped."""
    machine = Machine(graph_of(1, []))
    machine.handle(Room(1))
    machine.handle(CancelAsked())

    assert machine.handle(Deferred((0,), 5.0)) == [Drop((0,))]
    assert machine.finished


def test_an_event_that_does_not_fit_is_refused():
    """A step that never started cannot succeed."""
    machine = Machine(graph_of(1, []))

    with pytest.raises(AssertionError, match="step 0: SUCCEED does not fit READY"):
        machine.handle(Succeeded(0))


def test_deferred_steps_come_back_in_order_of_time():
    """A step that rests is startable once its time has come, and not before."""
    machine = Machine(graph_of(2, []))
    machine.handle(Room(2))
    machine.handle(Deferred((0,), 9.0))
    machine.handle(Deferred((1,), 5.0))

    assert machine.next_due == 5.0
    machine.handle(TimeReached(6.0))
    assert machine.handle(Room(5)) == [Start((1,))]
    assert machine.next_due == 9.0


def test_long_chains_cost_no_stack():
    """A hundred thousand steps in a row are blocked by the first in one go."""
    count = 100_000
    arcs = WaitingGraph(
        slots=count,
        waits=np.minimum(np.arange(count), 1),
        offsets=np.minimum(np.arange(count + 1), count - 1),
        targets=np.arange(1, count),
    )
    machine = Machine(arcs)
    machine.handle(Room(1))

    assert len(machine.handle(Failed(0))) == count - 1
