"""The Ray executor: steps on the workers of a Ray cluster, this machine's or another's.

Rule 1: workers read and write storage themselves; what comes back here is what they noted.
Rule 2: Ray tries nothing again by itself: only here is known what was stopped on purpose.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

from assetkit.errors import (
    ExecutorError,
    InvalidArgument,
    MissingExtra,
    StepCancelled,
    StepError,
    WorkerLost,
)
from assetkit.executors.base import (
    NO_DEMANDS,
    Demands,
    Done,
    amounts_in,
    checked_address,
    checked_workers,
    refuse_unknown_options,
)
from assetkit.executors.packing import (
    Versions,
    packed,
    refuse_others,
    timed_out,
    unpacked,
    versions_here,
    work,
)

try:
    import ray
    from ray.exceptions import RayError, RayTaskError, TaskCancelledError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as missing:
    raise MissingExtra("ray", extra="ray", purpose="RayExecutor") from missing

_OPTIONS = (
    "accelerator_type",
    "label_selector",
    "memory",
    "num_cpus",
    "num_gpus",
    "resources",
    "runtime_env",
    "scheduling_strategy",
)

CONNECT_SECONDS = 10.0
"""How long to wait for an answer from the address of a cluster."""

_OBJECT_STORE = 100_000_000
"""Bytes for what Ray itself moves between workers here: steps only pass notes."""

_LAST_CALL = 30.0
"""Seconds that a call of `everywhere` may take in one worker."""

_ROUNDS, _STAY = 10, 0.05

_AMOUNTS = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}


class RayExecutor:
    """Run steps on a Ray cluster.

    Args:
        address: as for `ray.init`, such as ``"ray://host:10001"`` or ``"auto"``. None:
            the cluster that this process is connected to, or else one of its own on this
            machine, which lives as long as this process.
        workers: how many steps may be under way at once. None: as many as the cluster
            has CPUs; here, one per core.
        lost_retries: how often a step is tried again whose worker or node was lost.

    An asset's ``executor_options`` are those of a Ray task: ``num_cpus``, ``num_gpus``,
    ``memory``, ``resources``, ``runtime_env`` and the like.
    """

    in_process = False

    def __init__(
        self, address: str | None = None, *, workers: int | None = None, lost_retries: int = 3
    ) -> None:
        self._address = checked_address("RayExecutor", address)
        self._workers = None if workers is None else checked_workers("RayExecutor", workers)
        self.lost_retries = lost_retries
        self._started_here = False
        self._cpus = 1
        self._clear()

    def _clear(self) -> None:
        self._tasks: dict[Any, _Task] = {}
        self._met: dict[str, str] = {}
        self._back: list[Done] = []

    @property
    def capacity(self) -> int:
        taken = sum(
            max(1, task.demands.options.get("num_cpus", 1)) for task in self._tasks.values()
        )
        return len(self._tasks) + len(self._back) + max(0, int(self._cpus - taken))

    def start(self) -> None:
        self._clear()
        if not ray.is_initialized():
            self._connect()
        elif not self._started_here:
            self._check_connection()
        self._check_nodes()
        self._cpus = self._workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def check(self, options: Mapping[str, Any]) -> None:
        """Refuse options that Ray does not know, and amounts that no node has."""
        refuse_unknown_options(options, _OPTIONS, owner="RayExecutor")
        asked = amounts_in(options, tuple(_AMOUNTS), owner="RayExecutor")
        wanted = {_AMOUNTS.get(name, name): amount for name, amount in asked.items()}
        offers = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not any(all(o.get(n, 0) >= count for n, count in wanted.items()) for o in offers):
            raise InvalidArgument(
                f"executor_options: no node of the Ray cluster has {wanted}, so the step would "
                f"wait for ever. There are: {offers}."
            )

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
        remote = _work.options(**demands.options) if demands.options else _work
        reference = remote.remote(content, versions_here(), demands.timeout, demands.log)
        self._tasks[reference] = _Task(task_id, demands)

    def wait(self, timeout: float | None) -> Sequence[Done]:
        if self._tasks:
            self._gather(0 if self._back else timeout)
        found, self._back = self._back, []
        return found

    def cancel(self, task_id: int) -> None:
        """Take a task back; where it runs, end its worker process."""
        for reference, task in self._tasks.items():
            if task.task_id == task_id:
                task.cancelled = True
                ray.cancel(reference, force=True)

    def stop(self, *, kill: bool = False) -> None:
        """Let go of tasks; the cluster stays for the next run."""
        for task in tuple(self._tasks.values()) if kill else ():
            self.cancel(task.task_id)
        self._clear()

    def everywhere(self, function: Callable[[], Any]) -> None:
        """Call a function in each worker that did a task since `start`; errors stay there.

        Ray chooses the worker of a task, so it is asked until all of them have been reached;
        those that have ended since never are.
        """
        content = packed(_call, function)
        late: list[Any] = []
        for _ in range(_ROUNDS):
            if late or not self._met:
                return
            calls = [
                _visit.options(scheduling_strategy=_on(node)).remote(content, versions_here())
                for node in self._met.values()
            ]
            done, late = ray.wait(calls, num_returns=len(calls), timeout=_LAST_CALL)
            for reference in done:
                with suppress(RayError):
                    self._met.pop(ray.get(reference), None)

    def close(self) -> None:
        """Leave the cluster, where this executor connected to it; end one that was started."""
        if self._started_here:
            self._started_here = False
            ray.shutdown()

    def _connect(self) -> None:
        here = {
            "num_cpus": self._workers,
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE,
        }
        own = self._address is None
        try:
            _knock(self._address or "")
            ray.init(
                address="local" if own else self._address,
                log_to_driver=False,
                logging_level="error",
                **(here if own else {}),
            )
        except (RayError, RuntimeError, OSError, ValueError) as error:
            raise ExecutorError(
                f"The Ray cluster {self._address!r} is not reached: {error}. Is it running (ray "
                f"start --head), is the address right, and are Ray and Python the same on both "
                f"sides? Nothing ran."
            ) from error
        self._started_here = True

    def _check_connection(self) -> None:
        """Refuse to run elsewhere than asked: a process has one connection to Ray."""
        connected = ray.get_runtime_context().gcs_address
        if self._address not in (None, "auto", connected):
            raise ExecutorError(
                f"The Ray cluster {self._address!r} is not reached: this process is connected to "
                f"another one, {connected}. Leave that first (ray.shutdown()), or use it: "
                f"RayExecutor()."
            )

    def _check_nodes(self) -> None:
        """Refuse nodes that could not read what is sent to them."""
        asked = {
            node["NodeManagerAddress"]: _versions.options(
                scheduling_strategy=_on(node["NodeID"])
            ).remote()
            for node in ray.nodes()
            if node["Alive"]
        }
        for address, reference in asked.items():
            try:
                theirs = ray.get(reference)
            except RayTaskError as error:
                raise ExecutorError(
                    f"The Ray node {address} cannot run steps: {error.cause}. Install assetkit "
                    f"{versions_here().assetkit} there, and what your assets import."
                ) from error
            refuse_others(theirs, versions_here(), worker=f"The Ray node {address}")

    def _gather(self, timeout: float | None) -> None:
        """Take in what has ended; wait for one up to *timeout* seconds."""
        ready, rest = ray.wait(list(self._tasks), timeout=timeout, fetch_local=False)
        if ready and rest:
            more, _ = ray.wait(rest, num_returns=len(rest), timeout=0, fetch_local=False)
            ready += more
        self._back += [self._outcome(self._tasks.pop(one), one) for one in ready]

    def _outcome(self, task: _Task, reference: Any) -> Done:
        try:
            worker, node, content = ray.get(reference)
        except TaskCancelledError:
            return Done(task.task_id, error=StepCancelled("The step was stopped."))
        except RayError as error:
            return task.ended_by(error)
        self._met[worker] = node
        if isinstance(content, Exception):
            return Done(task.task_id, error=content)
        return Done(task.task_id, value=unpacked(content))

    def __repr__(self) -> str:
        return f"RayExecutor({'' if self._address is None else repr(self._address)})"


class _Task:
    """A task under way, and what it asked for."""

    def __init__(self, task_id: int, demands: Demands) -> None:
        self.task_id, self.demands = task_id, demands
        self.began, self.cancelled = monotonic(), False

    def ended_by(self, error: RayError) -> Done:
        """Return what it means that its worker did not bring it to an end."""
        timeout = self.demands.timeout
        if self.cancelled:
            return Done(self.task_id, error=StepCancelled("The step was stopped."))
        if timeout is not None and monotonic() - self.began >= timeout:
            return Done(self.task_id, error=timed_out(timeout))
        reason = str(error).partition("\n")[0]
        lost = WorkerLost(f"The Ray worker was lost: {reason} What was published before stays.")
        return Done(self.task_id, error=lost, lost=True)


def _do(
    content: bytes, sender: Versions, timeout: float | None, log: str | None
) -> tuple[str, str, bytes | Exception]:
    """Do a packed task, in a worker; return who did, and its packed result or why there is none."""
    here = ray.get_runtime_context()
    try:
        refuse_others(versions_here(), sender, worker="The Ray worker")
        done: bytes | Exception = work(content, timeout, log)
    except Exception as error:
        done = error
    return here.get_worker_id(), here.get_node_id(), done


def _see(content: bytes, sender: Versions) -> str:
    """Do a packed task, and stay for a moment so that the next one meets another worker."""
    worker, _, _ = _do(content, sender, None, None)
    sleep(_STAY)
    return worker


def _call(function: Callable[[], Any]) -> None:
    function()


def _knock(address: str) -> None:
    """Raise `OSError` where no one listens: Ray itself would go on trying for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


def _on(node: str) -> NodeAffinitySchedulingStrategy:
    """Return the wish to run on a node, as long as it is there."""
    return NodeAffinitySchedulingStrategy(node, soft=True)


_work = ray.remote(max_retries=0)(_do)
_visit = ray.remote(max_retries=0, num_cpus=0)(_see)
_versions = ray.remote(max_retries=3, num_cpus=0)(versions_here)
