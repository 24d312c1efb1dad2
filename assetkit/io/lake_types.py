"""Arrow types as open table formats know them: Delta and Iceberg have fewer.

What has no counterpart is kept as a type that holds the same values, and given
back as it was: `table_slots` remembers the schema that was written.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from assetkit.errors import OutputError
from assetkit.io.types import is_bytes, is_list, is_text


def to_lake(table: pa.Table, *, engine: str) -> pa.Table:
    """Return a table in types that Delta and Iceberg have, with the same values.

    Raises:
        OutputError: naming a column whose values would change.
    """
    columns, fields = [], []
    for field in table.schema:
        type_ = lake_type(field.type)
        if type_ is None:
            raise OutputError(
                f"Column {field.name!r} is {field.type}, which {engine} cannot keep. Convert it."
            )
        columns.append(_cast(table.column(field.name), field, type_, engine))
        fields.append(pa.field(field.name, type_))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def lake_type(type_: Any) -> Any:
    """Return the type that holds a type's values; None where there is none.

    >>> lake_type(pa.list_(pa.uint8()))
    ListType(list<element: int32>)
    """
    if isinstance(type_, pa.BaseExtensionType):
        return lake_type(type_.storage_type)
    if pt.is_dictionary(type_):
        return lake_type(type_.value_type)
    if is_list(type_) or pt.is_fixed_size_list(type_):
        inner = lake_type(type_.value_type)
        return None if inner is None else pa.list_(pa.field("element", inner))
    if pt.is_struct(type_):
        parts = [(field.name, lake_type(field.type)) for field in type_]
        return None if any(part is None for _, part in parts) else pa.struct(parts)
    if pt.is_map(type_):
        pair = lake_type(type_.key_type), lake_type(type_.item_type)
        return None if None in pair else pa.map_(*pair)
    return _plain_type(type_)


def _plain_type(type_: Any) -> Any:
    if is_text(type_) or pt.is_null(type_):
        return pa.string()
    if is_bytes(type_) or pt.is_fixed_size_binary(type_):
        return pa.binary()
    if pt.is_timestamp(type_):
        # To the microsecond, in UTC; a zone comes back with the schema.
        return pa.timestamp("us", None if type_.tz is None else "UTC")
    if pt.is_time(type_) or pt.is_duration(type_) or type_ == pa.uint32():
        return pa.int64()
    if pt.is_integer(type_):
        return pa.decimal128(20, 0) if type_ == pa.uint64() else _signed(type_)
    if pt.is_decimal(type_):
        return None if type_.precision > 38 else pa.decimal128(type_.precision, type_.scale)
    if pt.is_date(type_):
        return pa.date32()
    if pt.is_floating(type_):
        return pa.float64() if pt.is_float64(type_) else pa.float32()
    return type_ if pt.is_boolean(type_) else None


def _signed(type_: Any) -> Any:
    return pa.int64() if pt.is_int64(type_) else pa.int32()


def _cast(column: Any, field: Any, type_: Any, engine: str) -> Any:
    if isinstance(field.type, pa.BaseExtensionType):
        column = column.cast(field.type.storage_type)
    if pt.is_time32(column.type):
        column = column.cast(pa.int32())
    try:
        return column.cast(type_, safe=True)
    except pa.ArrowException as error:
        raise OutputError(
            f"Column {field.name!r} is {field.type}, and {engine} would keep it as {type_}, where "
            f"values would be lost: {error}. Round or convert it."
        ) from error
