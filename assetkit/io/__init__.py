"""IO managers: how values get into files and back, and what a manager of your own needs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assetkit.io.base import IOManager as IOManager
    from assetkit.io.base import Loaded as Loaded
    from assetkit.io.base import Place as Place
    from assetkit.io.base import Source as Source
    from assetkit.io.base import StagedIOManager as StagedIOManager
    from assetkit.io.base import Stored as Stored
    from assetkit.io.base import Target as Target
    from assetkit.io.base import Written as Written
    from assetkit.io.csv import CSVIOManager as CSVIOManager
    from assetkit.io.delta import DeltaIOManager as DeltaIOManager
    from assetkit.io.duckdb_tables import DuckDBIOManager as DuckDBIOManager
    from assetkit.io.iceberg import IcebergIOManager as IcebergIOManager
    from assetkit.io.json import JSONIOManager as JSONIOManager
    from assetkit.io.memory import MemoryIOManager as MemoryIOManager
    from assetkit.io.parquet import ParquetIOManager as ParquetIOManager
    from assetkit.io.pickle import PickleIOManager as PickleIOManager

_MODULES = {
    "CSVIOManager": "csv",
    "DeltaIOManager": "delta",
    "DuckDBIOManager": "duckdb_tables",
    "IcebergIOManager": "iceberg",
    "IOManager": "base",
    "JSONIOManager": "json",
    "Loaded": "base",
    "MemoryIOManager": "memory",
    "ParquetIOManager": "parquet",
    "PickleIOManager": "pickle",
    "Place": "base",
    "Source": "base",
    "StagedIOManager": "base",
    "Stored": "base",
    "Target": "base",
    "Written": "base",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """Load a public name on first use: the managers bring Arrow with them."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
