"""The IO managers that a workspace has by name, and its catalog."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from assetkit.catalog.base import Catalog
from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.errors import InvalidArgument
from assetkit.io.external import ExternalFiles
from assetkit.io.json import JSONIOManager
from assetkit.io.memory import MemoryIOManager
from assetkit.io.parquet import ParquetIOManager
from assetkit.io.pickle import PickleIOManager

_METHODS = ("write", "read", "delete")


def make_io_managers(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the ready IO managers and those given; a given one replaces a ready one.

    Raises:
        InvalidArgument: something given lacks one of the three methods.
    """
    managers: dict[str, Any] = {
        "parquet": ParquetIOManager(),
        "pickle": PickleIOManager(),
        "json": JSONIOManager(),
        "memory": MemoryIOManager(),
        "external": ExternalFiles(),
    }
    for name, manager in (given or {}).items():
        lacking = [method for method in _METHODS if not callable(getattr(manager, method, None))]
        if lacking:
            raise InvalidArgument(
                f"The IO manager {name!r} ({type(manager).__qualname__}) has no method "
                f"{' and no '.join(lacking)}. An IO manager needs write(value, target), "
                f"read(sources, load_as, columns) and delete(target)."
            )
        managers[name] = manager
    return managers


def open_catalog(given: str | PathLike[str] | Catalog | None, default: Path) -> Catalog:
    """Return the catalog given, or the one in the file given or by default; nothing is read yet."""
    if given is None:
        return DuckDBCatalog(default)
    if isinstance(given, str | PathLike):
        return DuckDBCatalog(Path(given).expanduser().resolve())
    return given
