"""Which step goes first where several could: the one with the longest way to the end.

Rule 1: the way is counted in seconds of earlier runs, asset by asset; an asset that never
ran counts as the others do on average. Where none ever ran, plan order stays.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

from assetkit.execution.waiting import StepTable
from assetkit.planning.data import PlanData
from assetkit.records import AssetKey


def ranks_of(plan: PlanData, steps: StepTable) -> Sequence[int] | None:
    """Return the rank of each step, lowest first; None where plan order is as good."""
    if len(steps.first) < 2:
        return None
    seconds = _seconds(plan, steps)
    if seconds is None:
        return None
    left = seconds_left(plan, steps, seconds)
    places = {way: rank for rank, way in enumerate(sorted(set(left.values()), reverse=True))}
    ranks = array("i", (0,)) * steps.count
    for asset, first in steps.first.items():
        count = len(steps.positions[asset])
        ranks[first : first + count] = array("i", (places[left[asset]],)) * count
    return ranks


def seconds_left(
    plan: PlanData, steps: StepTable, seconds: Mapping[AssetKey, float]
) -> dict[AssetKey, float]:
    """Return how long it takes from the start of an asset's step to the end of all that needs it.

    *seconds* is what one step of each asset takes. Steps that need one another, one
    partition the last, count one after another.
    """
    left: dict[AssetKey, float] = {}
    after: dict[AssetKey, float] = {}
    for asset in reversed(tuple(steps.first)):
        upstreams = {edge.upstream for edge in plan.graph.edges[asset]}
        in_turn = len(steps.positions[asset]) if asset in upstreams else 1
        left[asset] = seconds[asset] * in_turn + after.get(asset, 0.0)
        for above in upstreams - {asset}:
            after[above] = max(after.get(above, 0.0), left[asset])
    return left


def _seconds(plan: PlanData, steps: StepTable) -> dict[AssetKey, float] | None:
    estimates = plan.snapshot.estimates
    known = {asset: estimates[asset].seconds for asset in steps.first if asset in estimates}
    if not known:
        return None
    average = sum(known.values()) / len(known)
    return {asset: known.get(asset, average) for asset in steps.first}
