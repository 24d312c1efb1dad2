"""Programs in hostile surroundings; see test_surroundings.py.

Arguments: a folder, and what goes wrong. Prints how each run of a workspace ended.
"""

import os
import re
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, Popen

import pandas as pd

from assetkit import (
    MaterializationError,
    ProcessExecutor,
    StaticPartitions,
    Workspace,
    asset,
    backfill,
    materialize,
    plan,
)
from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.errors import AssetkitError

MANY = 400
PARTS = StaticPartitions([f"p{number}" for number in range(6)])
ROOT = Path(sys.argv[1]) / "shop"
HARM = {"on": True}


def wide() -> pd.DataFrame:
    """Return half a megabyte that does not pack."""
    return pd.DataFrame({"b": [os.urandom(1024) for _ in range(512)]})


@asset(partitions=PARTS)
def heavy() -> pd.DataFrame:
    return wide()


@asset(partitions=PARTS)
def deleting(context) -> pd.DataFrame:
    if context.partition_key == "p3" and HARM["on"]:
        HARM["on"] = False
        shutil.rmtree(ROOT, ignore_errors=True)
    return pd.DataFrame({"n": [1]})


@asset(partitions=PARTS)
def suicidal(context) -> pd.DataFrame:
    if context.partition_key == "p3" and not (ROOT.parent / "spared").exists():
        os.kill(os.getpid(), 9)
    return pd.DataFrame({"n": [1]})


@asset
def chatty() -> pd.DataFrame:
    for _ in range(1000):
        print("x" * 1_000_000)  # noqa: T201
    return pd.DataFrame({"n": [1]})


@asset
def streaming() -> Iterator[pd.DataFrame]:
    yield pd.DataFrame({"n": [1] * 1000})
    if HARM["on"]:
        raise RuntimeError("half-way")
    yield pd.DataFrame({"n": [2] * 1000})


@asset(partitions=StaticPartitions([f"k{number}" for number in range(MANY)]))
def many() -> pd.DataFrame:
    return pd.DataFrame({"n": [1]})


@asset
def gathered(many: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"rows": [len(many)]})


@asset(partitions=PARTS)
def greedy(context) -> pd.DataFrame:
    if context.partition_key == "p3" and HARM["on"]:
        return pd.DataFrame({"n": [bytearray(1 << 30) for _ in range(1000)]})
    return pd.DataFrame({"n": [1]})


@asset(partitions=PARTS, timeout=5.0)
def endless(context) -> pd.DataFrame:
    while context.partition_key == "p3" and not (ROOT.parent / "spared").exists():
        time.sleep(0.001)
    return pd.DataFrame({"n": [1]})


@asset(partitions=StaticPartitions([f"k{number}" for number in range(10_000)]))
def crowded() -> None: ...


def attempt(target, **wishes) -> str:
    """Materialize; return how that ended, and fail on any error that is not assetkit's own."""
    try:
        result = materialize(target, workspace=Workspace(ROOT), progress="none", **wishes)
    except MaterializationError as error:
        kinds = sorted({one.error_type for one in error.result.failures})
        return f"{len(error.result.materialized)} made, failed: {' '.join(kinds)}"
    except AssetkitError as error:
        return f"{type(error).__name__}: {error}"
    return f"{len(result.materialized)} made"


def due(target) -> str:
    return f"{len(plan(target, workspace=Workspace(ROOT)))} due"


def say(*lines: str) -> None:
    for line in lines:
        told = line.replace(str(ROOT), "ROOT").replace("\n", " ")
        print(told, flush=True)  # noqa: T201


def disk_full() -> None:
    """The root is on a small disk: some fits, then nothing does, then there is room again."""
    filler = ROOT.parent / "filler"
    filler.write_bytes(b"x" * 2_500_000)
    say(attempt(heavy))
    filler.unlink()
    say(attempt(heavy), due(heavy))


def large_files_refused() -> None:
    """The system refuses files beyond a size, in the middle of a write."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    say(attempt(heavy))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    say(attempt(heavy), due(heavy))


def read_only() -> None:
    """The workspace's folder may only be read."""
    say(attempt(streaming_done()))
    for path in [ROOT, *ROOT.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid() == 0:
        os.seteuid(65534)
    say(attempt(heavy))
    if os.getuid() == 0:
        os.seteuid(0)
    for path in [ROOT, *ROOT.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    say(attempt(heavy))


def streaming_done():
    HARM["on"] = False
    return streaming


def folder_deleted() -> None:
    """Someone removes the whole workspace while a run is at it."""
    say(attempt(deleting))
    say(attempt(deleting).partition(" ")[2], due(deleting))


def killed_worker() -> None:
    """The user's code kills its worker process."""
    say(attempt(suicidal, executor=ProcessExecutor(1)))
    (ROOT.parent / "spared").touch()
    say(attempt(suicidal), due(suicidal))


def much_output() -> None:
    """The user's code prints a gigabyte."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        ended = attempt(chatty)
    logs = [path.stat().st_size for path in (ROOT / ".assetkit" / "logs").rglob("*.log")]
    say(ended, f"log of {sum(logs) // 1_000_000} MB")


def broken_stream() -> None:
    """A generator raises half-way, over a published table."""
    streaming_done()
    say(attempt(streaming))
    HARM["on"] = True
    say(attempt(streaming, force=True))
    say(f"{len(Workspace(ROOT).load(streaming))} rows", due(streaming))


def few_descriptors() -> None:
    """A process may have 256 files open, and a table is gathered from 400."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    say(attempt(gathered), f"{Workspace(ROOT).load(gathered).rows[0]} rows", due(gathered))


def clock_back() -> None:
    """The clock steps back an hour between two runs, with work left and without."""
    now = datetime.now(UTC)
    say(attempt(heavy, partitions="p0", now=now))
    say(attempt(heavy, now=now - timedelta(hours=1)), due(heavy))
    say(attempt(heavy, force=True, now=now - timedelta(hours=1)), due(heavy))


def backfill_deleted() -> None:
    """Someone removes the whole workspace while a backfill is at it."""
    workspace = Workspace(ROOT)
    try:
        found = backfill(deleting, "all", workspace=workspace, progress="none")
        say(f"{len(found.materialized)} made")
    except AssetkitError as error:
        say(f"{type(error).__name__}: {error}")
    workspace.close()
    HARM["on"] = False
    attempt(deleting)
    say(due(deleting))


def memory_limit() -> None:
    """The user's code asks for a terabyte, and the system has a limit."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (4 << 30), most))
    say(attempt(greedy))
    HARM["on"] = False
    say(attempt(greedy), due(greedy))


def no_return() -> None:
    """The user's code never returns."""
    say(attempt(endless, executor=ProcessExecutor(1)))
    (ROOT.parent / "spared").touch()
    say(attempt(endless), due(endless))


def many_slots() -> None:
    """A run has ten thousand open slots."""
    say(attempt(crowded), due(crowded))


def dying_workers() -> None:
    """Every worker process is killed at a named place."""
    os.environ["ASSETKIT_FAULT"] = sys.argv[3]
    say(attempt(streaming_done(), executor=ProcessExecutor(1)))
    del os.environ["ASSETKIT_FAULT"]
    say(attempt(streaming, executor=ProcessExecutor(2)), due(streaming))
    say(f"{len(Workspace(ROOT).load(streaming))} rows")


def locked_catalog() -> None:
    """Another process holds the catalog, and does not let go."""
    say(attempt(streaming_done()))
    path = ROOT / "catalog.duckdb"
    hold = (
        "import sys; from pathlib import Path; from assetkit.catalog.lock import FileLock\n"
        "with FileLock(Path(sys.argv[1]), wait=1).held():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with Popen(
        [sys.executable, "-c", hold, str(ROOT / "catalog.lock")], stdin=PIPE, stdout=PIPE
    ) as holder:
        holder.stdout.readline()
        busy = Workspace(ROOT, catalog=DuckDBCatalog(path, wait=0.1))
        try:
            materialize(streaming, workspace=busy, force=True, progress="none")
        except AssetkitError as error:
            say(f"{type(error).__name__} names {holder.pid in error_numbers(error)}")
        holder.stdin.close()
    say(attempt(streaming, force=True))


def error_numbers(error: Exception) -> set[int]:
    return {int(found) for found in re.findall(r"\d+", str(error))}


if __name__ == "__main__":
    globals()[sys.argv[2]]()
