"""Call an asset's function, whether it is plain, async, or yields as it goes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any


def call(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call *function*; wait for what it awaits, and turn an async generator into a plain one."""
    result = function(**arguments)
    if inspect.isawaitable(result):
        return import_module("assetkit.execution.awaiting").wait_for(result)
    if inspect.isasyncgen(result):
        return import_module("assetkit.execution.awaiting").drain(result)
    return result
