"""The process executor: steps in worker processes that stay warm from run to run.

Rule 1: workers are started fresh, never forked, so that the threads of Arrow and
DuckDB are safe; functions of notebooks travel by value.
Rule 2: each worker is a pool of its own, so that one that dies or is stopped takes
its own step along and no other.
"""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from time import monotonic
from typing import Any, TypeAlias
from weakref import WeakSet

from loky.backend import get_context

from assetkit.errors import StepCancelled, StepError, WorkerLost
from assetkit.executors.ahead import Ahead
from assetkit.executors.base import NO_DEMANDS, Demands, Done, checked_workers
from assetkit.executors.packing import packed, packed_error, timed_out, unpacked, work
from assetkit.executors.streams import printing_as_here

IDLE_SECONDS = 60
"""After so long without work, a worker process ends; the next step starts a new one."""

_PATIENCE = 30.0
"""Seconds beyond a timeout after which a worker is killed from here, as it did not end itself."""

_LAST_CALL = 30.0
"""Seconds after which a worker that does not come back from a call of `everywhere` is ended."""

_IDLE = "exit code 0"
_RETURNED, _RAISED = b"v", b"e"
_Given: TypeAlias = tuple[bytes, float | None, str | None]
_living: WeakSet[_Worker] = WeakSet()


class ProcessExecutor:
    """Run up to *n* steps at once, each in a process of its own (None: one per core)."""

    in_process = False
    lost_retries = 0

    def __init__(self, n: int | None = None) -> None:
        count = (os.cpu_count() or 1) if n is None else n
        self._workers = [_Worker() for _ in range(checked_workers("ProcessExecutor", count))]
        self._clear()

    def _clear(self) -> None:
        self._busy: dict[int, _Busy] = {}
        self._waiting: dict[int, _Given] = {}
        self._back: list[Done] = []
        self._ahead = Ahead(len(self._workers))

    @property
    def capacity(self) -> int:
        return len(self._workers) + self._ahead.count + len(self._back)

    def start(self) -> None:
        self._clear()

    def check(self, options: Mapping[str, Any]) -> None:
        """Take any options: they are for engines elsewhere."""

    def submit(
        self,
        task_id: int,
        function: Callable[[Any], Any],
        task: Any,
        demands: Demands = NO_DEMANDS,
    ) -> None:
        try:
            content = packed(function, task)
        except StepError as error:
            self._back.append(Done(task_id, error=error))
            return
        self._waiting[task_id] = content, demands.timeout, demands.log
        self._give_out()

    def wait(self, timeout: float | None) -> Sequence[Done]:
        if self._busy and not self._back:
            self._gather(self._until_overdue(timeout))
        found, self._back = self._back, []
        return found

    def _give_out(self) -> None:
        """Give tasks that wait to workers that have none."""
        if not self._waiting:
            return
        taken = {busy.worker for busy in self._busy.values()}
        free = [worker for worker in self._workers if worker not in taken]
        for worker, task_id in zip(free, tuple(self._waiting), strict=False):
            given = self._waiting.pop(task_id)
            self._busy[task_id] = _Busy(worker, monotonic(), given[1], given)
            worker.give(given)

    def _gather(self, timeout: float | None) -> None:
        """Take in the answers that are there; who gave one goes on before it is read."""
        ready = set(wait([busy.worker.connection for busy in self._busy.values()], timeout))
        answers: list[tuple[int, bytes | Done]] = []
        for task_id, busy in tuple(self._busy.items()):
            if busy.worker.connection in ready and (answer := _answer_to(task_id, busy)):
                answers.append((task_id, answer))
                self._ahead.note(monotonic() - busy.began)
                del self._busy[task_id]
        self._give_out()
        self._back += [
            answer if isinstance(answer, Done) else _read(task_id, answer)
            for task_id, answer in answers
        ]

    def cancel(self, task_id: int) -> None:
        """Kill the worker of a running task; take one back that waits for a worker."""
        if self._waiting.pop(task_id, None) is not None:
            self._back.append(Done(task_id, error=StepCancelled("The step was never begun.")))
        if task_id in self._busy:
            self._busy[task_id].cancelled = True
            self._busy[task_id].worker.kill()

    def stop(self, *, kill: bool = False) -> None:
        """Let the workers rest, warm for the next run; with *kill*, end them all."""
        busy = [one.worker for one in self._busy.values()]
        self._clear()
        for worker in self._workers if kill else busy:
            worker.end()

    def everywhere(self, function: Callable[[], Any]) -> None:
        """Call a function in each worker that is up, between runs, and wait; errors stay there."""
        content = packed(_call, function)
        living = [worker for worker in self._workers if worker.lives]
        for worker in living:
            worker.give((content, None, None))
        for worker in living:
            with suppress(EOFError, OSError):
                if worker.connection.poll(_LAST_CALL):
                    worker.connection.recv_bytes()
                else:
                    worker.end()

    def _until_overdue(self, timeout: float | None) -> float | None:
        """Kill the workers that are long overdue; return for how long to wait at most."""
        now = monotonic()
        for busy in self._busy.values():
            if busy.timeout is None:
                continue
            left = max(0.0, busy.began + busy.timeout + _PATIENCE - now)
            if not left:
                busy.worker.kill()
            timeout = left if timeout is None else min(timeout, left)
        return timeout

    def __repr__(self) -> str:
        return f"ProcessExecutor({len(self._workers)})"


class _Worker:
    """One worker process; a new one is started when it is needed again after an end."""

    def __init__(self) -> None:
        self._process: Any = None
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """Where its answers come from."""
        if self._connection is None:
            raise RuntimeError("this worker was never given anything")
        return self._connection

    @property
    def lives(self) -> bool:
        """True where there is a process that waits for a task."""
        return self._process is not None and self._process.exitcode is None

    def give(self, given: _Given) -> None:
        """Send a task; a worker that has ended, as it was idle for long, is replaced."""
        if self._connection is not None and not self._connection.poll():
            with suppress(OSError):
                self._connection.send(given)
                return
        self.end()
        context = get_context("loky")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,))
        with printing_as_here():
            self._process.start()
        theirs.close()
        _living.add(self)
        self._connection.send(given)

    def kill(self) -> None:
        """End the process at once; its connection tells."""
        if self._process is not None and self._process.exitcode is None:
            os.kill(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """End the process, and forget it."""
        self.kill()
        if self._process is not None:
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def how_it_ended(self) -> str:
        """Return in a word how the process ended: the name of a signal, or an exit code."""
        self._process.join()
        code = self._process.exitcode
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


@dataclass(slots=True)
class _Busy:
    """What a worker does, since when (of the monotonic clock), for how long at most."""

    worker: _Worker
    began: float
    timeout: float | None
    given: _Given | None
    cancelled: bool = False


def _answer_to(task_id: int, busy: _Busy) -> bytes | Done | None:
    """Return what a worker answered, or what its end means; None: the task was given again."""
    try:
        return busy.worker.connection.recv_bytes()
    except (EOFError, OSError):
        return _ended(task_id, busy)


def _read(task_id: int, answer: bytes) -> Done:
    content = unpacked(answer[1:])
    return Done(task_id, error=content) if answer[:1] == _RAISED else Done(task_id, value=content)


def _ended(task_id: int, busy: _Busy) -> Done | None:
    how = busy.worker.how_it_ended()
    busy.worker.end()
    if busy.cancelled:
        return Done(task_id, error=StepCancelled("The step was stopped."))
    if busy.timeout is not None and monotonic() - busy.began >= busy.timeout:
        return Done(task_id, error=timed_out(busy.timeout))
    if how == _IDLE and busy.given is not None:
        # It ended for want of work at the moment when there was some.
        busy.worker.give(busy.given)
        busy.given = None
        return None
    hint = " It may have run out of memory." if how == "SIGKILL" else ""
    return Done(
        task_id,
        error=WorkerLost(
            f"The worker process died ({how}).{hint} What was published before stays."
        ),
        lost=True,
    )


def _serve(connection: Connection) -> None:
    """Do what is asked for, in a worker, until nobody asks any more."""
    try:
        with suppress(EOFError, OSError):
            while connection.poll(IDLE_SECONDS):
                connection.send_bytes(_answer(*connection.recv()))
    except KeyboardInterrupt:
        os._exit(130)  # the run that was interrupted says so


def _call(function: Callable[[], Any]) -> None:
    function()


def _answer(content: bytes, timeout: float | None, log: str | None) -> bytes:
    try:
        return _RETURNED + work(content, timeout, log)
    except Exception as error:
        return _RAISED + packed_error(error)


def _end_all() -> None:
    for worker in tuple(_living):
        worker.end()


# Multiprocessing waits at exit for processes that live; this comes before, as it is later here.
atexit.register(_end_all)
