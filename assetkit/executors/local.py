"""Executors of this process: one step at a time, or several in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any

from assetkit.errors import StepCancelled
from assetkit.executors.ahead import Ahead
from assetkit.executors.base import (
    NO_DEMANDS,
    Demands,
    Done,
    Unfinished,
    checked_workers,
    finished,
)

FINISHING = 4
"""How many tasks may be finishing while the next one runs."""


class InProcessExecutor:
    """Run steps one after another, in the thread that asks: the simplest to debug.

    Only what waits for a disk is done beside the next step. Results come back in
    the order in which tasks were given.
    """

    in_process = True
    lost_retries = 0

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Callable[[Any], Any], Any]] = deque()
        self._finishing: deque[Done | tuple[int, Future[Any]]] = deque()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def capacity(self) -> int:
        return min(len(self._finishing), FINISHING) + 1

    def start(self) -> None:
        self._waiting.clear()
        self._finishing.clear()

    def check(self, options: Mapping[str, Any]) -> None:
        """Take any options: they are for engines elsewhere."""

    def submit(
        self,
        task_id: int,
        function: Callable[[Any], Any],
        task: Any,
        demands: Demands = NO_DEMANDS,
    ) -> None:
        self._waiting.append((task_id, function, task))

    def wait(self, timeout: float | None) -> Sequence[Done]:
        if not self._waiting:
            return self._finished(timeout)
        task_id, function, task = self._waiting.popleft()
        value, error = _attempt(function, task)
        if isinstance(value, Unfinished):
            self._finishing.append((task_id, self._finishers().submit(value.finish)))
        elif self._finishing:
            self._finishing.append(Done(task_id, value, error))
        else:
            return (Done(task_id, value, error),)
        return self._finished(0.0 if len(self._finishing) <= FINISHING else None)

    def _finished(self, timeout: float | None) -> Sequence[Done]:
        """Return what is finished, in order; wait for the first up to *timeout* seconds."""
        found: list[Done] = []
        while self._finishing:
            first = self._finishing[0]
            if not isinstance(first, Done):
                done = _settled(*first, 0.0 if found else timeout)
                if done is None:
                    break
                first = done
            found.append(first)
            self._finishing.popleft()
        return found

    def cancel(self, task_id: int) -> None:
        """Take a task back that has not begun; one that runs cannot be stopped from here."""
        self._waiting = deque(
            (one, _refuse, None) if one == task_id else (one, function, task)
            for one, function, task in self._waiting
        )

    def stop(self, *, kill: bool = False) -> None:
        self._waiting.clear()
        self._finishing.clear()
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()

    def _finishers(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(FINISHING, thread_name_prefix="assetkit-finish")
        return self._pool

    def __repr__(self) -> str:
        return "InProcessExecutor()"


class ThreadExecutor:
    """Run up to *n* steps at once in threads: for steps that wait for others.

    A running step cannot be stopped; when a run is cancelled, its threads end
    with what they are doing.
    """

    in_process = True
    lost_retries = 0

    def __init__(self, n: int = 8) -> None:
        self._workers = checked_workers("ThreadExecutor", n)
        self._pool: ThreadPoolExecutor | None = None
        self._clear()

    def _clear(self) -> None:
        self._done: SimpleQueue[tuple[Done, float]] = SimpleQueue()
        self._futures: dict[int, Future[None]] = {}
        self._ahead = Ahead(self._workers)

    @property
    def capacity(self) -> int:
        return self._workers + self._ahead.count

    def start(self) -> None:
        self._clear()
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="assetkit-step")

    def check(self, options: Mapping[str, Any]) -> None:
        """Take any options: they are for engines elsewhere."""

    def submit(
        self,
        task_id: int,
        function: Callable[[Any], Any],
        task: Any,
        demands: Demands = NO_DEMANDS,
    ) -> None:
        if self._pool is None:
            raise RuntimeError("this executor is not started")
        done = self._done
        self._futures[task_id] = self._pool.submit(_call, task_id, function, task, done)

    def wait(self, timeout: float | None) -> Sequence[Done]:
        if not self._futures:
            return ()
        found: list[Done] = []
        with suppress(Empty):
            self._note(found, *self._done.get(timeout=timeout))
            while True:
                self._note(found, *self._done.get_nowait())
        return found

    def _note(self, found: list[Done], done: Done, seconds: float) -> None:
        found.append(done)
        self._futures.pop(done.task_id, None)
        self._ahead.note(seconds)

    def cancel(self, task_id: int) -> None:
        future = self._futures.get(task_id)
        if future is not None and future.cancel():
            done = Done(task_id, error=StepCancelled("The step was never begun."))
            self._done.put((done, 0.0))

    def stop(self, *, kill: bool = False) -> None:
        pool, self._pool = self._pool, None
        self._futures = {}
        if pool is not None:
            pool.shutdown(wait=not kill, cancel_futures=True)

    def __repr__(self) -> str:
        return f"ThreadExecutor({self._workers})"


def _call(
    task_id: int,
    function: Callable[[Any], Any],
    task: Any,
    queue: SimpleQueue[tuple[Done, float]],
) -> None:
    began = perf_counter()
    try:
        done = Done(task_id, value=finished(function(task)))
    except BaseException as error:
        done = Done(task_id, error=error)
    queue.put((done, perf_counter() - began))


def _attempt(function: Callable[[Any], Any], task: Any) -> tuple[Any, Exception | None]:
    try:
        return function(task), None
    except Exception as error:
        return None, error


def _settled(task_id: int, future: Future[Any], timeout: float | None) -> Done | None:
    try:
        error = future.exception(timeout)
    except NotYet:
        return None
    return Done(task_id, error=error) if error is not None else Done(task_id, future.result())


def _refuse(_: Any) -> None:
    raise StepCancelled("The step was never begun.")
