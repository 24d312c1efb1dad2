"""A program that builds in a bucket, and dies there; see test_faults.py. Prints lines of JSON.

Arguments: a root, and ``build EDITION [force]`` or ``die``.
"""

import io
import json
import os
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import s3fs

import assetkit.io.object_store_s3 as own
from assetkit import MaterializationError, StaticPartitions, Workspace, asset, materialize, plan
from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.faultpoints import arm
from assetkit.io.content import content_version
from tests.faults.shop import ended, fork
from tests.object_stores.conftest import DEADLY

ROOT = sys.argv[1]
EDITION = [1]
PARTS = StaticPartitions(["a", "b", "c"])


@asset(partitions=PARTS)
def orders(context) -> pd.DataFrame:
    return pd.DataFrame({"n": [EDITION[0]] * 50})


@asset(io_manager="pickle")
def counts(orders: pd.DataFrame):
    return {"rows": len(orders), "edition": EDITION[0]}


@asset
def total(orders: pd.DataFrame, counts) -> pd.DataFrame:
    return pd.DataFrame({"total": [int(orders.n.sum()) + counts["edition"]]})


class Noting(DuckDBCatalog):
    """A catalog that prints what it acknowledged, after the commit returned."""

    def commit(self, commit):
        receipt = super().commit(commit)
        with Path("acknowledged").open("a") as file:
            file.writelines(f"{made.asset}@{made.partition}\n" for made in commit.materializations)
        return receipt


def opened(root: str) -> Workspace:
    path = Path(root.replace("/", "-").replace(":", "")) / "catalog.duckdb"
    path.parent.mkdir(exist_ok=True)
    return Workspace(root, catalog=Noting(path.resolve()))


def build(root: str, *, force: bool = False) -> None:
    targets = [orders, counts, total]
    workspace = opened(root)
    materialize(targets, workspace=workspace, progress="none", force=force)
    workspace.close()


def die(point: str, root: str) -> None:
    """Build the first edition; then break at a point of the second."""
    build(root)
    if point.startswith(("store.begun", "store.part")):
        own.SINGLE = 100
    if point != "none":
        arm(point)
    EDITION[0] = 2
    build(root, force=True)


def look(root: str) -> dict[str, object]:
    """Return what is there; every object has to be whole."""
    system = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    found, torn = {}, []
    for name in system.find(f"{root}/data"):
        content = system.cat_file(name)
        key = name.partition("/data/")[2]
        if name.endswith(".parquet"):
            file = pq.ParquetFile(io.BytesIO(content))
            record = json.loads(file.metadata.metadata[b"assetkit"])
            found[key] = content_version(file.read())
            if record["content"] != found[key]:
                torn.append(name)
        elif name.endswith(".pickle"):
            found[key] = content.hex()
    workspace = opened(root)
    known = {
        f"{one.asset}@{one.partition}"
        for name in ("orders", "counts", "total")
        for one in workspace.catalog.published(name)
    }
    promised = (
        set(Path("acknowledged").read_text().split()) if Path("acknowledged").exists() else set()
    )
    return {
        "end": found,
        "torn": torn,
        "lost": sorted(promised - known),
        "running": int((workspace.runs().status == "running").sum()),
        "due": len(plan(total, workspace=workspace)),
    }


def go_on(root: str) -> None:
    """Say what a death left behind, and how it is after the next run."""
    after = look(root)
    EDITION[0] = 2
    build(root, force=True)
    end = look(root)
    torn, lost = [*after["torn"], *end["torn"]], [*after["lost"], *end["lost"]]
    Path("report").write_text(json.dumps({**end, "torn": torn, "lost": lost}))


if __name__ == "__main__":
    if sys.argv[2] == "build":
        EDITION[0] = int(sys.argv[3])
        try:
            materialize(
                total, workspace=Workspace(ROOT), progress="none", force="force" in sys.argv
            )
            line = {"total": Workspace(ROOT).load("total").total.tolist()}
        except MaterializationError as error:
            line = {"error": str(error)}
        print(json.dumps(line), flush=True)  # noqa: T201
    else:
        bucket = ROOT.removeprefix("s3://").partition("/")[0]
        assert ended(fork(lambda: s3fs.S3FileSystem().mkdir(bucket))) == 0
        for point in ("none", *DEADLY):
            root = f"s3://{bucket}/{point}"
            Path("acknowledged").unlink(missing_ok=True)
            code = ended(fork(lambda root=root, point=point: die(point, root)))
            assert ended(fork(lambda root=root: go_on(root))) == 0
            line = {"point": point, "code": code, **json.loads(Path("report").read_text())}
            print(json.dumps(line), flush=True)  # noqa: T201
    os._exit(0)  # engines may not like to be torn down
