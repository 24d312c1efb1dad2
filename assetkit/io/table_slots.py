"""Slots in the tables of an engine (DuckDB, Delta, Iceberg): what their IO managers share.

Rule 1: a slot is staged as a Parquet file, as others are, so that it is hashed,
and can be checked, before the engine sees it.
Rule 2: publishing is one commit of the engine: it replaces the slot's rows and
carries the slot's record (`Note`), so that both change or neither does.
Rule 3: a table has a column for each partition dimension; what is read back has
only the columns that were written, each of the type that it had.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import time_ns
from typing import Any, NoReturn
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from assetkit.errors import DataChanged, DataMissing, InputError, OutputError
from assetkit.io import footer, schemas
from assetkit.io.base import Loaded, Place, Source, Stored, Target, Written
from assetkit.io.loading import Versions, load
from assetkit.io.pandas_metadata import index_fields
from assetkit.io.parquet import ParquetIOManager
from assetkit.io.publishing import lasting, same_content
from assetkit.io.refusals import slot_of
from assetkit.io.slot_tables import Found, MemoryTables, with_dimensions
from assetkit.records import AssetKey, FileSignature, MultiPartitionKey, partition_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What an engine keeps of a slot beside its rows.

    ``arrow`` is the Arrow schema that was written, as base64. ``at``: when, in
    nanoseconds since 1970. ``partition`` is the key's text, '' without one.
    """

    asset: AssetKey
    partition: str
    dimensions: tuple[tuple[str, str], ...]
    folder: str
    record: Mapping[str, Any]
    rows: int
    bytes: int
    arrow: str
    at: int

    @classmethod
    def from_json(cls, text: str) -> Note:
        """Return a note as it was kept."""
        found = json.loads(text)
        found["dimensions"] = tuple((name, key) for name, key in found["dimensions"])
        return cls(**found)

    def to_json(self) -> str:
        """Return the note as text."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), default=str)

    @property
    def schema(self) -> pa.Schema:
        """The schema that was written."""
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.arrow)))

    @property
    def version(self) -> str:
        """The data version."""
        return str(self.record["data_version"])

    @property
    def signature(self) -> FileSignature:
        """What changes whenever the rows do."""
        return FileSignature(size=self.bytes, mtime_ns=self.at, etag=self.version)


class TableSlots(ParquetIOManager):
    """Stage slots as Parquet; publish them into an engine's tables."""

    # What an engine has to say. A session is whatever it works with: a connection, a catalog.

    @abstractmethod
    def where(self, place: Place) -> str:
        """Return the path or URL of all tables."""

    @abstractmethod
    def session(self, place: Place, *, writing: bool) -> AbstractContextManager[Any]:
        """Open the tables for a while; where *writing*, no one else on this machine writes."""

    @abstractmethod
    def notes(self, session: Any, asset: AssetKey) -> Mapping[str, Note]:
        """Return the notes of an asset's slots by partition; none where it has no table."""

    @abstractmethod
    def replace_rows(self, session: Any, staged: Path, note: Note) -> None:
        """Replace a slot's rows by those of a Parquet file, and its note, in one commit."""

    @abstractmethod
    def remove_rows(self, session: Any, note: Note) -> None:
        """Remove a slot's rows and its note, in one commit."""

    @abstractmethod
    def read_rows(
        self, session: Any, notes: Sequence[Note], columns: Sequence[str] | None
    ) -> Sequence[pa.Table]:
        """Return the rows of slots of one asset: of *columns*, those that each has."""

    def path_of(self, slot: Source | Target) -> Path:
        """Return where the tables are: all slots share them. Staged data has a path of its own."""
        location = getattr(slot, "location", None)
        return Path(self.where(slot.place) if location is None else location)

    def publish(self, written: Written, target: Target) -> Written:
        """Replace a slot's rows by what was staged, in one commit.

        Where the same content is there already the table is left alone, and only
        a new provenance is noted in the workspace.
        """
        if written.staged is None:
            return written
        new = self.read_record(written.staged) or {}
        with self.session(target.place, writing=True) as session:
            note = self._note(target, self.notes(session, target.asset))
            unchanged = note is not None and same_content(note.record, new)
            if note is None or not unchanged:
                note = _note_of(written.staged, new, target)
                self.replace_rows(session, written.staged, note)
                self._forget_attest(target)
            elif lasting(note.record) != lasting(new):
                self._attest(target, note.record, new)
        self.discard(written)
        return replace(
            written, staged=None, unchanged=unchanged, signature=note.signature, bytes=note.bytes
        )

    def take_over(self, source: Source, target: Target) -> Written:
        """Publish a copy of another workspace's slot, with its record; the original stays."""
        return self.publish(self.write(self.read((source,), pa.Table, None), target), target)

    def move(self, source: Source, target: Target) -> None:
        """Give a slot's rows another place, and the record that goes with them; safe to repeat."""
        with self.session(source.place, writing=False) as session:
            note = self._note(source, self.notes(session, source.asset))
        if note is None:
            return
        self.take_over(source, target)
        with self.session(source.place, writing=True) as session:
            self.remove_rows(session, note)
        self._forget_attest(source)

    def note(self, target: Target) -> None:
        """Note a new provenance beside a slot's rows, which stay as they are."""
        with self.session(target.place, writing=True) as session:
            note = self._note(target, self.notes(session, target.asset))
            if note is not None:
                self._attest_aside(target, note.record)

    def delete(self, target: Target) -> None:
        """Remove a slot's rows; nothing there is no error."""
        with self.session(target.place, writing=True) as session:
            note = self._note(target, self.notes(session, target.asset))
            if note is not None:
                self.remove_rows(session, note)
            self._forget_attest(target)

    def read(self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None) -> Any:
        """Load the slots as one value of the type *load_as*, in the order given."""
        return self.read_with_versions(sources, load_as, columns).value

    def read_with_versions(
        self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
    ) -> Loaded:
        """Load as `read` does, and say which data version of each slot was read."""
        if sources and sources[0].location is not None:
            return super().read_with_versions(sources, load_as, columns)
        return load(_EngineTables(self), sources, load_as, columns)

    def find(self, source: Source) -> Stored | None:
        """Return what lies in a slot's place by its own record, None where nothing does."""
        with self.session(source.place, writing=False) as session:
            note = self._note(source, self.notes(session, source.asset))
        return None if note is None else self._stored(note, source)

    def signatures(self, sources: Sequence[Source]) -> Sequence[FileSignature | None]:
        """Return a signature of each slot, None where nothing is."""
        if not sources:
            return []
        with self.session(sources[0].place, writing=False) as session:
            noted = self._noted(session, sources)
        return [None if note is None else note.signature for _, note in noted]

    def find_all(
        self, place: Place, asset: AssetKey, dimensions: Sequence[str]
    ) -> Sequence[Stored]:
        """Return all slots of an asset, by partition."""
        with self.session(place, writing=False) as session:
            known = self.notes(session, asset).values()
        notes = [
            note for note in known if [name for name, _ in note.dimensions] == list(dimensions)
        ]
        return [
            self._stored(note, _source_of(note, place))
            for note in sorted(notes, key=lambda note: note.partition)
        ]

    def rows(
        self, sources: Sequence[Source], columns: Sequence[str] | None
    ) -> tuple[list[pa.Table], list[Note]]:
        """Return the rows of slots, each with the columns it has of those asked for."""
        tables: list[pa.Table] = []
        notes: list[Note] = []
        if not sources:
            return tables, notes
        with self.session(sources[0].place, writing=False) as session:
            noted = self._noted(session, sources)
            for first, last in _runs(sources):
                asked = [note or self._fail(source) for source, note in noted[first:last]]
                wanted = None if columns is None else [*columns, *_indices(asked)]
                rows = self.read_rows(session, asked, wanted)
                tables += map(_restored, rows, asked)
                notes += asked
        return tables, notes

    def _noted(
        self, session: Any, sources: Sequence[Source]
    ) -> Sequence[tuple[Source, Note | None]]:
        """Return each slot with its note; those of one asset are read at once."""
        known = {
            asset: self.notes(session, asset)
            for asset in dict.fromkeys(source.asset for source in sources)
        }
        return [(source, self._note(source, known[source.asset])) for source in sources]

    def _note(self, slot: Source | Target, notes: Mapping[str, Note]) -> Note | None:
        return notes.get(partition_text(slot.partition_key) or "")

    def _stored(self, note: Note, source: Source) -> Stored:
        return Stored(
            source=source,
            signature=note.signature,
            record=self._attested(source, note.record),
            rows=note.rows,
            bytes=note.bytes,
        )

    def _fail(self, source: Source) -> NoReturn:
        name = slot_of(source)
        raise DataMissing(
            f"The data of {name} is not in {self.where(source.place)}. Materialize it again: "
            f"assetkit materialize {name}"
        )


class _EngineTables(MemoryTables):
    """Tables that are read from an engine, for one call; `loading` makes of them what is wanted."""

    def __init__(self, manager: TableSlots) -> None:
        super().__init__(self._whole)
        self._manager = manager
        self._held: dict[int, str] = {}

    def read_many(
        self, sources: Sequence[Source], columns: Sequence[str] | None
    ) -> tuple[list[pa.Table], Versions]:
        """Read slots at once, so that all are of one state of the table."""
        tables, notes = self._manager.rows(sources, columns)
        for source, note in zip(sources, notes, strict=True):
            if self._held.get(id(source), note.version) != note.version:
                raise DataChanged(
                    f"{slot_of(source)} was replaced while partitions were read one by one. "
                    "Run again."
                )
        filled = [
            with_dimensions(table, source, note.schema, columns)
            for table, source, note in zip(tables, sources, notes, strict=True)
        ]
        return filled, tuple(note.version for note in notes)

    def read_one(self, source: Source, columns: Sequence[str] | None) -> Found:
        """Read one slot."""
        (table,), (version,) = self.read_many([source], columns)
        return table, version

    def columns_of(self, source: Source) -> Sequence[str]:
        """Return the names of all columns of a slot's table."""
        names: list[str] = self._manager.rows([source], ())[1][0].schema.names
        return names

    def hold(self, sources: Sequence[Source]) -> tuple[Sequence[Source], Versions, object]:
        """Remember the versions: a slot that changes before its turn is told by name."""
        versions = tuple(note.version for note in self._manager.rows(sources, ())[1])
        self._held.update(zip(map(id, sources), versions, strict=True))
        return sources, versions, None

    def path(self, source: Source) -> Path:
        """Say that a slot has no file of its own."""
        raise InputError(
            f"{slot_of(source)} is kept in a table of {self._manager.where(source.place)}, so it "
            "has no path of its own. Load it as a table."
        )

    def _whole(self, source: Source) -> Found:
        return self.read_one(source, None)


def key_columns(note: Note) -> dict[str, str]:
    """Return the columns that say which slot a row is of, with their values.

    A dimension whose name the data itself has gets another one.
    """
    taken = {name.casefold() for name in note.schema.names}
    named = {}
    for name, key in note.dimensions:
        named[f"partition_{name}" if name.casefold() in taken else name] = key
    if lost := [name for name in named if name.casefold() in taken]:
        raise OutputError(
            f"{note.asset} has the column {lost[0]!r}, which its table needs for the partition. "
            "Rename it."
        )
    return named


def staged_rows(staged: Path, note: Note) -> pa.Table:
    """Return all rows of a staged file, in the types that were written."""
    with pq.ParquetFile(staged) as file:
        return _restored(file.read(), note)


def _restored(table: pa.Table, note: Note) -> pa.Table:
    """Return what an engine gave back as it was written: columns, order, types, metadata."""
    written = note.schema
    fields = [field for field in written if field.name in table.column_names]
    schema = pa.schema(fields).with_metadata(written.metadata)
    columns = [
        pa.chunked_array([pa.nulls(table.num_rows)])
        if pa.types.is_null(field.type)
        else cast_back(table.column(field.name), field.type)
        for field in fields
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def cast_back(column: Any, type_: Any) -> Any:
    """Return a column in the type that it had before an engine kept it as another."""
    if column.type == type_:
        return column
    if isinstance(type_, pa.BaseExtensionType):
        storage = cast_back(column, type_.storage_type).combine_chunks()
        return pa.chunked_array([pa.ExtensionArray.from_storage(type_, storage)])
    if pa.types.is_dictionary(type_):
        return cast_back(column, type_.value_type).dictionary_encode().cast(type_)
    if pa.types.is_time32(type_) and pa.types.is_integer(column.type):
        return column.cast(pa.int32()).cast(type_)
    if type_ == pa.binary(16) and pa.types.is_string(column.type):
        # DuckDB gives identifiers (UUID) as text.
        values = [None if text is None else UUID(text).bytes for text in column.to_pylist()]
        return pa.chunked_array([pa.array(values, type_)])
    return schemas.restore(pa.table({"c": column}), pa.schema([("c", type_)])).column("c")


@contextlib.contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold a lock that all writers of this machine take."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def refuse_types(schema: pa.Schema, is_unfit: Callable[[Any], str | None], engine: str) -> None:
    """Refuse columns whose types an engine cannot keep; *is_unfit* says what to do instead."""
    for field in schema:
        if (fix := _unfit_inside(field.type, is_unfit)) is not None:
            raise OutputError(
                f"Column {field.name!r} is {field.type}, which {engine} cannot keep. {fix}"
            )


def _unfit_inside(type_: Any, is_unfit: Callable[[Any], str | None]) -> str | None:
    if pa.types.is_dictionary(type_):
        return _unfit_inside(type_.value_type, is_unfit)
    if isinstance(type_, pa.BaseExtensionType):
        return _unfit_inside(type_.storage_type, is_unfit)
    if pa.types.is_nested(type_):
        inside = (type_.field(number).type for number in range(type_.num_fields))
        return next((fix for one in inside if (fix := _unfit_inside(one, is_unfit))), None)
    return is_unfit(type_)


def _note_of(staged: Path, record: Mapping[str, Any], target: Target) -> Note:
    with pq.ParquetFile(staged) as file:
        schema: pa.Schema = file.schema_arrow
        written = (file.metadata.metadata or {}).get(b"ARROW:schema")
        rows = file.metadata.num_rows
    if written is not None:
        stored = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(written)))
        schema = pa.schema(list(stored)).with_metadata(schema.metadata)
    kept = {k: v for k, v in (schema.metadata or {}).items() if k != footer.KEY}
    return Note(
        asset=target.asset,
        partition=partition_text(target.partition_key) or "",
        dimensions=target.dimensions,
        folder=target.folder,
        record=record,
        rows=rows,
        bytes=staged.stat().st_size,
        arrow=base64.b64encode(schema.with_metadata(kept).serialize()).decode(),
        at=time_ns(),
    )


def _source_of(note: Note, place: Place) -> Source:
    keys = tuple(key for _, key in note.dimensions)
    return Source(
        asset=note.asset,
        partition_key=MultiPartitionKey(keys) if len(keys) > 1 else (keys[0] if keys else None),
        dimensions=note.dimensions,
        place=place,
        folder=note.folder,
    )


def _indices(notes: Sequence[Note]) -> list[str]:
    """Return the columns that hold the index of frames: they are read whatever is asked for."""
    return sorted({name for note in notes for name in index_fields(note.schema)})


def _runs(sources: Sequence[Source]) -> Iterator[tuple[int, int]]:
    """Yield where slots of one asset begin and end."""
    first = 0
    for place in range(1, len(sources) + 1):
        if place == len(sources) or sources[place].asset != sources[first].asset:
            yield first, place
            first = place
