"""What ``state:stale`` and ``changed:code`` match in selections: asked of a plan of everything.

``state:late`` are assets whose promise of freshness is broken, ``held`` those that automation is
to leave alone, ``orphan`` those with published slots that have no place any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from assetkit.errors import InvalidSelection, did_you_mean
from assetkit.graph.graph import AssetGraph
from assetkit.planning.model import VERDICTS
from assetkit.planning.plan import Plan
from assetkit.planning.request import Request
from assetkit.records import AssetKey, Verdict
from assetkit.workspace.facade import Workspace

CHANGES = ("code", "config", "schema", "definition")
STATES = (*(str(verdict) for verdict in Verdict), "failed", "held", "late", "never", "orphan")


def facts_in(
    workspace: Workspace,
    graph: AssetGraph,
    *,
    config: Mapping[AssetKey, Mapping[str, Any]] | None = None,
    now: datetime | None = None,
) -> Callable[[str, str], set[AssetKey]]:
    """Return what answers (``"state"`` or ``"changed"``, value) with the assets that match.

    Nothing is read before it is first asked.
    """

    @lru_cache(maxsize=2)
    def everything(*, automatic: bool = False) -> Plan:
        request = Request(targets=tuple(graph.assets), automatic=automatic)
        return workspace.plan(graph, request, config=config, now=now)

    def facts(kind: str, value: str) -> set[AssetKey]:
        allowed = STATES if kind == "state" else CHANGES
        if value not in allowed:
            raise InvalidSelection(
                f"{kind}:{value} means nothing. {did_you_mean(value, allowed, what='values')}"
            )
        if kind == "changed":
            return _changed(everything(), value)
        if value == "late":
            return _late(workspace, graph, config, now)
        # Asked for by hand, what is quarantined is tried again.
        return _in_state(everything(automatic=value == Verdict.QUARANTINED), value)

    return facts


def _changed(plan: Plan, part: str) -> set[AssetKey]:
    return {
        one.asset for one in plan.assets if any(cause.kind == part for cause in one.cause_table)
    }


def _late(
    workspace: Workspace,
    graph: AssetGraph,
    config: Mapping[AssetKey, Mapping[str, Any]] | None,
    now: datetime | None,
) -> set[AssetKey]:
    # Promises take a look at automation, which few selections are worth loading for.
    evaluate = import_module("assetkit.workspace.evaluating").evaluate
    found = evaluate(workspace.core, graph, now=now, config=config)
    return {one.asset for one in found.statuses if one.is_late}


def _in_state(plan: Plan, state: str) -> set[AssetKey]:
    known = plan.snapshot
    if state == "failed":
        return {asset for asset, _ordinal in known.failures}
    if state == "held":
        return plan.graph.assets.keys() & known.holds.keys()
    if state == "orphan":
        return {asset for asset, texts in known.orphans.items() if texts}
    if state == "never":
        return {part.asset for part in plan.assets if not known.gist(part.asset).slots}
    code = VERDICTS.index(Verdict(state))
    return {part.asset for part in plan.assets if np.any(part.verdict == code)}
