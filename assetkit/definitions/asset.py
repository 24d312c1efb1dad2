"""An asset as declared: its function, its inputs, its policies.

`AssetDef` is the frozen value that everything else works with; the handle that
a user holds is `handles.Asset`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from importlib import import_module
from typing import Any

from assetkit.definitions.outside import Outside
from assetkit.definitions.policies import (
    AutoMaterializePolicy,
    BackfillPolicy,
    FreshnessPolicy,
    RetryPolicy,
)
from assetkit.definitions.universe import PartitionMapping
from assetkit.records import AssetKey, SourceLocation

_ONE_EACH = BackfillPolicy.per_partition()


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One edge as declared: a parameter that loads an upstream asset, or a ``deps`` entry.

    ``parameter`` is None for a dependency that is not loaded. ``upstream`` is
    the key or last name part to look up, or the `Asset` itself. ``mapping``
    None: to be inferred. ``load_as`` is the type to load (None: the default).
    ``need``: "all", "any", "optional" or a minimum count. ``grace`` in seconds.
    ``optional_name``: the parameter has a default, kept where no asset has its name.
    """

    parameter: str | None
    upstream: Any
    mapping: PartitionMapping | None = None
    columns: tuple[str, ...] | None = None
    load_as: Any = None
    need: str | int = "all"
    grace: float | None = None
    optional_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """One function that makes several assets.

    ``name`` is the function's; ``outputs`` maps names of outputs to assets, in the
    order declared. ``can_subset``: it can make some without the others.
    """

    name: str
    outputs: Mapping[str, AssetKey]
    can_subset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDef:
    """All that was declared of one asset.

    ``io_manager`` is a name known to the workspace, or an `IOManager`;
    ``on_schema_change`` is "evolve" or "fail"; ``timeout`` in seconds;
    ``code_version`` None: a fingerprint of the code.
    ``resources`` and ``config`` map parameter names to the annotated classes;
    ``wants_context`` is the name of the context parameter, or None.
    ``kind`` is "python", "sql", "external" or "multi"; ``outside`` says where the
    data of an external one lies, ``together`` with which others a "multi" is made,
    ``query`` the text of a "sql" one.
    """

    key: AssetKey
    function: Callable[..., Any]
    source: SourceLocation
    inputs: tuple[Input, ...] = ()
    partitions: Any = None
    group: str | None = None
    description: str = ""
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    io_manager: Any = "parquet"
    schema: Any = None
    on_schema_change: str = "evolve"
    checks: tuple[Any, ...] = ()
    freshness: FreshnessPolicy | None = None
    automation: AutoMaterializePolicy | None = None
    backfill: BackfillPolicy = _ONE_EACH
    retry: RetryPolicy | None = None
    timeout: float | None = None
    pool: str | None = None
    code_version: str | None = None
    rebuildable: bool = True
    requires_approval: bool = False
    executor_options: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    config: tuple[str, type] | None = None
    wants_context: str | None = None
    kind: str = "python"
    query: str | None = None
    outside: Outside | None = None
    together: Together | None = None

    @property
    def name(self) -> str:
        """The last part of the key: what a parameter name matches."""
        return self.key.rpartition("/")[2]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle a definition of an importable module by reference, any other by value.

        By value the function needs cloudpickle, as everything of a notebook does.
        """
        module, qualname = self.function.__module__, self.function.__qualname__
        if is_importable(module, qualname, lambda found: _one(found, self.key).definition is self):
            return _definition_at, (module, qualname, self.key)
        return object.__reduce_ex__(self, protocol)


def is_importable(module: str, qualname: str, is_it: Callable[[Any], bool]) -> bool:
    """Return whether another process finds by import what *is_it* says yes to."""
    if module == "__main__" or "<" in qualname:
        return False
    # A module without a spec was made on the spot: no other process finds it.
    if getattr(sys.modules.get(module), "__spec__", None) is None:
        return False
    try:
        return is_it(find_global(sys.modules[module], qualname))
    except (AttributeError, KeyError):
        return False


def find_global(module: Any, qualname: str) -> Any:
    """Return what a module calls *qualname*; raises `AttributeError` where it has no such name."""
    return reduce(getattr, qualname.split("."), module)


def _definition_at(module: str, qualname: str, key: AssetKey) -> AssetDef:
    definition: AssetDef = _one(find_global(import_module(module), qualname), key).definition
    return definition


def _one(found: Any, key: AssetKey) -> Any:
    """Return the handle of one asset, where a name stands for those of several, too."""
    by_key = getattr(found, "by_key", None)
    return found if by_key is None else by_key[key]
