"""An asset as declared: its function, its inputs, its policies.

`AssetDef` is the frozen value that everything else works with; `Asset` is the
handle that a user holds: it stays the same object when a module is reloaded or
a notebook cell runs again, and calling it calls the plain function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assetkit.definitions.policies import (
    AutoMaterializePolicy,
    BackfillPolicy,
    FreshnessPolicy,
    RetryPolicy,
)
from assetkit.definitions.universe import PartitionMapping
from assetkit.records import AssetKey, SourceLocation


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
class AssetDef:
    """All that was declared of one asset.

    ``io_manager`` is a name known to the workspace, or an `IOManager`;
    ``timeout`` in seconds; ``code_version`` None: a fingerprint of the code.
    ``resources`` and ``config`` map parameter names to the annotated classes;
    ``wants_context`` is the name of the context parameter, or None.
    ``kind`` is "python", "sql", "external" or "multi".
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
    checks: tuple[Any, ...] = ()
    freshness: FreshnessPolicy | None = None
    automation: AutoMaterializePolicy | None = None
    backfill: BackfillPolicy = field(default_factory=BackfillPolicy)
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
    output: Any = None
    kind: str = "python"

    @property
    def name(self) -> str:
        """The last part of the key: what a parameter name matches."""
        return self.key.rpartition("/")[2]
