"""Parquet files in an object store: read in parts, each file in one version.

Rule 1: a small file is read in one request. A larger one is read in parts, each held to the
version that its footer was read from; where it is replaced meanwhile, it is read again.
Rule 2: what is lazy is held to the versions that it was opened in, and says so when one of
them is replaced before it was read.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assetkit.errors import DataChanged
from assetkit.io import footer, schemas
from assetkit.io.base import Loaded, Source
from assetkit.io.loading import Versions, load, wanted_of
from assetkit.io.object_store import ObjectStore, Replaced, data_key, open_store
from assetkit.io.parquet import ParquetIOManager
from assetkit.io.parquet_read import stored_schema, torn
from assetkit.io.refusals import slot_of
from assetkit.io.remote import RemoteFiles
from assetkit.io.remote_fetch import Fetcher, Record, scratch
from assetkit.io.remote_places import Held, in_parallel, missing, telling, url_of
from assetkit.io.slot_tables import (
    Found,
    SlotTables,
    dataset_schema,
    kept_columns,
    with_dimensions,
)
from assetkit.io.staged import StagedFiles
from assetkit.records import FileSignature

_FIRST = 4 << 20
"""Bytes of a file's end that are read at first: all of most files."""

_FOOTER = 64 << 10


def placed(manager: Any) -> Any:
    """Return what keeps a manager's data in an object store: itself, where it keeps no files."""
    if not isinstance(manager, StagedFiles) or isinstance(manager, RemoteFiles):
        return manager
    return (RemoteParquet if isinstance(manager, ParquetIOManager) else RemoteFiles)(manager)


class RemoteParquet(RemoteFiles):
    """Parquet files in an object store."""

    def _make_fetcher(self) -> Fetcher:
        return _Footers(self.kind)

    def whole(self, value: Any, *, where: str) -> Any:
        """Convert a table of several slots at once; `write` takes its parts."""
        return self.kind.whole(value, where=where)

    def content_of(self, source: Source) -> str:
        """Read a slot's object, and hash what is in it as `write` does."""
        with scratch(source.place) as folder:
            (copy,) = self._fetcher.copies([source], folder)
            content: str = self.kind.content_of(copy)
        return content

    def _read(
        self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
    ) -> Loaded:
        wanted = wanted_of(load_as)
        if not sources or (wanted is not None and wanted.one == "path"):
            return super()._read(sources, load_as, columns)
        return load(_RemoteTables(self.filename), sources, load_as, columns)


class _Footers(Fetcher):
    """Reads the record in a footer without the file."""

    def record(self, store: ObjectStore, key: str) -> tuple[Record | None, FileSignature]:
        tail, found = store.tail(key, _FOOTER)
        try:
            if footer.length_in(tail) > len(tail):
                tail, found = store.tail(key, footer.length_in(tail))
            return footer.record_in(tail), found
        except footer.NotParquet as error:
            raise DataChanged(
                f"The object {key} is not a whole Parquet file: another hand changed it. "
                "Delete it and materialize its partition again."
            ) from error


class Opened(io.RawIOBase):
    """An object in one version, as a file that Arrow reads from; its end is here already."""

    def __init__(self, store: ObjectStore, key: str, tail: bytes, found: FileSignature) -> None:
        super().__init__()
        self._store, self._key, self._tail = store, key, tail
        self.signature = found
        self._at = 0

    @property
    def record(self) -> Record:
        """The record in the footer."""
        tail = self._tail
        if footer.length_in(tail) > len(tail):
            length = footer.length_in(tail)
            size = self.signature.size
            tail = self._store.read(self._key, size - length, size, of=self.signature)
        return footer.record_in(tail) or {}

    def again(self) -> Opened:
        """Return the same version as another file, at its beginning."""
        return Opened(self._store, self._key, self._tail, self.signature)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.signature.size}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return bytes from the end that is here, or from the store in the same version."""
        total = self.signature.size
        end = total if size is None or size < 0 else min(self._at + size, total)
        start, self._at = self._at, max(self._at, end)
        here = total - len(self._tail)
        if start >= end:
            return b""
        if start >= here:
            return self._tail[start - here : end - here]
        return self._store.read(self._key, start, end, of=self.signature)


class _RemoteTables(SlotTables):
    """The tables of slots that are Parquet files in a store."""

    def __init__(self, filename: str) -> None:
        self._filename = filename

    def read_many(
        self, sources: Sequence[Source], columns: Sequence[str] | None
    ) -> tuple[list[pa.Table], Versions]:
        """Read slots, many at a time: what takes the time is the way to the store."""
        found = in_parallel(lambda source: self.read_one(source, columns), sources)
        return [table for table, _ in found], tuple(version for _, version in found)

    def read_one(self, source: Source, columns: Sequence[str] | None) -> Found:
        """Read one slot, and say which version it is; again where it is replaced meanwhile."""
        for _ in range(3):
            try:
                return self._read(source, columns)
            except Replaced:
                if isinstance(source, Held):
                    raise
        return self._read(source, columns)

    def _read(self, source: Source, columns: Sequence[str] | None) -> Found:
        opened = self.open(source)
        try:
            with (
                pa.PythonFile(opened, mode="r") as handle,
                pq.ParquetFile(handle, pre_buffer=True) as file,
            ):
                record = opened.record
                schema = stored_schema(file) if record.get("recast") else file.schema_arrow
                names = None if columns is None else kept_columns(schema, columns)
                table = file.read(columns=names, use_threads=False)
        except (footer.NotParquet, pa.ArrowException) as error:
            raise self._torn(source, error) from error
        if record.get("recast"):
            table = schemas.restore(table, schema)
        return with_dimensions(table, source, schema, columns), _version(record)

    def columns_of(self, source: Source) -> Sequence[str]:
        """Return the names of all columns of a slot's file."""
        names: list[str] = self._schema(source, self.open(source, _FOOTER)).names
        return names

    def version(self, source: Source) -> str | None:
        """Return the data version in the footer of a slot's file."""
        return _version(self._record(source, self.open(source, _FOOTER)))

    def path(self, source: Source) -> Path:
        """Refuse: paths are those of copies, which are made elsewhere."""
        raise missing(source, self._key(source))

    def hold(self, sources: Sequence[Source]) -> tuple[Sequence[Source], Versions, object]:
        """Return the slots in the versions that are there now."""
        opened = in_parallel(lambda source: self.open(source, _FOOTER), sources)
        versions = [
            _version(self._record(source, one)) for source, one in zip(sources, opened, strict=True)
        ]
        held = [_held(source, one) for source, one in zip(sources, opened, strict=True)]
        return held, tuple(versions), None

    def dataset(
        self, sources: Sequence[Source], columns: Sequence[str] | None
    ) -> tuple[Any, Versions]:
        """Open the slots as a dataset that reads what is asked of it, in these versions."""
        datasets = import_module("assetkit.io.datasets")
        if not sources:
            return datasets.of_table(pa.table({})), ()
        opened = in_parallel(lambda source: self.open(source, _FOOTER), sources)
        pairs = list(zip(sources, opened, strict=True))
        versions = tuple(_version(self._record(source, one)) for source, one in pairs)
        found = [self._schema(source, one) for source, one in pairs]
        schema, keys = dataset_schema(found, sources, columns)
        files = {url_of(one.place, self._key(one)): file for one, file in pairs}
        system = import_module("assetkit.io.remote_dataset").file_system(files)
        return datasets.of_files(list(files), keys, schema, system), versions

    def open(self, source: Source, first: int = _FIRST) -> Opened:
        """Open a slot's object in the version that is there, or that it is held to.

        Its last *first* bytes are read at once.

        Raises:
            DataMissing: nothing is there.
            Replaced: another version is there.
        """
        key = self._key(source)
        with telling(source, "read", key):
            store = open_store(source.place)
            try:
                tail, found = store.tail(key, first)
            except FileNotFoundError:
                raise missing(source, key) from None
        if isinstance(source, Held) and found != source.signature:
            raise Replaced(
                f"{slot_of(source)} was replaced while it was read: {url_of(source.place, key)}. "
                "Run it again."
            )
        return Opened(store, key, tail, found)

    def _key(self, source: Source) -> str:
        return data_key(source.place, source.location or f"{source.folder}/{self._filename}")

    def _schema(self, source: Source, opened: Opened) -> pa.Schema:
        try:
            with pa.PythonFile(opened, mode="r") as handle, pq.ParquetFile(handle) as file:
                return stored_schema(file)
        except pa.ArrowException as error:
            raise self._torn(source, error) from error

    def _record(self, source: Source, opened: Opened) -> Record:
        try:
            return opened.record
        except footer.NotParquet as error:
            raise self._torn(source, error) from error

    def _torn(self, source: Source, error: Exception) -> DataChanged:
        reason = (str(error).splitlines() or ["it has no footer"])[0].rstrip(".")
        return torn(source, url_of(source.place, self._key(source)), reason)


def _held(source: Source, opened: Opened) -> Held:
    known = {name: getattr(source, name) for name in Source.__slots__}
    return Held(**known, signature=opened.signature)


def _version(record: Record) -> str | None:
    version = record.get("data_version")
    return None if version is None else str(version)
