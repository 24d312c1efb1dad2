"""The IO managers that a workspace has by name, and its catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

from assetkit.catalog.base import Catalog
from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.errors import InvalidArgument
from assetkit.io.base import Place
from assetkit.io.placing import is_remote, placed

_METHODS = ("write", "read", "delete")
_READY = {
    "parquet": ("assetkit.io.parquet", "ParquetIOManager"),
    "pickle": ("assetkit.io.pickle", "PickleIOManager"),
    "json": ("assetkit.io.json", "JSONIOManager"),
    "memory": ("assetkit.io.memory", "MemoryIOManager"),
    "duckdb": ("assetkit.io.duckdb_tables", "DuckDBIOManager"),
    "external": ("assetkit.io.external", "ExternalFiles"),
}


class IOManagers(Mapping[str, Any]):
    """The ready IO managers and those given, by name; a ready one is loaded when it is asked for.

    A given one replaces a ready one.

    Raises:
        InvalidArgument: something given lacks one of the three methods.
    """

    def __init__(self, given: Mapping[str, Any] | None, place: Place) -> None:
        self._given, self._place = dict(given or {}), place
        for name, manager in self._given.items():
            _check(name, manager)
        self._loaded: dict[str, Any] = {}
        self._names = (*_READY, *(name for name in self._given if name not in _READY))

    def besides(self, more: Mapping[str, Any]) -> IOManagers:
        """Return these and *more*; one given here goes before one of *more* of the same name."""
        if not more:
            return self
        both = IOManagers({**more, **self._given}, self._place)
        both._loaded = self._loaded  # what is kept in memory is the same
        return both

    def over(self, base: IOManagers) -> IOManagers:
        """Return these and those of a base; one given here goes before one given there."""
        both = IOManagers({**base._given, **self._given}, self._place)
        if not is_remote(self._place):
            both._loaded = base._loaded  # what the base keeps in memory is to be read
        return both

    def __getitem__(self, name: str) -> Any:
        if name in self._given:
            return placed(self._given[name], self._place)
        if name not in self._loaded:
            module, kind = _READY[name]
            made = getattr(import_module(module), kind)()
            self._loaded[name] = placed(made, self._place)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _check(name: str, manager: Any) -> None:
    lacking = [method for method in _METHODS if not callable(getattr(manager, method, None))]
    if lacking:
        raise InvalidArgument(
            f"The IO manager {name!r} ({type(manager).__qualname__}) has no method "
            f"{' and no '.join(lacking)}. An IO manager needs write(value, target), "
            f"read(sources, load_as, columns) and delete(target)."
        )


def open_catalog(given: str | PathLike[str] | Catalog | None, default: Path) -> Catalog:
    """Return the catalog given, or the one in the file given or by default; nothing is read yet."""
    if given is None:
        return DuckDBCatalog(default)
    if isinstance(given, str | PathLike):
        return DuckDBCatalog(Path(given).expanduser().resolve())
    if not hasattr(given, "snapshot"):
        raise InvalidArgument(f"catalog={given!r} does not do. Allowed: the path of a DuckDB file.")
    return given
