"""The executor port: where a step runs.

Rule 1: an executor knows nothing of assets: it gets a picklable task and a
function to call with it, and hands back what came of it.
Rule 2: tasks are given only while `capacity` allows, so that nothing piles up.
Rule 3: workers never open the catalog.
Rule 4: what a function returns may be `Unfinished`; an executor calls its `finish`
where it likes, and hands back what that returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from assetkit.errors import InvalidArgument, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a task asks for beside a worker.

    ``timeout`` is in seconds from when it begins; where the task was then goes to the
    file ``log``, if its folder is there. ``options`` are for engines that know them. Tasks
    with a ``kind`` are alike and may travel together; ``seconds`` is how long one takes, as
    far as known.
    """

    timeout: float | None = None
    log: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    kind: str | None = None
    seconds: float | None = None


NO_DEMANDS = Demands()


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one task: ``value``, or ``error`` with ``lost`` where its worker died."""

    task_id: int
    value: Any = None
    error: BaseException | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A task whose rest only waits (for a disk): `finish` may run beside the next task."""

    finish: Callable[[], Any]


def finished(value: Any) -> Any:
    """Return a task's value, after finishing what is unfinished."""
    return value.finish() if isinstance(value, Unfinished) else value


class Executor(Protocol):
    """Runs tasks somewhere. One run uses it at a time: `start`, submit and wait, then `stop`."""

    @property
    def capacity(self) -> int:
        """How many tasks may be under way at once: those that run and, where tasks are
        short, some that wait for a worker, so that none is idle.
        """
        ...

    @property
    def in_process(self) -> bool:
        """True where tasks run in this process, so that memory and open objects are shared."""
        ...

    @property
    def lost_retries(self) -> int:
        """How often a task whose worker was lost is to be tried again, unasked."""
        ...

    def start(self) -> None:
        """Get ready (start workers, connect); called once before tasks are submitted.

        Raises:
            ExecutorError: a cluster is not reached, or its workers do not fit.
        """
        ...

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise `InvalidArgument` for options that are unknown here; called once started."""
        ...

    def submit(
        self,
        task_id: int,
        function: Callable[[Any], Any],
        task: Any,
        demands: Demands = NO_DEMANDS,
    ) -> None:
        """Begin ``function(task)``; the in-process executor runs it at the next `wait`.

        Outside this process, a task that exceeds its timeout is stopped, and comes back
        with `StepTimeout`.
        """
        ...

    def wait(self, timeout: float | None) -> Sequence[Done]:
        """Return what has finished; wait for one up to *timeout* seconds (None: for ever)."""
        ...

    def cancel(self, task_id: int) -> None:
        """Stop a task as far as this executor can; it still comes back from `wait`."""
        ...

    def stop(self, *, kill: bool = False) -> None:
        """Let go of workers; with *kill*, do not wait for what they are doing."""
        ...


def refuse_unknown_options(options: Iterable[str], known: Sequence[str], *, owner: str) -> None:
    """Raise `InvalidArgument` for an executor option that *owner* does not know."""
    for name in options:
        if name not in known:
            raise InvalidArgument(
                f"executor_options: {owner} does not know {name!r}. {did_you_mean(name, known)}"
            )


def amounts_in(options: Mapping[str, Any], names: Sequence[str], *, owner: str) -> dict[str, float]:
    """Return how much of each resource a step asks for: options by name, and of ``resources``.

    Raises `InvalidArgument` for what is no number from 0, or no dict of them.
    """
    own = options.get("resources") or {}
    if not isinstance(own, Mapping):
        raise InvalidArgument(
            f"executor_options: {owner} takes resources as a dict of numbers, such as "
            f"{{'GPU': 1}}, not {own!r}."
        )
    asked = {**{name: options[name] for name in names if name in options}, **own}
    for name, amount in asked.items():
        if isinstance(amount, bool) or not isinstance(amount, int | float) or not amount >= 0:
            raise InvalidArgument(
                f"executor_options: {owner} takes {name} as a number from 0, not {amount!r}."
            )
    return asked


def checked_address(executor: str, address: Any) -> Any:
    """Return where a cluster is, None for one of this machine; refuse a number, meant as workers.

    Raises `InvalidArgument`.
    """
    if isinstance(address, int):
        raise InvalidArgument(
            f"{executor}({address!r}): the first argument is the address of a cluster. For as many "
            f"workers on this machine: {executor}(workers={address!r})."
        )
    return address


def checked_workers(executor: str, workers: Any) -> int:
    """Return how many workers an executor is to have; raise `InvalidArgument` for less than one."""
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise InvalidArgument(f"{executor}({workers!r}): give the number of workers, 1 or more.")
    return workers
