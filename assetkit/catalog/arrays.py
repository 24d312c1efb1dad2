"""Arrow columns as NumPy arrays, without pandas, which pyarrow's own conversion would load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_numpy(column: pa.ChunkedArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    """Return a column of numbers without nulls; *dtype* is NumPy's name of its Arrow type.

    >>> to_numpy(pa.chunked_array([[1, 2], [3]]), np.int64)
    array([1, 2, 3])
    """
    size = np.dtype(dtype).itemsize
    parts = [
        np.frombuffer(_values(chunk), dtype, count=len(chunk), offset=chunk.offset * size)
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Return rows as dicts, as `Table.to_pylist` does; moments are in microseconds, and UTC.

    >>> rows_of(pa.table({"at": pa.array([0, None], pa.timestamp("us", "UTC"))}))[1]
    {'at': None}
    """
    names = table.column_names
    columns = [_objects(column) for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _objects(column: pa.ChunkedArray[Any]) -> list[Any]:
    if not pa.types.is_timestamp(column.type):
        return column.to_pylist()
    moments = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
    return [None if one is None else _EPOCH + timedelta(microseconds=one) for one in moments]


def _values(chunk: pa.Array[Any]) -> Any:
    return chunk.buffers()[1]
