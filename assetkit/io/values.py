"""Loading of values that are stored whole: objects, and tables among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from assetkit.errors import InputError, OutputError
from assetkit.io.base import Source
from assetkit.io.frames import class_name, to_batches
from assetkit.io.loading import Wanted, load, wanted_of
from assetkit.io.slot_tables import Found, MemoryTables, name_of, several
from assetkit.records import partition_text

_TABLES = frozenset(
    {
        ("pandas", "DataFrame"),
        ("polars", "DataFrame"),
        ("polars", "LazyFrame"),
        ("pyarrow", "Table"),
        ("pyarrow", "RecordBatch"),
    }
)


def load_values(
    values: Sequence[Any],
    sources: Sequence[Source],
    load_as: Any,
    columns: Sequence[str] | None,
    path_of: Callable[[Source], Path] | None = None,
) -> Any:
    """Give the values of slots as the type that is asked for.

    Tables become whatever tables can be loaded as. Another object is given as
    it is; several are a dict by partition key, or a list or iterator where the
    annotation says so.

    Raises:
        InputError: where the values cannot be given so.
    """
    wanted = wanted_of(load_as)
    if wanted is not None and wanted.one == "path":
        return load(MemoryTables(_no_table, path_of), sources, load_as, None).value
    if values and all(map(is_table, values)) and not _is_asked_for(values, sources, load_as):
        return _as_tables(values, sources, load_as, columns)
    if len(values) == 1 and not several(sources):
        return values[0]
    if wanted is not None and wanted.many == "iterator":
        return iter(values)
    if wanted is not None and wanted.many == "list":
        return list(values)
    keys = [partition_text(source.partition_key) or "" for source in sources]
    return dict(zip(keys, values, strict=True))


def is_table(value: Any) -> bool:
    """Tell tables in memory from other objects."""
    return any(class_name(base) in _TABLES for base in type(value).__mro__)


def _is_asked_for(values: Sequence[Any], sources: Sequence[Source], load_as: Any) -> bool:
    """Tell whether the one value is already what is asked for, and can be given untouched."""
    if several(sources):
        return False
    if wanted_of(load_as) in {None, Wanted("pandas")}:
        return any(class_name(base) == ("pandas", "DataFrame") for base in type(values[0]).__mro__)
    return isinstance(load_as, type) and isinstance(values[0], load_as)


def _as_tables(
    values: Sequence[Any], sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
) -> Any:
    named = {id(source): value for source, value in zip(sources, values, strict=True)}

    def find(source: Source) -> Found:
        try:
            return to_batches(named[id(source)], where="It").table(), None
        except OutputError as error:
            raise InputError(f"{name_of(source)} cannot be loaded so. {error}") from error

    return load(MemoryTables(find), sources, load_as, columns).value


def _no_table(source: Source) -> Found:
    raise InputError(f"{name_of(source)} is no table.")
