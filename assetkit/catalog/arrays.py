"""Arrow columns as NumPy arrays, without pandas, which pyarrow's own conversion would load."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


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


def _values(chunk: pa.Array[Any]) -> Any:
    return chunk.buffers()[1]
