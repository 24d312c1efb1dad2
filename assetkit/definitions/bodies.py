"""Functions for assets that are declared by a call: they seem to stand where that call stands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from assetkit.definitions.handles import Asset, MultiAsset
from assetkit.definitions.names import is_own, shown_file
from assetkit.records import AssetKey, SourceLocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """The user's code from which a declaring call came.

    ``scope`` holds the assets that the enclosing function knew; ``around`` is
    that function's qualified name, empty at the top of a module.
    """

    source: SourceLocation
    module_globals: dict[str, Any]
    scope: Mapping[str, Any]
    around: str = ""


def calling_code() -> Stand:
    """Return the user's code that is calling assetkit now."""
    frame = sys._getframe(1)  # noqa: SLF001  there is no public way to read one frame cheaply
    while frame.f_back is not None and is_own(frame.f_globals):
        frame = frame.f_back
    inside = frame.f_code.co_name != "<module>"
    seen = frame.f_locals.items() if inside else ()
    return Stand(
        source=SourceLocation(file=shown_file(frame.f_code.co_filename), line=frame.f_lineno),
        module_globals=frame.f_globals,
        scope={name: value for name, value in seen if isinstance(value, Asset | MultiAsset)},
        around=frame.f_code.co_qualname if inside else "",
    )


def function_at(stand: Stand, key: AssetKey, body: Callable[..., Any]) -> Callable[..., Any]:
    """Return *body* as a function of the user's module, so that names are looked up there."""
    outline = _outline(body)
    name = key.rpartition("/")[2]
    function = FunctionType(outline.__code__, stand.module_globals, name, None, outline.__closure__)
    function.__module__ = stand.module_globals.get("__name__", "__main__")
    function.__qualname__ = f"{stand.around}.<locals>.{name}" if stand.around else name
    return function


def _outline(body: Callable[..., Any]) -> Any:
    def run(*args: Any, **arguments: Any) -> Any:
        return body(*args, **arguments)

    return run
