"""Several processes at one workspace, killed at random, for some minutes: is anything lost?

    python benchmarks/soak.py --minutes 2 --processes 4

Each process rebuilds the same slots again and again. Printed at the end: kills, slots built
and acknowledged, acknowledged results that the catalog does not know (lost), slots that two
processes built at once (duplicated), files that are not whole (torn).
"""

import argparse
import os
import random
import signal
import tempfile
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from assetkit import AssetContext, StaticPartitions, Workspace, asset, materialize, plan
from assetkit.catalog.base import Commit, Receipt
from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.io import ParquetIOManager
from assetkit.io.content import content_version
from assetkit.io.footer import read_record

KEYS = [f"k{number}" for number in range(8)]
SLOTS = 2 * len(KEYS) + 1
NOTES: dict[str, int] = {}


def note(name: str, text: str) -> None:
    """Add a line to a file that all processes share."""
    os.write(NOTES[name], f"{text}\n".encode())


def work(slot: str) -> pd.DataFrame:
    """Make a table, and note from when to when that took."""
    note("calls", f"{slot} {os.getpid()} begin {time.monotonic()}")
    table = pd.DataFrame({"n": [random.random() for _ in range(200)]})
    note("calls", f"{slot} {os.getpid()} end {time.monotonic()}")
    return table


@asset(partitions=StaticPartitions(KEYS))
def first(context: AssetContext) -> pd.DataFrame:
    return work(f"first@{context.partition_key}")


@asset(partitions=StaticPartitions(KEYS))
def second(first: pd.DataFrame, context: AssetContext) -> pd.DataFrame:
    assert len(first)
    return work(f"second@{context.partition_key}")


@asset
def third(second: pd.DataFrame) -> pd.DataFrame:
    assert len(second)
    return work("third@None")


class Noting(DuckDBCatalog):
    """Notes each result after the commit that acknowledged it."""

    def commit(self, commit: Commit) -> Receipt:
        receipt = super().commit(commit)
        for made in commit.materializations:
            if (made.asset, made.ordinal) not in receipt.refused:
                slot = f"{made.asset}@{made.partition}"
                note("acknowledged", f"{slot} {made.run_id} {made.data_version}")
        return receipt


def open_workspace(root: Path) -> Workspace:
    """Return the workspace, with a catalog that notes."""
    catalog = Noting(root / "catalog.duckdb")
    return Workspace(root, catalog=catalog, io_managers={"parquet": ParquetIOManager(keep=1)})


def toil(root: Path) -> None:
    """Rebuild the slots until killed."""
    random.seed()
    while True:
        workspace = open_workspace(root)
        target = random.choice([third, second, first])
        force = random.random() < 0.7
        materialize(target, workspace=workspace, force=force, progress="none", raise_on_error=False)


def start(root: Path) -> int:
    """Start a process that toils; return its id."""
    child = os.fork()
    if not child:
        try:
            toil(root)
        except BaseException as error:  # noqa: BLE001
            note("errors", f"{type(error).__name__}: {str(error).splitlines()[0]}")
        finally:
            os._exit(1)
    return child


def soak(root: Path, seconds: float, processes: int) -> dict[int, float]:
    """Let processes toil, and kill them at random; return who was killed when."""
    killed: dict[int, float] = {}
    children = [start(root) for _ in range(processes)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(random.uniform(0.3, 2.5))
        place = random.randrange(processes)
        os.kill(children[place], signal.SIGKILL)
        killed[children[place]] = time.monotonic()
        os.waitpid(children[place], 0)
        children[place] = start(root)
    for child in children:
        os.kill(child, signal.SIGKILL)
        killed[child] = time.monotonic()
        os.waitpid(child, 0)
    return killed


def overlaps(calls: Path, killed: dict[int, float]) -> int:
    """Count calls for one slot that two processes were in at once."""
    spans: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    begun: dict[tuple[str, str], float] = {}
    for line in calls.read_text().splitlines():
        slot, pid, what, at = line.split()
        if what == "begin":
            begun[slot, pid] = float(at)
        else:
            spans[slot].append((begun.pop((slot, pid)), float(at), pid))
    for (slot, pid), at in begun.items():
        spans[slot].append((at, killed[int(pid)], pid))
    count = 0
    for rows in spans.values():
        rows.sort()
        count += sum(
            later[0] < earlier[1] and later[2] != earlier[2] for earlier, later in pairwise(rows)
        )
    return count


def torn(root: Path) -> int:
    """Count files that are not whole, or are no partition of their own."""
    files = [path for path in (root / "data").rglob("*") if path.is_file()]
    bad = sum(
        (read_record(path) or {}).get("content") != content_version(pq.ParquetFile(path).read())
        for path in files
    )
    return bad + abs(len(files) - SLOTS)


def main() -> None:
    """Soak, heal, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--processes", type=int, default=4)
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "soak"
        for name in ("calls", "acknowledged", "errors"):
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            NOTES[name] = os.open(Path(folder) / name, flags)
        killed = soak(root, wishes.minutes * 60, wishes.processes)
        workspace = open_workspace(root)
        materialize(third, workspace=workspace, progress="none")
        known = {
            f"{row.asset}@{row.partition} {row.run_id} {row.data_version}"
            for name in ("first", "second", "third")
            for row in workspace.history(name).astype({"partition": object}).itertuples()
        }
        known = {line.replace("@nan ", "@None ") for line in known}
        acknowledged = (Path(folder) / "acknowledged").read_text().splitlines()
        errors = (Path(folder) / "errors").read_text().splitlines()
        runs = workspace.runs()
        print(f"processes {wishes.processes}, minutes {wishes.minutes:g}, kills {len(killed)}")
        print(f"runs {len(runs)}, of them lost {int((runs.status == 'lost').sum())}")
        print(f"slots built and acknowledged {len(acknowledged)}")
        print(f"lost {len(set(acknowledged) - known)}")
        print(f"duplicated {overlaps(Path(folder) / 'calls', killed)}")
        print(f"torn {torn(root)}, still running {int((runs.status == 'running').sum())}")
        print(f"due after one more run {len(plan(third, workspace=workspace))}")
        print(f"differences found by verify {len(workspace.verify(deep=True))}")
        print(f"errors {len(errors)}", *sorted(set(errors)), sep="\n  ")


if __name__ == "__main__":
    main()
