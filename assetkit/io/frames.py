"""Any table as a stream of Arrow batches.

Rule 1: a table is known by the module and name of its class, so that no package
is loaded to find out that a value is not its.
Rule 2: what is already in memory is not copied; what is not is never gathered.
Rule 3: an iterator's schema is that of its first piece; columns of nothing but
nulls wait for the first piece that knows better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from assetkit.errors import OutputError
from assetkit.io.pandas_metadata import check_cells
from assetkit.io.schemas import Layout, conform, layout_of

ROWS_AHEAD = 1 << 20
"""How many rows to look ahead for the type of a column that began with nulls."""

_FIXES = {
    "Series": "Return a DataFrame: series.to_frame('value')",
    "Index": "Return a DataFrame: index.to_frame(index=False)",
    "DataFrameGroupBy": "Return a DataFrame: add .sum(), .size() or the like",
    "SeriesGroupBy": "Return a DataFrame: add .sum().reset_index() or the like",
    "ndarray": "Return a DataFrame: pd.DataFrame(array, columns=[...])",
    "dict": "Return a DataFrame: pd.DataFrame(result)",
    "list": "Return a DataFrame: pd.DataFrame(result); or yield tables one by one",
    "tuple": "Return a DataFrame: pd.DataFrame(result); or yield tables one by one",
    "Output": "Return it, once: return Output(tables), where tables may be a generator",
    "ChunkedArray": "Return a table: pa.table({'value': array})",
    "DuckDBPyConnection": "Return a relation: connection.sql('select ...')",
}
_FIX = "Return a table (pandas, Arrow, DuckDB, polars), or use io_manager='pickle'"


@dataclass(frozen=True, slots=True)
class Batches:
    """A table to be read once. The schema's metadata says how to give pandas frames back.

    ``layout`` is that of the schema, where it is known already.
    """

    schema: pa.Schema
    batches: Iterable[pa.RecordBatch]
    layout: Layout | None = None

    def table(self) -> pa.Table:
        """Gather all."""
        return pa.Table.from_batches(list(self.batches), schema=self.schema)


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a table that was converted and checked as a whole."""

    table: pa.Table
    layout: Layout


class Whole:
    """A table that is converted and checked once, to be stored in parts."""

    def __init__(self, value: Any, *, where: str) -> None:
        """Convert any kind of table; raises as `to_batches` does."""
        self.table = to_batches(value, where=where).table()
        self._layout = layout_of(self.table.schema)

    def part(self, start: int, count: int) -> Part:
        """Return *count* rows from *start* on."""
        return Part(self.table.slice(start, count), self._layout)


def to_batches(value: Any, *, where: str = "The result") -> Batches:
    """Return any kind of table, or an iterator of tables, as a stream.

    *where* begins the error messages and says whose result it is.

    Raises:
        OutputError: for what is no table, or cannot be kept as it is.
    """
    if isinstance(value, Iterator) and not isinstance(value, pa.RecordBatchReader):
        return _checked(_chained(value, where), where)
    if isinstance(value, Part):
        return _from_part(value)
    opened = _open(value, where, 0)
    if opened is None:
        name = type(value).__name__
        raise OutputError(f"{where} is a {name}, not a table. {_FIXES.get(name, _FIX)}")
    return _checked(opened, where)


def class_name(type_: type) -> tuple[str, str]:
    """Return the package and the name by which a class is known.

    >>> class_name(pa.Table)
    ('pyarrow', 'Table')
    """
    return type_.__module__.partition(".")[0].lstrip("_"), type_.__name__


def _open(value: Any, where: str, offset: int) -> Batches | None:
    """Return a table as a stream; None for what is none."""
    if isinstance(value, Part):
        return _from_part(value)
    if isinstance(value, pa.Table):
        return Batches(value.schema, value.to_batches(max_chunksize=ROWS_AHEAD))
    if isinstance(value, pa.RecordBatch):
        return Batches(value.schema, (value,))
    if isinstance(value, pa.RecordBatchReader):
        return Batches(value.schema, value)
    for base in type(value).__mro__[:-1]:
        if class_name(base) == ("pandas", "DataFrame"):
            return _from_pandas(value, where, offset)
        if opener := _OPENERS.get(class_name(base)):
            return opener(value)
    # Series and arrays speak Arrow's protocol, too, but are columns.
    columnar = type(value).__name__ in _FIXES or isinstance(value, type)
    if hasattr(value, "__arrow_c_stream__") and not columnar:
        return _from_stream(value)
    return None


def _from_part(part: Part) -> Batches:
    table = part.table
    return Batches(table.schema, table.to_batches(max_chunksize=ROWS_AHEAD), part.layout)


def _from_pandas(value: Any, where: str, offset: int) -> Batches:
    pandas = import_module("assetkit.io.frames_pandas")
    table = pandas.to_arrow(value, where=where, offset=offset)
    return Batches(table.schema, table.to_batches())


def _from_dataset(value: Any) -> Batches:
    reader = value.scanner().to_reader()
    return Batches(reader.schema, reader)


def _from_scanner(value: Any) -> Batches:
    reader = value.to_reader()
    return Batches(reader.schema, reader)


def _from_duckdb(value: Any) -> Batches:
    reader = value.to_arrow_reader(122_880)
    return Batches(reader.schema, reader)


def _from_polars(value: Any) -> Batches:
    table = import_module("assetkit.io.frames_polars").to_arrow(value)
    return Batches(table.schema, table.to_batches(max_chunksize=ROWS_AHEAD))


def _from_stream(value: Any) -> Batches | None:
    try:
        reader = pa.RecordBatchReader.from_stream(value)
    except (pa.ArrowException, TypeError):
        return None
    return Batches(reader.schema, reader)


_OPENERS: dict[tuple[str, str], Callable[[Any], Batches]] = {
    ("pyarrow", "Dataset"): _from_dataset,
    ("pyarrow", "Scanner"): _from_scanner,
    ("duckdb", "DuckDBPyRelation"): _from_duckdb,
    ("polars", "DataFrame"): _from_polars,
    ("polars", "LazyFrame"): _from_polars,
}


def _chained(pieces: Iterator[Any], where: str) -> Batches:
    """Return the tables of an iterator as one stream."""
    stream = _pieces(pieces, where)
    ahead: list[tuple[str, Batches]] = []
    held: list[tuple[str, list[pa.RecordBatch]]] = []
    rows, schema = 0, None
    for label, piece in stream:
        ahead.append((label, piece))
        schema = piece.schema if schema is None else _completed(schema, piece.schema)
        if not _undecided(schema):
            break
        # To see the next piece, this one has to be taken in: an iterator may reuse it.
        ahead.pop()
        held.append((label, list(piece.batches)))
        rows += sum(batch.num_rows for batch in held[-1][1])
        if rows >= ROWS_AHEAD:
            break
    if schema is None:  # it yielded nothing: no rows, of which nobody said the columns
        return Batches(pa.schema([]), ())
    decided = schema
    kept = ((label, Batches(decided, batches)) for label, batches in held)

    def batches() -> Iterator[pa.RecordBatch]:
        for label, piece in chain(kept, ahead, stream):
            check_cells(piece.schema, decided, where=label)
            for batch in piece.batches:
                yield conform(batch, decided, where=label)

    return Batches(decided, batches())


def _pieces(pieces: Iterator[Any], where: str) -> Iterator[tuple[str, Batches]]:
    offset = 0
    for number, value in enumerate(pieces):
        label = f"{where}, item {number} of the iterator,"
        opened = _open(value, label, offset)
        if opened is None:
            name = type(value).__name__
            raise OutputError(f"{label} is a {name}, not a table. {_FIXES.get(name, _FIX)}")
        counter = _Counter(opened.batches)
        yield label, Batches(opened.schema, counter)
        offset += counter.rows


class _Counter:
    """Batches that are counted as they pass."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches
        self.rows = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.rows += batch.num_rows
            yield batch


def _undecided(schema: pa.Schema) -> bool:
    return any(map(pt.is_null, schema.types))


def _completed(schema: pa.Schema, later: pa.Schema) -> pa.Schema:
    """Take the types of columns that held nothing so far from a later piece."""
    for number, field in enumerate(schema):
        if pt.is_null(field.type) and field.name in later.names:
            schema = schema.set(number, later.field(field.name))
    notes = {**(later.metadata or {})} if later.names == schema.names else schema.metadata
    return schema.with_metadata(notes)


def _checked(opened: Batches, where: str) -> Batches:
    """Refuse what no Parquet file can hold, or no reader tell apart."""
    seen: dict[str, str] = {}
    for field in opened.schema:
        if not field.name and not isinstance(field.name, str):
            raise OutputError(f"{where} has a column without a name. Name it.")
        if (other := seen.setdefault(field.name.casefold(), field.name)) != field.name or (
            opened.schema.names.count(field.name) > 1
        ):
            raise OutputError(
                f"{where} has two columns named {other!r} and {field.name!r}, "
                "which SQL cannot tell apart. Rename one."
            )
        _check_type(field, where)
    return opened if opened.schema.names else _empty(opened, where)


def _check_type(field: Any, where: str) -> None:
    type_ = field.type
    unfit = (
        pt.is_union(type_)
        or pt.is_run_end_encoded(type_)
        or pt.is_interval(type_)
        or (pt.is_struct(type_) and not type_.num_fields)
    )
    if unfit:
        raise OutputError(
            f"{where}: column {field.name!r} has the type {type_}, which Parquet cannot keep. "
            "Convert it to another type."
        )
    for number in range(type_.num_fields if pt.is_nested(type_) else 0):
        child = type_.field(number)
        _check_type(pa.field(f"{field.name}.{child.name}", child.type), where)


def _empty(opened: Batches, where: str) -> Batches:
    """Let a table without columns pass only where it has no rows either."""
    rows = sum(batch.num_rows for batch in opened.batches)
    if rows:
        raise OutputError(f"{where} has {rows} rows and no columns; Parquet keeps rows in columns.")
    return Batches(opened.schema, ())
