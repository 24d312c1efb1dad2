"""Which IO manager keeps data in a place: the one that was asked for, or what it becomes there."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from assetkit.io.base import Place


def is_remote(place: Place) -> bool:
    """Return whether a place's data is in an object store."""
    return "://" in place.data and not place.data.startswith("file://")


def placed(manager: Any, place: Place) -> Any:
    """Return what keeps an IO manager's data in a place: itself, but for files in object stores."""
    if not is_remote(place):
        return manager
    return import_module("assetkit.io.remote_parquet").placed(manager)
