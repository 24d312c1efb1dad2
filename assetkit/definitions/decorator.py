"""`@asset`: a function becomes an asset, and stays a function."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, Unpack, overload

from assetkit.definitions.arguments import AssetArguments, check_arguments
from assetkit.definitions.handles import Asset, Declaration, MultiAsset, handle_of
from assetkit.definitions.names import caller, check_key, shown, source_of
from assetkit.definitions.signature import (
    annotation_names,
    check_ins,
    define,
    read_parameters,
)
from assetkit.errors import InvalidArgument

P = ParamSpec("P")
R = TypeVar("R")

_FAR = 12  # frames between a function's definition and its decorator, at most


@overload
def asset(function: Callable[P, R], /, **arguments: Unpack[AssetArguments]) -> Asset[P, R]: ...
@overload
def asset(
    **arguments: Unpack[AssetArguments],
) -> Callable[[Callable[P, R]], Asset[P, R]]: ...
def asset(function: Any = None, /, **arguments: Unpack[AssetArguments]) -> Any:
    """Declare a function to be an asset; ``@asset`` or ``@asset(...)``.

    A parameter's name is the name of the upstream asset that it loads. The
    handle that comes back still is the plain function when it is called.

    Args:
        function: what makes the data.
        **arguments: all optional.
            ``name`` (default: the function's; prefixes with ``/``), ``group``,
            ``description`` (default: the docstring), ``owners``, ``tags``, ``metadata``;
            ``ins`` (``{parameter: AssetIn(...)}``), ``deps`` (assets that are not loaded);
            ``partitions``; ``io_manager`` (default ``"parquet"``), ``schema``,
            ``on_schema_change`` (``"evolve"``, or ``"fail"`` where partitions made by the
            same code must have the same columns), ``checks``;
            ``freshness``, ``automation``, ``backfill``, ``retry`` (a `RetryPolicy` or a number),
            ``timeout`` (seconds or text such as ``"2h"``), ``pool``; ``code_version``
            (default: a fingerprint of the code), ``rebuildable``, ``requires_approval``,
            ``executor_options``.

    Raises:
        DefinitionError: an argument, the name or the function does not do; says what is allowed.

    >>> @asset(group="raw", retry=3)
    ... def flights():
    ...     return [1, 2, 3]
    >>> flights.key, flights()
    ('flights', [1, 2, 3])
    """
    if function is not None:
        return _declare(function, arguments)

    def decorate(function: Callable[..., Any]) -> Asset[..., Any]:
        return _declare(function, arguments)

    return decorate


def _declare(function: Any, given: Mapping[str, Any]) -> Asset[..., Any]:
    check_function(function)
    source = source_of(function)
    arguments = dict(given)
    name = arguments.pop("name", None)
    if name is None:
        name = function.__name__
    key = check_key(name, where=f"Asset at {source}")
    owner = f"Asset {key!r} ({source})"
    parameters = read_parameters(function, owner=owner)
    checked = check_arguments(arguments, owner=owner)
    if "ins" in checked:
        check_ins(parameters.names, checked["ins"], owner=owner)
    if "description" not in checked and function.__doc__:
        checked["description"] = inspect.cleandoc(function.__doc__)
    return handle_of(
        Declaration(
            key=key,
            function=function,
            source=source,
            arguments=checked,
            scope=enclosing_scope(function),
            define=define,
        )
    )


def check_function(function: Any, decorator: str = "@asset") -> None:
    """Refuse what is no function that can be an asset's."""
    if isinstance(function, FunctionType):
        return
    where = f"{decorator} at {caller()}"
    if isinstance(function, Asset | MultiAsset):
        raise InvalidArgument(f"{where}: {function!r} is an asset already. Decorate it once.")
    if isinstance(function, type):
        raise InvalidArgument(
            f"{where}: {function.__name__} is a class, but an asset is a function. "
            "Decorate a function that returns what the class makes."
        )
    if isinstance(function, str):
        raise InvalidArgument(f"{where}: the name goes by keyword: {decorator}(name={function!r}).")
    if isinstance(function, staticmethod | classmethod):
        raise InvalidArgument(f"{where}: an asset is a function. Define it outside of the class.")
    raise InvalidArgument(
        f"{where}: {shown(function)} is no function that was written with def or lambda. "
        "Wrap it: def my_asset(...): return it(...)."
    )


def enclosing_scope(function: FunctionType) -> dict[str, Any]:
    """Return what the function around *function* knows by name: assets, annotations' names.

    A copy of the few that matter: a frame kept alive would keep all data in it alive.
    """
    around, locals_mark, _ = function.__qualname__.rpartition(".<locals>.")
    if not locals_mark:
        return {}
    frame = sys._getframe(2)  # noqa: SLF001  inspect.currentframe would be the same, slower
    for _ in range(_FAR):
        code = frame.f_code
        if code.co_qualname == around and frame.f_globals is function.__globals__:
            break
        if frame.f_back is None:
            return {}
        frame = frame.f_back
    else:
        return {}
    mentioned = annotation_names(function)
    return {
        name: value
        for name, value in frame.f_locals.items()
        if isinstance(value, Asset | MultiAsset) or name in mentioned
    }
