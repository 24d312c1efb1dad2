"""Let DuckDB itself read Parquet files, which takes a fraction of the time, where that is as exact.

Rule 1: DuckDB passes over row groups, and answers `max`, by their least and greatest values; NaN
is neither. A column that may have NaN is read through an expression that it cannot see through.
Rule 2: what DuckDB might read otherwise than Arrow is left to Arrow: several files, columns from
folders, types that Parquet does not have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.types as pt
from pyarrow import fs

from assetkit.io import footer

_PLAIN = frozenset(
    {
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float32(), pa.float64(), pa.bool_(), pa.date32()),
        *(pa.string(), pa.large_string(), pa.timestamp("us")),
    }
)
"""Types that a Parquet file has as they are."""


def query_over(table: Any) -> str | None:
    """Return a query of all rows of a dataset's one file; None where Arrow is to read it."""
    if not isinstance(table, ds.FileSystemDataset) or len(table.files) != 1:
        return None
    local = isinstance(table.filesystem, fs.LocalFileSystem)
    parquet = isinstance(table.format, ds.ParquetFileFormat)
    if not (local and parquet) or not all(field.type in _PLAIN for field in table.schema):
        return None
    if any(ds.get_partition_keys(one.partition_expression) for one in table.get_fragments()):
        return None
    path = table.files[0]
    odd = with_nan(Path(path))
    columns = ", ".join(
        _shielded(field.name)
        if pt.is_floating(field.type) and (odd is None or field.name in odd)
        else _quoted(field.name)
        for field in table.schema
    )
    place = path.replace("'", "''")
    return f"select {columns} from read_parquet('{place}', hive_partitioning=false)"  # noqa: S608


def with_nan(path: Path) -> frozenset[str] | None:
    """Return which columns of a file have NaN, by its own record; None: nothing is known."""
    try:
        record = footer.read_record(path)
    except (OSError, footer.NotParquet):
        return None
    found = None if record is None else record.get("nan")
    return None if found is None else frozenset(found)


def _shielded(name: str) -> str:
    column = _quoted(name)
    return f"case when {column} is null then null else {column} end as {column}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
