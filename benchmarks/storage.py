"""Writing, hashing and loading Parquet partitions, beside pyarrow and DuckDB; the catalog's size."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from measure import Figure, best, show

from assetkit import BackfillPolicy, DailyPartitions, Output, Workspace, asset, materialize

DAYS = DailyPartitions("2013-01-01", end="2014-01-01")
ROWS = 10_000_000


def day(number: int, rows: int = ROWS // 365) -> pa.Table:
    """Return one day of ten columns."""
    rng = np.random.default_rng(number)
    columns: dict[str, Any] = {f"f{i}": rng.random(rows) for i in range(4)}
    columns |= {f"i{i}": rng.integers(0, 1_000, rows) for i in range(4)}
    columns["flag"] = rng.integers(0, 2, rows).astype(bool)
    columns["name"] = rng.choice(["north", "south", "east", "west"], rows)
    return pa.table(columns)


def figures(root: Path) -> Iterator[Figure]:
    """Measure."""
    folders = (root / f"w{number}" for number in range(1_000))
    tables = [day(number) for number in range(365)]
    keys = [str(key) for key in DAYS.keys()]

    @asset(partitions=DAYS, backfill=BackfillPolicy.single_run(), code_version="1")
    def measured(context: Any) -> Any:
        return {key: tables[keys.index(key)] for key in context.partition_keys}

    def plain(folder: Path) -> None:
        for key, table in zip(keys, tables, strict=True):
            (folder / f"partition={key}").mkdir(parents=True)
            pq.write_table(table, folder / f"partition={key}" / "part.parquet", compression="zstd")

    least = best(lambda: plain(next(folders)))
    ours = best(lambda: materialize(measured, workspace=Workspace(next(folders)), progress="none"))
    yield Figure(
        what="write 10 million rows to 365 partitions",
        value=ours,
        unit="s",
        beside=least,
        peer="pyarrow's writer",
        aim=">= 0.85 x its speed",
        met=least / ours >= 0.85,
    )
    workspace = Workspace(next(folders))
    materialize(measured, workspace=workspace, progress="none")
    files = [
        str(path) for path in sorted(Path(workspace.root).glob("data/measured/*/part.parquet"))
    ]
    with_arrow = best(
        lambda: ds.dataset(files, format="parquet", partitioning="hive").to_table().to_pandas()
    )
    with_duckdb = best(
        lambda: duckdb.read_parquet(files, hive_partitioning=True).to_arrow_table().to_pandas()
    )
    loaded = best(lambda: workspace.load("measured", load_as=pd.DataFrame))
    yield Figure(
        what="load 365 partitions into pandas",
        value=loaded,
        unit="s",
        beside=min(with_arrow, with_duckdb),
        peer="the best of pyarrow, DuckDB",
        aim="<= 1.1 x",
        met=loaded <= 1.1 * min(with_arrow, with_duckdb),
    )
    yield split("27,397 rows each", tables, next(folders), root)
    yield split("1,000 rows each", [table.slice(0, 1_000) for table in tables], next(folders), root)
    yield Figure(
        what="peak memory so far",
        value=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        unit="GB",
    )
    yield catalog_size(next(folders))


def split(what: str, tables: list[pa.Table], folder: Path, root: Path) -> Figure:
    """Return how long one call takes whose frame is split into 365 partitions."""
    numbered = zip(DAYS.keys(), tables, strict=True)
    parts = [one.append_column("partition", pa.repeat(str(key), len(one))) for key, one in numbered]
    table = pa.concat_tables(parts)
    frame = table.to_pandas()
    ways = ds.ParquetFileFormat().make_write_options(compression="zstd", compression_level=1)
    number = iter(range(100))

    @asset(partitions=DAYS, backfill=BackfillPolicy.single_run(), code_version="1")
    def whole() -> pd.DataFrame:
        return frame

    def plain() -> None:
        ds.write_dataset(
            table,
            root / f"plain-{what}-{next(number)}",
            format="parquet",
            partitioning=["partition"],
            partitioning_flavor="hive",
            max_partitions=1_000,
            file_options=ways,
        )

    def ours() -> None:
        workspace = Workspace(folder / str(next(number)))
        assert materialize(whole, workspace=workspace, progress="none").success

    least, taken = best(plain), best(ours)
    return Figure(
        what=f"one frame into 365 partitions, {what}",
        value=taken,
        unit="s",
        beside=least,
        peer="one write_dataset",
        aim="<= 1.2 x",
        met=taken <= 1.2 * least,
    )


def catalog_size(folder: Path) -> Figure:
    """Return the bytes that the catalog takes per slot and version."""
    hours = DailyPartitions("1900-01-01", end="2000-01-01")

    @asset(partitions=hours, backfill=BackfillPolicy.single_run(), code_version="1")
    def events() -> None: ...

    @asset(partitions=hours, backfill=BackfillPolicy.single_run(), code_version="1", deps=[events])
    def seen(context: Any) -> Output:
        return Output(None)

    workspace = Workspace(folder)
    materialize(seen, workspace=workspace, progress="none")
    workspace.close()
    with duckdb.connect(f"{workspace.root}/catalog.duckdb") as connection:
        connection.execute("checkpoint")
    size = Path(f"{workspace.root}/catalog.duckdb").stat().st_size / (2 * len(hours.keys()))
    return Figure(
        what="catalog, per slot and version",
        value=size,
        unit="bytes",
        beside=2_400,
        peer="Dagster's event log",
        aim="<= 100",
        met=size <= 100,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        show(figures(Path(folder)))
