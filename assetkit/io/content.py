"""Hash the content of tables: the data version.

Rule 1: what counts is column names, types, values and the order of rows and columns.
Rule 2: how it is laid out does not count: chunks, offsets, dictionaries,
``large_`` and view variants, what lies under a null, and the payload of a NaN.
Rule 3: all is streamed; memory is bounded by one batch.

Each column feeds up to three streams: the row numbers of its nulls, the lengths
of its values, and the values themselves (zero where null); nested types feed
those of their children. The digest is taken over name, type and streams of each
column, and the number of rows.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
import xxhash
from numpy.typing import NDArray

from assetkit.io.types import is_bytes, is_extension, is_list, is_text, type_name

_FORMAT = b"assetkit content 1"


class ContentHasher:
    """Make the data version of a table from its batches, as they pass.

    >>> def version(*batches):
    ...     hasher = ContentHasher(batches[0].schema)
    ...     for batch in batches:
    ...         hasher.update(batch)
    ...     return hasher.digest()
    >>> table = pa.record_batch({"a": [1, 2, 3]})
    >>> version(table) == version(table.slice(0, 2), table.slice(2))
    True
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._names = tuple(schema.names)
        self._types = tuple(schema.types)
        self._columns = [_column(type_) for type_ in self._types]
        self._rows = 0

    def update(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Add the rows of *batch*, which has the schema given at the start."""
        self._rows += batch.num_rows
        for column, values in zip(self._columns, batch.columns, strict=True):
            chunks = values.chunks if isinstance(values, pa.ChunkedArray) else (values,)
            for chunk in chunks:
                column.update(chunk)

    def digest(self) -> str:
        """Return the data version of all rows so far: 32 hexadecimal digits."""
        whole = xxhash.xxh3_128(_FORMAT)
        for name, type_, column in zip(self._names, self._types, self._columns, strict=True):
            whole.update(_title(name, type_))
            whole.update(column.digest())
        whole.update(self._rows.to_bytes(8, "little"))
        return whole.hexdigest()

    def with_nan(self) -> list[str]:
        """Return the names of the columns that have NaN somewhere, also in their parts."""
        columns = zip(self._names, self._columns, strict=True)
        return [name for name, column in columns if column.has_nan()]


def content_version(table: pa.Table | pa.RecordBatch) -> str:
    """Return the data version of a table in memory."""
    hasher = ContentHasher(table.schema)
    hasher.update(table)
    return hasher.digest()


class _Column:
    """The streams of one column, or of one part of a nested one; this one of nulls only."""

    __slots__ = ("_children", "_lengths", "_nulls", "_rows", "_values")

    def __init__(self, children: tuple[Any, ...]) -> None:
        self._rows = 0
        self._nulls = xxhash.xxh3_128()
        self._lengths = xxhash.xxh3_128()
        self._values = xxhash.xxh3_128()
        self._children = [_column(child) for child in children]

    def update(self, array: Any) -> None:
        if not len(array):
            return
        nulls: Any = None
        if array.null_count:
            nulls = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
            self._nulls.update((nulls + self._rows).astype("<i8", copy=False))
        self._feed(array, nulls)
        self._rows += len(array)

    def digest(self) -> bytes:
        parts = [self._nulls.digest(), self._lengths.digest(), self._values.digest()]
        return b"".join(parts + [child.digest() for child in self._children])

    def has_nan(self) -> bool:
        return any(child.has_nan() for child in self._children)

    def _feed(self, array: Any, nulls: Any) -> None:
        """Add values; *nulls* are the positions of the nulls in *array*, None where it has none."""


class _FixedColumn(_Column):
    """Values of one width."""

    __slots__ = ()

    def _feed(self, array: Any, nulls: Any) -> None:
        width = array.type.byte_width
        buffer, start = array.buffers()[1], array.offset * width
        if nulls is None:
            self._values.update(memoryview(buffer)[start : start + len(array) * width])
            return
        values: Any = np.frombuffer(buffer, np.dtype((np.void, width)), len(array), start).copy()
        values[nulls] = np.zeros((), values.dtype)
        self._values.update(values.view(np.uint8))


class _FloatColumn(_Column):
    """Floats: all NaN are one."""

    __slots__ = ("_nan",)

    def __init__(self, children: tuple[Any, ...]) -> None:
        super().__init__(children)
        self._nan = False

    def has_nan(self) -> bool:
        return self._nan

    def _feed(self, array: Any, nulls: Any) -> None:
        width = array.type.byte_width
        kind = np.dtype(f"<f{width}")
        floats: Any = np.frombuffer(array.buffers()[1], kind, len(array), array.offset * width)
        if nulls is not None:
            floats = floats.copy()
            floats[nulls] = 0
        # `min` is NaN as soon as one value is, and much faster than a mask.
        if np.isnan(floats.min()):
            floats = np.where(np.isnan(floats), np.array(np.nan, kind), floats)
            self._nan = True
        self._values.update(floats)


class _BoolColumn(_FixedColumn):
    """Booleans, one byte each: bits would depend on where a chunk starts."""

    __slots__ = ()

    def _feed(self, array: Any, nulls: Any) -> None:
        super()._feed(array.cast(pa.uint8()), nulls)


class _TextColumn(_Column):
    """Strings and bytes: lengths, and all bytes in a row."""

    __slots__ = ()

    def _feed(self, array: Any, nulls: Any) -> None:
        if pt.is_string_view(array.type):
            array = array.cast(pa.large_string())
        elif pt.is_binary_view(array.type):
            array = array.cast(pa.large_binary())
        offsets = _text_offsets(array)
        lengths: Any = offsets[1:] - offsets[:-1]
        if nulls is not None and lengths[nulls].any():
            array = array.fill_null(b"" if is_bytes(array.type) else "")
            offsets = _text_offsets(array)
            lengths = offsets[1:] - offsets[:-1]
        self._lengths.update(lengths.astype("<u4"))
        if offsets[-1] > offsets[0]:
            self._values.update(memoryview(array.buffers()[2])[offsets[0] : offsets[-1]])


class _StructColumn(_Column):
    """Structs: one child for each field."""

    __slots__ = ()

    def _feed(self, array: Any, nulls: Any) -> None:
        # `flatten` puts the nulls of the struct into its children.
        for child, values in zip(self._children, array.flatten(), strict=True):
            child.update(values)


class _ListColumn(_Column):
    """Lists: lengths, and all items in a row."""

    __slots__ = ()

    def _feed(self, array: Any, nulls: Any) -> None:
        if not pt.is_fixed_size_list(array.type):
            lengths: Any = pc.list_value_length(array)
            if nulls is not None:
                lengths = lengths.fill_null(0)
            self._lengths.update(lengths.to_numpy(zero_copy_only=False).astype("<u4"))
        # `flatten` leaves out what lies under null lists.
        self._children[0].update(array.flatten())


class _WrappedColumn(_Column):
    """Another layout, or another meaning, of a simpler column."""

    __slots__ = ()

    def update(self, array: Any) -> None:
        if is_extension(array.type):
            array = array.storage
        elif pt.is_dictionary(array.type):
            array = array.dictionary_decode()
        elif pt.is_map(array.type):
            array = array.cast(pa.list_(_entry(array.type)))
        else:
            array = pc.call_function("run_end_decode", [array])
        self._children[0].update(array)

    def digest(self) -> bytes:
        return self._children[0].digest()


def _column(type_: Any) -> _Column:
    kind, children = _shape(type_)
    return kind(children)


@lru_cache(maxsize=4096)
def _shape(type_: Any) -> tuple[type[_Column], tuple[Any, ...]]:
    """Return how a type is hashed, and the types of its parts."""
    if is_extension(type_):
        return _WrappedColumn, (type_.storage_type,)
    if pt.is_dictionary(type_) or pt.is_run_end_encoded(type_):
        return _WrappedColumn, (type_.value_type,)
    if pt.is_map(type_):
        return _WrappedColumn, (pa.list_(_entry(type_)),)
    if is_list(type_) or pt.is_fixed_size_list(type_):
        return _ListColumn, (type_.value_type,)
    if pt.is_struct(type_):
        return _StructColumn, tuple(field.type for field in type_)
    if is_text(type_) or is_bytes(type_):
        return _TextColumn, ()
    if pt.is_null(type_):
        return _Column, ()
    if pt.is_boolean(type_):
        return _BoolColumn, ()
    return (_FloatColumn if pt.is_floating(type_) else _FixedColumn), ()


def _entry(type_: Any) -> Any:
    """Return what a map is a list of."""
    key = pa.field("key", type_.key_type, nullable=False)
    return pa.struct([key, pa.field("value", type_.item_type)])


def _text_offsets(array: Any) -> NDArray[Any]:
    large = pt.is_large_string(array.type) or pt.is_large_binary(array.type)
    width = 8 if large else 4
    kind = np.dtype(f"<i{width}")
    return np.frombuffer(array.buffers()[1], kind, len(array) + 1, array.offset * width)


@lru_cache(maxsize=4096)
def _title(name: str, type_: Any) -> bytes:
    return json.dumps([name, type_name(type_)]).encode()
