"""What ``state:stale`` and ``changed:code`` match in selections: asked of a plan of everything."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from assetkit.errors import InvalidSelection, did_you_mean
from assetkit.graph.graph import AssetGraph
from assetkit.planning.model import VERDICTS
from assetkit.planning.plan import Plan
from assetkit.planning.request import Request
from assetkit.records import AssetKey, Verdict

CHANGES = ("code", "config", "schema", "definition")
STATES = (*(str(verdict) for verdict in Verdict), "failed", "never")


def facts_of(
    graph: AssetGraph, plan_for: Callable[[Request], Plan]
) -> Callable[[str, str], set[AssetKey]]:
    """Return what answers (``"state"`` or ``"changed"``, value) with the assets that match.

    The plan is made when it is first asked for.
    """

    @lru_cache(maxsize=1)
    def everything() -> Plan:
        return plan_for(Request(targets=tuple(graph.assets)))

    def facts(kind: str, value: str) -> set[AssetKey]:
        allowed = STATES if kind == "state" else CHANGES
        if value not in allowed:
            raise InvalidSelection(
                f"{kind}:{value} means nothing. {did_you_mean(value, allowed, what='values')}"
            )
        plan = everything()
        if kind == "changed":
            return {
                part.asset
                for part in plan.assets
                if any(cause.kind == value for cause in part.cause_table)
            }
        return _in_state(plan, value)

    return facts


def _in_state(plan: Plan, state: str) -> set[AssetKey]:
    if state == "failed":
        return {asset for asset, _ordinal in plan.snapshot.failures}
    if state == "never":
        return {part.asset for part in plan.assets if not len(plan.snapshot.columns(part.asset))}
    code = VERDICTS.index(Verdict(state))
    return {part.asset for part in plan.assets if np.any(part.verdict == code)}
