"""Look into one slot of an asset: its columns, and some rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from assetkit.errors import AssetkitError
from assetkit.io.base import Source
from assetkit.io.footers import column_statistics, preview
from assetkit.io.statistics import ColumnStatistics
from assetkit.records import Materialization

_READ_AT_MOST = 100_000
"""Rows of a partition that is no Parquet file, up to which it is read for a look at some."""


def glance(
    manager: Any, source: Source, made: Materialization, rows: int
) -> tuple[tuple[ColumnStatistics, ...], list[dict[str, Any]]]:
    """Return the columns of a slot, and some of its rows; none where they cannot be read."""
    try:
        if (path := _parquet_of(manager, source)) is not None:
            return column_statistics(path).columns, preview(path, rows).to_pylist()
        if made.rows is None or made.rows > _READ_AT_MOST:
            return (), []
        table = manager.read((source,), pa.Table, None)
    except (AssetkitError, OSError, pa.ArrowException):
        return (), []  # a look at the data is an extra; what the catalog knows is told anyway
    columns = tuple(
        ColumnStatistics(name=one.name, type=str(one.type), nulls=table[one.name].null_count)
        for one in table.schema
    )
    return columns, table.slice(0, rows).to_pylist()


def _parquet_of(manager: Any, source: Source) -> Path | None:
    path = manager.path_of(source) if hasattr(manager, "path_of") else None
    return path if path is not None and path.suffix == ".parquet" and path.is_file() else None
