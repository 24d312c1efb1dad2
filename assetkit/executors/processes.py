"""The process executor: steps in worker processes that stay warm from run to run.

Rule 1: workers are started fresh, never forked, so that the threads of Arrow and
DuckDB are safe; functions of notebooks travel by value.
Rule 2: each worker is a pool of its own, so that one that dies or is stopped takes
its own step along and no other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import cloudpickle
from loky.process_executor import ProcessPoolExecutor

from assetkit.errors import StepCancelled, StepError, WorkerLost
from assetkit.executors.base import Done, checked_workers, finished

IDLE_SECONDS = 60
"""After so long without work, a worker process ends; the next step starts a new one."""

_EXIT_CODES = re.compile(r"\{(.*)\}")


class ProcessExecutor:
    """Run up to *workers* steps at once, each in a process of its own (None: one per core)."""

    in_process = False

    def __init__(self, workers: int | None = None) -> None:
        count = (os.cpu_count() or 1) if workers is None else workers
        self._workers = [_Worker() for _ in range(checked_workers("ProcessExecutor", count))]
        self._busy: dict[int, _Worker] = {}
        self._ended: SimpleQueue[tuple[int, Future[bytes] | None]] = SimpleQueue()
        self._cancelled: set[int] = set()

    @property
    def capacity(self) -> int:
        return len(self._workers)

    def start(self) -> None:
        self._busy, self._cancelled = {}, set()
        self._ended = SimpleQueue()

    def submit(self, task_id: int, function: Callable[[Any], Any], task: Any) -> None:
        worker = next(one for one in self._workers if one not in self._busy.values())
        self._busy[task_id] = worker
        try:
            packed = cloudpickle.dumps((function, task))
        except Exception as error:
            failed: Future[bytes] = Future()
            failed.set_exception(_unfit(error, "sent to"))
            self._ended.put((task_id, failed))
            return
        worker.submit(packed).add_done_callback(partial(_announce, self._ended, task_id))

    def wait(self, timeout: float | None) -> Sequence[Done]:
        if not self._busy:
            return ()
        found: list[Done] = []
        try:
            found.append(self._outcome(*self._ended.get(timeout=timeout)))
            while True:
                found.append(self._outcome(*self._ended.get_nowait()))
        except Empty:
            return found

    def cancel(self, task_id: int) -> None:
        """Kill the worker of a running task."""
        if task_id in self._busy:
            self._cancelled.add(task_id)
            self._busy[task_id].kill()

    def stop(self, *, kill: bool = False) -> None:
        """Let the workers rest, warm for the next run; with *kill*, end those that are busy."""
        busy, self._busy = list(self._busy.values()), {}
        for worker in busy:
            worker.kill()
        if kill:
            for worker in self._workers:
                worker.kill()

    def _outcome(self, task_id: int, future: Future[bytes] | None) -> Done:
        worker = self._busy.pop(task_id)
        cancelled = task_id in self._cancelled
        self._cancelled.discard(task_id)
        error = None if future is None or future.cancelled() else future.exception()
        if cancelled and (future is None or future.cancelled() or error is not None):
            return Done(task_id, error=StepCancelled("The step was stopped."))
        if future is None or future.cancelled() or isinstance(error, BrokenExecutor):
            worker.kill()
            return Done(task_id, error=_lost(error), lost=True)
        if error is not None:
            return Done(task_id, error=error)
        return Done(task_id, value=cloudpickle.loads(future.result()))

    def __repr__(self) -> str:
        return f"ProcessExecutor({len(self._workers)})"


class _Worker:
    """One worker process; a new one is started when it is needed again after an end."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, packed: bytes) -> Future[bytes]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, timeout=IDLE_SECONDS)
        future: Future[bytes] = self._pool.submit(_work, packed)
        return future

    def kill(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, kill_workers=True)


def _work(packed: bytes) -> bytes:
    """Do a task, in the worker."""
    function, task = cloudpickle.loads(packed)
    result = finished(function(task))
    try:
        content: bytes = cloudpickle.dumps(result)
    except Exception as error:
        raise _unfit(error, "returned from") from error
    return content


def _announce(
    ended: SimpleQueue[tuple[int, Future[bytes] | None]], task_id: int, future: Future[bytes]
) -> None:
    ended.put((task_id, future))


def _unfit(error: Exception, way: str) -> StepError:
    return StepError(
        f"The step cannot be {way} a worker process: {type(error).__name__}: {error}. Open such "
        "things (connections, locks, files) inside of the function, or use ThreadExecutor."
    )


def _lost(error: BaseException | None) -> WorkerLost:
    found = _EXIT_CODES.search(str(error))
    reason = f" ({found.group(1)})" if found else ""
    hint = " It may have run out of memory." if "KILL" in reason else ""
    return WorkerLost(f"The worker process died{reason}.{hint} What was published before stays.")
