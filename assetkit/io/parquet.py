"""The default IO manager: one Parquet file per slot, which any reader can read."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from assetkit.errors import DataChanged
from assetkit.io import footer, schemas
from assetkit.io.base import Loaded, Source, Target, Written
from assetkit.io.content import content_version
from assetkit.io.declared import conformed
from assetkit.io.frames import Batches, Whole, to_batches
from assetkit.io.linked import FileOfOthers, give_name, read_file
from assetkit.io.loading import load
from assetkit.io.parquet_read import ParquetTables
from assetkit.io.parquet_write import Content, Encoding, WriteFailed, content_of, write_parquet
from assetkit.io.refusals import refused, slot_of
from assetkit.io.staged import StagedFiles


def _writer() -> str:
    try:
        own = version("assetkit")
    except PackageNotFoundError:
        own = "0"
    return f"assetkit {own}, pyarrow {pa.__version__}, python {platform.python_version()}"


_WRITER = _writer()


class ParquetIOManager(StagedFiles):
    """Store tables as Parquet, one file per slot.

    *keep*: how many replaced files of each slot stay, as hard links in the
    workspace's private folder. *compression* and *compression_level* as for
    `pyarrow.parquet.ParquetWriter`, which takes *options*, too.
    """

    filename: ClassVar[str] = "part.parquet"
    known_as: ClassVar[str] = "parquet"

    def __init__(
        self,
        *,
        keep: int = 0,
        compression: str = "zstd",
        compression_level: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(keep=keep)
        if compression == "zstd" and compression_level is None:
            compression_level = 1
        self._encoding = Encoding(
            compression=compression, compression_level=compression_level, options=options
        )
        self._tables = ParquetTables(self.path_of)

    def write(self, value: Any, target: Target) -> Written:
        """Store a table, or an iterator of tables, aside; `publish` puts it in place.

        Raises:
            OutputError: for what is no table, or would not come back as it is.
            StorageError: where the file system refuses.
        """
        return self.write_later(value, target)()

    @property
    def writes_later(self) -> bool:
        """True where `write_later` does what `write` does: not where a subclass has its own."""
        return type(self).write is ParquetIOManager.write

    def write_later(self, value: Any, target: Target) -> Callable[[], Written]:
        """Take a value in, and return what stores it aside as `write` does, maybe in a thread.

        Raises:
            OutputError: for what is no table, or would not come back as it is.
        """
        if isinstance(value, FileOfOthers):
            return partial(self._link, value.path, target)
        where = f"What {slot_of(target)} returned"
        final = self.path_of(target)
        table = to_batches(value, where=where)
        if target.schema is not None:
            table = conformed(table, target.schema, where=where)
        return partial(self._write, table, content_of(table), target, final)

    def _write(self, table: Batches, known: Content | None, target: Target, final: Path) -> Written:
        layout = table.layout or schemas.layout_of(table.schema)
        record: dict[str, Any] = {}

        def complete(found: Content) -> Mapping[str, Any]:
            record.update(_record(target, found))
            record.update(schema=layout.text, form=layout.form, writer=_WRITER)
            if layout.recast:
                record["recast"] = True
            return record

        try:
            staged = self.staging_path(target)
            found = write_parquet(table, staged, self._encoding, complete, known)
        except WriteFailed as failed:
            raise refused(failed.reason, "write", target, final) from failed.reason
        except (FileNotFoundError, NotADirectoryError) as gone:
            raise refused(gone, "write", target, final) from gone
        return Written(
            rows=found.rows,
            bytes=found.bytes,
            data_version=str(record["data_version"]),
            schema=layout.text,
            staged=staged,
        )

    def _link(self, path: Path, target: Target) -> Written:
        """Stage somebody's file by another name; what is in it is read, and not copied."""
        found = read_file(path, target.schema, where=f"{path}, to be {slot_of(target)},")
        staged = self.staging_path(target)
        try:
            give_name(path, staged)
        except OSError as error:
            raise refused(error, "link", target, self.path_of(target)) from error
        content = Content(found.rows, found.record["data_version"], found.record["nan"])
        record = {**_record(target, content), **found.record, "writer": _WRITER}
        return Written(
            rows=found.rows,
            bytes=staged.stat().st_size,
            data_version=found.record["data_version"],
            schema=found.schema,
            staged=staged,
            record=record,
        )

    def whole(self, value: Any, *, where: str) -> Whole:
        """Convert a table of several slots at once; `write` takes its parts.

        Raises:
            OutputError: for what is no table, or cannot be kept as it is.
        """
        return Whole(value, where=where)

    def read(self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None) -> Any:
        """Load the slots as one value of the type *load_as*, in the order given."""
        return load(self._tables, sources, load_as, columns).value

    def read_with_versions(
        self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
    ) -> Loaded:
        """Load as `read` does, and say which data version of each slot was read."""
        return load(self._tables, sources, load_as, columns)

    def content_of(self, source: Source) -> str:
        """Read a slot's file, and hash what is in it as `write` does.

        Raises:
            DataMissing: the file is gone.
            DataChanged: the file is damaged.
        """
        return content_version(self._tables.read_one(source, None)[0])

    def read_record(self, path: Path) -> Mapping[str, Any] | None:
        """Return the record in a file's footer, None where another hand wrote it."""
        try:
            return footer.read_record(path)
        except footer.NotParquet as error:
            raise DataChanged(
                f"The file {path} is not a whole Parquet file: another hand changed it. "
                "Delete it and materialize its partition again."
            ) from error


def _record(target: Target, found: Content) -> dict[str, Any]:
    """Return what a file says of itself: what the run gave it, and what was found writing."""
    return {
        "v": 1,
        "asset": target.asset,
        "partition": dict(target.dimensions),
        "run_id": target.run_id,
        "attempt": target.attempt,
        "data_version": found.data_version,
        **target.provenance,
        "content": found.data_version,
        "nan": found.with_nan,
        "rows": found.rows,
    }
