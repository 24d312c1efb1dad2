"""Automation at work: turns, one after another or by hand; see `Daemon`.

The class is loaded on first use: what it needs is heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from assetkit.daemon.daemon import Daemon
    from assetkit.daemon.watching import watch

__all__ = ["Daemon", "watch"]

_HOMES: Final = {"Daemon": "daemon", "watch": "watching"}


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'assetkit.daemon' has no attribute {name!r}")
    return getattr(import_module(f"assetkit.daemon.{_HOMES[name]}"), name)
