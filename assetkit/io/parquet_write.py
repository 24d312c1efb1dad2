"""Write one Parquet file: streamed, hashed, with its own record in the footer.

Rule 1: memory is bounded by two row groups.
Rule 2: whatever goes wrong, in here or in the code that makes the batches, the
file is removed and the error goes on; a Parquet writer left alone would finish
the file as if all were well.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from assetkit.faultpoints import reach
from assetkit.io import footer
from assetkit.io.content import ContentHasher
from assetkit.io.frames import Batches

GROUP_ROWS = 1 << 20
GROUP_BYTES = 128 << 20
_HASH_ASIDE = 1 << 16
"""Rows from which a second thread for hashing pays."""
_SMALL = 1 << 13
"""Up to so many rows, a table is hashed before it is written."""
_FEW = 1 << 16
"""Up to so many rows, a dictionary of numbers takes more room than the numbers, and more time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How Parquet is written; anything else pyarrow's writer takes goes into ``options``."""

    compression: Any = "zstd"
    compression_level: int | None = 1
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """What was found while writing; ``with_nan`` names the columns that have NaN somewhere.

    ``bytes`` is the size of the file, once it is written.
    """

    rows: int
    data_version: str
    with_nan: list[str]
    bytes: int = 0


class WriteFailed(Exception):
    """The file system refused; not to be mixed up with what the user's own code raises."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def content_of(table: Batches) -> Content | None:
    """Return what a small table in memory holds; None where that is found while writing.

    Hashing many small tables in one thread, and encoding them in several, takes less than
    doing both in each: threads that need the interpreter often wait for one another.
    """
    if not isinstance(table.batches, list | tuple):
        return None
    rows = sum(batch.num_rows for batch in table.batches)
    if rows > _SMALL:
        return None
    hasher = ContentHasher(table.schema)
    for batch in table.batches:
        hasher.update(batch)
    return Content(rows, hasher.digest(), hasher.with_nan())


def write_parquet(
    table: Batches,
    path: Path,
    encoding: Encoding,
    record: Callable[[Content], Mapping[str, Any]],
    known: Content | None = None,
) -> Content:
    """Write *table* to a new file at *path*; `publish` makes it durable.

    *record* makes what goes into the footer; *known* is the content where it was looked
    at before.

    Raises:
        WriteFailed: where the file system refuses.
    """
    with _file_system():
        sink = pa.OSFile(str(path), "wb")
    try:
        with sink:
            reach("write.opened")
            found = _stream(table, sink, encoding, record, known)
        reach("write.closed")
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    return found


def _stream(
    table: Batches,
    sink: pa.NativeFile,
    encoding: Encoding,
    record: Callable[[Content], Mapping[str, Any]],
    known: Content | None,
) -> Content:
    rows, groups = _first_rows(_groups(table))
    writer = _writer(sink, table.schema, encoding, rows)
    try:
        hasher = _Hashing(table.schema) if known is None else nullcontext(_Known(known))
        with hasher as hashing:
            for group in groups:
                hashing.add(group)
                with _file_system():
                    writer.write_table(group.table(table.schema), row_group_size=GROUP_ROWS)
                    reach("write.group")
            found = hashing.content()
        writer.add_key_value_metadata({footer.KEY.decode(): footer.encode(record(found))})
    except BaseException:
        with contextlib.suppress(Exception):
            writer.close()
        raise
    with _file_system():
        writer.close()
        return replace(found, bytes=sink.tell())


def _first_rows(groups: Iterator[_Group]) -> tuple[int, Iterator[_Group]]:
    """Return how many rows the first group has, and all groups again."""
    first = next(groups, None)
    return (0, groups) if first is None else (first.rows, chain((first,), groups))


def _writer(
    sink: pa.NativeFile, schema: pa.Schema, encoding: Encoding, rows: int
) -> pq.ParquetWriter:
    """Return a writer for a table whose first row group has so many rows."""
    options = {"use_dictionary": _with_dictionary(schema, rows), **encoding.options}
    with _file_system():
        return pq.ParquetWriter(
            sink,
            schema,
            compression=encoding.compression,
            compression_level=encoding.compression_level,
            **options,
        )


def _with_dictionary(schema: pa.Schema, rows: int) -> bool | list[str]:
    """Return which columns are written as a dictionary: True for all, else their names."""
    if rows > _FEW or any(map(pa.types.is_nested, schema.types)):
        return True
    return [field.name for field in schema if not pa.types.is_primitive(field.type)]


@contextlib.contextmanager
def _file_system() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteFailed(error) from error


@dataclass(slots=True)
class _Group:
    """What becomes one row group."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0

    def table(self, schema: pa.Schema) -> pa.Table:
        table = pa.Table.from_batches(self.batches, schema=schema)
        if len(self.batches) > 1 and any(map(pa.types.is_dictionary, schema.types)):
            table = table.unify_dictionaries()
        return table


def _groups(table: Batches) -> Iterator[_Group]:
    """Gather batches to row groups: fewer and larger ones write faster and pack better."""
    group, size = _Group(), 0
    for batch in table.batches:
        if not batch.num_rows:
            continue
        group.batches.append(batch)
        group.rows += batch.num_rows
        size += batch.nbytes
        if group.rows >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, size = _Group(), 0
    if group.rows:
        yield group


@dataclass(frozen=True, slots=True)
class _Known:
    """Content that was looked at before."""

    found: Content

    def add(self, group: _Group) -> None:
        """Do nothing."""

    def content(self) -> Content:
        """Return what was found."""
        return self.found


class _Hashing:
    """Hash large groups in a second thread, while they are encoded."""

    def __init__(self, schema: pa.Schema) -> None:
        self._hasher = ContentHasher(schema)
        self._rows = 0
        self._pool: ThreadPoolExecutor | None = None
        self._pending: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def add(self, group: _Group) -> None:
        """Hash a group, after those before it."""
        self._wait()
        self._rows += group.rows
        if group.rows < _HASH_ASIDE:
            self._hash(group)
            return
        self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="assetkit-hash")
        self._pending = self._pool.submit(self._hash, group)

    def content(self) -> Content:
        """Return what was found in all groups."""
        self._wait()
        return Content(self._rows, self._hasher.digest(), self._hasher.with_nan())

    def _hash(self, group: _Group) -> None:
        # Batch by batch: asking a table for its columns takes as long as hashing small ones.
        for batch in group.batches:
            self._hasher.update(batch)

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None
