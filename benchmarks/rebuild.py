"""How long it takes to make a catalog again from the files, and to plan right after.

    python benchmarks/rebuild.py --files 10000

Printed: seconds and CPU seconds, and as a floor of the same run, reading the records in all
footers one by one. The plan right after has to be empty.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from assetkit import BackfillPolicy, StaticPartitions, Workspace, asset, materialize, plan
from assetkit.io.footer import read_record


def timed(name: str, act: Callable[[], Any]) -> tuple[Any, float]:
    """Do something; print and return how long it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = act()
    cpu = time.process_time() - cpu
    print(f"{name:<34} {time.perf_counter() - wall:7.2f} s  {cpu:7.2f} s CPU")
    return found, cpu


def main() -> None:
    """Build, lose the catalog, make it again, and plan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    count = parser.parse_args().files
    keys = [f"k{number:05d}" for number in range(count)]

    @asset(partitions=StaticPartitions(keys, dimension="key"), backfill=BackfillPolicy.single_run())
    def many() -> pd.DataFrame:
        return pd.DataFrame({"key": keys, "n": range(count)})

    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "rebuild")
        timed(
            f"build {count:,} files",
            lambda: materialize(many, workspace=workspace, progress="none"),
        )
        files = list((Path(workspace.root) / "data").rglob("*.parquet"))
        workspace.close()
        for path in Path(workspace.root).glob("catalog*"):
            path.unlink()
        records, floor = timed(
            "floor: read all footers", lambda: [read_record(one) for one in files]
        )
        slots, cpu = timed("rebuild the catalog", workspace.rebuild_catalog)
        made, _ = timed("plan right after", lambda: plan(many, workspace=workspace))
        print(f"slots {slots:,} of {len(records):,} files; ratio to the floor {cpu / floor:.1f}")
        print(f"due right after {len(made)}")


if __name__ == "__main__":
    main()
