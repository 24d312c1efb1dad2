"""External files as tables: loaded by name where one is read, as datasets bring pandas along.

Columns and types of several files are made one; folders named ``column=value`` are columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs

from assetkit.errors import DataMissing, InputError
from assetkit.io.base import Source
from assetkit.io.listing import Listed, fixed_part, is_url, list_files
from assetkit.io.loading import Versions
from assetkit.io.slot_tables import (
    Found,
    SlotTables,
    dimension_names,
    kept_columns,
    name_of,
    with_dimensions,
)

_READERS = {
    "csv": "read_csv",
    "tsv": "read_csv",
    "json": "read_json",
    "jsonl": "read_json",
    "ndjson": "read_json",
}
_PACKED = {"gz", "zst", "bz2"}


class ExternalTables(SlotTables):
    """External files as the tables of slots; *pattern_of* says where those of a slot lie."""

    def __init__(self, pattern_of: Callable[[Source], str]) -> None:
        self._pattern_of = pattern_of

    def read_one(self, source: Source, columns: Sequence[str] | None) -> Found:
        """Read all files of one slot."""
        opened = self._open(source)
        names = None if columns is None else kept_columns(opened.schema, columns)
        try:
            table = opened.to_table(columns=names)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(source, error) from error
        found = with_dimensions(table, source, opened.schema, columns)
        return found, source.data_version

    def columns_of(self, source: Source) -> Sequence[str]:
        """Return the names of all columns of a slot."""
        names: list[str] = self._open(source).schema.names
        return names

    def dataset(
        self, sources: Sequence[Source], columns: Sequence[str] | None
    ) -> tuple[Any, Versions]:
        """Open one slot as it lies; several are read first."""
        if len(sources) == 1 and columns is None:
            opened = self._open(sources[0])
            if not dimension_names(opened.schema, sources[0]):
                return opened, (sources[0].data_version,)
        table, versions = self.table(sources, columns, index=False)
        return ds.dataset(table), versions

    def hold(self, sources: Sequence[Source]) -> tuple[Sequence[Source], Versions, object]:
        """Return the slots; nobody can hold what others write."""
        return sources, tuple(source.data_version for source in sources), None

    def path(self, source: Source) -> Path:
        """Return a slot's file, or the folder of its files."""
        pattern = self._pattern_of(source)
        if is_url(pattern):
            raise InputError(f"{name_of(source)} lies at {pattern}, which is no local path.")
        files = list_files(pattern)
        return Path(files[0].path) if len(files) == 1 else Path(fixed_part(pattern) or pattern)

    def _open(self, source: Source) -> Any:
        pattern = self._pattern_of(source)
        files = list_files(pattern)
        if not files:
            raise DataMissing(f"The data of {name_of(source)} is not there: no file {pattern}.")
        kind = _kind_of(files[0].path)
        try:
            if kind == "parquet":
                return _open_parquet(files, fixed_part(pattern))
            if kind in _READERS:
                return ds.dataset(_read_text(files, _READERS[kind]))
        except (pa.ArrowException, duckdb.Error, OSError) as error:
            raise _unreadable(source, error) from error
        raise InputError(
            f"{name_of(source)} has the file {files[0].path}, which is no Parquet, CSV or JSON by "
            "its name. Ask for pathlib.Path and read it yourself."
        )


def _kind_of(path: str) -> str:
    parts = path.rpartition("/")[2].lower().split(".")
    while len(parts) > 1 and parts[-1] in _PACKED:
        parts.pop()
    return {"pq": "parquet"}.get(parts[-1], parts[-1])


def _open_parquet(files: Sequence[Listed], base: str) -> Any:
    paths = [file.path for file in files]
    arrow: Any = ds  # its type information lacks the names that follow
    system: Any = fs.LocalFileSystem()
    if is_url(paths[0]):
        remote, _ = fsspec.core.url_to_fs(paths[0])
        paths = [remote._strip_protocol(path) for path in paths]  # noqa: SLF001, fsspec's own way
        handlers: Any = fs
        system, base = fs.PyFileSystem(handlers.FSSpecHandler(remote)), ""
    options = arrow.FileSystemFactoryOptions(
        partition_base_dir=base or None, partitioning=ds.HivePartitioning.discover()
    )
    factory = arrow.FileSystemDatasetFactory(system, paths, ds.ParquetFileFormat(), options)
    return factory.finish(factory.inspect(promote_options="permissive", fragments=None))


def _read_text(files: Sequence[Listed], reader: str) -> pa.Table:
    paths = [file.path for file in files]
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        if is_url(paths[0]):
            connection.register_filesystem(fsspec.core.url_to_fs(paths[0])[0])
        query = f"select * from {reader}($paths, union_by_name=true)"  # noqa: S608, one of two
        table: pa.Table = connection.sql(query, params={"paths": paths}).to_arrow_table()
        return table


def _unreadable(source: Source, error: Exception) -> InputError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(f"The files of {name_of(source)} cannot be read: {reason}")
