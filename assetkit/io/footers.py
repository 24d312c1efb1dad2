"""Read what a Parquet file says of itself, and its first rows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assetkit.io.statistics import ColumnStatistics, FileStatistics


def column_statistics(path: str | Path) -> FileStatistics:
    """Return what the footer of a Parquet file says; no data is read."""
    with pq.ParquetFile(path) as file:
        metadata, schema = file.metadata, file.schema_arrow
        return FileStatistics(
            rows=metadata.num_rows,
            bytes=Path(path).stat().st_size,
            columns=tuple(_column(metadata, field) for field in schema),
        )


def preview(path: str | Path, rows: int = 10) -> pa.Table:
    """Return rows of a Parquet file, spread evenly over it; of a small one, the first.

    From each of up to *rows* row groups, so that one read costs a little of each.
    """
    with pq.ParquetFile(path) as file:
        total = file.metadata.num_rows
        groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        if total <= rows or len(groups) <= 1:
            return _head(file, rows)
        step = max(1, len(groups) // rows)
        chosen = list(range(0, len(groups), step))[:rows]
        share = -(-rows // len(chosen))
        parts = [_head(file, share, group) for group in chosen]
        return pa.concat_tables(parts).slice(0, rows)


def _head(file: pq.ParquetFile, rows: int, group: int | None = None) -> pa.Table:
    groups = None if group is None else [group]
    for batch in file.iter_batches(batch_size=max(1, rows), row_groups=groups):
        return pa.Table.from_batches([batch.slice(0, rows)])
    return file.schema_arrow.empty_table()


def _column(metadata: Any, field: Any) -> ColumnStatistics:
    found = list(_found(metadata, field.name))
    if not found or any(one is None for one in found):
        return ColumnStatistics(name=field.name, type=str(field.type))
    limits = [one for one in found if one.has_min_max]
    # A group of nothing but nulls has no limits, and sets none.
    told = all(one.has_min_max or not one.num_values for one in found)
    return ColumnStatistics(
        name=field.name,
        type=str(field.type),
        nulls=sum(one.null_count for one in found) if all(map(_counts, found)) else None,
        minimum=min(one.min for one in limits) if limits and told else None,
        maximum=max(one.max for one in limits) if limits and told else None,
    )


def _found(metadata: Any, name: str) -> Iterable[Any]:
    """Yield a plain column's statistics, group by group; None where one has none."""
    for group in range(metadata.num_row_groups):
        columns = metadata.row_group(group)
        for number in range(columns.num_columns):
            column = columns.column(number)
            if column.path_in_schema == name:
                yield column.statistics


def _counts(statistics: Any) -> bool:
    return bool(statistics.has_null_count)
