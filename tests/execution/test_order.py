"""Which of the steps that could start does: that with the longest way to the end."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetkit import Workspace, asset, materialize
from assetkit.definitions.asset import Input
from assetkit.execution.machine import Machine, Room, Start, Succeeded
from assetkit.execution.ranking import seconds_left
from assetkit.execution.ready import StepPools
from assetkit.execution.waiting import WaitingGraph, number_steps


def independent(count):
    """Return a graph of steps that need nothing."""
    none = np.zeros(count, dtype=np.int64)
    return WaitingGraph(
        slots=count,
        waits=none,
        offsets=np.zeros(count + 1, dtype=np.int64),
        targets=none[:0],
    )


def started_by(machine, count):
    """Return the steps that a machine starts, one after another."""
    order = []
    for _ in range(count):
        for command in machine.handle(Room(1)):
            assert isinstance(command, Start)
            order += command.steps
            machine.handle(Succeeded(command.steps[0]))
    return order


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_the_lowest_rank_goes_first_and_of_equals_the_first(ranks):
    """The order in which steps start is that of their ranks, then of their numbers."""
    machine = Machine(independent(len(ranks)), ranks=ranks)

    assert sorted(range(len(ranks)), key=lambda n: (ranks[n], n)) == started_by(machine, len(ranks))


def test_ranks_count_across_pools():
    """A step of a lower rank goes first, whichever pool it is in."""
    pools = StepPools([0, -1, 0], [1])

    assert [2, 1, 0] == started_by(Machine(independent(3), pools=pools, ranks=[2, 1, 0]), 3)


def test_without_ranks_plan_order_stays():
    """Where nothing is known, steps start as the plan lists them."""
    assert [0, 1, 2] == started_by(Machine(independent(3)), 3)


@pytest.mark.parametrize(
    ("letters", "expected"), [("abc", 5.0), ("a", 3.0)], ids=["in-turn", "one"]
)
def test_the_way_to_the_end_is_the_longest_one(world, mappings, letters, expected):
    """Of several ways the longest counts, and slots that need one another count in turn."""
    world.add("top", lambda: 1)
    world.add("quick", lambda top: 1, "top")
    world.add(
        "rolling",
        lambda itself, top: 1,
        Input(parameter="itself", upstream="rolling", mapping=mappings.Same(-1)),
        Input(parameter="top", upstream="top", mapping=mappings.All()),
        letters=letters,
    )
    plan = world.plan()
    left = seconds_left(plan, number_steps(plan), {"top": 2.0, "quick": 0.5, "rolling": 1.0})

    assert left == {"top": expected, "quick": 0.5, "rolling": expected - 2.0}


def test_what_took_long_before_goes_first_the_next_time(tmp_path):
    """The durations of a run say which asset the next one begins with."""
    order = []

    @asset
    def a_quick() -> None:
        order.append("a_quick")

    @asset
    def b_slow() -> None:
        order.append("b_slow")
        threading.Event().wait(0.05)

    with Workspace.temporary() as workspace:
        for _ in range(2):
            materialize([a_quick, b_slow], workspace=workspace, force=True, progress="none")

    assert order == ["a_quick", "b_slow", "b_slow", "a_quick"]
