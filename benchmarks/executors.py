"""What running elsewhere costs, beside the bare engine doing the same: threads, processes, clusters.

Dask and Ray are left out where they are not installed.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from time import sleep
from typing import Any

from engine import chain
from measure import Figure, best, show

from assetkit import BackfillPolicy, StaticPartitions, Workspace, asset, materialize
from assetkit.executors import ProcessExecutor, ThreadExecutor

WAITS, PAUSE, THREADS = 200, 0.05, 20
TASKS = 16
SPAWN = get_context("spawn")
NO_OPS = 1_000
MANY = 100_000


def keys(count: int) -> StaticPartitions:
    """Return so many partitions."""
    return StaticPartitions([f"{number:04}" for number in range(count)])


def runner(folders: Iterator[Path], assets: Any, executor: Any = None) -> Callable[[], None]:
    """Return what materializes assets in a new workspace each time."""

    def run() -> None:
        workspace = Workspace(next(folders), executor=executor)
        assert materialize(assets, workspace=workspace, progress="none").success

    return run


def again(folder: Path, assets: Any, executor: Any = None) -> Callable[[], None]:
    """Return what materializes assets once more in a workspace that has them."""
    workspace = Workspace(folder, executor=executor)

    def run() -> None:
        assert materialize(assets, workspace=workspace, progress="none", force=True).success

    run()
    return run


def speed(slow: Callable[[], None], fast: Callable[[], None], *, times: int = 3) -> float:
    """Return how much faster one call is than another: measured in turn, on machines in use."""
    return statistics.median(best(slow, times=1) / best(fast, times=1) for _ in range(times))


def compute(_: int) -> None:
    """Keep a processor busy for a quarter of a second."""
    sum(number * number for number in range(2_000_000))


def squared(pool: ProcessPoolExecutor) -> None:
    """Compute in bare processes, as often as the steps do."""
    list(pool.map(compute, range(TASKS)))


def resident() -> int:
    """Return the bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def many(folders: Iterator[Path]) -> Iterator[Figure]:
    """Measure by how much memory grows with the number of steps."""
    seen: list[int] = []

    @asset(partitions=keys(MANY), code_version="1")
    def nothing(context: Any) -> None:
        if context.partition_key in (f"{MANY // 5:04}", f"{MANY - 1:04}"):
            seen.append(resident())

    runner(folders, nothing)()
    yield Figure(
        what=f"{MANY:,} steps: memory from a fifth to the end",
        value=(seen[-1] - seen[0]) / 1e6,
        unit="MB",
        beside=seen[0] / 1e6,
        peer="what it had at a fifth",
        aim="<= 100 MB",
        met=seen[-1] - seen[0] <= 100e6,
    )


def waiting(folders: Iterator[Path]) -> Iterator[Figure]:
    """Measure threads on steps that wait."""

    @asset(partitions=keys(WAITS), code_version="1")
    def waits(context: Any) -> None:
        sleep(PAUSE)

    def bare() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(sleep, [PAUSE] * WAITS))

    floor = best(bare)
    ideal = WAITS * PAUSE / THREADS
    ours = best(again(next(folders), waits, ThreadExecutor(THREADS)))
    yield Figure(
        what=f"{WAITS} x {PAUSE * 1e3:.0f} ms with {THREADS} threads (ideal {ideal:g} s)",
        value=ours,
        unit="s",
        beside=floor,
        peer="ThreadPoolExecutor",
        aim="<= 1.15 x ideal",
        met=ours <= 1.15 * ideal,
    )


def computing(folders: Iterator[Path]) -> Iterator[Figure]:
    """Measure two processes on steps that compute, beside one; and beside what bare ones gain."""

    @asset(partitions=keys(TASKS), code_version="1")
    def computes(context: Any) -> None:
        compute(0)

    executors = [ProcessExecutor(count) for count in (1, 2)]
    runs = [runner(folders, computes, executor) for executor in executors]
    for run in runs:
        run()  # workers are warm, as in the second run of a session
    with ProcessPoolExecutor(1, SPAWN) as one, ProcessPoolExecutor(2, SPAWN) as two:
        bare = [partial(squared, pool) for pool in (one, two)]
        for run in bare:
            run()
        pairs = [(speed(*runs, times=1), speed(*bare, times=1)) for _ in range(3)]
    gained, possible = map(statistics.median, zip(*pairs, strict=True))
    for executor in executors:
        executor.stop(kill=True)
    yield Figure(
        what=f"{TASKS} steps that compute, 2 processes: speed",
        value=gained,
        unit="x",
        beside=possible,
        peer="2 bare processes",
        aim=">= 1.8 x",
        met=gained >= 1.8,
    )


def days(folders: Iterator[Path]) -> Iterator[Figure]:
    """Measure three assets of 365 days with two processes, beside this one alone."""
    assets = chain(BackfillPolicy.per_partition())
    executor = ProcessExecutor(2)
    run = runner(folders, assets, executor)
    run()
    gained = speed(runner(folders, assets), run)
    executor.stop(kill=True)
    yield Figure(
        what="3 assets x 365 days, 2 processes: speed",
        value=gained,
        unit="x",
        beside=1.0,
        peer="in process",
        aim=">= 1.6 x",
        met=gained >= 1.6,
    )


def no_ops(folders: Iterator[Path], engine: str, executor: Any, bare: Callable[[], Any]) -> Figure:
    """Measure steps that do nothing on a cluster, beside its own tasks that do nothing."""

    @asset(partitions=keys(NO_OPS), code_version="1")
    def nothing(context: Any) -> None:
        """Do nothing."""

    run = runner(folders, nothing, executor)
    run()
    bare()
    floor, ours = best(bare), best(run)
    return Figure(
        what=f"{NO_OPS:,} steps that do nothing, on {engine}",
        value=ours,
        unit="s",
        beside=floor,
        peer=f"{NO_OPS:,} bare tasks",
        aim="<= 1.2 x",
        met=ours <= 1.2 * floor,
    )


def on_dask(folders: Iterator[Path]) -> Iterator[Figure]:
    """Measure Dask with two worker processes."""
    distributed = import_module("distributed")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
    with cluster, distributed.Client(cluster) as client:
        executor = import_module("assetkit.executors").DaskExecutor(client)

        def bare() -> None:
            client.gather([client.submit(abs, n, pure=False) for n in range(NO_OPS)])

        yield no_ops(folders, "Dask", executor, bare)


def on_ray(folders: Iterator[Path]) -> Iterator[Figure]:
    """Measure Ray with two CPUs."""
    ray = import_module("ray")
    with closing(import_module("assetkit.executors").RayExecutor(workers=2)) as executor:
        executor.start()
        task = ray.remote(abs_of)
        yield no_ops(
            folders, "Ray", executor, lambda: ray.get([task.remote(n) for n in range(NO_OPS)])
        )


def abs_of(number: int) -> int:
    """Return a number without its sign."""
    return abs(number)


def figures(root: Path) -> Iterator[Figure]:
    """Measure."""
    folders = (root / f"w{number}" for number in range(1_000))
    yield from many(folders)
    yield from waiting(folders)
    yield from computing(folders)
    yield from days(folders)
    if importlib.util.find_spec("distributed"):
        yield from on_dask(folders)
    if importlib.util.find_spec("ray"):
        yield from on_ray(folders)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        show(figures(Path(folder)))
