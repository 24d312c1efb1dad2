"""Give a function's input the type that its annotation asks for.

Rule 1: the annotation says what is loaded, never how many slots there happen to be.
Rule 2: several slots are one table in the order of the slots, or one value per slot
(`Iterator`, `dict`, `list`).
"""

from __future__ import annotations

import inspect
import os
import pathlib
import types
import typing
from collections import abc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from assetkit.errors import InputError
from assetkit.io.base import Loaded, Source
from assetkit.io.frames import class_name
from assetkit.records import partition_text, slot_name

Versions = tuple[str | None, ...]

POSSIBLE = (
    "pandas.DataFrame, pyarrow.Table, pyarrow.RecordBatchReader, pyarrow.dataset.Dataset, "
    "duckdb.DuckDBPyRelation, polars.DataFrame, polars.LazyFrame, pathlib.Path or str; "
    "a partition at a time: Iterator[...], dict[str, ...] or list[...] of "
    "pandas.DataFrame, pyarrow.Table or polars.DataFrame"
)


class Tables(Protocol):
    """Where tables come from: files, or memory."""

    def table(
        self, sources: Sequence[Source], columns: Sequence[str] | None, *, index: bool
    ) -> tuple[pa.Table, Versions]:
        """Read the slots as one table; with the *index* that frames had, or without."""
        ...

    def dataset(
        self, sources: Sequence[Source], columns: Sequence[str] | None
    ) -> tuple[Any, Versions]:
        """Open the slots as a `pyarrow.dataset.Dataset` that stays as it is now while it lives."""
        ...

    def hold(self, sources: Sequence[Source]) -> tuple[Sequence[Source], Versions, object]:
        """Return the slots as they are now; they stay so as long as the last value lives."""
        ...

    def each(
        self, sources: Sequence[Source], columns: Sequence[str] | None, *, index: bool
    ) -> tuple[list[pa.Table], Versions]:
        """Read each slot as a table of its own."""
        ...

    def version(self, source: Source) -> str | None:
        """Return the data version of what lies there now, None where it is not known."""
        ...

    def path(self, source: Source) -> Path:
        """Return a slot's file.

        Raises:
            InputError: where there are no files.
        """
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A type to load: ``one`` (``frame``, ``arrow``, ...), and how many of them in what."""

    one: str
    many: str = ""


_FRAMES = {
    ("pandas", "DataFrame"): "pandas",
    ("pyarrow", "Table"): "arrow",
    ("polars", "DataFrame"): "polars",
}
_WHOLES = {
    ("pyarrow", "RecordBatchReader"): "reader",
    ("pyarrow", "Dataset"): "dataset",
    ("pyarrow", "FileSystemDataset"): "dataset",
    ("duckdb", "DuckDBPyRelation"): "relation",
    ("polars", "LazyFrame"): "lazy",
}
_MANY = {
    abc.Iterator: "iterator",
    abc.Iterable: "iterator",
    abc.Generator: "iterator",
    dict: "dict",
    abc.Mapping: "dict",
    list: "list",
    abc.Sequence: "list",
}


def wanted_of(load_as: Any) -> Wanted | None:
    """Return what an annotation asks for, None where it is not one of `POSSIBLE`.

    >>> wanted_of(None)
    Wanted(one='pandas', many='')
    >>> wanted_of(dict[str, pa.Table])
    Wanted(one='arrow', many='dict')
    """
    load_as = _plain(load_as)
    if load_as in (None, Any, object, inspect.Parameter.empty):
        return Wanted("pandas")
    origin, arguments = typing.get_origin(load_as), typing.get_args(load_as)
    if origin is not None or (isinstance(load_as, abc.Hashable) and load_as in _MANY):
        many = _MANY.get(origin or load_as)
        inner = {"dict": 1}.get(many or "", 0)
        one = wanted_of(arguments[inner]) if len(arguments) > inner else Wanted("pandas")
        if many is None or one is None or one.many or one.one not in {*_FRAMES.values(), "path"}:
            return None
        return Wanted(one.one, many)
    if not isinstance(load_as, type):
        return None
    if issubclass(load_as, pathlib.PurePath):
        return Wanted("path")
    if load_as is str:
        return Wanted("text")
    known = {**_FRAMES, **_WHOLES}
    one_name = next((known[n] for n in map(class_name, load_as.__mro__) if n in known), None)
    return Wanted(one_name) if one_name else None


def load(
    tables: Tables, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
) -> Loaded:
    """Load slots as the type that is asked for.

    Raises:
        InputError: for a type that cannot be made, or columns that are not there.
        DataMissing: where a slot's data is gone.
        DataChanged: where its file is no table any more.
    """
    wanted = wanted_of(load_as)
    if wanted is None:
        raise InputError(
            f"{_names(sources)} cannot be loaded as {_shown(load_as)}. Possible: {POSSIBLE}."
        )
    if wanted.many:
        return _load_many(tables, wanted, sources, columns)
    if wanted.one in {"path", "text"}:
        return _load_path(tables, wanted, sources)
    if wanted.one in _FRAMES.values():
        table, versions = tables.table(sources, columns, index=wanted.one == "pandas")
        return Loaded(_frame(wanted.one)(table), versions)
    dataset, versions = tables.dataset(sources, columns)
    return Loaded(_WHOLE_MAKERS[wanted.one](dataset), versions)


def _load_many(
    tables: Tables, wanted: Wanted, sources: Sequence[Source], columns: Sequence[str] | None
) -> Loaded:
    if wanted.one == "path":
        values: Sequence[Any] = [tables.path(source) for source in sources]
        versions: Versions = tuple(map(tables.version, sources))
    elif wanted.many == "iterator" and sources:
        held, versions, holder = tables.hold(sources)
        return Loaded(_one_by_one(tables, wanted.one, held, columns, holder), versions)
    else:
        read, versions = tables.each(sources, columns, index=wanted.one == "pandas")
        values = list(map(_frame(wanted.one), read))
    if wanted.many == "dict":
        keys = [partition_text(source.partition_key) or "" for source in sources]
        return Loaded(dict(zip(keys, values, strict=True)), versions)
    return Loaded(iter(values) if wanted.many == "iterator" else list(values), versions)


def _one_by_one(
    tables: Tables,
    frame: str,
    sources: Sequence[Source],
    columns: Sequence[str] | None,
    holder: object,
) -> Iterator[Any]:
    # The holder lives in this frame, so that the files stay until the last is read.
    for source in sources:
        yield _frame(frame)(tables.table([source], columns, index=frame == "pandas")[0])
    del holder


def _load_path(tables: Tables, wanted: Wanted, sources: Sequence[Source]) -> Loaded:
    """Return the file of the one slot, or the asset's folder where there could be several."""
    if not sources:
        raise InputError("There is no data, so there is no path. Ask for list[pathlib.Path].")
    paths = [tables.path(source) for source in sources]
    one = len(sources) == 1 and not sources[0].with_dimensions
    path = paths[0] if one else _folder(sources, paths)
    versions = tuple(map(tables.version, sources))
    return Loaded(str(path) if wanted.one == "text" else path, versions)


def _folder(sources: Sequence[Source], paths: Sequence[Path]) -> Path:
    """Return the folder that all slots lie in."""
    if any(source.location is not None for source in sources):
        return Path(os.path.commonpath([path.parent for path in paths]))
    return Path(sources[0].place.data) / sources[0].asset


def _frame(name: str) -> Callable[[pa.Table], Any]:
    make: Callable[[pa.Table], Any] = lambda table: table  # noqa: E731
    if name == "pandas":
        make = import_module("assetkit.io.frames_pandas").to_pandas
    elif name == "polars":
        make = import_module("assetkit.io.frames_polars").to_polars
    return make


def _reader(dataset: Any) -> Any:
    # Who reads batch by batch wants little in memory: a few row groups ahead are enough.
    reader = dataset.scanner(batch_readahead=4, fragment_readahead=1).to_reader()
    return pa.RecordBatchReader.from_batches(reader.schema, _kept(reader, dataset))


def _kept(batches: Any, owner: Any) -> Iterator[pa.RecordBatch]:
    """Yield batches, and keep what they come from alive as long."""
    yield from batches
    del owner


_WHOLE_MAKERS: dict[str, Callable[[Any], Any]] = {
    "dataset": lambda dataset: dataset,
    "reader": _reader,
    "relation": lambda dataset: import_module("assetkit.io.frames_duckdb").relation(dataset),
    "lazy": lambda dataset: import_module("assetkit.io.frames_polars").scan(dataset),
}


def _plain(annotation: Any) -> Any:
    """Strip `Annotated` and `| None`."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _plain(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [one for one in typing.get_args(annotation) if one is not type(None)]
        if len(rest) == 1:
            return _plain(rest[0])
    return annotation


def _names(sources: Sequence[Source]) -> str:
    if not sources:
        return "Nothing"
    first = slot_name(sources[0].asset, sources[0].partition_key)
    return first if len(sources) == 1 else f"{first} and {len(sources) - 1} more"


def _shown(load_as: Any) -> str:
    if isinstance(load_as, type) and typing.get_origin(load_as) is None:
        return f"{load_as.__module__}.{load_as.__qualname__}"
    return str(load_as)
