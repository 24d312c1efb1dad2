"""Where steps run: in this process, in threads, in processes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assetkit.executors.base import Done, Executor
    from assetkit.executors.local import InProcessExecutor, ThreadExecutor
    from assetkit.executors.processes import ProcessExecutor

_HOMES = {
    "Done": "base",
    "Executor": "base",
    "InProcessExecutor": "local",
    "ProcessExecutor": "processes",
    "ThreadExecutor": "local",
}

__all__ = ["Done", "Executor", "InProcessExecutor", "ProcessExecutor", "ThreadExecutor"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
