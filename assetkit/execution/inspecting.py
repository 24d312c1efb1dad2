"""From an asset's checks and schema to what looks at its data: before publishing, or afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from assetkit.definitions.asset import AssetDef
from assetkit.definitions.checks import AssetCheck, as_check
from assetkit.errors import UnknownAsset, did_you_mean
from assetkit.execution.environment import Environment
from assetkit.io.base import Written
from assetkit.planning.data import PlanData
from assetkit.records import AssetKey, CheckOutcome, Materialization

if TYPE_CHECKING:
    from assetkit.checks.kinds import ForeignKey

_HEAVY = "assetkit.execution.inspector"
_CARRIED = "assetkit.checks"  # on its way from the worker, among a result's metadata


def inspections_of(asset: AssetDef, plan: PlanData, environment: Environment) -> tuple[Any, ...]:
    """Return what looks at an asset's data before it is published.

    Raises:
        DefinitionError: a check's annotation cannot be read, it is no check, or
            it needs an asset that is not there.
    """
    inspector = inspector_of(asset, plan.graph.assets, environment)
    return environment.inspections if inspector is None else (*environment.inspections, inspector)


def inspector_of(
    asset: AssetDef, assets: Mapping[AssetKey, AssetDef], environment: Environment
) -> Any:
    """Return what looks at an asset's data; None where it has neither checks nor a schema."""
    if not asset.checks and asset.schema is None:
        return None
    owner = f"Asset {asset.key!r} ({asset.source}): checks"
    checks = tuple(as_check(one, owner=owner) for one in asset.checks)
    for check in checks:
        # An annotation that cannot be read is told now, not after hours of work.
        _ = check.load_as if isinstance(check, AssetCheck) else None
    manager = environment.io_manager_of(asset)
    inspector = import_module(_HEAVY)
    parents = {
        check.parent: _parent(check, owner, assets, environment)
        for check in checks
        if isinstance(check, inspector.ForeignKey)
    }
    return inspector.Inspector(manager=manager, checks=checks, parents=parents)


def with_outcomes(written: Written, outcomes: Sequence[CheckOutcome]) -> Written:
    """Return what was written, carrying what was found about it: see `take_outcomes`."""
    if not outcomes:
        return written
    told = [
        {
            "check": one.check,
            "passed": one.passed,
            "severity": one.severity,
            "blocking": one.blocking,
            "description": one.description,
            "metadata": dict(one.metadata),
        }
        for one in outcomes
    ]
    return replace(written, metadata={**written.metadata, _CARRIED: told})


def take_outcomes(made: Materialization) -> tuple[Materialization, tuple[CheckOutcome, ...]]:
    """Return a result as it is recorded, and apart from it what checks found in it."""
    if _CARRIED not in made.metadata:
        return made, ()
    metadata = dict(made.metadata)
    found = tuple(
        CheckOutcome(
            asset=made.asset,
            partition=made.partition,
            ordinal=made.ordinal,
            run_id=made.run_id,
            checked_at=made.materialized_at,
            **told,
        )
        for told in metadata.pop(_CARRIED)
    )
    return replace(made, metadata=metadata), found


def _parent(
    check: ForeignKey, owner: str, assets: Mapping[AssetKey, AssetDef], environment: Environment
) -> Any:
    name = check.parent
    key = name if name in assets else None
    if key is None:
        same = [one for one in assets if one.rpartition("/")[2] == name]
        key = same[0] if len(same) == 1 else None
    if key is None:
        hint = did_you_mean(name, assets, what="assets")
        raise UnknownAsset(
            f"{owner}: {check.name} needs the asset {name!r}, which is not part of this graph. "
            f"{hint} Make it an upstream: deps=[{name!r}]."
        )
    found = assets[key]
    dimensions = () if found.partitions is None else tuple(found.partitions.dimensions)
    return import_module(_HEAVY).Parent(key, environment.io_manager_of(found), dimensions)
