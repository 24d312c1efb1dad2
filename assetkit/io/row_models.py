"""Hold a table to a pydantic model of its rows.

Rule 1: a field of a plain type (numbers, text, dates, ...) is decided by the column's
Arrow type and its nulls; no value becomes a Python object.
Rule 2: a field with constraints or another type is validated by column, in batches.
Rule 3: whole rows are made only of models that have validators of their own.
Rule 4: the table stays as it is; nothing is converted.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from assetkit.io.misfits import SHOWN, Misfit, first_rows
from assetkit.io.types import is_bytes, is_text, type_name

_VALIDATORS = ("field_validators", "model_validators", "validators", "root_validators")

_KINDS: Mapping[type, tuple[str, Callable[[Any], bool]]] = {
    bool: ("true or false", pt.is_boolean),
    int: ("integers", pt.is_integer),
    float: ("numbers", lambda t: pt.is_integer(t) or pt.is_floating(t) or pt.is_decimal(t)),
    decimal.Decimal: ("decimals", lambda t: pt.is_decimal(t) or pt.is_integer(t)),
    str: ("text", is_text),
    bytes: ("bytes", is_bytes),
    dt.datetime: ("timestamps", pt.is_timestamp),
    dt.date: ("dates", pt.is_date),
    dt.time: ("times of day", pt.is_time),
    dt.timedelta: ("durations", pt.is_duration),
}


@dataclass(frozen=True, slots=True)
class _Field:
    """One field: its column, what its column must hold, and what else it asks of the values."""

    column: str
    required: bool
    nullable: bool
    kind: type | None
    values: TypeAdapter[Any] | None


def find_misfits(
    model: type[BaseModel],
    schema: pa.Schema,
    batches: Callable[[Sequence[str]], Iterable[pa.RecordBatch]],
) -> list[Misfit]:
    """Return what of a table does not fit *model*; *batches* gives some of its columns."""
    fields = [_field_of(name, info) for name, info in model.model_fields.items()]
    misfits = [*_names_misfits(model, fields, schema), *_type_misfits(fields, schema)]
    wrong = {misfit.column for misfit in misfits}
    rest = [one for one in fields if one.column in schema.names and one.column not in wrong]
    if any(getattr(model.__pydantic_decorators__, kind, None) for kind in _VALIDATORS):
        return misfits or _row_misfits(model, batches([one.column for one in rest]))
    looked_at = [one for one in rest if one.values is not None or _asks_values(one, schema)]
    if looked_at:
        misfits += _value_misfits(looked_at, batches([one.column for one in looked_at]))
    return misfits


def _field_of(name: str, info: FieldInfo) -> _Field:
    alias = info.validation_alias or info.alias
    annotation, nullable = _without_none(info.annotation)
    kind = annotation if annotation in _KINDS else None
    # Constraints on an optional field are on the value inside; on others, among its metadata.
    plain = kind is not None and not info.metadata
    wanted = info.annotation
    if info.metadata:
        wanted = Annotated[(info.annotation, *info.metadata)]  # type: ignore[assignment]
    return _Field(
        column=alias if isinstance(alias, str) else name,
        required=info.is_required(),
        nullable=nullable or annotation in (Any, NoneType),
        kind=kind or _kind_inside(annotation),
        values=None if plain or annotation is Any else TypeAdapter(list[wanted]),  # type: ignore[valid-type]
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """Return the type inside ``... | None``, and whether there was a None."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    others = [one for one in get_args(annotation) if one is not NoneType]
    nullable = len(others) < len(get_args(annotation))
    return (others[0] if len(others) == 1 else annotation), nullable


def _kind_inside(annotation: Any) -> type | None:
    """Return the plain type under `Annotated`, None where there is none."""
    if get_origin(annotation) is Annotated:
        inner = get_args(annotation)[0]
        return inner if inner in _KINDS else None
    return None


def _names_misfits(
    model: type[BaseModel], fields: Sequence[_Field], schema: pa.Schema
) -> list[Misfit]:
    lacking = [one for one in fields if one.required and one.column not in schema.names]
    misfits = [Misfit(one.column, f"is missing{_should_be(one)}") for one in lacking]
    if model.model_config.get("extra") == "forbid":
        known = {one.column for one in fields}
        extra = [name for name in schema.names if name not in known]
        misfits += [Misfit(name, "is not in the model, which forbids extras") for name in extra]
    return misfits


def _type_misfits(fields: Sequence[_Field], schema: pa.Schema) -> list[Misfit]:
    misfits = []
    for one in fields:
        if one.kind is None or one.column not in schema.names:
            continue
        type_ = _value_type(schema.field(one.column).type)
        noun, fits = _KINDS[one.kind]
        # Integers with gaps are floats in pandas; whether they are integers, the values say.
        if not (fits(type_) or pt.is_null(type_) or _may_be_integers(one, type_)):
            misfits.append(Misfit(one.column, f"is {type_name(type_)}, should be {noun}"))
    return misfits


def _should_be(one: _Field) -> str:
    return "" if one.kind is None else f"; it should be {_KINDS[one.kind][0]}"


def _value_type(type_: Any) -> Any:
    return type_.value_type if pt.is_dictionary(type_) else type_


def _may_be_integers(one: _Field, type_: Any) -> bool:
    return one.kind is int and bool(pt.is_floating(type_))


def _asks_values(one: _Field, schema: pa.Schema) -> bool:
    field = schema.field(one.column)
    return not one.nullable or _may_be_integers(one, _value_type(field.type))


def _value_misfits(fields: Sequence[_Field], batches: Iterable[pa.RecordBatch]) -> list[Misfit]:
    """Look at values, column by column; a column is done with once it has a misfit."""
    found: dict[str, Misfit] = {}
    offset = 0
    for batch in batches:
        for one in fields:
            if one.column in found:
                continue
            misfit = _values_of(one, batch.column(one.column), offset)
            if misfit is not None:
                found[one.column] = misfit
        offset += batch.num_rows
    return [found[one.column] for one in fields if one.column in found]


def _values_of(one: _Field, column: Any, offset: int) -> Misfit | None:
    if column.null_count and not one.nullable and one.kind is not None:
        gaps = pc.indices_nonzero(column.is_null()).to_pylist()
        return Misfit(one.column, "must not be missing", first_rows(gaps, column, offset))
    if _may_be_integers(one, column.type):
        broken = pc.not_equal(column, pc.trunc(column))
        rows = pc.indices_nonzero(pc.fill_null(broken, False)).to_pylist()  # noqa: FBT003
        if rows:
            return Misfit(one.column, "should be integers", first_rows(rows, column, offset))
    if one.values is None:
        return None
    values = column.to_pylist()
    try:
        one.values.validate_python(values)
    except ValidationError as error:
        return _misfit(one.column, error, values, offset)
    return None


def _misfit(column: str, error: ValidationError, values: Sequence[Any], offset: int) -> Misfit:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    numbers = list(dict.fromkeys(int(one["loc"][0]) for one in details))
    rows = tuple((offset + number, values[number]) for number in numbers[:SHOWN])
    return Misfit(column, _sentence(details[0]["msg"]), rows)


def _row_misfits(model: type[BaseModel], batches: Iterable[pa.RecordBatch]) -> list[Misfit]:
    """Validate whole rows, up to the first batch with one that does not fit."""
    adapter = TypeAdapter(list[model])  # type: ignore[valid-type]
    offset = 0
    for batch in batches:
        rows = batch.to_pylist()
        try:
            adapter.validate_python(rows)
        except ValidationError as error:
            return _by_column(error, rows, offset)
        offset += len(rows)
    return []


def _by_column(
    error: ValidationError, rows: Sequence[Mapping[str, Any]], offset: int
) -> list[Misfit]:
    problems: dict[str, str] = {}
    where: dict[str, dict[int, Any]] = {}
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        number = int(one["loc"][0])
        column = str(one["loc"][1]) if len(one["loc"]) > 1 else "row"
        problems.setdefault(column, _sentence(one["msg"]))
        value = rows[number].get(column, dict(rows[number]))
        where.setdefault(column, {}).setdefault(offset + number, value)
    return [
        Misfit(column, problem, tuple(where[column].items())[:SHOWN])
        for column, problem in problems.items()
    ]


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:]
