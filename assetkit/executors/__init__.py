"""Where steps run: in this process, in threads, in processes, on a Dask or Ray cluster."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assetkit.executors.base import Demands, Done, Executor
    from assetkit.executors.dask import DaskExecutor
    from assetkit.executors.local import InProcessExecutor, ThreadExecutor
    from assetkit.executors.processes import ProcessExecutor
    from assetkit.executors.ray import RayExecutor

_HOMES = {
    "DaskExecutor": "dask",
    "Demands": "base",
    "Done": "base",
    "Executor": "base",
    "InProcessExecutor": "local",
    "ProcessExecutor": "processes",
    "RayExecutor": "ray",
    "ThreadExecutor": "local",
}

__all__ = [
    "DaskExecutor",
    "Demands",
    "Done",
    "Executor",
    "InProcessExecutor",
    "ProcessExecutor",
    "RayExecutor",
    "ThreadExecutor",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use; the clusters need extras, and name them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
