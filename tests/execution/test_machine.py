"""The state machine of a run, held against a model that recomputes everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    State,
    Stop,
    Stopped,
    Succeeded,
    TimeReached,
)
from assetkit.execution.waiting import WaitingGraph

ENDED = {State.DONE, State.FAILED, State.BLOCKED, State.CANCELLED}


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


@given(graphs(), st.data())
def test_machine_agrees_with_the_model(drawn, data):
    """Whatever the graph and the order of events, just what is clear starts, and all ends."""
    slots, arcs = drawn
    machine, model = Machine(graph_of(slots, arcs)), Model(slots, arcs)
    running, deferred, blocked = set(), set(), set()
    now = 0.0
    for _ in range(10 * slots + 10):
        if machine.finished:
            break
        choices = ["room"] * bool(machine.startable) + ["end", "defer"] * bool(running)
        choices += ["time"] * bool(deferred)
        choice = data.draw(st.sampled_from(choices))
        if choice == "room":
            commands = machine.handle(Room(data.draw(st.integers(1, 3))))
            for command in commands:
                assert isinstance(command, Start)
                running |= set(command.steps)
        elif choice == "time":
            now += 1.0
            machine.handle(TimeReached(now))
            deferred.clear()
        else:
            step = data.draw(st.sampled_from(sorted(running)))
            running.discard(step)
            if choice == "defer":
                deferred.add(step)
                machine.handle(Deferred((step,), now + 0.5))
                continue
            kind = data.draw(st.sampled_from([Succeeded, Failed, Refused]))
            model.ended[step] = kind is Succeeded
            for command in machine.handle(kind(step)):
                assert isinstance(command, Block)
                blocked.add(command.step)
        assert model.blocked() == blocked
        waiting = {s for s in range(slots) if machine.state_of(s) == State.READY}
        assert model.clear() == running | deferred | waiting
        assert machine.running == len(running)
    while not machine.finished:
        for command in machine.handle(Room(slots)) or machine.handle(TimeReached(now + 1)):
            running |= set(command.steps)
        for step in sorted(running):
            machine.handle(Succeeded(step))
        running.clear()
    assert all(machine.state_of(step) in ENDED for step in range(slots))


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
    """A call waits until each of its steps is ready or out, and starts with those that are ready."""
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
