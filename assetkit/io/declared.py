"""Hold a table to the Arrow schema that its asset declares.

Rule 1: what can be meant as the declared type without loss is cast to it (int32 to
int64, integers to floats, a null column to any); all else is refused.
Rule 2: all columns that do not fit are named at once, with the first rows of each.
Rule 3: the table is streamed; a row that does not fit stops the writing before
anything is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assetkit.errors import OutputError
from assetkit.io.frames import Batches
from assetkit.io.misfits import Misfit, first_rows, told
from assetkit.io.schemas import conform
from assetkit.io.types import type_name

_SCHEMA = "pyarrow.Schema"


def conformed(table: Batches, schema: pa.Schema, *, where: str) -> Batches:
    """Return a stream with the schema that an asset declares; notes on the frame stay.

    A table without columns, which has no rows either, is an empty one of that schema.

    Raises:
        OutputError: naming each column that does not fit, now or while streaming.
    """
    if not table.schema.names:
        return Batches(schema, ())
    wanted = schema.with_metadata({**(schema.metadata or {}), **(table.schema.metadata or {})})
    batches = iter(table.batches)
    ahead = list(islice(batches, 1))
    sample = ahead[0] if ahead else None
    if found := find_misfits(table.schema, wanted, sample):
        raise OutputError(told(found, where=where, schema=_SCHEMA))
    return Batches(wanted, _cast(chain(ahead, batches), wanted, where))


def find_misfits(
    found: pa.Schema, declared: pa.Schema, sample: pa.RecordBatch | None = None
) -> list[Misfit]:
    """Return the columns that are missing, too many, or of another type; *sample* shows values."""
    misfits = []
    for field in declared:
        if field.name not in found.names:
            misfits.append(Misfit(field.name, f"is missing; it should be {type_name(field.type)}"))
        elif not _fits(found.field(field.name), field):
            types = type_name(found.field(field.name).type), type_name(field.type)
            rows = () if sample is None else _rows(sample.column(field.name))
            misfits.append(Misfit(field.name, "is {}, should be {}".format(*types), rows))
    extra = [name for name in found.names if name not in declared.names]
    return misfits + [Misfit(name, _too_much(name)) for name in extra]


def _too_much(name: str) -> str:
    if name.startswith("__index_level_"):
        return "is the frame's index, not in the schema; drop it: df.reset_index(drop=True)"
    return "is not in the schema"


def _fits(found: Any, declared: Any) -> bool:
    """Tell whether values of one type can be meant as another's; whether each fits, a cast says."""
    try:
        empty = pa.record_batch([pa.nulls(0, found.type)], names=[declared.name])
        conform(empty, pa.schema([declared]), where="")
    except OutputError:
        return False
    return True


def _cast(batches: Iterator[Any], schema: pa.Schema, where: str) -> Iterator[Any]:
    offset = 0
    required = [field.name for field in schema if not field.nullable]
    for batch in batches:
        misfits = [
            Misfit(name, _missing(batch.column(name)), _gaps(batch.column(name), offset))
            for name in required
            if batch.column(name).null_count
        ]
        try:
            cast = conform(batch, schema, where=where)
        except OutputError:
            misfits += _lossy(batch, schema, offset)
            if not misfits:
                raise
        if misfits:
            raise OutputError(told(misfits, where=where, schema=_SCHEMA))
        yield cast
        offset += batch.num_rows


def _missing(column: Any) -> str:
    count = column.null_count
    return f"must not be null, but {count:,} {'value is' if count == 1 else 'values are'}"


def _gaps(column: Any, offset: int) -> tuple[tuple[int, Any], ...]:
    return first_rows(pc.indices_nonzero(column.is_null()).to_pylist(), column, offset)


def _rows(column: Any) -> tuple[tuple[int, Any], ...]:
    return first_rows(pc.indices_nonzero(column.is_valid()).to_pylist(), column, 0)


def _lossy(batch: Any, schema: pa.Schema, offset: int) -> list[Misfit]:
    """Return the columns whose values do not all survive the cast, with those that do not."""
    misfits = []
    for field in schema:
        column = batch.column(field.name)
        try:
            conform(batch.select([field.name]), pa.schema([field]), where="")
        except OutputError:
            rows = _changed(column, field.type, offset)
            problem = f"is {type_name(column.type)} with values that {field.type} cannot hold"
            misfits.append(Misfit(field.name, problem, rows))
    return misfits


def _changed(column: Any, type_: Any, offset: int) -> tuple[tuple[int, Any], ...]:
    try:
        back = column.cast(type_, safe=False).cast(column.type, safe=False)
        lost = pc.indices_nonzero(pc.fill_null(pc.not_equal(back, column), False))  # noqa: FBT003
    except pa.ArrowException:
        return ()
    return first_rows(lost.to_pylist(), column, offset)
