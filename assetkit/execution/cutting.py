"""Cut a table into the rows of each partition; rows move only where they are not together yet.

Loaded by name, where a table is split: it brings NumPy and Arrow with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_FEW = 1 << 16
"""So many labels have codes of 16 bits, which NumPy sorts many times faster."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows one after another that belong to one partition. ``label``: their dimensions' values."""

    label: tuple[Any, ...]
    start: int
    count: int


def cut(table: pa.Table, dimensions: Sequence[str]) -> tuple[pa.Table, list[Rows]]:
    """Return the table with the rows of each partition together, in their order, and where.

    >>> table, found = cut(pa.table({"day": ["a", "b", "a"], "x": [1, 2, 3]}), ["day"])
    >>> table["x"].to_pylist(), [(rows.label, rows.count) for rows in found]
    ([1, 3, 2], [(('a',), 2), (('b',), 1)])
    """
    if not table.num_rows:
        return table, []
    codes, labels = _codes(table, dimensions)
    starts = _starts(codes)
    if len(starts) > len(np.unique(codes[starts])):
        if int(np.prod([len(some) for some in labels])) <= _FEW:
            codes = codes.astype(np.uint16)
        order = np.argsort(codes, kind="stable")
        table, codes = table.take(order), codes[order]
        starts = _starts(codes)
    ends = np.append(starts[1:], table.num_rows)
    found = [
        Rows(_label(int(codes[start]), labels), int(start), int(end - start))
        for start, end in zip(starts, ends, strict=True)
    ]
    return table, found


def _starts(codes: NDArray[Any]) -> NDArray[Any]:
    """Return where runs of one code begin."""
    return np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))


def _codes(table: pa.Table, dimensions: Sequence[str]) -> tuple[NDArray[np.int64], list[list[Any]]]:
    """Return a number per row that stands for its labels, and the labels of each dimension."""
    codes = np.zeros(table.num_rows, np.int64)
    labels = []
    for dimension in dimensions:
        column = table.column(dimension)
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        array: Any = column.unify_dictionaries().combine_chunks()
        known = [*array.dictionary.to_pylist(), None]
        nulls_last = array.indices.cast(pa.int64()).fill_null(len(known) - 1)
        codes = codes * len(known) + nulls_last.to_numpy(zero_copy_only=False)
        labels.append(known)
    return codes, labels


def _label(code: int, labels: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """Return the labels that a number stands for."""
    found = []
    for known in reversed(labels):
        code, place = divmod(code, len(known))
        found.append(known[place])
    return tuple(reversed(found))
