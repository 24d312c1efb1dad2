"""Slots as partitions of Delta tables; needs the package deltalake.

Rule 1: a slot is replaced by one commit of the table, and its note travels in
that commit: the log says where each slot comes from.
Rule 2: the log is what counts. Cleaning it up (after 30 days, by Delta's default) loses
the notes of slots older than that, which are then made again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from assetkit.errors import MissingExtra, StorageError
from assetkit.io.base import Place
from assetkit.io.lake_types import to_lake
from assetkit.io.table_slots import Note, TableSlots, file_lock, key_columns, staged_rows
from assetkit.records import AssetKey

try:
    import deltalake
    from deltalake.exceptions import DeltaError, TableNotFoundError
except ImportError as missing:
    raise MissingExtra("deltalake", extra="delta", purpose="DeltaIOManager") from missing

_NOTE = "assetkit"
_GONE = "assetkit_gone"


class DeltaIOManager(TableSlots):
    """Store tables in Delta format: ``URI/ASSET``, partitioned by the partition dimensions.

    *uri*: a folder or object store; the workspace's data by default.
    *storage_options* as deltalake takes them. Rows that go are kept until Delta's
    own vacuum, so that a table can be read as of an older version.
    """

    def __init__(
        self, uri: str | Path | None = None, *, storage_options: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        given = None if uri is None else str(uri)
        if given is not None and "://" not in given:
            given = str(Path(given).expanduser().resolve())
        self._uri, self._options = given, dict(storage_options or {}) or None

    def where(self, place: Place) -> str:
        """Return the folder of all tables."""
        return self._uri or place.data.removeprefix("file://")

    @contextlib.contextmanager
    def session(self, place: Place, *, writing: bool) -> Iterator[_Tables]:
        """Return the tables; writers on this machine take turns, others meet in Delta's log."""
        where = self.where(place)
        with contextlib.ExitStack() as stack:
            if writing and "://" not in where:
                stack.enter_context(file_lock(Path(where) / ".delta.lock"))
            yield _Tables(where, self._options)

    def notes(self, session: _Tables, asset: AssetKey) -> Mapping[str, Note]:
        """Return the notes of an asset's slots: the newest commit of each counts."""
        table = session.find(asset)
        found: dict[str, Note | None] = {}
        for commit in table.history() if table is not None else ():
            if text := commit.get(_NOTE):
                note = Note.from_json(text)
                found.setdefault(note.partition, note)
            elif _GONE in commit:
                found.setdefault(commit[_GONE], None)
        return {partition: note for partition, note in found.items() if note is not None}

    def replace_rows(self, session: _Tables, staged: Path, note: Note) -> None:
        """Replace a slot's rows, in one commit that carries the note."""
        keys = key_columns(note)
        rows = to_lake(staged_rows(staged, note), engine="Delta")
        for name, key in keys.items():
            rows = rows.append_column(name, pa.repeat(key, rows.num_rows))
        path = session.path(note.asset)
        with _told(path):
            deltalake.write_deltalake(
                path,
                rows,
                mode="overwrite",
                partition_by=list(keys) or None,
                predicate=_predicate(keys) if session.find(note.asset) else None,
                schema_mode="merge" if keys else "overwrite",
                storage_options=session.options,
                commit_properties=_properties({_NOTE: note.to_json()}),
            )

    def remove_rows(self, session: _Tables, note: Note) -> None:
        """Remove a slot's rows, in one commit that says so."""
        table = session.find(note.asset)
        if table is not None:
            with _told(session.path(note.asset)):
                gone = _properties({_GONE: note.partition})
                table.delete(_predicate(key_columns(note)), commit_properties=gone)

    def read_rows(
        self, session: _Tables, notes: Sequence[Note], columns: Sequence[str] | None
    ) -> Sequence[pa.Table]:
        """Return the rows of slots, all of one version of the table."""
        table = session.find(notes[0].asset)
        if table is None:
            raise StorageError(f"The table {session.path(notes[0].asset)} is gone.")
        return [_rows(table, note, columns) for note in notes]


class _Tables:
    """The tables under one URI."""

    def __init__(self, where: str, options: dict[str, str] | None) -> None:
        self._where, self.options = where, options

    def path(self, asset: AssetKey) -> str:
        """Return the folder or URL of an asset's table."""
        return f"{self._where.rstrip('/')}/{asset}"

    def find(self, asset: AssetKey) -> Any:
        """Return an asset's table as it is now, None where there is none."""
        try:
            return deltalake.DeltaTable(self.path(asset), storage_options=self.options)
        except TableNotFoundError:
            return None


def _rows(table: Any, note: Note, columns: Sequence[str] | None) -> pa.Table:
    written = note.schema.names
    picked = [name for name in written if columns is None or name in columns]
    filters = [(name, "=", key) for name, key in key_columns(note).items()]
    rows: pa.Table = table.to_pyarrow_table(filters=filters or None, columns=picked)
    return rows


def _predicate(keys: Mapping[str, str]) -> str | None:
    """Return the condition of a slot's rows; None for all rows."""
    terms = (f'"{name}" = {_literal(key)}' for name, key in keys.items())
    return " and ".join(terms) or None


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _properties(values: dict[str, str]) -> Any:
    return deltalake.CommitProperties(custom_metadata=values)


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except DeltaError as error:
        reason = str(error).splitlines()[0]
        raise StorageError(
            f"Delta refused, in {path}: {reason}. Its table is as before."
        ) from error
