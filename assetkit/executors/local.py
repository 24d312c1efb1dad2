"""Executors of this process: one step at a time, or several in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any

from assetkit.errors import StepCancelled
from assetkit.executors.base import Done, checked_workers


class InProcessExecutor:
    """Run steps one after another, in the thread that asks: the simplest to debug."""

    capacity = 1
    in_process = True

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Callable[[Any], Any], Any]] = deque()

    def start(self) -> None:
        self._waiting.clear()

    def submit(self, task_id: int, function: Callable[[Any], Any], task: Any) -> None:
        self._waiting.append((task_id, function, task))

    def wait(self, timeout: float | None) -> Sequence[Done]:
        if not self._waiting:
            return ()
        task_id, function, task = self._waiting.popleft()
        try:
            return (Done(task_id, value=function(task)),)
        except Exception as error:
            return (Done(task_id, error=error),)

    def cancel(self, task_id: int) -> None:
        """Take a task back that has not begun; one that runs cannot be stopped from here."""
        kept = [waiting for waiting in self._waiting if waiting[0] != task_id]
        if len(kept) < len(self._waiting):
            self._waiting = deque(kept)
            self._waiting.append((task_id, _refuse, None))

    def stop(self, *, kill: bool = False) -> None:
        self._waiting.clear()

    def __repr__(self) -> str:
        return "InProcessExecutor()"


class ThreadExecutor:
    """Run up to *workers* steps at once in threads: for steps that wait for others.

    A running step cannot be stopped; when a run is cancelled, its threads end
    with what they are doing.
    """

    in_process = True

    def __init__(self, workers: int = 8) -> None:
        self._workers = checked_workers("ThreadExecutor", workers)
        self._pool: ThreadPoolExecutor | None = None
        self._done: SimpleQueue[Done] = SimpleQueue()
        self._futures: dict[int, Future[None]] = {}

    @property
    def capacity(self) -> int:
        return self._workers

    def start(self) -> None:
        self._done = SimpleQueue()
        self._futures = {}
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="assetkit-step")

    def submit(self, task_id: int, function: Callable[[Any], Any], task: Any) -> None:
        if self._pool is None:
            raise RuntimeError("this executor is not started")
        done = self._done
        self._futures[task_id] = self._pool.submit(_call, task_id, function, task, done)

    def wait(self, timeout: float | None) -> Sequence[Done]:
        if not self._futures:
            return ()
        found: list[Done] = []
        try:
            found.append(self._done.get(timeout=timeout))
            while True:
                found.append(self._done.get_nowait())
        except Empty:
            pass
        for done in found:
            self._futures.pop(done.task_id, None)
        return found

    def cancel(self, task_id: int) -> None:
        future = self._futures.get(task_id)
        if future is not None and future.cancel():
            self._done.put(Done(task_id, error=StepCancelled("The step was never begun.")))

    def stop(self, *, kill: bool = False) -> None:
        pool, self._pool = self._pool, None
        self._futures = {}
        if pool is not None:
            pool.shutdown(wait=not kill, cancel_futures=True)

    def __repr__(self) -> str:
        return f"ThreadExecutor({self._workers})"


def _call(task_id: int, function: Callable[[Any], Any], task: Any, done: SimpleQueue[Done]) -> None:
    try:
        done.put(Done(task_id, value=function(task)))
    except BaseException as error:
        done.put(Done(task_id, error=error))


def _refuse(_: Any) -> None:
    raise StepCancelled("The step was never begun.")
