"""A daemon that dies at every step of a turn; see test_kills.py. Prints a line of JSON for each.

Arguments: a folder, and how many random kills there are to be, too (none: only a FEW points).
Time is simulated: a turn a minute.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet

from assetkit import (
    AutoMaterializePolicy,
    Daemon,
    DailyPartitions,
    Definitions,
    RunRequest,
    Workspace,
    asset,
    faultpoints,
    schedule,
    sensor,
)
from assetkit.catalog import duckdb as duckdb_catalog
from assetkit.execution import runner
from assetkit.faultpoints import DAEMON_POINTS
from assetkit.io import parquet_read as table_reader
from assetkit.io import parquet_write as table_writer
from assetkit.workspace import frames
from tests.faults.shop import ended, fork

# So that children need not load them again; no engine is started.
HEAVY = (duckdb, pyarrow.parquet, duckdb_catalog, frames, runner, table_reader, table_writer)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTES = 3
DEATH = 2
MORE_POINTS = ("run.started", "catalog.committing", "publish.replaced", "run.ending")
TIMES = {"catalog.committing": 12, "publish.replaced": 3}
FEW = ("daemon.ran", "publish.replaced")

_numbers = count()
_days = DailyPartitions("2026-02-01", end="2026-03-01")


@asset
def prices() -> pd.DataFrame:
    """New content each time."""
    return pd.DataFrame({"at": [time.time_ns()], "n": [next(_numbers)]})


@asset(automation=AutoMaterializePolicy.eager())
def report(prices: pd.DataFrame) -> pd.DataFrame:
    """Follow the prices."""
    return prices


@asset(partitions=_days)
def arrivals(context) -> pd.DataFrame:
    """One partition a file."""
    return pd.DataFrame({"at": [time.time_ns()]})


@sensor("arrivals", interval="1min")
def inbox(context):
    """Ask for one more day at each call."""
    number = int(context.cursor or 0) + 1
    context.cursor = str(number)
    yield RunRequest(f"file-{number}", partitions=f"2026-02-{number:02}")


PROJECT = Definitions(
    assets=[prices, report, arrivals],
    schedules=[schedule(prices, "* * * * *", catchup=True)],
    sensors=[inbox],
)


def work(root: Path, first: int = 0) -> None:
    """Do a turn for each minute from the first."""
    daemon = Daemon(PROJECT, Workspace(root))
    for minute in range(first, MINUTES):
        (root.parent / f"{root.name}.minute").write_text(str(minute))
        daemon.tick(NOON + timedelta(minutes=minute))


def outcome(root: Path) -> dict[str, object]:
    """Return what is written down of ticks, and how often each asset was made."""
    workspace = Workspace(root)
    ticks = workspace.catalog.automation.ticks()
    made = {
        key: len(workspace.history(key).query("outcome != 'deleted'"))
        for key in ("prices", "arrivals")
    }
    return {
        "schedule": sorted(t.key for t in ticks if t.source.startswith("schedule:")),
        "sensor": sorted(t.key for t in ticks if t.source == "sensor:inbox"),
        "statuses": sorted({str(t.status) for t in ticks}),
        "made": made,
        "reported": bool(len(workspace.load("report").merge(workspace.load("prices"), on="n"))),
        "running": int((workspace.runs().status == "running").sum()),
    }


def look(root: Path) -> dict[str, object]:
    """Return the outcome, read by a child, as this process must not start an engine."""
    report = root.with_name(f"{root.name}.outcome")
    assert ended(fork(lambda: report.write_text(json.dumps(outcome(root))))) == 0
    found: dict[str, object] = json.loads(report.read_text())
    return found


def go_on(root: Path) -> dict[str, object]:
    """Go on from the minute in which the last one died."""
    last = int((root.parent / f"{root.name}.minute").read_text())
    assert ended(fork(lambda: work(root, last))) == 0
    return look(root)


def die_at(folder: Path, point: str) -> dict[str, object]:
    """Die at a point some minutes on, and let another process go on."""
    root = folder / point

    def act() -> None:
        faultpoints.arm(f"{point}:{TIMES.get(point, DEATH)}")
        work(root)

    code = ended(fork(act))
    return {"point": point, "code": code, **go_on(root)}


def die_at_random(folder: Path, number: int, took: float) -> dict[str, object]:
    """Die at a random moment."""
    root = folder / f"random-{number}"
    delay = random.Random(number).uniform(0.05, 0.9) * took

    def act() -> None:
        threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
        work(root)
        time.sleep(60)

    code = ended(fork(act))
    return {"point": f"random-{number}", "code": code, **go_on(root)}


def say(line: dict[str, object]) -> None:
    """Print a line of JSON at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Die everywhere."""
    folder = Path(sys.argv[1])
    began = time.monotonic()
    assert ended(fork(lambda: work(folder / "none"))) == 0
    took = time.monotonic() - began
    say({"point": "none", "code": 0, **look(folder / "none")})
    random_kills = int(sys.argv[2]) if sys.argv[2:] else 0
    for point in (*DAEMON_POINTS, *MORE_POINTS) if random_kills else FEW:
        say(die_at(folder, point))
    for number in range(random_kills):
        say(die_at_random(folder, number, took))


if __name__ == "__main__":
    main()
