"""Several processes at one workspace, killed at random, for some minutes: is anything lost?

    python benchmarks/soak.py --minutes 2 --processes 4
    python benchmarks/soak.py --minutes 2 --processes 4 --s3

With ``--s3`` the data is in a bucket of a real server on this machine (moto's; the extra
``dev`` has it), and the catalog in a folder beside it.
Each process rebuilds the same slots again and again. Printed at the end: kills, slots built
and acknowledged, acknowledged results that the catalog does not know (lost), slots that two
processes built at once (duplicated), files that are not whole (torn).
"""

import argparse
import io
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from assetkit import AssetContext, StaticPartitions, Workspace, asset, materialize, plan
from assetkit.catalog.base import Commit, Receipt
from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.io import ParquetIOManager
from assetkit.io.content import content_version
from assetkit.io.footer import record_in
from assetkit.io.object_store import open_store

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


BUCKET = "s3://soak/lake"


def open_workspace(root: Path, *, s3: bool) -> Workspace:
    """Return the workspace, with a catalog that notes."""
    catalog = Noting(root / "catalog.duckdb")
    if s3:
        return Workspace(BUCKET, catalog=catalog)
    return Workspace(root, catalog=catalog, io_managers={"parquet": ParquetIOManager(keep=1)})


@contextmanager
def s3_server(folder: Path) -> Iterator[None]:
    """Run an S3 server with one bucket inside the block."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "soak",
        "AWS_SECRET_ACCESS_KEY": "soak",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
    }
    os.chdir(folder)
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            with suppress(OSError):
                asked = urllib.request.Request(f"{url}/soak", method="PUT")
                urllib.request.urlopen(asked, timeout=5).close()
                break
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait()


def toil(root: Path, *, s3: bool) -> None:
    """Rebuild the slots until killed."""
    random.seed()
    while True:
        workspace = open_workspace(root, s3=s3)
        target = random.choice([third, second, first])
        force = random.random() < 0.7
        materialize(target, workspace=workspace, force=force, progress="none", raise_on_error=False)


def start(root: Path, *, s3: bool) -> int:
    """Start a process that toils; return its id."""
    child = os.fork()
    if not child:
        try:
            toil(root, s3=s3)
        except BaseException as error:  # noqa: BLE001
            note("errors", f"{type(error).__name__}: {str(error).splitlines()[0]}")
        finally:
            os._exit(1)
    return child


def soak(root: Path, seconds: float, processes: int, *, s3: bool) -> dict[int, float]:
    """Let processes toil, and kill them at random; return who was killed when."""
    killed: dict[int, float] = {}
    children = [start(root, s3=s3) for _ in range(processes)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        # With a store it takes a process longer to get to work.
        time.sleep(random.uniform(0.3, 8.0 if s3 else 2.5))
        place = random.randrange(processes)
        os.kill(children[place], signal.SIGKILL)
        killed[children[place]] = time.monotonic()
        os.waitpid(children[place], 0)
        children[place] = start(root, s3=s3)
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


def torn(root: Path, workspace: Workspace, *, s3: bool) -> int:
    """Count files that are not whole, or are no partition of their own."""
    if s3:
        store = open_store(workspace.core.place)
        contents = [store.read(key) for key in store.find("data")]
    else:
        contents = [path.read_bytes() for path in (root / "data").rglob("*") if path.is_file()]
    bad = sum(
        (record_in(content) or {}).get("content")
        != content_version(pq.ParquetFile(io.BytesIO(content)).read())
        for content in contents
    )
    return bad + abs(len(contents) - SLOTS)


def report(root: Path, folder: Path, killed: dict[int, float], *, s3: bool) -> None:
    """Heal, look, and print what was found."""
    workspace = open_workspace(root, s3=s3)
    materialize(third, workspace=workspace, progress="none")
    known = {
        f"{row.asset}@{row.partition} {row.run_id} {row.data_version}"
        for name in ("first", "second", "third")
        for row in workspace.history(name).astype({"partition": object}).itertuples()
    }
    known = {line.replace("@nan ", "@None ") for line in known}
    acknowledged = (folder / "acknowledged").read_text().splitlines()
    errors = (folder / "errors").read_text().splitlines()
    runs = workspace.runs()
    print(f"runs {len(runs)}, of them lost {int((runs.status == 'lost').sum())}")
    print(f"slots built and acknowledged {len(acknowledged)}")
    print(f"lost {len(set(acknowledged) - known)}")
    print(f"duplicated {overlaps(folder / 'calls', killed)}")
    print(f"torn {torn(root, workspace, s3=s3)}")
    print(f"still running {int((runs.status == 'running').sum())}")
    print(f"due after one more run {len(plan(third, workspace=workspace))}")
    print(f"differences found by verify {len(workspace.verify(deep=True))}")
    print(f"errors {len(errors)}", *sorted(set(errors)), sep="\n  ")


def main() -> None:
    """Soak, heal, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--s3", action="store_true", help="keep the data in a bucket")
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        if wishes.s3:
            stack.enter_context(s3_server(folder))
        for note_ in ("calls", "acknowledged", "errors"):
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            NOTES[note_] = os.open(folder / note_, flags)
        killed = soak(folder / "soak", wishes.minutes * 60, wishes.processes, s3=wishes.s3)
        where = "S3" if wishes.s3 else "local files"
        print(
            f"{where}, processes {wishes.processes}, minutes {wishes.minutes:g}, kills {len(killed)}"
        )
        report(folder / "soak", folder, killed, s3=wishes.s3)


if __name__ == "__main__":
    main()
