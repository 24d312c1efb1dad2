"""Read Parquet files of slots as one table, each file in one version.

Rule 1: a file is opened once, and all of it is read through that handle; a
reader that opens a path twice may take its footer from one version and its
data from the next.
Rule 2: what is lazy reads from pins.
Rule 3: columns and types of several files are made one, or the column is named.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assetkit.errors import DataChanged, DataMissing
from assetkit.io import footer, schemas
from assetkit.io.base import Source
from assetkit.io.loading import Versions
from assetkit.io.pins import Pins
from assetkit.io.slot_tables import (
    SlotTables,
    dataset_schema,
    kept_columns,
    with_dimensions,
)
from assetkit.records import slot_name

_SCAN_FROM = 16
"""From how many files on one scan of all is tried."""


class ParquetTables(SlotTables):
    """The tables of slots that are Parquet files. *path_of* says where a slot's file is."""

    def __init__(self, path_of: Callable[[Source], Path]) -> None:
        self._path_of = path_of

    def path(self, source: Source) -> Path:
        """Return a slot's file; `DataMissing` where it is not there."""
        path = self._path_of(source)
        if not path.exists():
            raise missing(source, path)
        return path

    def dataset(
        self, sources: Sequence[Source], columns: Sequence[str] | None
    ) -> tuple[Any, Versions]:
        """Open the slots as a dataset over pins."""
        datasets = import_module("assetkit.io.datasets")
        if not sources:
            return datasets.of_table(pa.table({})), ()
        _, versions, pins = self.hold(sources)
        opened = [
            self._schema(source, path) for source, path in zip(sources, pins.paths, strict=True)
        ]
        schema, keys = dataset_schema(opened, sources, columns)
        dataset = datasets.of_files(pins.paths, keys, schema)
        pins.drop_with(dataset)
        return dataset, versions

    def hold(self, sources: Sequence[Source]) -> tuple[Sequence[Source], Versions, Pins]:
        """Pin the slots' files; the sources returned lead to the pins."""
        paths = [self.path(source) for source in sources]
        pins = Pins(sources[0].place.private, paths)
        held, versions = [], []
        for source, path in zip(sources, pins.paths, strict=True):
            versions.append(_version(self._record(source, path)))
            held.append(replace(source, location=str(path)))
        return held, tuple(versions), pins

    def read_many(
        self, sources: Sequence[Source], columns: Sequence[str] | None
    ) -> tuple[list[pa.Table], Versions]:
        """Read slots in one scan where that is faster and as exact, else one by one."""
        if len(sources) < _SCAN_FROM:
            return super().read_many(sources, columns)
        paths = [self._path_of(source) for source in sources]
        scan = import_module("assetkit.io.parquet_scan").scan
        found = scan(paths, lambda schema: kept_columns(schema, columns))
        if found is None:
            return super().read_many(sources, columns)
        tables, start = [], 0
        for source, record in zip(sources, found.records, strict=True):
            part = found.table.slice(start, record["rows"])
            start += record["rows"]
            tables.append(with_dimensions(part, source, found.schema, columns))
        return tables, tuple(map(_version, found.records))

    def columns_of(self, source: Source) -> Sequence[str]:
        """Return the names of all columns of a slot's file."""
        names: list[str] = self._schema(source, self._path_of(source)).names
        return names

    def version(self, source: Source) -> str | None:
        """Return the data version in the footer of a slot's file."""
        return _version(self._record(source, self.path(source)))

    def _schema(self, source: Source, path: Path) -> pa.Schema:
        """Return the schema of a slot's file, at *path* or under a pin there."""
        try:
            with pq.ParquetFile(path) as file:
                return stored_schema(file)
        except (pa.ArrowException, OSError) as error:
            raise torn(source, self._path_of(source), _reason(error)) from error

    def _record(self, source: Source, path: Path) -> dict[str, Any]:
        try:
            return footer.read_record(path) or {}
        except footer.NotParquet:
            raise torn(source, self._path_of(source), "it has no footer") from None

    def read_one(
        self, source: Source, columns: Sequence[str] | None
    ) -> tuple[pa.Table, str | None]:
        """Read one slot, and say which version it is."""
        path = self._path_of(source)
        try:
            handle = pa.OSFile(str(path), "r")
        except FileNotFoundError:
            raise missing(source, path) from None
        try:
            with handle, pq.ParquetFile(handle, pre_buffer=False) as file:
                record = footer.record_of(handle.fileno()) or {}
                schema = stored_schema(file) if record.get("recast") else file.schema_arrow
                names = None if columns is None else kept_columns(schema, columns)
                table = file.read(columns=names, use_threads=False)
        except footer.NotParquet:
            raise torn(source, path, "it has no footer") from None
        except (pa.ArrowException, OSError) as error:
            raise torn(source, path, _reason(error)) from error
        if record.get("recast"):
            table = schemas.restore(table, schema)
        return with_dimensions(table, source, schema, columns), _version(record)


def missing(source: Source, path: Path) -> DataMissing:
    """Say that a slot's file is gone."""
    name = slot_name(source.asset, source.partition_key)
    return DataMissing(
        f"The data of {name} is not there: no file {path}. Materialize it again: "
        f"assetkit materialize {name}"
    )


def torn(source: Source, path: Path | str, reason: str) -> DataChanged:
    """Say that a slot's file cannot be read."""
    name = slot_name(source.asset, source.partition_key)
    return DataChanged(
        f"The file of {name} is not a whole Parquet file any more: {path} ({reason}). "
        f"Another hand changed it. Delete it and materialize it again: assetkit materialize {name}"
    )


def _version(record: Mapping[str, Any]) -> str | None:
    version = record.get("data_version")
    return None if version is None else str(version)


def stored_schema(file: pq.ParquetFile) -> pa.Schema:
    """Return the schema that was written; Parquet itself widens some of its types."""
    schema: pa.Schema = file.schema_arrow
    written = (file.metadata.metadata or {}).get(b"ARROW:schema")
    if written is None:
        return schema
    stored = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(written)))
    return pa.schema(list(stored)).with_metadata(schema.metadata or {})


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
