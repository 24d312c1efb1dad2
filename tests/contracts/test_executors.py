"""What every executor promises to the loop, whichever it is."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial

import pytest

from assetkit.errors import InvalidArgument, StepCancelled, StepError, WorkerLost
from assetkit.executors import InProcessExecutor, ProcessExecutor, ThreadExecutor

EXECUTORS = {
    "in-process": InProcessExecutor,
    "threads": partial(ThreadExecutor, 2),
    "processes": partial(ProcessExecutor, 2),
}


@pytest.fixture(params=EXECUTORS)
def executor(request):
    made = EXECUTORS[request.param]()
    made.start()
    yield made
    made.stop(kill=True)


@pytest.fixture
def processes():
    made = ProcessExecutor(2)
    made.start()
    yield made
    made.stop(kill=True)


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


def test_threads_run_side_by_side():
    """Two steps that need one another to go on do, in two threads."""
    executor = ThreadExecutor(2)
    executor.start()
    barrier = threading.Barrier(2, timeout=30)
    executor.submit(1, lambda _: barrier.wait() >= 0, None)
    executor.submit(2, lambda _: barrier.wait() >= 0, None)

    assert [True, True] == [done.value for done in wait_for(executor, 2).values()]
    executor.stop()


def test_a_worker_that_dies_is_named_and_replaced(processes):
    """A step whose process is killed is lost with the reason; the other step goes on."""

    def die(_):
        os.kill(os.getpid(), signal.SIGKILL)

    processes.submit(1, die, None)
    processes.submit(2, str, "alive")
    found = wait_for(processes, 2)
    processes.submit(3, str, "again")

    assert found[1].lost
    assert isinstance(found[1].error, WorkerLost)
    assert "SIGKILL" in str(found[1].error)
    assert found[2].value == "alive"
    assert wait_for(processes, 1)[3].value == "again"


def test_a_running_process_can_be_stopped(processes):
    """Cancelling kills the worker of that task, and only that."""
    processes.submit(1, lambda _: threading.Event().wait(600), None)
    processes.submit(2, str, "other")
    processes.cancel(1)
    found = wait_for(processes, 2)

    assert isinstance(found[1].error, StepCancelled)
    assert found[2].value == "other"


def test_workers_stay_warm_between_runs(processes):
    """The next run finds the process of the last."""
    processes.submit(1, lambda _: os.getpid(), None)
    first = wait_for(processes, 1)[1].value
    processes.stop()
    processes.start()
    processes.submit(1, lambda _: os.getpid(), None)

    assert first == wait_for(processes, 1)[1].value != os.getpid()


def test_what_cannot_travel_is_said_so(processes):
    """A task or a result that cannot be pickled fails with the remedy."""
    processes.submit(1, str, threading.Lock())
    processes.submit(2, lambda _: threading.Lock(), None)
    found = wait_for(processes, 2)

    assert isinstance(found[1].error, StepError)
    assert "cannot be sent to a worker process" in str(found[1].error)
    assert "cannot be returned from a worker process" in str(found[2].error)


@pytest.mark.parametrize("make", [ThreadExecutor, ProcessExecutor])
@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "2"])
def test_a_wrong_number_of_workers_is_refused(make, workers):
    """An executor has one worker or more."""
    with pytest.raises(InvalidArgument, match="give the number of workers"):
        make(workers)
