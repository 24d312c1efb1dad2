"""Tables as CSV: for people and programs that read nothing better.

Rule 1: CSV knows no types, so the record beside a file keeps the schema.
Rule 2: what is written is read back and compared before it is published.
Rule 3: a missing value is an empty field, an empty text is ``""``.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.csv
import pyarrow.types as pt
import xxhash

from assetkit.errors import DataChanged, InputError, OutputError
from assetkit.io.base import Loaded, Source, Target, Written
from assetkit.io.content import content_version
from assetkit.io.declared import conformed
from assetkit.io.frames import to_batches
from assetkit.io.loading import load
from assetkit.io.refusals import slot_of
from assetkit.io.schemas import restore, schema_text
from assetkit.io.sidecar import SidecarFiles
from assetkit.io.slot_tables import Found, MemoryTables
from assetkit.io.types import is_bytes

_SCHEMA = "arrow"


class CSVIOManager(SidecarFiles):
    """Store tables as CSV with a header line, one file per slot; a slot is held in memory."""

    filename: ClassVar[str] = "part.csv"

    def write(self, value: Any, target: Target) -> Written:
        """Store a table, or an iterator of tables, aside; `publish` puts it in place.

        Raises:
            OutputError: for what is no table, or would not come back as it is.
        """
        where = f"What {slot_of(target)} returned"
        found = to_batches(value, where=where)
        if target.schema is not None:
            found = conformed(found, target.schema, where=where)
        table = found.table()
        content = self.dump(table, where)
        schema = table.schema.serialize().to_pybytes()
        version = xxhash.xxh3_128_hexdigest(schema + content)
        kept = {_SCHEMA: base64.b64encode(schema).decode(), "rows": table.num_rows}
        provenance = {"data_version": version, **target.provenance, **kept}
        written = super().write(table, replace(target, provenance=provenance))
        return replace(written, rows=table.num_rows, schema=schema_text(table.schema))

    def dump(self, value: Any, where: str) -> bytes:
        """Return a table as CSV; `OutputError` where it would come back as another."""
        table: pa.Table = value
        for field in table.schema:
            if not _is_plain(_stored_type(field.type)):
                raise OutputError(
                    f"{where}: column {field.name!r} is {field.type}, which CSV cannot keep. "
                    "Make it text, or use io_manager='parquet'"
                )
        sink = io.BytesIO()
        pa.csv.write_csv(_as_texts(table), sink)
        content = sink.getvalue()
        back = _parsed(content, table.schema)
        if content_version(back) != content_version(table):
            name = next(name for name in table.column_names if back[name] != table[name])
            raise OutputError(
                f"{where}: column {name!r} ({table.schema.field(name).type}) would come back from "
                "CSV changed. Make it text, or use io_manager='parquet'"
            )
        return content

    def restore(self, content: bytes, where: str) -> Any:
        """Refuse a file whose record says no schema: its types are not known."""
        raise InputError(f"{where} has a record without a schema. Materialize it again.")

    def read_with_versions(
        self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
    ) -> Loaded:
        """Load as `read` does, and say which data version of each slot was read."""
        return load(MemoryTables(self._table, self.path_of), sources, load_as, columns)

    def _table(self, source: Source) -> Found:
        path, name = self.path_of(source), slot_of(source)
        content, record = self._whole(path, name)
        if record is None:
            raise DataChanged(
                f"The file of {name} is not what was stored: {path}. Another hand changed it. "
                f"Delete it and materialize it again: assetkit materialize {name}"
            )
        return self._parse(content, record, name), str(record["data_version"])

    def _parse(self, content: bytes, record: Mapping[str, Any], name: str) -> pa.Table:
        if _SCHEMA not in record:
            table: pa.Table = self.restore(content, name)
            return table
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(record[_SCHEMA])))
        return _parsed(content, schema)


def _is_plain(type_: Any) -> bool:
    """Tell types that CSV can be read as."""
    others = (pt.is_nested, is_bytes, pt.is_fixed_size_binary, pt.is_decimal256)
    return not any(is_other(type_) for is_other in others)


def _as_texts(table: pa.Table) -> pa.Table:
    """Return a table of what CSV writes: times as numbers, for a zone would be lost in text."""
    columns = [_plain(table.column(name)) for name in table.column_names]
    return pa.table(columns, names=table.column_names)


def _plain(column: Any) -> Any:
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.cast(column.type.storage_type)
    if pt.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    wanted = _stored_type(column.type)
    return column if wanted == column.type else column.cast(wanted)


def _stored_type(type_: Any) -> Any:
    """Return the type as which CSV is read."""
    if isinstance(type_, pa.BaseExtensionType):
        return _stored_type(type_.storage_type)
    if pt.is_dictionary(type_):
        return _stored_type(type_.value_type)
    if pt.is_timestamp(type_):
        return pa.timestamp(type_.unit)
    if pt.is_duration(type_):
        return pa.int64()
    if pt.is_null(type_) or pt.is_large_string(type_) or pt.is_string_view(type_):
        return pa.string()
    return pa.float32() if pt.is_float16(type_) else type_


def _parsed(content: bytes, schema: pa.Schema) -> pa.Table:
    stored = {field.name: _stored_type(field.type) for field in schema}
    table = pa.csv.read_csv(
        io.BytesIO(content),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=stored,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    columns = [
        pa.chunked_array([pa.nulls(table.num_rows)])
        if pt.is_null(field.type)
        else restore(table.select([field.name]), pa.schema([field])).column(0)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
