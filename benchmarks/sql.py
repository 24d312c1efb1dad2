"""A SQL asset over ten million rows beside DuckDB's own COPY; ready checks on those rows beside
the bare queries; and 10,000 files of others, planned.

Run: ``python benchmarks/sql.py [rows] [files]``
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import duckdb
import pyarrow as pa
from measure import Figure, best, show

from assetkit import (
    StaticPartitions,
    Workspace,
    asset,
    external_asset,
    materialize,
    plan,
    sql_asset,
)
from assetkit.checks import accepted_values, in_range, not_null, row_count, unique
from assetkit.checks.engine import Subject, run_checks
from assetkit.execution.subjects import text_of, with_nan_of
from assetkit.io.listing import list_files

QUERY = "select id, key, value * 2 as doubled, text from numbers where value >= 0"
GROUPED = "select key, count(*) as n, avg(value) as mean from numbers group by key"


def make_input(rows: int) -> Any:
    """Return an asset of some rows, made by DuckDB."""

    @asset
    def numbers() -> Iterator[pa.RecordBatch]:
        with duckdb.connect() as connection:
            yield from connection.sql(
                "select i as id, i % 1000 as key, random() as value, 'row ' || i % 100000 as text "
                f"from range({rows}) t(i)"
            ).to_arrow_reader(122_880)

    return numbers


def beside_copy(workspace: Workspace, numbers: Any, name: str, query: str) -> Figure:
    """Time a SQL asset, and COPY of the same query from the same file to another."""
    made = sql_asset(name, query)
    source = workspace.load(numbers, load_as=Path)
    out = Path(workspace.root) / f"{name}.parquet"

    def copy() -> None:
        with duckdb.connect() as connection:
            connection.execute("set async_threads = 0")  # 2.0.0 may hang in COPY without
            connection.execute(f"create view numbers as from read_parquet('{source}')")
            connection.execute(
                f"copy ({query}) to '{out}' (format parquet, compression zstd, compression_level 1)"
            )

    def materialized() -> None:
        materialize([made, numbers], select=name, force=True, workspace=workspace, progress="none")

    return Figure(
        what=f"SQL asset: {name}",
        value=best(materialized),
        unit="s",
        beside=best(copy),
        peer="DuckDB COPY",
        aim="1.15 x",
    )


def checked(path: Path) -> Iterator[Figure]:
    """Time ready checks on a file, and what they ask as bare queries, without and with `unique`."""
    cheap = [
        row_count(1),
        not_null(["id", "key", "value"]),
        in_range("value", 0, 1),
        in_range("key", 0, 999),
        accepted_values("key", list(range(1000))),
    ]
    asked = [
        "count(*) from numbers",
        "count(*) from numbers where id is null or key is null or value is null",
        "count(*) from numbers where value < 0 or value > 1",
        "count(*) from numbers where key < 0 or key > 999",
        "count(*) from numbers where key not in (select unnest(range(1000)))",
    ]
    repeated = "count(*) from (from numbers select id group by id having count(*) > 1)"
    for what, checks, queries in (
        ("5 of single rows", cheap, asked),
        ("these and unique", [*cheap, unique("id")], [*asked, repeated]),
    ):

        def ready(checks: Sequence[Any] = checks) -> None:
            subject = Subject(table=path, schema=text_of(path), nan=with_nan_of(path))
            assert all(one.passed for one in run_checks(checks, subject))

        def bare(queries: Sequence[str] = queries) -> None:
            with duckdb.connect() as connection:
                connection.execute(f"create view numbers as from read_parquet('{path}')")
                for query in queries:
                    connection.execute(f"select {query}").fetchall()

        yield Figure(
            what=f"ready checks: {what}",
            value=best(ready),
            unit="s",
            beside=best(bare),
            peer="bare queries",
            aim="1.2 x",
        )


def outside(folder: Path, files: int) -> Iterator[Figure]:
    """Time the first and the second plan over many files of others."""
    for number in range(files):
        (folder / f"k{number}.csv").write_text(f"n\n{number}\n")
    keys = StaticPartitions([f"k{number}" for number in range(files)])
    raw = external_asset("raw", path=folder / "{partition_key}.csv", partitions=keys)
    whole = external_asset("whole", path=folder / "*.csv")
    start = perf_counter()
    list_files(str(folder / "*.csv"))
    floor = perf_counter() - start
    for name, target in (("a partition each", raw), ("one glob", whole)):
        with Workspace.temporary() as workspace:
            for which in ("first", "second"):
                start = perf_counter()
                plan(target, workspace=workspace)
                seconds = perf_counter() - start
                yield Figure(
                    what=f"{files:,} files, {name}, {which} plan",
                    value=seconds,
                    unit="s",
                    beside=floor,
                    peer="listing them",
                    aim="under 2 s",
                    met=seconds < 2,
                )


def main(rows: int = 10_000_000, files: int = 10_000) -> None:
    """Measure and print."""
    with TemporaryDirectory() as folder:
        show(outside(Path(folder), files))
    with Workspace.temporary() as workspace:
        numbers = make_input(rows)
        materialize(numbers, workspace=workspace, progress="none")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        show([beside_copy(workspace, numbers, "filtered", QUERY)])
        show([beside_copy(workspace, numbers, "grouped", GROUPED)])
        show(checked(workspace.load(numbers, load_as=Path)))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"  memory at the peak: {after / 1024:,.0f} MB, {before / 1024:,.0f} MB before")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
