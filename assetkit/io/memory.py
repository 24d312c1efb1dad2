"""Values kept in this process: for tests and notebooks; gone when it ends."""

from __future__ import annotations

import itertools
import pickle
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from assetkit.errors import DataMissing, OutputError
from assetkit.io import schemas
from assetkit.io.base import Loaded, Place, Source, Stored, Target, Written
from assetkit.io.content import content_version
from assetkit.io.declared import conformed
from assetkit.io.frames import Batches, to_batches
from assetkit.io.loading import load
from assetkit.io.refusals import slot_of
from assetkit.io.slot_tables import Found, MemoryTables
from assetkit.io.values import is_table, load_values
from assetkit.records import AssetKey, FileSignature, partition_text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One stored value: a table, the pickle of an object, or an object that has none."""

    value: Any
    kind: str
    record: Mapping[str, Any]
    signature: FileSignature
    source: Source
    rows: int | None = None
    bytes: int | None = None


class MemoryIOManager:
    """Keep tables as Arrow and other objects as pickles, so that nobody's changes reach them.

    What cannot be pickled is kept as it is, without a data version.
    """

    def __init__(self) -> None:
        self._published: dict[tuple[str, str], _Entry] = {}
        self._staged: dict[Path, _Entry] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def write(self, value: Any, target: Target) -> Written:
        """Store a value aside; `publish` puts it in place."""
        kind, kept, version, rows, size, schema = _kept(value, target)
        record = {
            "asset": target.asset,
            "partition": dict(target.dimensions),
            "run_id": target.run_id,
            "attempt": target.attempt,
            "data_version": version,
            **target.provenance,
            "content": version,
            "rows": rows,
        }
        number = next(self._numbers)
        entry = _Entry(
            value=kept,
            kind=kind,
            record=record,
            signature=FileSignature(size=size or 0, mtime_ns=time.time_ns(), inode=number),
            source=_source_of(target),
            rows=rows,
            bytes=size,
        )
        staged = Path(f"memory-{number}")
        self._staged[staged] = entry
        found = record["data_version"]
        return Written(rows=rows, bytes=size, data_version=found, schema=schema, staged=staged)

    def publish(self, written: Written, target: Target) -> Written:
        """Make a staged value the one that is read."""
        if written.staged is None:
            return written
        key = _key(target)
        with self._lock:
            entry, old = self._staged.pop(written.staged), self._published.get(key)
            unchanged = old is not None and _same(old, entry)
            if old is not None and unchanged:
                entry = replace(old, record=entry.record)
            self._published[key] = entry
        return replace(
            written,
            staged=None,
            unchanged=unchanged,
            signature=entry.signature,
            location=target.folder,
        )

    def take_over(self, source: Source, target: Target) -> Written:
        """Publish another workspace's value in this one, too."""
        entry = replace(self._entry(source), source=_source_of(target))
        old = self._published.get(_key(target))
        self._published[_key(target)] = entry
        return Written(
            rows=entry.rows,
            bytes=entry.bytes,
            signature=entry.signature,
            unchanged=old is not None and _same(old, entry),
            location=target.folder,
        )

    def move(self, source: Source, target: Target) -> None:
        """Give a slot's value another place, and the record that goes with it; safe to repeat."""
        with self._lock:
            entry = self._published.pop(_key(source), None)
            if entry is not None:
                record = {**entry.record, **target.provenance}
                moved = replace(entry, source=_source_of(target), record=record)
                self._published[_key(target)] = moved

    def note(self, target: Target) -> None:
        """Note a new provenance of a slot's value, which stays as it is."""
        with self._lock:
            entry = self._published.get(_key(target))
            if entry is not None:
                record = {**entry.record, **target.provenance}
                self._published[_key(target)] = replace(entry, record=record)

    def holds(self, staged: Path) -> bool:
        """Return whether a value is staged under a name; a source with that location reads it."""
        return staged in self._staged

    def discard(self, written: Written) -> None:
        """Drop a staged value."""
        if written.staged is not None:
            self._staged.pop(written.staged, None)

    def read(self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None) -> Any:
        """Load the slots as one value of the type *load_as*, in the order given."""
        return self.read_with_versions(sources, load_as, columns).value

    def read_with_versions(
        self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
    ) -> Loaded:
        """Load as `read` does, and say which data version of each slot was read."""
        entries = [self._entry(source) for source in sources]
        versions = tuple(entry.record["data_version"] for entry in entries)
        if all(entry.kind == "table" for entry in entries):
            found = {id(source): e for source, e in zip(sources, entries, strict=True)}
            tables = MemoryTables(lambda source: _found(found[id(source)]))
            return load(tables, sources, load_as, columns)
        values = [_value(entry) for entry in entries]
        return Loaded(load_values(values, sources, load_as, columns), versions)

    def delete(self, target: Target) -> None:
        """Forget a slot's value."""
        self._published.pop(_key(target), None)

    def find(self, source: Source) -> Stored | None:
        """Return what is kept of a slot, None where nothing is."""
        entry = self._published.get(_key(source))
        return None if entry is None else _stored(entry)

    def signatures(self, sources: Sequence[Source]) -> Sequence[FileSignature | None]:
        """Return a signature of each slot's value, None where there is none."""
        entries = [self._published.get(_key(source)) for source in sources]
        return [None if entry is None else entry.signature for entry in entries]

    def find_all(
        self, place: Place, asset: AssetKey, dimensions: Sequence[str]
    ) -> Sequence[Stored]:
        """Return all that is kept of an asset."""
        entries = [
            entry
            for (data, _), entry in list(self._published.items())
            if data == place.data
            and entry.source.asset == asset
            and [name for name, _ in entry.source.dimensions] == list(dimensions)
        ]
        return [_stored(entry) for entry in sorted(entries, key=lambda e: e.source.folder)]

    def _entry(self, source: Source) -> _Entry:
        staged = None if source.location is None else self._staged.get(Path(source.location))
        entry = staged or self._published.get(_key(source))
        if entry is None:
            name = slot_of(source)
            raise DataMissing(
                f"The data of {name} is not in the memory of this process. Materialize it again: "
                f"assetkit materialize {name}"
            )
        return entry


def _kept(
    value: Any, target: Target
) -> tuple[str, Any, str | None, int | None, int | None, str | None]:
    """Return a value as it is kept: kind, value, data version, rows, bytes, schema."""
    table = _table_of(value, target)
    if table is not None:
        text = schemas.schema_text(table.schema)
        return "table", table, content_version(table), table.num_rows, table.nbytes, text
    try:
        content = pickle.dumps(value, protocol=5)
    except Exception:  # noqa: BLE001, a __reduce__ may raise anything; the object itself will do
        return "object", value, None, None, None, None
    return "pickle", content, xxhash.xxh3_128_hexdigest(content), None, len(content), None


def _table_of(value: Any, target: Target) -> pa.Table | None:
    where = f"What {slot_of(target)} returned"
    if not is_table(value) and not _streams(value):
        return None
    try:
        found = to_batches(value, where=where)
    except OutputError:
        if is_table(value) and target.schema is None:
            return None  # no Arrow table can hold it, but a pickle can
        raise
    if target.schema is not None:
        found = conformed(found, target.schema, where=where)
    return _copied(found)


def _streams(value: Any) -> bool:
    return hasattr(value, "__next__") or hasattr(value, "__arrow_c_stream__")


def _copied(found: Batches) -> pa.Table:
    """Return a table that shares no memory with what it was made of."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, found.schema) as writer:
        for batch in found.batches:
            writer.write_batch(batch)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def _same(old: _Entry, new: _Entry) -> bool:
    if old.record["data_version"] is None or old.kind != new.kind:
        return False
    if any(old.record[key] != new.record[key] for key in ("data_version", "content")):
        return False
    return old.kind != "table" or bool(old.value.schema.equals(new.value.schema, True))  # noqa: FBT003


def _value(entry: _Entry) -> Any:
    if entry.kind == "pickle":
        return pickle.loads(entry.value)  # noqa: S301, made in this process
    return entry.value


def _found(entry: _Entry) -> Found:
    return entry.value, entry.record["data_version"]


def _stored(entry: _Entry) -> Stored:
    return Stored(
        source=entry.source,
        signature=entry.signature,
        record=entry.record,
        rows=entry.rows,
        bytes=entry.bytes,
    )


def _key(slot: Source | Target) -> tuple[str, str]:
    return slot.place.data, f"{slot.asset}@{partition_text(slot.partition_key)}"


def _source_of(target: Target) -> Source:
    return Source(
        asset=target.asset,
        partition_key=target.partition_key,
        dimensions=target.dimensions,
        place=target.place,
        folder=target.folder,
    )
