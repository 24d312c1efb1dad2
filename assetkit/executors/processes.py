"""The process executor: steps in worker processes that stay warm from run to run.

Rule 1: workers are started fresh, never forked, so that the threads of Arrow and
DuckDB are safe; functions of notebooks travel by value.
Rule 2: each worker is a pool of its own, so that one that dies or is stopped takes
its own step along and no other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from loky.process_executor import ProcessPoolExecutor

from assetkit.errors import StepCancelled, StepError, WorkerLost
from assetkit.executors.base import NO_DEMANDS, Demands, Done, checked_workers
from assetkit.executors.packing import packed, timed_out, unpacked, work

IDLE_SECONDS = 60
"""After so long without work, a worker process ends; the next step starts a new one."""

_PATIENCE = 30.0
"""Seconds beyond a timeout after which a worker is killed from here, as it did not end itself."""

_LAST_CALL = 30.0
"""Seconds that a call of `everywhere` may take."""

_EXIT_CODES = re.compile(r"\{(.*)\}")


class ProcessExecutor:
    """Run up to *workers* steps at once, each in a process of its own (None: one per core)."""

    in_process = False
    lost_retries = 0

    def __init__(self, workers: int | None = None) -> None:
        count = (os.cpu_count() or 1) if workers is None else workers
        self._workers = [_Worker() for _ in range(checked_workers("ProcessExecutor", count))]
        self._busy: dict[int, _Busy] = {}
        self._ended: SimpleQueue[tuple[int, Future[bytes] | None]] = SimpleQueue()

    @property
    def capacity(self) -> int:
        return len(self._workers)

    def start(self) -> None:
        self._busy = {}
        self._ended = SimpleQueue()

    def check(self, options: Mapping[str, Any]) -> None:
        """Take any options: they are for engines elsewhere."""

    def submit(
        self,
        task_id: int,
        function: Callable[[Any], Any],
        task: Any,
        demands: Demands = NO_DEMANDS,
    ) -> None:
        taken = {busy.worker for busy in self._busy.values()}
        worker = next(one for one in self._workers if one not in taken)
        self._busy[task_id] = _Busy(worker, monotonic(), demands.timeout)
        try:
            content = packed(function, task)
        except StepError as error:
            failed: Future[bytes] = Future()
            failed.set_exception(error)
            self._ended.put((task_id, failed))
            return
        future = worker.submit(content, demands.timeout, demands.log)
        future.add_done_callback(partial(_announce, self._ended, task_id))

    def wait(self, timeout: float | None) -> Sequence[Done]:
        if not self._busy:
            return ()
        found: list[Done] = []
        try:
            found.append(self._outcome(*self._ended.get(timeout=self._until_overdue(timeout))))
            while True:
                found.append(self._outcome(*self._ended.get_nowait()))
        except Empty:
            return found

    def cancel(self, task_id: int) -> None:
        """Kill the worker of a running task."""
        if task_id in self._busy:
            self._busy[task_id].cancelled = True
            self._busy[task_id].worker.kill()

    def stop(self, *, kill: bool = False) -> None:
        """Let the workers rest, warm for the next run; with *kill*, end those that are busy."""
        busy, self._busy = [one.worker for one in self._busy.values()], {}
        for worker in self._workers if kill else busy:
            worker.kill()

    def everywhere(self, function: Callable[[], Any]) -> None:
        """Call a function in each worker that is up and idle, and wait; errors are left there."""
        for worker in self._workers:
            worker.call(function)

    def _until_overdue(self, timeout: float | None) -> float | None:
        """Kill the workers that are long overdue; return for how long to wait at most."""
        now = monotonic()
        for busy in self._busy.values():
            if busy.timeout is None:
                continue
            left = busy.began + busy.timeout + _PATIENCE - now
            if left <= 0:
                busy.worker.kill()
            timeout = max(0.0, left) if timeout is None else min(timeout, max(0.0, left))
        return timeout

    def _outcome(self, task_id: int, future: Future[bytes] | None) -> Done:
        busy = self._busy.pop(task_id)
        error = None if future is None or future.cancelled() else future.exception()
        gone = future is None or future.cancelled() or isinstance(error, BrokenExecutor)
        if busy.cancelled and (gone or error is not None):
            return Done(task_id, error=StepCancelled("The step was stopped."))
        if future is None or gone:
            busy.worker.kill()
            if busy.timeout is not None and monotonic() - busy.began >= busy.timeout:
                return Done(task_id, error=timed_out(busy.timeout))
            return Done(task_id, error=_lost(error), lost=True)
        if error is not None:
            return Done(task_id, error=error)
        return Done(task_id, value=unpacked(future.result()))

    def __repr__(self) -> str:
        return f"ProcessExecutor({len(self._workers)})"


class _Worker:
    """One worker process; a new one is started when it is needed again after an end."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, content: bytes, timeout: float | None, log: str | None) -> Future[bytes]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, timeout=IDLE_SECONDS)
        future: Future[bytes] = self._pool.submit(work, content, timeout, log)
        return future

    def call(self, function: Callable[[], Any]) -> None:
        if self._pool is not None:
            with suppress(Exception):  # a worker that ended meanwhile has nothing to be called for
                self._pool.submit(function).result(_LAST_CALL)

    def kill(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, kill_workers=True)


@dataclass(slots=True)
class _Busy:
    """What a worker does, since when (of the monotonic clock), for how long at most."""

    worker: _Worker
    began: float
    timeout: float | None
    cancelled: bool = False


def _announce(
    ended: SimpleQueue[tuple[int, Future[bytes] | None]], task_id: int, future: Future[bytes]
) -> None:
    ended.put((task_id, future))


def _lost(error: BaseException | None) -> WorkerLost:
    found = _EXIT_CODES.search(str(error))
    reason = f" ({found.group(1)})" if found else ""
    hint = " It may have run out of memory." if "KILL" in reason else ""
    return WorkerLost(f"The worker process died{reason}.{hint} What was published before stays.")
