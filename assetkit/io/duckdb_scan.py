"""Let DuckDB itself read Parquet files, which takes a fraction of the time, where that is as exact.

Rule 1: DuckDB passes over row groups, and answers `max`, by their least and greatest values; NaN
is neither. A column that may have NaN is read through an expression that it cannot see through.
Rule 2: what DuckDB might read otherwise than Arrow is left to Arrow: files that do not say that
they are of one form, types that Parquet does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

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

_MOST_FILES = 2_000
_Record: TypeAlias = "Mapping[str, Any] | None"


def query_over(table: Any) -> str | None:
    """Return a query of all rows of a dataset's files; None where Arrow is to read them.

    What stands for a whole file (its partition) is a column as any other.
    """
    if not isinstance(table, ds.FileSystemDataset) or not 0 < len(table.files) <= _MOST_FILES:
        return None
    local = isinstance(table.filesystem, fs.LocalFileSystem)
    parquet = isinstance(table.format, ds.ParquetFileFormat)
    if not (local and parquet) or not all(field.type in _PLAIN for field in table.schema):
        return None
    fragments = list(table.get_fragments())
    files = [str(one.path) for one in fragments]
    keys = [ds.get_partition_keys(one.partition_expression) for one in fragments]
    records = [_record_of(Path(file)) for file in files]
    if len(files) > 1 and not _are_alike(records, keys):
        return None
    if not all(isinstance(value, str) for one in keys for value in one.values()):
        return None
    odd = _with_nan(records)
    columns = ", ".join(
        _constant(field.name, [one[field.name] for one in keys])
        if field.name in keys[0]
        else _shielded(field.name)
        if pt.is_floating(field.type) and (odd is None or field.name in odd)
        else _quoted(field.name)
        for field in table.schema
    )
    listed = ", ".join(map(_text, files))
    return f"select {columns} from read_parquet([{listed}], hive_partitioning=false)"  # noqa: S608


def query_of(name: str, table: Any) -> str:
    """Return a query of all rows of a table or dataset that DuckDB knows by a name.

    Before 2.0, it leaves filters to Arrow, for which NaN is not greater than anything.
    """
    schema = getattr(table, "schema", None)
    if not isinstance(schema, pa.Schema) or not schema.names:
        return f"from {_quoted(name)}"
    columns = ", ".join(
        _shielded(field.name) if _has_floats(field.type) else _quoted(field.name)
        for field in schema
    )
    return f"select {columns} from {_quoted(name)}"  # noqa: S608, quoted


def _has_floats(type_: Any) -> bool:
    parts = range(type_.num_fields if pt.is_nested(type_) else 0)
    return bool(pt.is_floating(type_) or any(_has_floats(type_.field(n).type) for n in parts))


def _are_alike(records: Sequence[_Record], keys: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether files say that they have the same columns, and the same ones beside them."""
    forms = {None if record is None else record.get("form") for record in records}
    return len(forms) == 1 and None not in forms and len({tuple(one) for one in keys}) == 1


def _constant(name: str, values: Sequence[str]) -> str:
    """Return a column that has one value in each file."""
    listed = ", ".join(map(_text, values))
    return f"([{listed}])[file_index::bigint + 1] as {_quoted(name)}"


def _record_of(path: Path) -> _Record:
    try:
        return footer.read_record(path)
    except (OSError, footer.NotParquet):
        return None


def _with_nan(records: Sequence[_Record]) -> frozenset[str] | None:
    """Return which columns have NaN in any of some files; None where one does not say."""
    found = [None if record is None else record.get("nan") for record in records]
    if any(one is None for one in found):
        return None
    return frozenset(name for one in found for name in one or ())


def with_nan(path: Path) -> frozenset[str] | None:
    """Return which columns of a file have NaN, by its own record; None: nothing is known."""
    return _with_nan([_record_of(path)])


def _shielded(name: str) -> str:
    column = _quoted(name)
    return f"case when {column} is null then null else {column} end as {column}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
