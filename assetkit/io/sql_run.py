"""Run a query over datasets in a DuckDB of its own, and stream what it finds.

Rule 1: values are bound, never pasted.
Rule 2: what does not fit into memory is spilled to a folder that goes with the query.
Rule 3: nothing that is not named is seen: no variables of the program, no extensions
from the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import duckdb
import pyarrow as pa

from assetkit.errors import InputError, StepError
from assetkit.io.duckdb_engine import connected
from assetkit.io.duckdb_scan import query_of, query_over
from assetkit.io.sql_text import ParsedQuery

_ROWS = 122_880
_SHOWN_LINES = 12


def run_query(
    query: ParsedQuery,
    tables: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    timezone: str,
    owner: str,
) -> pa.RecordBatchReader:
    """Return the rows of a query as they come.

    *tables* are Arrow datasets or tables, by the name in the query. *timezone* is
    that of the partition, in which times without a zone are compared.

    Raises:
        StepError: DuckDB's words on what is wrong, with the place in the query.
    """
    with ExitStack() as stack:
        connection = stack.enter_context(connected())
        try:
            _prepare(connection, tables, values, timezone=timezone, owner=owner)
            reader, schema = _opened(connection.sql(query.text))
        except duckdb.Error as error:
            reason = _with_place(error, query, connection)
        else:
            stack.callback(dict, tables)  # what is read from lives as long
            rows = _rows(reader, schema, stack.pop_all(), (query, owner))
            return pa.RecordBatchReader.from_batches(schema, rows)
    # Out of the block: a context manager that raises would hide the user's place.
    raise StepError(f"{owner}: the query failed. {reason}")


def _with_place(error: duckdb.Error, query: ParsedQuery, connection: Any) -> str:
    """Return DuckDB's words with the line and a caret, which relations leave out."""
    unbound = isinstance(error, duckdb.BinderException | duckdb.CatalogException)
    if "LINE " in str(error) or not unbound:
        return _told(error, query)
    try:
        connection.execute(query.text)  # fails before it runs, as it did before
    except duckdb.Error as again:
        return _told(again, query)
    return _told(error, query)


def _told(error: Exception, query: ParsedQuery) -> str:
    """Return an error's words; with the query, where they do not say the place in it."""
    text = str(error)
    if "LINE " in text:
        return text
    lines = query.text.strip().splitlines()
    shown = [f"  {line}" for line in lines[:_SHOWN_LINES]]
    more = [f"  ... and {len(lines) - _SHOWN_LINES} lines more"] if lines[_SHOWN_LINES:] else []
    return "\n".join([text, "The query:", *shown, *more])


def _opened(relation: Any) -> tuple[Any, pa.Schema]:
    """Return a relation's rows, and the schema to give them: sums of integers are integers."""
    kinds = zip(relation.columns, relation.types, strict=True)
    wide = {name for name, kind in kinds if str(kind) in ("HUGEINT", "UHUGEINT")}
    reader = relation.to_arrow_reader(_ROWS)
    fields = [
        field.with_type(pa.int64()) if field.name in wide else field for field in reader.schema
    ]
    return reader, pa.schema(fields)


def _prepare(
    connection: Any,
    tables: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    timezone: str,
    owner: str,
) -> None:
    connection.execute("set TimeZone = $zone", {"zone": timezone})
    for name, value in values.items():
        connection.execute(f"set variable {name} = $value", {"value": value})
        connection.execute(f"create macro {name}() as getvariable('{name}')")
    for number, (name, table) in enumerate(tables.items()):
        if table is None:
            raise InputError(f"{owner}: {name} has no rows and no columns to ask for.")
        schema, dot, last = name.rpartition(".")
        view = f'"{schema}"."{last}"' if dot else f'"{last}"'
        if dot:
            connection.execute(f'create schema if not exists "{schema}"')
        origin = query_over(table)
        if origin is None:
            origin = query_of(f"assetkit_{number}", table)
            connection.register(f"assetkit_{number}", table)
        # A view takes no bound values. Names of assets have letters, digits, "_" and "/" only.
        connection.execute(f"create view {view} as {origin}")


def _rows(
    reader: Any, schema: pa.Schema, held: ExitStack, asked: tuple[ParsedQuery, str]
) -> Iterator[pa.RecordBatch]:
    """Yield batches; the database and its folder go with the last of them."""
    query, owner = asked
    with held:
        try:
            for batch in reader:
                yield batch if batch.schema.equals(schema) else batch.cast(schema)
        except pa.ArrowInvalid as error:
            raise StepError(
                f"{owner}: a sum is larger than a BIGINT can hold. Cast it in the query, for "
                f"instance to DOUBLE or DECIMAL: {error}"
            ) from error
        except (duckdb.Error, OSError) as error:
            raise StepError(f"{owner}: the query failed. {_told(error, query)}") from error
        finally:
            del reader
