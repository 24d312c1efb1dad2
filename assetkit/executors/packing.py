"""What travels to workers in other processes, and back: bytes.

Rule 1: functions and classes of notebooks and scripts travel by value.
Rule 2: what cannot travel is said so, with the remedy.
Rule 3: a worker of another version refuses before it unpacks anything.
"""

from __future__ import annotations

import pickle
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeAlias

import cloudpickle

from assetkit.errors import ExecutorError, StepError, StepTimeout
from assetkit.executors.base import finished
from assetkit.executors.watchdog import ended_after

Work: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Versions:
    """What both sides of a cluster must have in common."""

    python: str
    assetkit: str

    def __str__(self) -> str:
        return f"Python {self.python} and assetkit {self.assetkit}"


def versions_here() -> Versions:
    """Return the versions of this process.

    >>> versions_here() == versions_here()
    True
    """
    return Versions(".".join(platform.python_version_tuple()[:2]), own_version())


@cache
def own_version() -> str:
    """Return the version of assetkit; ``unknown`` where it runs without being installed."""
    try:
        return version("assetkit")
    except PackageNotFoundError:
        return "unknown"


def refuse_others(theirs: Versions, ours: Versions, *, worker: str) -> None:
    """Raise `ExecutorError` where a worker has other versions than the run.

    >>> refuse_others(Versions("3.12", "0.1.0"), Versions("3.11", "0.1.0"), worker="The worker")
    Traceback (most recent call last):
    ...
    assetkit.errors.ExecutorError: The worker has Python 3.12 and assetkit 0.1.0, ...
    """
    if theirs != ours:
        raise ExecutorError(
            f"{worker} has {theirs}, and this process {ours}. What one of them packs, the other "
            f"may read wrongly, so nothing ran there. Install the same on both sides."
        )


def packed(function: Work, task: Any) -> bytes:
    """Return a task as bytes; raise `StepError` where it cannot travel."""
    return _packed((function, task), "sent to")


def work(content: bytes, timeout: float | None = None, log: str | None = None) -> bytes:
    """Do a packed task, in a worker; return its packed result.

    With a *timeout* (seconds), the whole process is ended where the task takes longer.
    """
    function, task = cloudpickle.loads(content)  # may import for long: that is not the task's time
    with ended_after(timeout, log):
        result = finished(function(task))
    return _packed(result, "returned from")


def unpacked(content: bytes) -> Any:
    """Return the result that a worker packed."""
    return cloudpickle.loads(content)


def packed_error(error: Exception) -> bytes:
    """Return what a worker raised as bytes; what cannot travel, by its text."""
    try:
        return _packed(error, "returned from")
    except StepError:
        return _packed(StepError(f"{type(error).__name__}: {error}"), "returned from")


def timed_out(seconds: float) -> StepTimeout:
    """Return what is said of a task that was stopped as its time was up."""
    return StepTimeout(f"It was stopped: its timeout is {seconds:g} s.")


def _packed(value: Any, way: str) -> bytes:
    try:
        return _quickly(value) or cloudpickle.dumps(value)
    except Exception as error:
        raise StepError(
            f"The step cannot be {way} a worker process: {type(error).__name__}: {error}. Open "
            "such things (connections, locks, files) inside of the function, or use "
            "ThreadExecutor."
        ) from error


def _quickly(value: Any) -> bytes | None:
    """Pack a value as Python itself does, several times as fast; None where that will not do."""
    try:
        content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except Exception:
        return None
    # What a script or notebook defines is not there under its name in a worker.
    return None if b"__main__" in content else content
