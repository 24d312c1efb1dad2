"""The tables of several slots as one: what differs is widened, partitions become columns."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from assetkit.errors import InputError, did_you_mean
from assetkit.io import schemas
from assetkit.io.base import Source
from assetkit.io.loading import Versions
from assetkit.io.pandas_metadata import index_fields, joined_metadata, position_fields
from assetkit.records import slot_name

_THREADS = min(8, os.cpu_count() or 1)

Found = tuple[pa.Table, str | None]
"""A slot's table and its data version."""


class SlotTables:
    """Tables by slot; `read_one` says where each comes from."""

    @abstractmethod
    def read_one(self, source: Source, columns: Sequence[str] | None) -> Found:
        """Read one slot's table: the columns that it has, its index, its dimensions if asked."""

    def read_many(
        self, sources: Sequence[Source], columns: Sequence[str] | None
    ) -> tuple[list[pa.Table], Versions]:
        """Read slots one by one, some at a time."""
        if len(sources) == 1:
            table, version = self.read_one(sources[0], columns)
            return [table], (version,)
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="assetkit-read") as pool:
            found = list(pool.map(lambda source: self.read_one(source, columns), sources))
        return [table for table, _ in found], tuple(version for _, version in found)

    @abstractmethod
    def columns_of(self, source: Source) -> Sequence[str]:
        """Return the names of all columns of a slot's table."""

    def table(
        self, sources: Sequence[Source], columns: Sequence[str] | None, *, index: bool
    ) -> tuple[pa.Table, Versions]:
        """Read the slots as one table, in their order; with the *index* of frames, or without."""
        if not sources:
            return pa.table({}), ()
        tables, versions = self.read_many(sources, columns)
        if not index or several(sources):
            # Before they are joined: one frame may have such an index, and the next none.
            tables = list(map(without_positions, tables))
        table = join(tables, sources)
        return self._picked(table, columns, sources[0], index=index), versions

    def each(
        self, sources: Sequence[Source], columns: Sequence[str] | None, *, index: bool
    ) -> tuple[list[pa.Table], Versions]:
        """Read each slot as a table of its own."""
        if not sources:
            return [], ()
        tables, versions = self.read_many(sources, columns)
        picked = []
        for table, source in zip(tables, sources, strict=True):
            kept = table if index and not several([source]) else without_positions(table)
            picked.append(self._picked(kept, columns, source, index=index))
        return picked, versions

    def version(self, source: Source) -> str | None:
        """Return the data version of what lies there now, None where it is not known."""
        return source.data_version

    def _picked(
        self, table: pa.Table, columns: Sequence[str] | None, source: Source, *, index: bool
    ) -> pa.Table:
        for name in columns or ():
            if name not in table.column_names:
                raise unknown_column(name, source, self.columns_of(source))
        return table if columns is None else pick(table, columns, index=index)


class MemoryTables(SlotTables):
    """Tables in memory, as *find* finds them; *path_of* says where a slot's file is, if any."""

    def __init__(
        self, find: Callable[[Source], Found], path_of: Callable[[Source], Path] | None = None
    ) -> None:
        self._find, self._path_of = find, path_of

    def read_one(self, source: Source, columns: Sequence[str] | None) -> Found:
        """Pick the columns that a slot's table has."""
        table, version = self._find(source)
        schema = table.schema
        if columns is not None:
            table = table.select(kept_columns(schema, columns))
        return with_dimensions(table, source, schema, columns), version

    def columns_of(self, source: Source) -> Sequence[str]:
        """Return the names of all columns of a slot's table."""
        names: list[str] = self._find(source)[0].column_names
        return names

    def dataset(
        self, sources: Sequence[Source], columns: Sequence[str] | None
    ) -> tuple[Any, Versions]:
        """Return the slots as a dataset."""
        table, versions = self.table(sources, columns, index=False)
        return import_module("assetkit.io.datasets").of_table(table), versions

    def hold(self, sources: Sequence[Source]) -> tuple[Sequence[Source], Versions, object]:
        """Return the slots: what they are found in does not change."""
        return sources, tuple(self._find(source)[1] for source in sources), None

    def path(self, source: Source) -> Path:
        """Return a slot's file."""
        if self._path_of is None:
            raise InputError(f"{name_of(source)} is kept in memory, so it has no path.")
        return self._path_of(source)


def name_of(source: Source) -> str:
    """Return how a slot is written for people."""
    return slot_name(source.asset, source.partition_key)


def with_dimensions(
    table: pa.Table, source: Source, schema: pa.Schema, columns: Sequence[str] | None
) -> pa.Table:
    """Add the partition as columns, where that is asked and *schema* has none of that name."""
    names = dimension_names(schema, source)
    for name, key in source.dimensions if names else ():
        if name in names and (columns is None or name in columns):
            table = table.append_column(name, pa.repeat(key, table.num_rows))
    return table


def several(sources: Sequence[Source]) -> bool:
    """Tell whether several slots are, or could be, loaded."""
    return len(sources) > 1 or sources[0].with_dimensions


def join(tables: Sequence[pa.Table], sources: Sequence[Source]) -> pa.Table:
    """Put the tables of slots one after another; widen what differs.

    Raises:
        InputError: naming the column and both slots where types do not fit.
    """
    first = tables[0].schema
    if all(table.schema.equals(first, check_metadata=True) for table in tables[1:]):
        return pa.concat_tables(tables)
    schema = schemas.unify(
        [table.schema for table in tables], lambda number: name_of(sources[number])
    )
    # A frame without rows or columns says nothing of what frames of this asset are.
    telling = [table.schema for table in tables if table.num_columns]
    schema = schema.with_metadata(joined_metadata(telling or [first]))
    pairs = zip(tables, sources, strict=True)
    return pa.concat_tables(
        [schemas.fill(table, schema, where=name_of(source)) for table, source in pairs]
    )


def without_positions(table: pa.Table) -> pa.Table:
    """Return a table without the unnamed index of integers that its frame had."""
    return table.drop_columns(position_fields(table.schema))


def kept_columns(schema: pa.Schema, columns: Sequence[str] | None) -> list[str]:
    """Return the columns to read: those asked for, and the index of a frame."""
    if columns is None:
        return list(schema.names)
    kept = {*columns, *index_fields(schema)}
    return [name for name in schema.names if name in kept]


def pick(table: pa.Table, columns: Sequence[str], *, index: bool) -> pa.Table:
    """Return the columns asked for, in that order; with the *index* of a frame behind them."""
    kept = [name for name in index_fields(table.schema) if index and name not in columns]
    return table.select([*columns, *kept])


def unknown_column(name: str, source: Source, known: Sequence[str]) -> InputError:
    """Say that no slot has a column, with the nearest names."""
    names = [*known, *(dimension for dimension, _ in source.dimensions if source.with_dimensions)]
    hint = did_you_mean(name, names, what="columns")
    return InputError(f"{name_of(source)} has no column {name!r}. {hint}")


def dataset_schema(
    found: Sequence[pa.Schema], sources: Sequence[Source], columns: Sequence[str] | None
) -> tuple[pa.Schema, list[list[tuple[str, str]]]]:
    """Return the schema of slots as one dataset, and what each has instead of columns.

    *found* has the schema of each slot's file.

    Raises:
        InputError: types do not fit, or no slot has a column that is asked for.
    """
    schema = schemas.unify(found, lambda number: name_of(sources[number]))
    positions = {name for one in found for name in position_fields(one)}
    dimensions = dimension_names(schema, sources[0])
    fields = [field for field in schema if field.name not in positions]
    schema = pa.schema([*fields, *(pa.field(name, pa.string()) for name in dimensions)])
    for name in columns or ():
        if name not in schema.names:
            raise unknown_column(name, sources[0], schema.names)
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    keys = [[one for one in source.dimensions if one[0] in dimensions] for source in sources]
    return schema, keys


def dimension_names(schema: pa.Schema, source: Source) -> list[str]:
    """Return the partition dimensions that a table of this schema gets as columns."""
    if not source.with_dimensions:
        return []
    return [name for name, _ in source.dimensions if name not in schema.names]
