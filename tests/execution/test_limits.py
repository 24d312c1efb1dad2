"""What keeps steps within bounds: pools, timeouts."""

from __future__ import annotations

import threading

import pytest

from assetkit import RetryPolicy, StaticPartitions, Workspace, asset, materialize
from assetkit.errors import InvalidArgument, MaterializationError, StepTimeout
from assetkit.execution.environment import RunOptions
from assetkit.execution.pools import Pools
from assetkit.execution.runner import run_plan
from assetkit.executors import InProcessExecutor, ProcessExecutor, ThreadExecutor


class Counter:
    """Counts how many calls are under way at once, at most."""

    def __init__(self):
        self.lock, self.now, self.most = threading.Lock(), 0, 0

    def call(self):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        threading.Event().wait(0.02)
        with self.lock:
            self.now -= 1
        return 1


@pytest.mark.parametrize(("limits", "most"), [({"db": 2}, 2), ({}, 1)], ids=["two", "unknown"])
def test_a_pool_keeps_the_number_of_running_steps_down(world, limits, most):
    """Of the steps in a pool, no more run at once than it has places: one where nothing is said."""
    counter = Counter()
    world.executor = ThreadExecutor(4)
    world.add("query", counter.call, letters="abcdefgh", pool="db")
    result = run_plan(world.plan(), world.environment(pools=limits), RunOptions())

    assert len(result.materialized) == 8
    assert counter.most == most


def test_a_full_pool_holds_up_nothing_else(world):
    """Two steps that need one another run side by side, though only one of them has a pool."""
    barrier = threading.Barrier(2, timeout=120)
    world.executor = ThreadExecutor(4)
    world.add("a_query", lambda: barrier.wait() and 1, letters="ab", pool="db")
    world.add("other", lambda: barrier.wait() and 1, letters="ab")

    assert len(world.run().materialized) == 4


def test_a_place_that_another_process_has_is_waited_for(world):
    """A step waits without holding a worker while others have all places of its pool."""
    place = Pools(world.folder / "private", {}).take("db")
    world.executor = InProcessExecutor()
    world.add("first", lambda: 1, pool="db")
    world.add("second", place.give_back)

    assert world.run().materialized == [("second", None), ("first", None)]


def test_places_are_shared_by_all_who_look_at_one_folder(tmp_path):
    """A pool has its places once, whoever takes them; what is given back can be taken again."""
    ours, theirs = Pools(tmp_path, {"db": 2}), Pools(tmp_path, {"db": 2})
    first, second = ours.take("db"), theirs.take("db")

    assert ours.take("db") is None
    second.give_back()
    again = ours.take("db")
    assert again is not None
    for place in (first, again):
        place.give_back()


def test_all_steps_share_the_places_of_a_workspace(tmp_path):
    """The pool of all steps is asked by those in other pools too, and by those in none."""
    ours, theirs = Pools(tmp_path, {"*": 2, "db": 1}), Pools(tmp_path, {"*": 2, "db": 1})
    first, second = ours.take(None), theirs.take("db")

    assert ours.take(None) is None
    first.give_back()
    assert ours.take("db") is None
    third = ours.take(None)
    assert third is not None
    for place in (second, third):
        place.give_back()


@pytest.mark.parametrize(
    ("pools", "said"), [({"*": 2}, {}), ({}, {"max_concurrency": 2})], ids=["workspace", "run"]
)
def test_a_workspace_and_a_run_limit_what_runs_at_once(pools, said):
    """Of steps in no pool, no more run at once than the workspace, or the run, allows."""
    counter = Counter()

    @asset(partitions=StaticPartitions(list("abcdefgh")))
    def step(context) -> None:
        counter.call()

    with Workspace.temporary(pools=pools, executor=ThreadExecutor(4)) as workspace:
        assert materialize(step, workspace=workspace, progress="none", **said).success
    assert counter.most == 2


def test_a_pool_without_places_is_refused(tmp_path):
    """A workspace cannot have a pool in which nothing could ever run."""
    with pytest.raises(InvalidArgument, match="'db'"):
        Workspace(tmp_path, pools={"db": 0})


@pytest.mark.parametrize("most", [0, -1, 1.5, "2", True])
def test_a_number_at_once_that_is_none_is_refused(most):
    """Before anything runs, also where it is no number."""
    with pytest.raises(InvalidArgument, match="max_concurrency"):
        materialize([], max_concurrency=most)


@pytest.mark.parametrize("executor", [InProcessExecutor, ThreadExecutor])
def test_a_result_that_comes_too_late_is_refused(world, executor):
    """In this process a step runs to its end; past its timeout, nothing of it is published."""
    world.executor = executor()
    world.add("slow", lambda: threading.Event().wait(0.05), timeout=0.01)
    result = world.run(raise_on_error=False)

    assert result.failed == [("slow", None)]
    assert isinstance(result.error().__cause__, StepTimeout)
    assert world.manager.values == {}


def test_a_process_is_killed_at_its_timeout_and_the_step_tried_again():
    """A step that hangs in a worker process is stopped; its retry policy applies."""

    @asset(timeout=2.0, retry=RetryPolicy(1, retry_on=TimeoutError))
    def hangs(context):
        if context.attempt == 1:
            threading.Event().wait(600)

    executor = ProcessExecutor(1)
    with Workspace.temporary(executor=executor) as workspace:
        result = materialize(hangs, workspace=workspace, progress="none")
        attempts = workspace.events(result.run_id)
    executor.stop(kill=True)

    assert result.materialized == [("hangs", None)]
    assert any("timeout" in str(message) for message in attempts.to_numpy().ravel())


def test_a_timeout_names_its_limit(world):
    """The error says how long the step may take."""
    world.add("slow", lambda: threading.Event().wait(0.05), timeout=0.01)

    with pytest.raises(MaterializationError, match=r"timeout is 0\.01 s"):
        world.run()
