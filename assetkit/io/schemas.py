"""Make tables of slightly different schemas fit one another, or say which column does not.

Rule 1: a type is only ever widened (null to any, 32 to 64 bits, integers to floats),
and no value is changed on the way.
Rule 2: numbers, text and times do not turn into one another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.types as pt
import xxhash

from assetkit.errors import InputError, OutputError
from assetkit.io.types import is_bytes, is_text, type_name


def schema_text(schema: pa.Schema) -> str:
    """Return names and types as JSON, as the catalog keeps them.

    >>> schema_text(pa.schema({"a": pa.int64(), "b": pa.large_string()}))
    '[["a","int64"],["b","string"]]'
    """
    pairs = [[field.name, type_name(field.type)] for field in schema]
    return json.dumps(pairs, ensure_ascii=False, separators=(",", ":"))


def form_of(schema: pa.Schema) -> str:
    """Return a short hash of all that a schema says: layouts, nullability and metadata, too."""
    return xxhash.xxh3_64_hexdigest(memoryview(schema.serialize()))


@dataclass(frozen=True, slots=True)
class Layout:
    """What is written down of a schema: by `form_of`, `schema_text`, `is_changed_by_parquet`."""

    form: str
    text: str
    recast: bool


def layout_of(schema: pa.Schema) -> Layout:
    """Return what is written down of a schema."""
    return Layout(form_of(schema), schema_text(schema), is_changed_by_parquet(schema))


def conform(batch: Any, schema: pa.Schema, *, where: str) -> Any:
    """Return a batch (or table) with the columns and types of *schema*, in its order.

    Raises:
        OutputError: where a column is missing, too much, or of a type that
            cannot be widened to the one wanted without changing values.
    """
    if batch.schema.equals(schema, check_metadata=False):
        return batch if batch.schema.metadata == schema.metadata else _dress(batch, schema)
    _check_names(batch.schema, schema, where)
    columns = []
    for field in schema:
        column = batch.column(field.name)
        if column.type != field.type:
            column = _cast(column, field, where)
        columns.append(column)
    return type(batch).from_arrays(columns, schema=schema)


def unify(schemas: Sequence[pa.Schema], names: Callable[[int], str]) -> pa.Schema:
    """Return the schema that holds the columns of all, each of its widest type; no metadata.

    *names* says whose the n-th schema is, for the message.

    Raises:
        InputError: where a column has types that do not fit one another.
    """
    fields: dict[str, Any] = {}
    owners: dict[str, int] = {}
    for number, schema in enumerate(schemas):
        for field in schema:
            known = fields.get(field.name)
            if known is None:
                fields[field.name] = pa.field(field.name, field.type)
                owners[field.name] = number
            elif known.type != field.type:
                fields[field.name] = _wider(
                    known, field, (names(owners[field.name]), names(number))
                )
                if pt.is_null(known.type):
                    owners[field.name] = number
    return pa.schema(list(fields.values()))


def fill(table: Any, schema: pa.Schema, *, where: str) -> Any:
    """Return a table of *schema*: missing columns are null, others widened."""
    columns = []
    for field in schema:
        if field.name not in table.schema.names:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        column = table.column(field.name)
        try:
            columns.append(column if column.type == field.type else _converted(column, field.type))
        except pa.ArrowException as error:
            raise InputError(
                f"{where}: column {field.name!r} ({column.type}) cannot be read as {field.type}, "
                f"the type it has in other partitions: {error}"
            ) from error
    return type(table).from_arrays(columns, schema=schema)


def restore(table: Any, schema: pa.Schema) -> Any:
    """Return a table just read with the types that it had before it was written."""
    columns = [
        column if column.type == type_ else _converted(column, type_)
        for column, type_ in (
            (table.column(name), schema.field(name).type) for name in table.column_names
        )
    ]
    fields = [schema.field(name) for name in table.column_names]
    return pa.table(columns, schema=pa.schema(fields, metadata=table.schema.metadata))


def is_changed_by_parquet(schema: pa.Schema) -> bool:
    """Tell whether a schema has types that Parquet keeps as others, and `restore` brings back."""
    return any(map(_is_changed, schema.types))


def _is_changed(type_: Any) -> bool:
    if pt.is_dictionary(type_):
        return not pt.is_string(type_.value_type)
    if pt.is_timestamp(type_) or pt.is_time32(type_):
        return bool(type_.unit == "s")
    if pt.is_nested(type_):
        return any(_is_changed(type_.field(number).type) for number in range(type_.num_fields))
    return bool(pt.is_date64(type_))


def _dress(batch: Any, schema: pa.Schema) -> Any:
    return batch.replace_schema_metadata(schema.metadata)


def _check_names(found: pa.Schema, wanted: pa.Schema, where: str) -> None:
    if missing := [name for name in wanted.names if name not in found.names]:
        raise OutputError(
            f"{where} has no column {missing[0]!r}; it should have {', '.join(wanted.names)}."
        )
    if extra := [name for name in found.names if name not in wanted.names]:
        hint = (
            " An index of its own becomes a column; drop it: df.reset_index(drop=True)"
            if extra[0].startswith("__index_level_")
            else f" Drop it, or add it to what should be there: {', '.join(wanted.names)}."
        )
        raise OutputError(f"{where} has a column {extra[0]!r} too much.{hint}")


def _cast(column: Any, field: Any, where: str) -> Any:
    if not _widens(column.type, field.type):
        raise OutputError(
            f"{where}: column {field.name!r} is {column.type}, but should be {field.type}. "
            f"Convert it, e.g. df[{field.name!r}] = df[{field.name!r}].astype(...)"
        )
    try:
        return _converted(column, field.type)
    except pa.ArrowException as error:
        raise OutputError(
            f"{where}: column {field.name!r} is {column.type} and does not fit into {field.type}: "
            f"{error}"
        ) from error


def _converted(column: Any, type_: Any) -> Any:
    """Cast without loss; an Arrow error where that cannot be."""
    if pt.is_dictionary(column.type) and not pt.is_dictionary(type_):
        column = column.cast(column.type.value_type)
    if pt.is_dictionary(type_) and not pt.is_dictionary(column.type):
        return column.cast(type_.value_type).dictionary_encode().cast(type_)
    return column.cast(type_, safe=True)


def _widens(found: Any, wanted: Any) -> bool:
    """Tell whether one type's values can be meant as another's; whether each fits, a cast says."""
    if pt.is_null(found):
        return True
    if pt.is_dictionary(found):
        return _widens(found.value_type, wanted)
    if pt.is_dictionary(wanted):
        return _widens(found, wanted.value_type)
    families: tuple[Callable[[Any], bool], ...] = (
        is_text, is_bytes, _is_number, pt.is_date, pt.is_time, pt.is_duration
    )  # fmt: skip
    if any(family(found) and family(wanted) for family in families):
        return not (pt.is_floating(found) and pt.is_integer(wanted))
    if pt.is_timestamp(found) and pt.is_timestamp(wanted):
        return bool(found.tz == wanted.tz)
    return bool(pt.is_nested(found) and found.id == wanted.id)


def _is_number(type_: Any) -> bool:
    return bool(pt.is_integer(type_) or pt.is_floating(type_) or pt.is_decimal(type_))


def _wider(one: Any, other: Any, owners: tuple[str, str]) -> Any:
    """Return a field of a type that holds the values of two."""
    kinds = [field.type for field in (one, other)]
    if all(map(pt.is_dictionary, kinds)):
        kinds = [pa.dictionary(pa.int32(), kind.value_type, ordered=False) for kind in kinds]
    elif any(map(pt.is_dictionary, kinds)):
        kinds = [kind.value_type if pt.is_dictionary(kind) else kind for kind in kinds]
    try:
        if not (_widens(kinds[0], kinds[1]) or _widens(kinds[1], kinds[0])):
            raise pa.ArrowTypeError(f"{kinds[0]} and {kinds[1]}")
        pair = [pa.schema([pa.field(one.name, kind)]) for kind in kinds]
        return pa.unify_schemas(pair, promote_options="permissive").field(0)
    except pa.ArrowException:
        raise InputError(
            f"Column {one.name!r} is {one.type} in {owners[0]} but {other.type} in {owners[1]}, "
            "so they cannot be loaded as one table. Materialize one of them again with the type "
            "of the other, or load a partition at a time (Iterator[...] or dict[str, ...])."
        ) from None
