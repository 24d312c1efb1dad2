"""Plan millions of slots with nothing to do, and with one changed; beside the NumPy floor.

The floor reads the same columns from DuckDB into NumPy and compares them, without
anything that a planner knows. Run: ``python benchmarks/planning.py [slots ...]``
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import duckdb
import numpy as np

from assetkit.columns import SlotColumns, slot_hashes
from assetkit.definitions.decorator import asset
from assetkit.definitions.inputs import AssetIn
from assetkit.definitions.mappings import window
from assetkit.definitions.partitions import CronPartitions
from assetkit.graph.build import build_graph
from assetkit.planning.planner import Situation, make_plan
from assetkit.planning.ranges import sum_words
from assetkit.planning.request import Request
from assetkit.planning.scope import fan_of
from assetkit.planning.state import CatalogState
from assetkit.workspace.situation import describe_graph, universe_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def assets_of(slots: int) -> list[object]:
    """Define six assets with about *slots* slots in all: identity, rolling and monthly edges."""
    start = np.datetime64(NOW.replace(tzinfo=None), "s") - np.timedelta64(slots // 5, "m")
    minutes = CronPartitions("* * * * *", str(start))

    @asset(partitions=minutes)
    def a() -> None: ...
    @asset(partitions=minutes)
    def b() -> None: ...
    @asset(partitions=minutes)
    def c() -> None: ...
    @asset(partitions=minutes)
    def d(a: object, b: object, c: object) -> None: ...
    @asset(partitions=minutes, ins={"d": AssetIn(partitions=window(-6, 0))})
    def rolling(d: object) -> None: ...

    return [rolling, a, b, c, d]


def built(slots: int) -> Situation:
    """Return the situation in which everything is up to date."""
    graph = build_graph(assets_of(slots))
    definitions = describe_graph(graph, {})
    universes = {key: universe_of(asset, NOW, {}) for key, asset in graph.assets.items()}
    bases = {number: definitions.bases[key] for number, key in enumerate(graph.assets)}
    state = CatalogState(seq=10, bases=bases)
    columns: dict[str, SlotColumns] = {}
    rng = np.random.default_rng(1)
    for number, key in enumerate(graph.assets):
        n = len(universes[key])
        positions = np.arange(n, dtype=np.int64)
        digests = np.zeros((n, 3), dtype=np.uint64)
        for place, edge in enumerate(graph.edges[key]):
            upstream = columns[edge.upstream]
            words = slot_hashes(
                universes[edge.upstream].stable_ids(positions),
                upstream.version_hi,
                upstream.version_lo,
            )
            digests[:, place] = sum_words(fan_of(edge, positions, universes), words)
        columns[key] = SlotColumns(
            ordinal=universes[key].ordinals(positions),
            ver_seq=np.full(n, 5),
            read_seq=np.full(n, 5),
            basis=np.full(n, number),
            partial=np.zeros(n, dtype=np.bool_),
            data_time=np.zeros(n, dtype=np.int64),
            materialized_at=np.zeros(n, dtype=np.int64),
            detailed=True,
            version_hi=rng.integers(0, 2**63, n, dtype=np.uint64),
            version_lo=rng.integers(0, 2**63, n, dtype=np.uint64),
            digests=digests,
        )
    return Situation(
        graph=graph,
        universes=universes,
        bases=definitions.bases,
        state=replace(state, slots=columns),
        now=NOW,
        code=definitions.code,
    )


def with_one_change(situation: Situation) -> Situation:
    """Return the situation after one slot of ``a`` got other content."""
    a = situation.state.slots["a"]
    middle = len(a) // 2
    ver_seq, version_lo = a.ver_seq.copy(), a.version_lo.copy()
    ver_seq[middle], version_lo[middle] = 11, version_lo[middle] ^ np.uint64(1)
    changed = replace(a, ver_seq=ver_seq, version_lo=version_lo)
    return replace(
        situation, state=replace(situation.state, slots={**situation.state.slots, "a": changed})
    )


def floor(situation: Situation, folder: Path) -> float:
    """Read as many slots, with three digests each, from a DuckDB file and compare them."""
    file = folder / "floor.duckdb"
    with duckdb.connect(str(file)) as connection:
        n = sum(len(columns) for columns in situation.state.slots.values())
        connection.execute(
            "create table slot as select i as ordinal, 5 as ver_seq, 5 as read_seq, 1 as basis, "
            "hash(i) as d0, hash(i + 1) as d1, hash(i + 2) as d2 from range($n) r(i)",
            {"n": n},
        )
    start = perf_counter()
    with duckdb.connect(str(file), read_only=True) as connection:
        read = connection.execute("select * from slot").fetchnumpy()
    for name in ("d0", "d1", "d2"):
        (read[name] != read[name]).any()
    (read["ver_seq"] > read["read_seq"]).any()
    return perf_counter() - start


def timed(call: Callable[[], object]) -> float:
    """Return the best of three, in seconds."""
    times = []
    for _ in range(3):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)


def main(sizes: list[int]) -> None:
    """Print one line per size."""
    print(
        f"{'slots':>12}  {'nothing':>9}  {'one changed':>11}  {'NumPy floor':>11}  {'ratio':>6}  peak RSS"
    )
    for size in sizes:
        situation = built(size)
        request = Request(targets=("rolling",))
        assert len(make_plan(situation, request).plan) == 0
        changed = with_one_change(situation)
        assert len(make_plan(changed, request).plan) == 8
        nothing = timed(lambda: make_plan(situation, request))
        one = timed(lambda: make_plan(changed, request))
        with tempfile.TemporaryDirectory() as folder:
            least = floor(situation, Path(folder))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{size:>12,}  {nothing:>8.3f}s  {one:>10.3f}s  {least:>10.3f}s  {nothing / least:>6.2f}  {peak:.2f} GB"
        )


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [1_000_000, 10_000_000])
