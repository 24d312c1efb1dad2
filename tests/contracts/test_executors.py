"""What every executor promises to the loop, whichever it is."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from assetkit import Resource, StaticPartitions, Workspace, asset, materialize
from assetkit.errors import (
    InvalidArgument,
    StepCancelled,
    StepError,
    StepTimeout,
    WorkerLost,
)
from assetkit.executors import Demands, InProcessExecutor, ProcessExecutor, ThreadExecutor
from assetkit.executors.batching import Batching

HERE = {"in-process": InProcessExecutor, "threads": partial(ThreadExecutor, 2)}
ELSEWHERE = ["processes", "dask", "ray"]


@pytest.fixture(scope="session")
def process_pool():
    """Return an executor of two warm worker processes."""
    executor = ProcessExecutor(2)
    yield executor
    executor.stop(kill=True)


@pytest.fixture
def find_executor(request):
    """Return what gives an executor by name, started; it is stopped afterwards."""
    started = []

    def find(name):
        fixture = "process_pool" if name == "processes" else f"{name}_cluster"
        executor = HERE[name]() if name in HERE else request.getfixturevalue(fixture)
        executor.start()
        started.append(executor)
        return executor

    yield find
    for executor in started:
        executor.stop()


@pytest.fixture(params=[*HERE, *ELSEWHERE, "batches"])
def executor(request, find_executor):
    """Return each executor in turn, started."""
    if request.param != "batches":
        return find_executor(request.param)
    batches = Batching(find_executor("processes"))
    batches.start()
    return batches


@pytest.fixture(params=ELSEWHERE)
def elsewhere(request, find_executor):
    """Return each executor whose workers are other processes, started."""
    return find_executor(request.param)


def wait_for(executor, count):
    """Return what *count* tasks came to, by task id."""
    found = {}
    while len(found) < count:
        found |= {done.task_id: done for done in executor.wait(30)}
    return found


def test_results_come_back_under_their_ids(executor):
    """Each task comes back once, with what its function returned."""
    waiting, found = list(range(6)), {}
    while len(found) < 6:
        while waiting and 6 - len(waiting) - len(found) < executor.capacity:
            task = waiting.pop()
            executor.submit(task, lambda n: n * 10, task)
        found |= {done.task_id: done.value for done in executor.wait(30)}

    assert {n: n * 10 for n in range(6)} == found


def test_an_exception_is_an_outcome(executor):
    """A function that raises fails its own task; the executor goes on."""

    def divide(by):
        return 1 / by

    executor.submit(1, divide, 0)
    failed = wait_for(executor, 1)[1]
    executor.submit(2, divide, 1)

    assert isinstance(failed.error, ZeroDivisionError)
    assert not failed.lost
    assert wait_for(executor, 1)[2].value == 1


def test_waiting_for_nothing_returns_at_once(executor):
    """With no task under way there is nothing to wait for."""
    assert list(executor.wait(None)) == []


def test_an_executor_can_be_used_for_run_after_run(executor):
    """After `stop`, `start` makes it ready again."""
    executor.stop()
    executor.start()
    executor.submit(1, str, 5)

    assert wait_for(executor, 1)[1].value == "5"


def test_a_task_that_was_not_begun_can_be_taken_back():
    """A cancelled task comes back as cancelled, and its function is not called."""
    executor = InProcessExecutor()
    executor.start()
    executor.submit(1, pytest.fail, "it was called")
    executor.cancel(1)

    assert isinstance(wait_for(executor, 1)[1].error, StepCancelled)


@pytest.mark.parametrize("name", ["threads", "processes"])
def test_a_task_that_waits_for_a_worker_can_be_taken_back(find_executor, name, tmp_path):
    """While two tasks take both workers, the third waits; cancelled, it is never begun."""
    executor, gate, begun = find_executor(name), tmp_path / "gate", tmp_path / "begun"

    def wait_at(_):
        while not gate.exists():
            os.sched_yield()

    executor.submit(1, wait_at, None)
    executor.submit(2, wait_at, None)
    executor.submit(3, Path.touch, begun)
    executor.cancel(3)
    gate.touch()

    assert isinstance(wait_for(executor, 3)[3].error, StepCancelled)
    assert not begun.exists()


class TwoAtOnce(InProcessExecutor):
    """Does its tasks here, as two workers would; notes how many came in each."""

    capacity = 2

    def __init__(self):
        super().__init__()
        self.sizes = []

    def submit(self, task_id, function, task, demands=None):
        self.sizes.append(len(task))
        super().submit(task_id, function, task)


@pytest.mark.parametrize(
    ("count", "sizes"), [(4, [2, 2]), (16, [7, 7, 2]), (1, [1])], ids=["few", "many", "one"]
)
def test_the_more_is_to_be_done_the_longer_the_trips(count, sizes):
    """Of tasks of 16 ms, few are shared out among the workers; many fill trips of 100 ms."""
    workers = TwoAtOnce()
    batches = Batching(workers)
    batches.start()
    for number in range(count):
        batches.submit(number, str, number, Demands(kind="alike", seconds=1 / 64))

    assert {n: str(n) for n in range(count)} == {
        task_id: done.value for task_id, done in wait_for(batches, count).items()
    }
    assert sizes == workers.sizes


def test_threads_run_side_by_side():
    """Two steps that need one another to go on do, in two threads."""
    executor = ThreadExecutor(2)
    executor.start()
    barrier = threading.Barrier(2, timeout=120)
    executor.submit(1, lambda _: barrier.wait() >= 0, None)
    executor.submit(2, lambda _: barrier.wait() >= 0, None)

    assert [True, True] == [done.value for done in wait_for(executor, 2).values()]
    executor.stop()


def test_a_worker_that_dies_is_named_and_replaced(elsewhere):
    """A step whose process is killed is lost with the reason; the other step goes on."""

    def die(_):
        os.kill(os.getpid(), signal.SIGKILL)

    elsewhere.submit(1, die, None)
    elsewhere.submit(2, str, "alive")
    found = wait_for(elsewhere, 2)
    elsewhere.submit(3, str, "again")

    assert found[1].lost
    assert isinstance(found[1].error, WorkerLost)
    assert "died" in str(found[1].error)
    assert found[2].value == "alive"
    assert wait_for(elsewhere, 1)[3].value == "again"


def test_a_worker_process_says_which_signal_ended_it(find_executor):
    """Where the system tells it, the reason is in the message."""
    processes = find_executor("processes")
    processes.submit(1, lambda _: os.kill(os.getpid(), signal.SIGKILL), None)

    assert "SIGKILL" in str(wait_for(processes, 1)[1].error)


def test_a_running_task_can_be_stopped(elsewhere, tmp_path):
    """Cancelling reaches the worker of that task, and only that."""
    begun = tmp_path / "begun"

    def hang(_):
        begun.touch()
        threading.Event().wait(600)

    elsewhere.submit(1, hang, None)
    while not begun.exists():
        elsewhere.wait(0.01)
    elsewhere.cancel(1)
    elsewhere.submit(2, str, "other")
    found = wait_for(elsewhere, 2)

    assert isinstance(found[1].error, StepCancelled)
    assert found[2].value == "other"


def test_a_task_that_takes_too_long_is_stopped(elsewhere, tmp_path):
    """Past its timeout a task ends, its worker is free again, and the log says where it was."""
    log = tmp_path / "step.log"

    def hang(_):
        threading.Event().wait(600)

    elsewhere.submit(1, hang, None, Demands(timeout=0.2, log=str(log)))
    late = wait_for(elsewhere, 1)[1]
    elsewhere.submit(2, str, "next")

    assert isinstance(late.error, StepTimeout)
    assert "hang" in log.read_text(encoding="utf-8")
    assert wait_for(elsewhere, 1)[2].value == "next"


def test_workers_stay_warm_between_runs(elsewhere):
    """The next run finds the processes of the last."""

    def pids():
        for task in range(1, 5):
            elsewhere.submit(task, lambda _: os.getpid(), None)
            yield wait_for(elsewhere, 1)[task].value

    first = set(pids())
    elsewhere.stop()
    elsewhere.start()

    assert first & set(pids())
    assert os.getpid() not in first


def test_what_cannot_travel_is_said_so(elsewhere):
    """A task or a result that cannot be pickled fails with the remedy."""
    elsewhere.submit(1, str, threading.Lock())
    elsewhere.submit(2, lambda _: threading.Lock(), None)
    found = wait_for(elsewhere, 2)

    assert isinstance(found[1].error, StepError)
    assert "cannot be sent to a worker process" in str(found[1].error)
    assert "cannot be returned from a worker process" in str(found[2].error)


@pytest.mark.parametrize("name", ["dask", "ray"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_cpu": 2}, "does not know 'num_cpu'. Did you mean num_cpus"),
        ({"resources": {"quantum": 1}}, "would wait for ever"),
        ({"num_cpus": "two"}, "num_cpus as a number from 0, not 'two'"),
        ({"num_cpus": -1}, "num_cpus as a number from 0, not -1"),
        ({"resources": "GPU"}, "resources as a dict of numbers"),
        ({"resources": {"GPU": "all"}}, "GPU as a number from 0, not 'all'"),
    ],
    ids=["unknown", "nowhere", "text", "negative", "no dict", "no number"],
)
def test_options_that_cannot_be_heeded_are_refused(find_executor, name, options, said):
    """An option that an engine does not know, or a resource that nobody has, is an error."""
    with pytest.raises(InvalidArgument, match=said):
        find_executor(name).check(options)


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_a_task_takes_the_room_that_it_asks_for(find_executor, name):
    """A task that counts for two CPUs leaves no room beside it on two."""
    executor = find_executor(name)
    executor.submit(1, str, "wide", Demands(options={"num_cpus": 2}))

    assert executor.capacity == 1
    assert wait_for(executor, 1)[1].value == "wide"
    assert executor.capacity == 2


@pytest.mark.parametrize("name", [*HERE, *ELSEWHERE])
def test_a_run_comes_to_the_same_everywhere(find_executor, name):
    """Partitions, what is made from all of them, logs and a failure: wherever steps run."""

    @asset(partitions=StaticPartitions(["a", "b", "c"]))
    def letters(context) -> pd.DataFrame:
        context.log.info("making %s", context.partition_key)
        return pd.DataFrame({"letter": [context.partition_key] * 2})

    @asset
    def counted(letters: pd.DataFrame) -> pd.DataFrame:
        return letters.groupby("letter", as_index=False).size()

    @asset
    def broken(counted: pd.DataFrame) -> None:
        raise ValueError(f"{len(counted)} of them")

    with Workspace.temporary(executor=find_executor(name)) as workspace:
        result = materialize(
            [counted, broken], workspace=workspace, progress="none", raise_on_error=False
        )
        log = workspace.core.place.private / workspace.events(result.run_id)["log"][0]

        assert [2, 2, 2] == result.load("counted")["size"].tolist()
        assert len(result.materialized) == 4
        assert "making" in log.read_text(encoding="utf-8")
        assert "3 of them" in str(result.error())


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_a_step_whose_node_was_lost_is_tried_again(find_executor, name, tmp_path):
    """On a cluster, a worker that dies once costs time, and no failure."""
    seen = tmp_path / "seen"

    @asset
    def shaky() -> pd.DataFrame:
        if not seen.exists():
            seen.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return pd.DataFrame({"n": [1]})

    with Workspace.temporary(executor=find_executor(name)) as workspace:
        assert materialize(shaky, workspace=workspace, progress="none").success


def test_what_steps_say_elsewhere_comes_back(find_executor):
    """Where a worker does not see the folder of the run's logs, these come with its results."""
    with Workspace.temporary(executor=find_executor("processes")) as workspace:
        logs = workspace.core.place.private / "logs"

        @asset
        def far_away(context) -> None:
            shutil.rmtree(logs)
            context.log.info("far away")

        @asset(deps=[far_away])
        def silent() -> None:
            """Say nothing."""

        result = materialize(silent, workspace=workspace, progress="none")
        (log,) = workspace.events(result.run_id)["log"].dropna()

        assert "far away" in (workspace.core.place.private / log).read_text(encoding="utf-8")
        assert [log.rpartition("/")[2]] == [path.name for path in logs.rglob("*.log")]


class Connection(Resource):
    """Notes in a folder in which processes it is open, and where it was."""

    folder: Path

    def setup(self):
        (self.folder / f"{os.getpid()} open").touch()

    def teardown(self):
        (self.folder / f"{os.getpid()} open").rename(self.folder / f"{os.getpid()} closed")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_resources_are_torn_down_where_they_were_set_up(find_executor, name, tmp_path):
    """At the end of a run, in each worker, though that stays for the next run."""

    @asset(partitions=StaticPartitions([f"{n}" for n in range(6)]))
    def asked(connection: Connection) -> None:
        """Need the connection."""

    resources = {"connection": Connection(folder=tmp_path)}
    with Workspace.temporary(executor=find_executor(name), resources=resources) as workspace:
        materialize(asked, workspace=workspace, progress="none")

        assert {"closed"} == {path.name.split()[1] for path in tmp_path.iterdir()}


def test_of_small_steps_only_the_one_to_blame_is_lost(find_executor):
    """Where steps travel together and one kills its worker, the others are made all the same."""

    @asset(partitions=StaticPartitions([f"{n:02}" for n in range(60)]))
    def numbers(context) -> None:
        if context.partition_key == "41":
            os.kill(os.getpid(), signal.SIGKILL)

    with Workspace.temporary(executor=find_executor("processes")) as workspace:
        result = materialize(numbers, workspace=workspace, progress="none", raise_on_error=False)

    assert result.failed == [("numbers", "41")]
    assert len(result.materialized) == 59
    assert isinstance(result.error().__cause__, WorkerLost)


def test_a_function_that_cannot_travel_is_refused_before_work_starts(find_executor):
    """What holds a lock cannot go to a worker: no step runs, and the asset is named."""
    lock = threading.Lock()

    @asset
    def first() -> None:
        """Would run."""

    @asset(deps=[first])
    def locked() -> None:
        lock.acquire()

    with Workspace.temporary(executor=find_executor("processes")) as workspace:
        said = r"'locked' .* cannot be sent to a worker process, as it uses lock: TypeError"
        with pytest.raises(StepError, match=said):
            materialize(locked, workspace=workspace, progress="none")
        (run,) = workspace.runs()["run_id"]
        assert workspace.events(run).empty


@pytest.mark.parametrize("make", [ThreadExecutor, ProcessExecutor])
@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "2"])
def test_a_wrong_number_of_workers_is_refused(make, workers):
    """An executor has one worker or more."""
    with pytest.raises(InvalidArgument, match="give the number of workers"):
        make(workers)
