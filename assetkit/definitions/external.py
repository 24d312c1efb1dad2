"""`external_asset`: data that others make, watched and read but never made here."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from string import Formatter
from typing import Any

from assetkit.definitions.arguments import check_arguments
from assetkit.definitions.asset import AssetDef
from assetkit.definitions.bodies import calling_code, function_at
from assetkit.definitions.handles import Asset, Declaration, handle_of
from assetkit.definitions.names import check_key, invalid
from assetkit.definitions.outside import Outside
from assetkit.errors import InvalidArgument, StepError

KEY_FIELD = "partition_key"
_KEPT = frozenset({"group", "description", "owners", "tags", "metadata", "freshness"})


def external_asset(
    name: str,
    *,
    path: str | os.PathLike[str] | None = None,
    observe: Callable[..., Any] | None = None,
    partitions: Any = None,
    **arguments: Any,
) -> Asset[..., Any]:
    """Declare data that others make. Planning looks at it; nothing here ever writes it.

    Args:
        name: its name, with prefixes after ``/`` if wanted.
        path: a path, fsspec URL or glob of Parquet, CSV or JSON lines, which loads
            like any asset. Its version is made from the listing (name, size, time or
            etag). With *partitions*, ``{partition_key}`` (or the name of each
            dimension) in it stands for the key.
        observe: returns the version of the data instead (any text or number; with
            a time: ``(version, data_time)``; None: nothing is there). A function
            with a parameter gets the partition key.
        partitions: a partitions definition.
        **arguments: ``group``, ``description``, ``owners``, ``tags``, ``metadata``, ``freshness``.

    Raises:
        InvalidArgument: neither *path* nor *observe*, or a path that does not fit *partitions*.

    >>> orders = external_asset("orders", path="in/orders/*.csv")
    >>> orders.key
    'orders'
    """
    stand = calling_code()
    key = check_key(name, where=f"external_asset at {stand.source}")
    owner = f"External asset {key!r} ({stand.source})"
    for argument in arguments.keys() - _KEPT:
        raise InvalidArgument(
            f"{owner}: an external asset has no argument {argument!r}: it is never made here. "
            f"It takes path, observe, partitions, {', '.join(sorted(_KEPT))}."
        )
    checked = check_arguments({**arguments, "partitions": partitions}, owner=owner)
    outside = Outside(
        path=None if path is None else _path(path, checked.get("partitions"), owner),
        observe=observe,
        by_partition=_by_partition(observe, owner),
    )
    if path is None and observe is None:
        raise InvalidArgument(f"{owner} needs path= (where the data lies), or observe=, or both.")
    return handle_of(
        Declaration(
            key=key,
            function=function_at(stand, key, _NeverMade(key)),
            source=stand.source,
            arguments=checked,
            scope=stand.scope,
            define=partial(_define, outside),
        )
    )


@dataclass(frozen=True, slots=True)
class _NeverMade:
    """What calling an external asset means."""

    key: str

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise StepError(f"{self.key!r} is made elsewhere, so there is no function to call.")


def _define(outside: Outside, declaration: Declaration) -> AssetDef:
    # What reads files brings Arrow with it; a definition is asked for when it is used.
    files = import_module("assetkit.io.external").ExternalFiles(outside.path)
    return AssetDef(
        key=declaration.key,
        function=declaration.function,
        source=declaration.source,
        io_manager=files,
        code_version=f"external {outside.path or ''}",
        kind="external",
        outside=outside,
        **declaration.arguments,
    )


def _path(path: Any, partitions: Any, owner: str) -> str:
    if not isinstance(path, str | os.PathLike):
        raise invalid(owner, "path", path, "a path, an fsspec URL or a glob")
    text = os.fspath(path)
    if partitions is None:
        return text.replace("{", "{{").replace("}", "}}")
    try:
        used = {field for _, field, _, _ in Formatter().parse(text) if field is not None}
    except ValueError as error:
        raise invalid(owner, "path", path, f"a path with {{partition_key}} ({error})") from None
    dimensions = tuple(partitions.dimensions)
    several = len(dimensions) > 1
    fields = dimensions if several else (KEY_FIELD, *dimensions)
    if used - set(fields) or not used or (several and set(dimensions) - used):
        named = (" and " if several else " or ").join(f"{{{field}}}" for field in fields)
        raise invalid(owner, "path", text, f"a path that names the partition by {named}")
    return text


def _by_partition(observe: Any, owner: str) -> bool:
    if observe is None:
        return False
    if not callable(observe):
        raise invalid(owner, "observe", observe, "a function that returns a version")
    return bool(inspect.signature(observe).parameters)
