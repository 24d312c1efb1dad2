"""Decide for all assets; what one function makes in one call runs together.

Rule 1: where one output of a multi-asset runs, the others of that partition run, too,
asked for or not: the function makes them anyway. One that can make some runs for those.
Rule 2: what all outputs only may have to run for, they may have to together; where one
surely runs, all do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from assetkit.columns import Flags, Ints
from assetkit.graph.graph import AssetGraph
from assetkit.planning.model import VERDICTS, AssetPlan, Cause
from assetkit.planning.verdicts import decide
from assetkit.planning.world import Ledger, World
from assetkit.records import AssetKey, Verdict

_FRESH, _STALE = VERDICTS.index(Verdict.FRESH), VERDICTS.index(Verdict.STALE)


def decide_all(world: World, ledger: Ledger) -> tuple[AssetPlan, ...]:
    """Return the plans of all assets in scope, and of those made together with them."""
    groups = groups_of(world.graph)
    parts: dict[AssetKey, AssetPlan] = {}
    for key in world.graph.assets:
        if key in world.scope:
            parts[key] = decide(key, world, ledger)
        # Outputs have the same inputs, so nothing that needs one comes before the last.
        if key in groups and any(one in parts for one in groups[key]):
            _join(groups[key], parts, world, ledger)
    return tuple(parts[key] for key in world.graph.assets if key in parts)


def groups_of(graph: AssetGraph) -> dict[AssetKey, tuple[AssetKey, ...]]:
    """Return the assets that only run together, each group by the last of it in plan order."""
    found: dict[tuple[AssetKey, ...], AssetKey] = {}
    for key, asset in graph.assets.items():
        if asset.together is not None and not asset.together.can_subset:
            found[tuple(asset.together.outputs.values())] = key
    return {
        last: tuple(one for one in keys if one in graph.assets and graph.assets[one].together)
        for keys, last in found.items()
    }


def _join(
    keys: Sequence[AssetKey], parts: dict[AssetKey, AssetPlan], world: World, ledger: Ledger
) -> None:
    size = len(world.universes[keys[0]])
    runs, sure = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_)
    own: dict[AssetKey, Flags] = {}
    for key in keys:
        own[key] = np.zeros(size, dtype=np.bool_)
        if key in parts:
            part = parts[key]
            own[key][part.positions] = part.run
            sure[part.positions] |= part.run & ~part.maybe
            runs |= own[key]
    if not runs.any():
        return
    needed = np.flatnonzero(runs).astype(np.int64)
    for key in keys:
        part = _with_slots(key, needed, parts.get(key), world, ledger)
        parts[key] = _drawn_in(part, {one: own[one] for one in keys if one != key}, world)
        parts[key] = replace(parts[key], maybe=parts[key].run & ~sure[part.positions])
        ledger.decided[key].will_run(part.positions, parts[key].run)


def _with_slots(
    key: AssetKey, needed: Ints, part: AssetPlan | None, world: World, ledger: Ledger
) -> AssetPlan:
    """Return the plan of one output with the slots that are made anyway."""
    if part is not None and np.isin(needed, part.positions).all():
        return part
    known = needed if part is None else np.union1d(part.positions, needed)
    return decide(key, replace(world, scope={**world.scope, key: known}), ledger)


def _drawn_in(part: AssetPlan, others: Mapping[AssetKey, Flags], world: World) -> AssetPlan:
    """Return the plan of one output, in which it runs wherever one of *others* does."""
    asset = world.graph.assets[part.asset]
    hit = np.logical_or.reduce([flags[part.positions] for flags in others.values()]) & ~part.run
    if not asset.rebuildable:
        hit &= part.verdict == VERDICTS.index(Verdict.MISSING)
    if not hit.any():
        return part
    causes, table = part.causes.copy(), list(part.cause_table)
    for other, flags in others.items():
        if (flags[part.positions] & hit).any() and len(table) < 64:
            causes[flags[part.positions] & hit] |= np.uint64(1 << len(table))
            table.append(Cause("with", upstream=other))
    verdict = part.verdict.copy()
    verdict[hit & (verdict == _FRESH)] = _STALE
    return replace(
        part, verdict=verdict, causes=causes, cause_table=tuple(table), run=part.run | hit
    )
