"""polars frames to Arrow and back; loaded by name, where a value or an annotation asks for it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from assetkit.errors import MissingExtra

try:
    import polars as pl
except ImportError as missing:
    raise MissingExtra("polars", extra="polars", purpose="A polars frame") from missing


def to_arrow(value: Any) -> pa.Table:
    """Convert a frame; a lazy one is computed now, in pieces where polars can."""
    if isinstance(value, pl.LazyFrame):
        value = value.collect(engine="streaming")
    table: pa.Table = value.to_arrow()
    return table


def to_polars(table: pa.Table) -> pl.DataFrame:
    """Make a frame of a table."""
    if not table.num_columns:
        return pl.DataFrame()
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        frame = frame.to_frame()
    return frame


def scan(dataset: Any) -> pl.LazyFrame:
    """Make a lazy frame of a dataset: columns and rows are picked while reading."""
    return pl.scan_pyarrow_dataset(dataset)
