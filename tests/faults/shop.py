"""A small shop, and what a process does with it: build it, break, look at what is there.

Used by programs that fork children, so that nothing here starts an engine when imported.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from assetkit import StaticPartitions, Workspace, asset, faultpoints, materialize, plan
from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.io import ParquetIOManager
from assetkit.io.content import content_version

DAYS = StaticPartitions([f"d{number}" for number in range(4)])
SLOTS = 2 * 4 + 1
BUILT = "ASSETKIT_TEST_BUILT"
EDITION = "ASSETKIT_TEST_EDITION"
NOTES = "ASSETKIT_TEST_NOTES"


def note(name: str) -> None:
    """Add a line to the file that counts calls; one write, so that processes do not mix."""
    if path := os.environ.get(BUILT):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{name}\n".encode())
        os.close(handle)


@asset(partitions=DAYS)
def orders(context) -> pd.DataFrame:
    note(f"orders@{context.partition_key}")
    day = int(context.partition_key[1:])
    return pd.DataFrame({"id": range(day, day + 50), "amount": day + int(os.environ[EDITION])})


@asset(partitions=DAYS)
def large(orders: pd.DataFrame, context) -> pd.DataFrame:
    note(f"large@{context.partition_key}")
    return orders[orders.id % 2 == 0].reset_index(drop=True)


@asset
def total(large: pd.DataFrame) -> pd.DataFrame:
    note("total")
    return pd.DataFrame({"total": [large.amount.sum()]})


class Noting(DuckDBCatalog):
    """A catalog that writes each acknowledged result into a file, after the commit returned."""

    acknowledged: Path

    def commit(self, commit):
        receipt = super().commit(commit)
        lines = [
            f"{made.asset}@{made.partition}={made.data_version}\n"
            for made in commit.materializations
            if (made.asset, made.ordinal) not in receipt.refused
        ]
        with self.acknowledged.open("a") as file:
            file.writelines(lines)
        return receipt


def acknowledged_in(root: Path) -> Path:
    """Return the file that lists what was acknowledged; it lies on the disk that does not fill."""
    return Path(os.environ.get(NOTES, root.parent)) / f"{root.name}.acknowledged"


def open_shop(root: Path, *, ahead: timedelta = timedelta()) -> Workspace:
    """Return a workspace that keeps a version, and whose clock is *ahead*."""
    catalog = Noting(root / "catalog.duckdb", clock=lambda: datetime.now(UTC) + ahead)
    catalog.acknowledged = acknowledged_in(root)
    return Workspace(root, catalog=catalog, io_managers={"parquet": ParquetIOManager(keep=1)})


def build(root: Path, *, edition: int = 1, force: bool = False, **wishes) -> None:
    """Bring the shop up to date; *edition* is what its orders are made from."""
    os.environ[EDITION] = str(edition)
    workspace = open_shop(root, ahead=wishes.pop("ahead", timedelta()))
    wanted = [orders, large, total] if force else total
    materialize(wanted, workspace=workspace, progress="none", force=force, **wishes)


def files(root: Path) -> dict[str, str]:
    """Return the version of each file below the data folder; each has to be whole."""
    found = {}
    for path in sorted((root / "data").rglob("*")):
        if path.is_file():
            # One handle for footer and data: between two, a rebuild may replace the file.
            with path.open("rb") as handle:
                file = pq.ParquetFile(handle)
                record = json.loads(file.metadata.metadata[b"assetkit"])
                assert record["content"] == content_version(file.read()), path
            found[path.relative_to(root / "data").as_posix()] = record["data_version"]
    return found


def state(root: Path) -> dict[str, object]:
    """Return what a look at a workspace finds, without changing anything."""
    workspace = open_shop(root)
    made = {
        f"{one.asset}@{one.partition}": one.data_version
        for name in ("orders", "large", "total")
        for one in workspace.catalog.published(name)
    }
    return {
        "files": files(root),
        "known": made,
        "running": int((workspace.runs().status == "running").sum()),
        "staged": [one.name for one in (root / ".assetkit/staging").glob("*/*")],
        "due": len(plan(total, workspace=workspace)),
    }


def fork(action) -> int:
    """Do *action* in a child process; return its id. It exits 0, or 1 where it raises."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        action()
        code = 0
    except BaseException as error:  # noqa: BLE001  said below, with the exit code
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def ended(child: int) -> int:
    """Wait for a child; return its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def broken_build(root: Path, wish: str, *, rounds: int = 1, **wishes) -> int:
    """Build so many times in a child that breaks at a fault point; return how it ended."""

    def act() -> None:
        faultpoints.arm(wish)
        build(root, **wishes)
        for _ in range(rounds - 1):
            build(root, **(wishes | {"force": True}))

    return ended(fork(act))
