"""Arrow columns from Python's values, and as NumPy arrays or rows: without pandas, which
pyarrow's own conversions would load.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assetkit.columns import Ints

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def column(values: Iterable[Any], kind: pa.DataType) -> pa.Array[Any]:
    """Return numbers, flags, texts, or lists of these as Arrow; None is null.

    >>> column([1, None], pa.int32()).to_pylist(), column([["a"], []], pa.list_(pa.string()))[0]
    ([1, None], <pyarrow.ListScalar: ['a']>)
    """
    listed = list(values)
    nulls = _bits([one is not None for one in listed]) if None in listed else None
    if pa.types.is_list(kind):
        listed = [one or () for one in listed] if nulls else listed
        inner = column(chain.from_iterable(listed), kind.value_type)
        buffers = [nulls, _offsets(listed)]
        return pa.Array.from_buffers(kind, len(listed), buffers, children=[inner])
    if pa.types.is_string(kind):
        texts = [one or "" for one in listed] if nulls else listed
        joined = "".join(texts)
        parts = texts if joined.isascii() else [one.encode() for one in texts]
        buffers = [nulls, _offsets(parts), pa.py_buffer(joined.encode())]
    elif pa.types.is_boolean(kind):
        buffers = [nulls, _bits(listed)]
    else:
        numbers: Any = np.array([one or 0 for one in listed] if nulls else listed, dtype=str(kind))
        buffers = [nulls, pa.py_buffer(numbers)]
    return pa.Array.from_buffers(kind, len(listed), buffers)


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


def to_arrow(values: Ints) -> pa.Array[Any]:
    """Return whole numbers as Arrow, without a copy.

    >>> to_arrow(np.array([1, 2])).to_pylist()
    [1, 2]
    """
    numbers: Any = np.ascontiguousarray(values, dtype=np.int64)
    buffers = [None, pa.py_buffer(numbers)]
    return pa.Array.from_buffers(pa.int64(), len(numbers), buffers)


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
    moments = [one for chunk in column.chunks for one in _micros(chunk)]
    return [None if one is None else _EPOCH + timedelta(microseconds=one) for one in moments]


def _bits(flags: Sequence[Any]) -> pa.Buffer:
    bits: Any = np.packbits(np.array(flags, dtype=np.bool_), bitorder="little")
    return pa.py_buffer(bits)


def _offsets(parts: Sequence[Any]) -> pa.Buffer:
    ends: Any = np.cumsum([0, *map(len, parts)], dtype=np.int32)
    return pa.py_buffer(ends)


def _micros(chunk: pa.Array[Any]) -> list[int | None]:
    # What is in microseconds already needs no cast, for which Arrow's functions would be loaded.
    moments: Any = chunk if chunk.type.unit == "us" else chunk.cast(pa.timestamp("us", "UTC"))
    found: list[int | None] = moments.view(pa.int64()).to_pylist()
    return found


def _values(chunk: pa.Array[Any]) -> Any:
    return chunk.buffers()[1]
