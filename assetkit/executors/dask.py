"""The Dask executor: steps on the workers of a cluster, this machine's or another's.

Rule 1: workers read and write storage themselves; what comes back here is what they noted.
Rule 2: Dask itself tries a task again whose worker was lost.
Rule 3: a running task is stopped by ending its worker, which its nanny starts anew; what
else ran there is begun again by Dask. Workers of one thread have nothing else to lose.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Timer, get_ident
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
from assetkit.executors.streams import printing_as_here
from assetkit.executors.watchdog import opened

try:
    import dask
    from distributed import Client, Future, KilledWorker, LocalCluster, Security, get_worker
    from distributed import wait as wait_for
    from distributed.comm import connect
except ImportError as missing:
    raise MissingExtra("distributed", extra="dask", purpose="DaskExecutor") from missing

CONNECT_SECONDS = 10.0
"""How long to wait for a scheduler to answer."""

_COMING_UP = 60.0
"""How long workers of this machine may take to start."""

_LAST_CALL = 30.0
"""Seconds that a call of `everywhere` may take."""

_OPTIONS = ("allow_other_workers", "num_cpus", "priority", "resources", "workers")


class DaskExecutor:
    """Run steps on a Dask cluster.

    Args:
        address: the scheduler's, such as ``"tcp://host:8786"``, or a `distributed.Client`.
            None: a cluster of processes on this machine, which lives as long as this process.
        workers: how many steps may be under way at once. None: as many as the cluster
            has threads; here, one per core.
        lost_retries: how often a cluster started here tries a step again whose worker
            died. Other clusters have ``distributed.scheduler.allowed-failures``.

    An asset's ``executor_options`` may have ``num_cpus`` (threads that a step counts for),
    ``resources`` (of workers), ``priority``, ``workers`` and ``allow_other_workers``.
    """

    in_process = False
    lost_retries = 0

    def __init__(
        self,
        address: str | Client | None = None,
        *,
        workers: int | None = None,
        lost_retries: int = 3,
    ) -> None:
        self._address = checked_address("DaskExecutor", address)
        self._workers = None if workers is None else checked_workers("DaskExecutor", workers)
        self._allowed = lost_retries
        self._client: Client | None = address if isinstance(address, Client) else None
        self._cluster: LocalCluster | None = None
        self._threads = 1
        self._listening = False
        self._clear()

    def _clear(self) -> None:
        self._name = f"assetkit-{secrets.token_hex(6)}"
        self._futures: dict[int, Future] = {}
        self._demands: dict[int, Demands] = {}
        self._ended: SimpleQueue[tuple[int, str]] = SimpleQueue()
        self._refused: dict[int, StepError] = {}
        self._overdue: set[int] = set()
        self._sent = 0

    @property
    def capacity(self) -> int:
        taken = sum(demands.options.get("num_cpus", 1) for demands in self._demands.values())
        return len(self._demands) + max(0, int(self._threads - taken))

    def start(self) -> None:
        self._clear()
        client = self._client = self._client or self._connected()
        try:
            _check_workers(client, own=self._cluster is not None)
        except ExecutorError:
            self.close()
            raise
        own = None if self._cluster is None else len(self._cluster.worker_spec)
        self._threads = self._workers or own or sum(client.nthreads().values())
        client.subscribe_topic(self._name, partial(_note_overdue, self._ended))
        self._listening = True

    def check(self, options: Mapping[str, Any]) -> None:
        """Refuse options that Dask does not know, and resources that no worker has."""
        refuse_unknown_options(options, _OPTIONS, owner="DaskExecutor")
        wanted = amounts_in(options, ("num_cpus",), owner="DaskExecutor")
        wanted.pop("num_cpus", None)
        if not wanted:
            return
        offers = [one["resources"] for one in self._information().values()]
        if not any(all(o.get(n, 0) >= count for n, count in wanted.items()) for o in offers):
            raise InvalidArgument(
                f"executor_options: no Dask worker offers resources={dict(wanted)}, so the step "
                f"would wait for ever. Offered: {offers}. Start workers with --resources."
            )

    def submit(
        self,
        task_id: int,
        function: Callable[[Any], Any],
        task: Any,
        demands: Demands = NO_DEMANDS,
    ) -> None:
        client, self._demands[task_id] = self._started(), demands
        try:
            content = packed(function, task)
        except StepError as error:
            self._refused[task_id] = error
            self._ended.put((task_id, "error"))
            return
        self._sent += 1
        options = {name: value for name, value in demands.options.items() if name != "num_cpus"}
        future = client.submit(
            _work,
            content,
            versions_here(),
            _Limit(self._name, task_id, demands) if demands.timeout is not None else None,
            key=f"{self._name}-{self._sent}",
            pure=False,
            **options,
        )
        self._futures[task_id] = future
        future.add_done_callback(partial(_announce, self._ended, task_id))

    def wait(self, timeout: float | None) -> Sequence[Done]:
        if not self._demands:
            return ()
        ended: dict[int, str] = {}
        try:
            self._note(ended, *self._ended.get(timeout=timeout))
            while True:
                self._note(ended, *self._ended.get_nowait())
        except Empty:
            pass
        return self._outcomes(ended)

    def cancel(self, task_id: int) -> None:
        """Take a task back; where it runs, end its worker."""
        future = self._futures.get(task_id)
        if future is None or future.done():
            return
        client = self._started()
        future.cancel(force=True, reason="its run was cancelled", msg="The step was stopped.")
        watched = [name for name, one in self._information().items() if one["nanny"]]
        if watched:
            client.run(_end_worker_of, future.key, workers=watched, on_error="ignore")

    def stop(self, *, kill: bool = False) -> None:
        """Let go of tasks; the cluster stays for the next run."""
        for task_id in list(self._futures) if kill else ():
            self.cancel(task_id)
        if self._listening and self._client is not None:
            self._client.unsubscribe_topic(self._name)
        self._listening = False
        self._clear()

    def everywhere(self, function: Callable[[], Any]) -> None:
        """Call a function in each worker, between runs, and wait; errors stay there."""
        client = self._started()
        calls = [client.submit(function, workers=one, pure=False) for one in self._information()]
        with client.as_current(), suppress(TimeoutError):
            wait_for(calls, timeout=_LAST_CALL)

    def close(self) -> None:
        """Leave the cluster; end one that was started here."""
        given = self._address if isinstance(self._address, Client) else None
        client, self._client = self._client, given
        cluster, self._cluster = self._cluster, None
        if client is not None and client is not given:
            client.close()
        if cluster is not None:
            cluster.close()

    def _connected(self) -> Client:
        if self._address is None:
            self._cluster = _local_cluster(self._workers, self._allowed)
            return Client(self._cluster, set_as_default=False)
        _knock(self._address)
        return Client(self._address, set_as_default=False)

    def _started(self) -> Client:
        if self._client is None:
            raise RuntimeError("this executor is not started")
        return self._client

    def _information(self) -> Mapping[str, Any]:
        workers: Mapping[str, Any] = self._started().scheduler_info(n_workers=-1)["workers"]
        return workers

    def _note(self, ended: dict[int, str], task_id: int, how: str) -> None:
        if task_id not in self._demands:
            return
        if how == "overdue":
            self._overdue.add(task_id)
            self.cancel(task_id)
        else:
            ended[task_id] = how

    def _outcomes(self, ended: Mapping[int, str]) -> list[Done]:
        finished = [one for one, how in ended.items() if how == "finished"]
        futures = [self._futures[one] for one in finished]
        contents = dict(zip(finished, self._started().gather(futures), strict=True))
        return [self._outcome(task_id, how, contents) for task_id, how in ended.items()]

    def _outcome(self, task_id: int, how: str, contents: Mapping[int, bytes | Exception]) -> Done:
        demands, future = self._demands.pop(task_id), self._futures.pop(task_id, None)
        if (content := contents.get(task_id)) is not None:
            if isinstance(content, Exception):
                return Done(task_id, error=content)
            return Done(task_id, value=unpacked(content))
        if task_id in self._overdue and demands.timeout is not None:
            return Done(task_id, error=timed_out(demands.timeout))
        if how == "cancelled" or future is None:
            error = self._refused.pop(task_id, None) or StepCancelled("The step was stopped.")
            return Done(task_id, error=error)
        failed = future.exception()
        if isinstance(failed, KilledWorker):
            return Done(task_id, error=_lost(failed), lost=True)
        return Done(task_id, error=failed)

    def __repr__(self) -> str:
        return f"DaskExecutor({'' if self._address is None else repr(self._address)})"


class _Limit:
    """Tells whoever waits, from the worker, that a task's time is up."""

    def __init__(self, topic: str, task_id: int, demands: Demands) -> None:
        self._topic, self._task_id = topic, task_id
        self._seconds, self._log = demands.timeout, demands.log

    @contextmanager
    def watched(self) -> Iterator[None]:
        timer = Timer(self._seconds or 0.0, self._tell, (get_worker(), get_ident()))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _tell(self, worker: Any, thread: int) -> None:
        with opened(self._log) as file:
            file.write(f"Timeout after {self._seconds:g} s, here:\n")
            # The only way to see where another thread is.
            traceback.print_stack(sys._current_frames().get(thread), file=file)  # noqa: SLF001
        worker.log_event(self._topic, {"task_id": self._task_id})


def _knock(address: str) -> None:
    """Raise `ExecutorError` where no scheduler answers; a client that waits in vain stays."""

    async def knock() -> None:
        asked = Security().get_connection_args("client")
        comm = await connect(address, timeout=CONNECT_SECONDS, **asked)
        await comm.close()

    try:
        # A notebook's thread has an event loop already.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: asyncio.run(knock())).result()
    except (OSError, ValueError) as error:
        raise ExecutorError(
            f"The Dask scheduler {address!r} is not reached: {error}. Is it running "
            f"(dask scheduler), and is the address right? Nothing ran."
        ) from error


def _check_workers(client: Client, *, own: bool) -> None:
    """Wait for a worker, and refuse those that could not read what is sent to them.

    Those of a cluster of our *own* may just have died, and are on their way again.
    """
    try:
        client.wait_for_workers(1, timeout=_COMING_UP if own else CONNECT_SECONDS)
    except TimeoutError as error:
        address = client.scheduler.address
        raise ExecutorError(
            f"The Dask cluster {address} has no workers, so no step could run. "
            f"Start some: dask worker {address}"
        ) from error
    for address, found in client.run(versions_here, on_error="return").items():
        worker = f"The Dask worker {address}"
        if isinstance(found, Versions):
            refuse_others(found, versions_here(), worker=worker)
        elif not isinstance(found, OSError):  # one that is gone just now harms nobody
            raise ExecutorError(
                f"{worker} cannot run steps: {found}. Install assetkit "
                f"{versions_here().assetkit} there, and what your assets import."
            )


def _local_cluster(workers: int | None, allowed_failures: int) -> LocalCluster:
    settings = {"distributed.scheduler.allowed-failures": allowed_failures}
    with dask.config.set(settings), printing_as_here():
        return LocalCluster(
            n_workers=workers or os.cpu_count() or 1, threads_per_worker=1, dashboard_address=":0"
        )


def _work(content: bytes, sender: Versions, limit: _Limit | None) -> bytes | Exception:
    """Do a packed task, in a worker; return its packed result, or why there is none."""
    try:
        refuse_others(versions_here(), sender, worker=f"The Dask worker {get_worker().address}")
        with nullcontext() if limit is None else limit.watched():
            return work(content)
    except Exception as error:
        return error


def _end_worker_of(key: str, dask_worker: Any) -> None:
    """End this worker process where it is at work on a task; its nanny starts another."""
    if key in dask_worker.state.tasks:
        # The answer goes out first, so that nobody waits for it.
        Timer(0.01, os._exit, (1,)).start()


def _announce(ended: SimpleQueue[tuple[int, str]], task_id: int, future: Future) -> None:
    ended.put((task_id, future.status))


def _note_overdue(
    ended: SimpleQueue[tuple[int, str]], event: tuple[Any, Mapping[str, Any]]
) -> None:
    ended.put((event[1]["task_id"], "overdue"))


def _lost(error: KilledWorker) -> WorkerLost:
    return WorkerLost(
        f"The Dask worker {error.last_worker.address} died, and so did those before it that were "
        f"given this step. It may need more memory than they have; their logs may say more."
    )
