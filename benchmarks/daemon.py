"""What a daemon costs: while nothing is to do, for each tick, and in memory over many turns.

python benchmarks/daemon.py [idle|ticks|turns ...] [--seconds 60] [--count 20000]

- idle: CPU of a daemon with 1,000 assets, each with a policy, all up to date; floor: a process
  that only sleeps (0).
- ticks: time of a tick that runs one trivial asset, beside `materialize` of it in the same process.
- turns: resident memory and objects over turns of which each has a tick and a run (20,000 of them
  take ten minutes), and over turns in which nothing is due.
"""

from __future__ import annotations

import argparse
import gc
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, process_time, sleep

from assetkit import (
    AutoMaterializePolicy,
    Daemon,
    Definitions,
    Workspace,
    asset,
    materialize,
    schedule,
    sensor,
)
from assetkit.catalog.liveness import this_process
from assetkit.daemon.lanes import Lanes
from assetkit.daemon.launching import Project
from assetkit.daemon.shift import Shift

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def many(count: int) -> Definitions:
    """Return assets in chains of ten, each with a policy."""
    assets = []
    for number in range(count):
        root = number % 10 == 0
        made = asset(
            name=f"a{number}",
            deps=[] if root else [f"a{number - 1}"],
            automation=AutoMaterializePolicy.eager(),
            code_version="1",
        )
        assets.append(made(lambda: None))
    return Definitions(assets=assets)


def idle(folder: Path, seconds: float, count: int = 1_000) -> None:
    """Let a daemon wait, and see what it uses."""
    project = many(count)
    workspace = Workspace(folder / "idle")
    materialize(project, workspace=workspace, progress="none")
    daemon = Daemon(project, workspace)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    while daemon.turns < 1:
        sleep(0.1)
    sleep(1)
    turns, cpu, wall = daemon.turns, process_time(), monotonic()
    sleep(seconds)
    cpu, wall = process_time() - cpu, monotonic() - wall
    daemon.stop()
    thread.join()
    share = 100 * cpu / wall
    print(
        f"idle, {count:,} assets: {share:.2f} % of a core over {wall:.0f} s "
        f"({daemon.turns - turns} turns; target < 1 %, floor 0)"
    )


def ticks(folder: Path, count: int) -> None:
    """Time ticks with a run each, and the same runs without a daemon."""

    @asset(code_version="1")
    def prices() -> None:
        return None

    project = Definitions(assets=[prices], schedules=[schedule(prices, "* * * * *")])
    daemon = Daemon(project, Workspace(folder / "ticks"))
    daemon.tick(START)
    cpu = process_time()
    for number in range(1, count + 1):
        daemon.tick(START + MINUTE * number)
    by_daemon = (process_time() - cpu) / count
    plain = Workspace(folder / "plain")
    materialize(prices, workspace=plain, progress="none")
    cpu = process_time()
    for _ in range(count):
        materialize(prices, workspace=plain, progress="none", force=True)
    by_hand = (process_time() - cpu) / count
    print(
        f"tick with a run: {by_daemon * 1e3:.1f} ms; materialize: {by_hand * 1e3:.1f} ms; "
        f"ratio {by_daemon / by_hand:.2f}"
    )


def turns(folder: Path, count: int) -> None:
    """See whether memory grows over turns."""

    @asset(code_version="1")
    def prices() -> None:
        return None

    @sensor(prices, interval=1e9)
    def quiet() -> None:
        return None

    workspace = Workspace(folder / "turns")
    holder = "probe"
    workspace.catalog.automation.hold(holder, this_process(), START)
    for words, cron, total in (
        ("with a tick each", "* * * * *", count),
        ("with nothing due", "0 0 1 1 *", 100_000),
    ):
        project = Definitions(
            assets=[prices], schedules=[schedule(prices, cron, name=cron)], sensors=[quiet]
        )
        lanes = Lanes(beside=False, most=8, ended=lambda: None)
        shift = Shift(Project.of(project), workspace, holder, lanes)
        warm = total // 10
        for number in range(warm):
            shift.turn(START + MINUTE * number)
        before, objects, began = resident(), tracked(), process_time()
        for number in range(warm, total):
            shift.turn(START + MINUTE * number)
        each = (process_time() - began) / (total - warm)
        grown = resident() - before
        print(
            f"{total:,} turns {words}: {before:.0f} MB after {warm:,}, {grown:+.1f} MB and "
            f"{tracked() - objects:+,} objects since; {each * 1e3:.3f} ms of CPU a turn"
        )


def tracked() -> int:
    """Return how many objects there are that refer to others."""
    gc.collect()
    return len(gc.get_objects())


def resident() -> float:
    """Return this process's memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["idle", "ticks", "turns"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--count", type=int, default=20_000)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        for name in given.what:
            if name == "idle":
                idle(Path(folder), given.seconds)
            elif name == "ticks":
                ticks(Path(folder), min(given.count, 200))
            else:
                turns(Path(folder), given.count)


if __name__ == "__main__":
    main()
