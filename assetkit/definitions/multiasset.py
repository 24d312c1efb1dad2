"""`@multi_asset`: one function that makes several assets.

Rule 1: each output is an asset with a key, a fingerprint, checks and storage of its own.
Rule 2: what feeds the function (inputs, partitions, resources, configuration) and how it
is called (retries, timeout, pool) belongs to all outputs alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from inspect import cleandoc
from typing import Any, ParamSpec, TypeVar

from assetkit.definitions.arguments import check_arguments
from assetkit.definitions.asset import AssetDef, Together
from assetkit.definitions.decorator import check_function, enclosing_scope
from assetkit.definitions.handles import Declaration, MultiAsset, handle_of
from assetkit.definitions.names import caller, check_key, invalid, source_of
from assetkit.definitions.policies import AutoMaterializePolicy, FreshnessPolicy
from assetkit.definitions.signature import check_ins, define, read_parameters
from assetkit.errors import DuplicateAsset, InvalidArgument
from assetkit.records import AssetKey, SourceLocation

P = ParamSpec("P")
R = TypeVar("R")

_DECORATOR = "@multi_asset"


@dataclass(frozen=True, slots=True)
class AssetOut:
    """Say more of one output of a multi-asset than its name.

    *key*: the asset's full name, where that is not the output's. All else is as in
    `asset`, and counts before what `multi_asset` says for all outputs.

    >>> AssetOut("sales/orders", io_manager="json").key
    'sales/orders'
    """

    key: str | None = None
    group: str | None = None
    description: str | None = None
    owners: Any = None
    tags: Any = None
    metadata: Mapping[str, Any] | None = None
    io_manager: Any = None
    schema: Any = None
    on_schema_change: str | None = None
    checks: Any = None
    freshness: FreshnessPolicy | None = None
    automation: AutoMaterializePolicy | None = None
    code_version: str | None = None

    def __post_init__(self) -> None:
        owner = f"AssetOut ({caller()})"
        if self.key is not None:
            check_key(self.key, where=owner)
        check_arguments(self.arguments, owner=owner, decorator="AssetOut")

    @property
    def arguments(self) -> dict[str, Any]:
        """What is said, apart from the key."""
        found = ((one.name, getattr(self, one.name)) for one in fields(self) if one.name != "key")
        return {name: value for name, value in found if value is not None}


def multi_asset(
    *, outs: Any, can_subset: bool = False, **arguments: Any
) -> Callable[[Callable[P, R]], MultiAsset[P, R]]:
    """Declare a function that makes several assets: it yields `Output(value, name=...)`.

    It is called once per partition for all outputs, and may return a dict by output
    instead. Each output is planned, checked, stored and recorded by itself; where one of
    them has to be made, the function makes all, or with *can_subset* those in
    ``context.selected_outputs``.

    Args:
        outs: ``{name: AssetOut(...)}``, or a list of names.
        can_subset: the function can make some outputs without the others.
        **arguments: those of `asset` but ``name``; what belongs to one output
            (``schema``, ``checks``, ``description``, ...) may be said in its `AssetOut`.

    Raises:
        DefinitionError: an argument, a name or the function does not do.

    >>> @multi_asset(outs=["low", "high"])
    ... def halves():
    ...     return {"low": [1, 2], "high": [3, 4]}
    >>> [one.key for one in halves.assets], halves()["low"]
    (['low', 'high'], [1, 2])
    """
    owner = f"{_DECORATOR} ({caller()})"
    if "name" in arguments:
        raise InvalidArgument(f"{owner}: a multi-asset has no name= of its own; name its outs.")
    if not isinstance(can_subset, bool):
        raise invalid(owner, "can_subset", can_subset, "True or False")
    declared = _outs(outs, owner)

    def declare(function: Callable[P, R]) -> MultiAsset[P, R]:
        return _declare(function, declared, dict(arguments), can_subset=can_subset)

    return declare


def _outs(given: Any, owner: str) -> dict[str, AssetOut]:
    """Return what is said of each output, by name, with its key."""
    listed = dict.fromkeys(given) if isinstance(given, list | tuple) else given
    allowed = "{'name': AssetOut(...), ...}, or a list of names"
    if not isinstance(listed, Mapping) or not listed:
        raise invalid(owner, "outs", given, allowed)
    found: dict[str, AssetOut] = {}
    for name, said in listed.items():
        out = AssetOut() if said is None else said
        if not isinstance(out, AssetOut):
            raise invalid(owner, f"outs[{name!r}]", said, "AssetOut(...), or None")
        key = check_key(name if out.key is None else out.key, where=f"{owner}: outs[{name!r}]")
        found[name] = replace(out, key=key)
    keys = [one.key for one in found.values()]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise DuplicateAsset(f"{owner}: two outs have the key {twice!r}. Rename one.")
    return found


def _declare(
    function: Any, outs: Mapping[str, AssetOut], given: dict[str, Any], *, can_subset: bool
) -> MultiAsset[Any, Any]:
    check_function(function, _DECORATOR)
    source = source_of(function)
    owner = f"Multi-asset {function.__name__!r} ({source})"
    parameters = read_parameters(function, owner=owner)
    shared = check_arguments(given, owner=owner, decorator=_DECORATOR)
    if "ins" in shared:
        check_ins(parameters.names, shared["ins"], owner=owner)
    if "description" not in shared and function.__doc__:
        shared["description"] = cleandoc(function.__doc__)
    keys = {name: str(out.key) for name, out in outs.items()}
    together = Together(name=function.__name__, outputs=keys, can_subset=can_subset)
    multi: MultiAsset[Any, Any] = MultiAsset(function)
    scope = enclosing_scope(function)
    for name, out in outs.items():
        own = check_arguments(out.arguments, owner=_owner(keys[name], source))
        multi.by_output[name] = handle_of(
            Declaration(
                key=keys[name],
                function=function,
                source=source,
                arguments={**shared, **own},
                scope=scope,
                define=partial(_define, together),
                maker=multi,
            )
        )
    return multi


def _define(together: Together, declaration: Declaration) -> AssetDef:
    return replace(define(declaration), kind="multi", together=together)


def _owner(key: AssetKey, source: SourceLocation) -> str:
    return f"Asset {key!r} ({source})"
