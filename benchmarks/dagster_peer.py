"""The same work in Dagster, where it is installed: trivial assets, and partitions in one run each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pandas as pd
from engine import frame
from measure import Figure, best, show

DAYS = 20


def trivial(count: int) -> list[dg.AssetsDefinition]:
    """Define a chain of assets that do nothing."""
    made: list[dg.AssetsDefinition] = []
    for number in range(count):

        @dg.asset(name=f"n{number}", deps=made[-1:])
        def nothing() -> None: ...

        made.append(nothing)
    return made


def figures(root: Path) -> Iterator[Figure]:
    """Measure."""
    count = 200
    assets = trivial(count)
    seconds = best(lambda: dg.materialize(assets), times=1)
    yield Figure(
        what=f"Dagster: {count} trivial assets, in memory, each",
        value=seconds / count * 1e3,
        unit="ms",
    )
    days = dg.DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01")

    @dg.asset(partitions_def=days)
    def raw(context: dg.AssetExecutionContext) -> None:
        frame(1).to_parquet(root / f"raw-{context.partition_key}.parquet")

    @dg.asset(partitions_def=days, deps=[raw])
    def scaled(context: dg.AssetExecutionContext) -> None:
        read = pd.read_parquet(root / f"raw-{context.partition_key}.parquet")
        read.assign(a=read.a * 2).to_parquet(root / f"scaled-{context.partition_key}.parquet")

    @dg.asset(partitions_def=days, deps=[scaled])
    def kept(context: dg.AssetExecutionContext) -> None:
        read = pd.read_parquet(root / f"scaled-{context.partition_key}.parquet")
        read[read.b > 10].to_parquet(root / f"kept-{context.partition_key}.parquet")

    with dg.DagsterInstance.local_temp(str(root)) as instance:
        keys = days.get_partition_keys()[:DAYS]

        def backfill() -> None:
            for key in keys:
                dg.materialize([raw, scaled, kept], instance=instance, partition_key=key)

        seconds = best(backfill, times=1)
    yield Figure(
        what="Dagster: 3 assets of a partition, a run each, per slot",
        value=seconds / DAYS / 3 * 1e3,
        unit="ms",
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        show(figures(Path(folder)))
