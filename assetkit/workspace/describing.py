"""Look at what is published of an asset: how much, what columns, some rows, what was noted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assetkit.errors import AssetkitError, DataMissing
from assetkit.io.base import Source
from assetkit.io.statistics import ColumnStatistics, column_statistics, preview
from assetkit.records import AssetKey, Materialization, is_nothing
from assetkit.workspace.core import Core
from assetkit.workspace.data import find_known, manager_of, select_published, source_of
from assetkit.workspace.description import Description
from assetkit.workspace.stock import stock_of

_READ_AT_MOST = 100_000
"""Rows of a partition that is no Parquet file, up to which it is read for a look at some."""


def describe(core: Core, asset: Any, partition: Any, rows: int) -> Description:
    """Return what is published of an asset; see `Workspace.describe`."""
    known = find_known(core, asset)
    stock = stock_of(core, known.key).without_orphans(but=None)
    places = select_published(known, stock.texts, partition)
    if not len(places):
        raise DataMissing(
            f"Nothing of {known.key!r} is materialized in {core.root}. "
            f"Run: assetkit materialize {known.key}"
        )
    everything = [one for _, one in stock.published(known.key, np.arange(len(stock.texts)))]
    owner, made = next(iter(stock.published(known.key, places[-1:])))
    counts = [one.rows for one in everything if one.rows is not None]
    sizes = [one.bytes for one in everything if one.bytes is not None]
    manager = manager_of(core, known, asset)
    columns, some = _look(manager, source_of(owner, known, made), made, rows)
    return Description(
        asset=known.key,
        partition=made.partition,
        slots=len(everything),
        rows=sum(counts) if counts else None,
        bytes=sum(sizes) if sizes else None,
        materialized_at=made.materialized_at,
        data_time=made.data_time,
        run_id=made.run_id,
        slot_rows=made.rows,
        slot_bytes=made.bytes,
        columns=columns,
        preview=some.to_pylist(),
        metadata=made.metadata,
        checks=_checks(owner, known.key, made.ordinal),
        is_newest=bool(places[-1] == len(stock.texts) - 1),
    )


def _look(
    manager: Any, source: Source, made: Materialization, rows: int
) -> tuple[tuple[ColumnStatistics, ...], pa.Table]:
    """Return a slot's columns and some of its rows; none where it is no table."""
    nothing: tuple[tuple[ColumnStatistics, ...], pa.Table] = (), pa.table({})
    if is_nothing(made.data_version) or made.rows is None:
        return nothing
    try:
        if (path := _parquet_of(manager, source)) is not None:
            return column_statistics(path).columns, preview(path, rows)
        if made.rows > _READ_AT_MOST:
            return nothing
        table = manager.read((source,), pa.Table, None)
    except (AssetkitError, OSError, pa.ArrowException):
        return nothing  # a look at the data is an extra; what the catalog knows is told anyway
    columns = tuple(
        ColumnStatistics(name=one.name, type=str(one.type), nulls=table[one.name].null_count)
        for one in table.schema
    )
    return columns, table.slice(0, rows)


def _parquet_of(manager: Any, source: Source) -> Path | None:
    path = manager.path_of(source) if hasattr(manager, "path_of") else None
    return path if path is not None and path.suffix == ".parquet" and path.is_file() else None


def _checks(core: Core, key: AssetKey, ordinal: int) -> list[dict[str, Any]]:
    found = core.catalog.checks(key).to_pylist()
    return [
        {**one, "metadata": json.loads(one["metadata"])}
        for one in found
        if one["ordinal"] == ordinal
    ]
