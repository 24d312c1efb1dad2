"""Slots as rows of tables in one DuckDB file, which anything that speaks DuckDB can query.

Rule 1: the file is attached only while a slot is read or written, and only under a
lock beside it: DuckDB's own lock is tried, not queued for.
Rule 2: one transaction replaces a slot's rows and its note.
Rule 3: a column whose type changes is widened before, and each slot is read back
with the types that it was written with.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.types as pt

from assetkit.errors import OutputError, StorageError
from assetkit.io.base import Place
from assetkit.io.staged import local
from assetkit.io.table_slots import Note, TableSlots, file_lock, key_columns, refuse_types
from assetkit.records import AssetKey

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NESTED = ("STRUCT", "MAP", "UNION")
_numbers = itertools.count()


class DuckDBIOManager(TableSlots):
    """Store tables in a DuckDB file: one table per asset, with a column per partition dimension.

    *path*: the file; ``tables.duckdb`` among the workspace's data by default.
    An asset ``sales/orders`` is the table ``orders`` in the schema ``sales``.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        super().__init__()
        self._path = None if path is None else Path(path).expanduser().resolve()

    def where(self, place: Place) -> str:
        """Return the database file."""
        return str(self._path or local(place.data) / "tables.duckdb")

    @contextlib.contextmanager
    def session(self, place: Place, *, writing: bool) -> Iterator[_Database]:
        """Attach the file, under a lock; a file that is not there is made by a writer only."""
        path = Path(self.where(place))
        if not writing and not path.exists():
            yield _Database(None, "")
            return
        with file_lock(path.with_name(f"{path.name}.lock")), _attached(path) as database:
            yield database

    def notes(self, session: _Database, asset: AssetKey) -> Mapping[str, Note]:
        """Return the notes of an asset's slots by partition."""
        if session.cursor is None:
            return {}
        rows = session.rows('select "partition", note from {notes} where asset = ?', [asset])
        return {partition: Note.from_json(text) for partition, text in rows}

    def replace_rows(self, session: _Database, staged: Path, note: Note) -> None:
        """Replace a slot's rows by those of a Parquet file, and its note, in one transaction."""
        refuse_types(note.schema, _unfit, "DuckDB")
        keys, table = key_columns(note), session.table(note.asset)
        file = f"read_parquet('{_literal(staged)}')"
        types = session.types(file)
        session.fit(table, {**types, **dict.fromkeys(keys, "VARCHAR")}, note)
        added = "".join(f", ?::varchar as {_quoted(name)}" for name in keys)
        with session.transaction():
            session.delete(table, keys)
            # A sentence of ours, with quoted names; values are bound.
            insert = f"insert into {table} by name select *{added} from {file}"  # noqa: S608
            session.rows(insert, list(keys.values()))
            row = [note.asset, note.partition, note.to_json(), json.dumps(types)]
            session.rows("insert or replace into {notes} values (?, ?, ?, ?)", row)

    def remove_rows(self, session: _Database, note: Note) -> None:
        """Remove a slot's rows and its note, in one transaction; the last one takes the table."""
        table = session.table(note.asset)
        with session.transaction():
            slot = [note.asset, note.partition]
            session.rows('delete from {notes} where asset = ? and "partition" = ?', slot)
            session.delete(table, key_columns(note))
        if session.rows("select count(*) from {notes} where asset = ?", [note.asset]) == [(0,)]:
            session.rows(f"drop table {table}")

    def read_rows(
        self, session: _Database, notes: Sequence[Note], columns: Sequence[str] | None
    ) -> Sequence[pa.Table]:
        """Return the rows of slots: of *columns*, those that each has."""
        kept = session.rows(
            'select "partition", columns from {notes} where asset = ?', [notes[0].asset]
        )
        types = {partition: json.loads(text) for partition, text in kept}
        return [session.slot(note, types[note.partition], columns) for note in notes]


@dataclass(frozen=True, slots=True)
class _Database:
    """An attached file. Without a cursor: one that is not there yet."""

    cursor: duckdb.DuckDBPyConnection | None
    alias: str

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement; ``{notes}`` stands for the table of notes."""
        assert self.cursor is not None  # noqa: S101, a file that is not there has no notes
        text = statement.replace("{notes}", f"{self.alias}.assetkit.slots")
        return self.cursor.execute(text, list(values)).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done in the block, or none of it."""
        self.rows("begin transaction")
        try:
            yield
        except BaseException:
            self.rows("rollback")
            raise
        self.rows("commit")

    def table(self, asset: AssetKey) -> str:
        """Return the table of an asset, as SQL names it."""
        prefix, _, name = asset.rpartition("/")
        # What has no prefix is in `main`, and our notes are in `assetkit`.
        schema = f"{prefix}_" if prefix in {"main", "assetkit"} else prefix or "main"
        return f"{self.alias}.{_quoted(schema)}.{_quoted(name)}"

    def types(self, table: str) -> dict[str, str]:
        """Return the types of columns by name."""
        return {name: type_ for name, type_, *_ in self.rows(f"describe from {table}")}

    def fit(self, table: str, wanted: Mapping[str, str], note: Note) -> None:
        """Make the table, or add and widen columns, so that rows of these types fit in."""
        schema = table.rpartition(".")[0]
        columns = ", ".join(f"{_quoted(name)} {type_}" for name, type_ in wanted.items())
        self.rows(f"create schema if not exists {schema}")
        self.rows(f"create table if not exists {table} ({columns})")
        known = self.types(table)
        by_name = {name.casefold(): name for name in known}
        for name, type_ in wanted.items():
            there = by_name.get(name.casefold())
            if there is None:
                self.rows(f"alter table {table} add column {_quoted(name)} {type_}")
            elif (wider := _wider(known[there], type_, note, name)) != known[there]:
                self.rows(f"alter table {table} alter column {_quoted(there)} type {wider}")

    def delete(self, table: str, keys: Mapping[str, str]) -> None:
        """Delete a slot's rows."""
        self.rows(f"delete from {table}{_where(keys)}", list(keys.values()))  # noqa: S608

    def slot(self, note: Note, types: Mapping[str, str], columns: Sequence[str] | None) -> pa.Table:
        """Return a slot's rows with the types that it was written with."""
        assert self.cursor is not None  # noqa: S101, see `rows`
        picked = [name for name in types if columns is None or name in columns]
        cast = [f"{_quoted(name)}::{types[name]} as {_quoted(name)}" for name in picked]
        keys, where = key_columns(note), self.table(note.asset)
        what = ", ".join(cast) or "null as nothing"
        query = f"select {what} from {where}{_where(keys)}"  # noqa: S608
        found = self.cursor.sql(query, params=list(keys.values())).to_arrow_table()
        table: pa.Table = found.select(picked)
        return table


@contextlib.contextmanager
def _attached(path: Path) -> Iterator[_Database]:
    alias = f"tables_{next(_numbers)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with _engine().cursor() as cursor:
        database = _Database(cursor, alias)
        try:
            database.rows(f"attach '{_literal(path)}' as {alias}")
        except duckdb.Error as error:
            raise StorageError(
                f"The database {path} cannot be opened: {_first_line(error)} "
                "Close it where else it is open, or give another file: DuckDBIOManager(path)."
            ) from error
        try:
            database.rows(f"create schema if not exists {alias}.assetkit")
            database.rows(
                "create table if not exists {notes} (asset varchar, "
                '"partition" varchar, note varchar, columns varchar, '
                'primary key (asset, "partition"))'
            )
            yield database
        except duckdb.Error as error:
            raise StorageError(f"DuckDB refused, in {path}: {_first_line(error)}") from error
        finally:
            database.rows(f"detach {alias}")


@lru_cache(maxsize=1)
def _engine() -> duckdb.DuckDBPyConnection:
    # Attaching a file to an engine that runs is ten times faster than to start one.
    spill = str(Path(tempfile.gettempdir()) / "assetkit-tables")
    engine = duckdb.connect(config={"temp_directory": spill})
    engine.execute("set enable_progress_bar = false")
    return engine


def _wider(known: str, wanted: str, note: Note, column: str) -> str:
    """Return a type that holds values of both, and gives each of them back."""
    if known == wanted:
        return known
    if known in _INTEGERS and wanted in _INTEGERS:
        return max(known, wanted, key=_INTEGERS.index)
    if '"NULL"' in {known, wanted}:
        return wanted if known == '"NULL"' else known
    if any(type_.startswith(_NESTED) or type_.endswith("]") for type_ in (known, wanted)):
        raise OutputError(
            f"Column {column!r} of {note.asset} is {wanted}, but {known} in its table, which "
            "cannot hold both. Delete the asset's other partitions, or keep the type."
        )
    return "VARCHAR"


def _unfit(type_: Any) -> str | None:
    """Say what to do with a type whose values DuckDB would round; None for others."""
    if pt.is_timestamp(type_) and type_.unit == "ns" and type_.tz is not None:
        return "Round it: df[c] = df[c].dt.as_unit('us')"
    if pt.is_time64(type_) and type_.unit == "ns":
        return "Cast it to time64('us')."
    if pt.is_decimal256(type_):
        return "Cast it to decimal128."
    return None


def _where(keys: Mapping[str, str]) -> str:
    return " where " + " and ".join(f"{_quoted(name)} = ?" for name in keys) if keys else ""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(path: Path) -> str:
    return str(path).replace("'", "''")


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]
