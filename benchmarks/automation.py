"""Evaluate automation where there is nothing to do: many partitions, many assets, a policy on each.

What is timed is one look of a daemon: read the catalog, decide about all assets, follow data
time through the graph. Definitions are fingerprinted beforehand, as a daemon has them; the
floor reads the same number of rows from DuckDB into NumPy. Beside it, where Dagster is
installed, its own evaluation of as much (``automation_dagster.py``).

Run: ``python benchmarks/automation.py [a Python that has Dagster]``
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from subprocess import run
from time import perf_counter

import duckdb
import numpy as np
from measure import Figure, best, show

from assetkit import AutoMaterializePolicy, DailyPartitions, FreshnessPolicy, Workspace, asset
from assetkit.catalog.base import Commit
from assetkit.definitions.handles import Asset
from assetkit.graph.build import build_graph
from assetkit.graph.graph import AssetGraph
from assetkit.records import InputUse, Materialization
from assetkit.workspace.evaluating import evaluate
from assetkit.workspace.recording import record_definitions
from assetkit.workspace.situation import (
    Definitions,
    describe_graph,
    read_situation,
    universe_of,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WIDTH = 10
POLICIES = (
    {"freshness": FreshnessPolicy("36h")},
    {"automation": AutoMaterializePolicy.eager()},
    {"automation": AutoMaterializePolicy.on_cron("0 6 * * *")},
    {"automation": AutoMaterializePolicy(every="1h"), "freshness": FreshnessPolicy("2d")},
)


def assets_of(count: int, days: int) -> list[Asset]:
    """Define layers of assets, each with a policy and up to three inputs; *days* 0: unpartitioned."""
    first = NOW.date() - timedelta(days=days)
    partitions = DailyPartitions(first) if days else None
    made: list[Asset] = []
    for number in range(count):
        above = made[-WIDTH:][: 3 if len(made) >= WIDTH else 0]

        @asset(
            name=f"n{number}",
            partitions=partitions,
            deps=above,
            **POLICIES[number % len(POLICIES)],
        )
        def nothing() -> None: ...

        made.append(nothing)
    return made


def fill(workspace: Workspace, definitions: Definitions) -> None:
    """Write down that everything is up to date, without running anything."""
    graph = definitions.graph
    workspace.core.place.private.mkdir(parents=True, exist_ok=True)
    record_definitions(workspace.core, read_situation(definitions, workspace.catalog, NOW))
    made = []
    for key, declared in graph.assets.items():
        universe = universe_of(declared, NOW, {})
        first = np.zeros(1, dtype=np.int64)
        made.append(
            Materialization(
                asset=key,
                partition=universe.texts(first)[0],
                ordinal=int(universe.ordinals(first)[0]),
                run_id="filled",
                data_version="1" * 32,
                basis=definitions.bases[key],
                inputs=tuple(
                    InputUse(asset=e.upstream, digest=0, count=1) for e in graph.edges[key]
                ),
                materialized_at=NOW,
                data_time=NOW,
            )
        )
    seqs = (10**9,) * len(made)  # read after anything was written
    workspace.catalog.commit(
        Commit(
            commit_id="fill",
            run_id="filled",
            fence=0,
            materializations=tuple(made),
            read_seqs=seqs,
        )
    )
    workspace.close()
    days = len(universe)
    with duckdb.connect(str(Path(workspace.root) / "catalog.duckdb")) as connection:
        connection.execute(
            "insert into materialization by name select m.* replace (ordinal + i as ordinal) "
            f"from materialization m, range(1, {days}) r(i)"
        )


def floor(rows: int, folder: Path) -> float:
    """Read as many rows of eight numbers from DuckDB into NumPy, and compare two columns."""
    file = folder / "floor.duckdb"
    with duckdb.connect(str(file)) as connection:
        columns = ", ".join(f"i + {number} as c{number}" for number in range(8))
        connection.execute(f"create table slot as select {columns} from range({rows}) r(i)")
    start = perf_counter()
    with duckdb.connect(str(file), read_only=True) as connection:
        read = connection.execute("select * from slot").fetchnumpy()
    (read["c0"] > read["c1"]).any()
    return perf_counter() - start


def figure(what: str, graph: AssetGraph, aim: float, folder: Path) -> Iterator[Figure]:
    """Measure one look at a graph of which everything is up to date, and one days later."""
    definitions = describe_graph(graph, {})
    slots = sum(len(universe_of(one, NOW, {})) for one in graph.assets.values())
    with Workspace(folder / "workspace") as workspace:
        fill(workspace, definitions)
        found = evaluate(workspace.core, definitions, now=NOW)
        assert len(found.plan) == 0, found.plan
        seconds = best(lambda: evaluate(workspace.core, definitions, now=NOW))
        later = NOW + timedelta(days=3)
        overdue = best(lambda: evaluate(workspace.core, definitions, now=later), times=1)
    yield Figure(
        what=what,
        value=seconds,
        unit="s",
        beside=floor(slots, folder),
        peer=f"NumPy reads {slots:,} rows",
        aim=f"<= {aim} s",
        met=seconds <= aim,
    )
    yield Figure(
        what="... three days later, all promises overdue",
        value=overdue,
        unit="s",
        beside=seconds,
        peer="nothing to do",
    )


def figures() -> Iterator[Figure]:
    """Measure."""
    for what, count, days, aim in (
        ("nothing to do, 1,000 assets x 1,000 partitions", 1_000, 1_000, 0.7),
        ("nothing to do, 10,000 unpartitioned assets", 10_000, 0, 1.0),
    ):
        with tempfile.TemporaryDirectory() as folder:
            yield from figure(what, build_graph(assets_of(count, days)), aim, Path(folder))


if __name__ == "__main__":
    show(figures())
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    if len(sys.argv) > 1 or find_spec("dagster") is not None:
        peer = Path(__file__).with_name("automation_dagster.py")
        run([python, "-W", "ignore", str(peer)], check=True)
