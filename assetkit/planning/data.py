"""What the planner decided, as a plain value; `plan.Plan` adds how to look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assetkit.columns import Ints
from assetkit.definitions.codeversion import CodeVersion
from assetkit.definitions.universe import Universe
from assetkit.graph.graph import AssetGraph
from assetkit.planning.decisions import Decision
from assetkit.planning.model import AssetPlan
from assetkit.planning.request import Request
from assetkit.planning.state import CatalogState
from assetkit.records import AssetKey, Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanData:
    """What the planner decided, as a value.

    ``assets`` are in a valid order, upstreams first. ``universes`` and
    ``bases`` (what each asset's fingerprint would be now, but for its inputs)
    cover all assets of the graph that the plan touches, with their upstreams.
    ``code`` holds today's code versions with their parts. ``workspace`` is
    where the plan was made; planning does not look at it. ``decisions`` say what
    automation did about each asset, where it made the plan. ``wanted`` are the
    positions of the targets that were asked for; others are there because these need them.
    """

    plan_id: str
    now: datetime
    graph: AssetGraph
    universes: Mapping[AssetKey, Universe]
    bases: Mapping[AssetKey, Basis]
    snapshot: CatalogState
    assets: tuple[AssetPlan, ...]
    targets: tuple[AssetKey, ...]
    request: Request
    notes: tuple[str, ...] = ()
    config: Mapping[AssetKey, Any] = field(default_factory=dict)
    code: Mapping[AssetKey, CodeVersion] = field(default_factory=dict)
    workspace: Any = None
    decisions: tuple[Decision, ...] = ()
    wanted: Mapping[AssetKey, Ints] = field(default_factory=dict)
