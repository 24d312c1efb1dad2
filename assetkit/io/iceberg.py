"""Slots as partitions of Iceberg tables, in a catalog of one SQLite file; needs pyiceberg.

Rule 1: a slot is replaced by one commit of the catalog, and its note is a
property of the snapshot.
Rule 2: the snapshots are what counts. Expiring them loses the notes of slots
that were written then, which are made again.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from assetkit.errors import MissingExtra, OutputError, StorageError
from assetkit.io.base import Place
from assetkit.io.lake_types import to_lake
from assetkit.io.staged import local
from assetkit.io.table_slots import Note, TableSlots, file_lock, key_columns, staged_rows
from assetkit.records import AssetKey

try:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.exceptions import NoSuchTableError
    from pyiceberg.expressions import AlwaysTrue, And, EqualTo
except ImportError as missing:
    raise MissingExtra("pyiceberg", extra="iceberg", purpose="IcebergIOManager") from missing

_NOTE = "assetkit"
_GONE = "assetkit.gone"


class IcebergIOManager(TableSlots):
    """Store tables in Iceberg format, partitioned by the partition dimensions.

    *warehouse*: the folder, ``iceberg`` among the workspace's data by default;
    its catalog is called ``assetkit``, in the file ``catalog.db``. An asset ``sales/orders`` is
    the table ``sales.orders``; without a prefix, ``main.orders``. A slot is held
    in memory while it is published.
    """

    def __init__(self, warehouse: str | Path | None = None) -> None:
        super().__init__()
        self._warehouse = None if warehouse is None else Path(warehouse).expanduser().resolve()

    def where(self, place: Place) -> str:
        """Return the warehouse."""
        return str(self._warehouse or local(place.data) / "iceberg")

    @contextlib.contextmanager
    def session(self, place: Place, *, writing: bool) -> Iterator[SqlCatalog | None]:
        """Open the catalog; writers on this machine take turns."""
        folder = Path(self.where(place))
        if not writing and not (folder / "catalog.db").exists():
            yield None
            return
        with contextlib.ExitStack() as stack:
            if writing:
                stack.enter_context(file_lock(folder / "catalog.db.lock"))
            catalog = SqlCatalog(
                "assetkit", uri=f"sqlite:///{folder / 'catalog.db'}", warehouse=folder.as_uri()
            )
            stack.callback(catalog.close)
            yield catalog

    def notes(self, session: SqlCatalog | None, asset: AssetKey) -> Mapping[str, Note]:
        """Return the notes of an asset's slots: the newest snapshot of each counts."""
        table = None if session is None else _find(session, asset)
        found: dict[str, Note | None] = {}
        for snapshot in reversed(table.snapshots() if table is not None else ()):
            said = snapshot.summary.additional_properties if snapshot.summary else {}
            if text := said.get(_NOTE):
                note = Note.from_json(text)
                found.setdefault(note.partition, note)
            elif _GONE in said:
                found.setdefault(said[_GONE], None)
        return {partition: note for partition, note in found.items() if note is not None}

    def replace_rows(self, session: SqlCatalog, staged: Path, note: Note) -> None:
        """Replace a slot's rows, in one commit that carries the note."""
        keys = key_columns(note)
        rows = to_lake(staged_rows(staged, note), engine="Iceberg")
        _refuse_lost_gaps(rows)
        for name, key in keys.items():
            rows = rows.append_column(name, pa.repeat(key, rows.num_rows))
        said = {_NOTE: note.to_json()}
        with _told(note.asset):
            table = _find(session, note.asset)
            if table is None:
                session.create_namespace_if_not_exists(_name(note.asset)[:-1])
                started = session.create_table_transaction(_name(note.asset), schema=rows.schema)
                with started as change:
                    with change.update_spec() as spec:
                        for name in keys:
                            spec.add_identity(name)
                    change.append(rows, snapshot_properties=said)
                return
            with table.transaction() as change:
                with change.update_schema() as schema:
                    schema.union_by_name(rows.schema)
                change.overwrite(rows, overwrite_filter=_filter(keys), snapshot_properties=said)

    def remove_rows(self, session: SqlCatalog, note: Note) -> None:
        """Remove a slot's rows, in one commit that says so."""
        table = _find(session, note.asset)
        if table is not None:
            with _told(note.asset):
                gone = {_GONE: note.partition}
                table.delete(_filter(key_columns(note)), snapshot_properties=gone)

    def read_rows(
        self, session: SqlCatalog, notes: Sequence[Note], columns: Sequence[str] | None
    ) -> Sequence[pa.Table]:
        """Return the rows of slots, all of one snapshot of the table."""
        table = session.load_table(_name(notes[0].asset))
        return [_rows(table, note, columns) for note in notes]


def _rows(table: Any, note: Note, columns: Sequence[str] | None) -> pa.Table:
    names = note.schema.names
    picked = tuple(name for name in names if columns is None or name in columns)
    rows: pa.Table = table.scan(
        row_filter=_filter(key_columns(note)), selected_fields=picked or ("*",)
    ).to_arrow()
    return rows


def _refuse_lost_gaps(rows: pa.Table) -> None:
    """Refuse null lists of structs: pyiceberg 0.12 gives them back as empty lists."""
    for field, column in zip(rows.schema, rows.columns, strict=True):
        if any(_has_lost_gaps(chunk) for chunk in column.chunks):
            raise OutputError(
                f"Column {field.name!r} is {field.type} with missing lists, which Iceberg would "
                "give back as empty ones. Use empty lists, or keep structs without a list."
            )


def _has_lost_gaps(array: Any) -> bool:
    if pt.is_struct(array.type):
        return any(map(_has_lost_gaps, array.flatten()))
    parts: tuple[Any, ...]
    if pt.is_map(array.type):
        parts = (array.keys, array.items)
    elif pt.is_list(array.type):
        parts = (array.flatten(),)
    else:
        return False
    has_structs = any(pt.is_struct(part.type) for part in parts)
    return bool(has_structs and array.null_count) or any(map(_has_lost_gaps, parts))


def _find(catalog: SqlCatalog, asset: AssetKey) -> Any:
    try:
        return catalog.load_table(_name(asset))
    except NoSuchTableError:
        return None


def _name(asset: AssetKey) -> tuple[str, ...]:
    """Return the table's name: the asset's prefixes are namespaces."""
    parts = tuple(asset.split("/"))
    return parts if len(parts) > 1 else ("main", *parts)


def _filter(keys: Mapping[str, str]) -> Any:
    """Return the condition of a slot's rows; all rows without partitions."""
    equal: Any = EqualTo
    both: Any = And
    terms = [equal(name, key) for name, key in keys.items()]
    return reduce(both, terms) if terms else AlwaysTrue()


@contextlib.contextmanager
def _told(asset: AssetKey) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # That a new partition replaces nothing is no news.
            warnings.filterwarnings("ignore", message="Delete operation did not match")
            yield
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise StorageError(
            f"Iceberg refused to change the table of {asset}: {reason}. It is as before."
        ) from error
