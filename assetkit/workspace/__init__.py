"""The workspace: where data and catalog live, and what can be asked of them.

The class is loaded on first use: to find where a workspace lies takes no engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assetkit.workspace.facade import Workspace

__all__ = ["Workspace"]


def __getattr__(name: str) -> Any:
    """Load the class on first use."""
    if name != "Workspace":
        raise AttributeError(f"module 'assetkit.workspace' has no attribute {name!r}")
    return import_module("assetkit.workspace.facade").Workspace
