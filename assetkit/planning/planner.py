"""The planner: one pure function of the graph, the catalog's state, the request and the time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.codeversion import CodeVersion
from assetkit.definitions.universe import Universe
from assetkit.errors import InvalidSelection, UnknownPartition
from assetkit.graph.graph import AssetGraph
from assetkit.planning.model import VERDICTS, AssetPlan
from assetkit.planning.orphans import orphan_notes
from assetkit.planning.plan import Plan
from assetkit.planning.request import Request
from assetkit.planning.scope import Scope, upstream_scope
from assetkit.planning.state import CatalogState
from assetkit.planning.together import decide_all
from assetkit.planning.world import Ledger, World
from assetkit.records import AssetKey, Basis, Verdict

STATE_SELECTIONS = ("missing", "stale", "failed", "partial")
"""Selections of partitions by what the planner says of them, not by key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a plan depends on but the request: same situation and request, same plan."""

    graph: AssetGraph
    universes: Mapping[AssetKey, Universe]
    bases: Mapping[AssetKey, Basis]
    state: CatalogState
    now: datetime
    config: Mapping[AssetKey, Any] = field(default_factory=dict)
    code: Mapping[AssetKey, CodeVersion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan, and the assets whose details it missed; where there are any, it is not final."""

    plan: Plan
    wants_detail: frozenset[AssetKey]


def make_plan(situation: Situation, request: Request) -> Draft:
    """Decide what would run for *request*, in what order, and why.

    Raises:
        UnknownPartition: a selection names a partition that a target does not have.
        InvalidSelection: a selection does not fit a target, or has no meaning.
    """
    wanted = {key: _selected(key, situation, request) for key in request.targets}
    if request.partitions not in STATE_SELECTIONS:
        return _plan_for(wanted, situation, request)
    probe = _plan_for(wanted, situation, request)
    chosen = {
        part.asset: _in_state(part, request.partitions, situation)
        for part in probe.plan.assets
        if part.asset in wanted
    }
    draft = _plan_for(chosen, situation, request)
    return replace(draft, wants_detail=draft.wants_detail | probe.wants_detail)


def _selected(key: AssetKey, situation: Situation, request: Request) -> Ints:
    """Return the positions of a target that the request is about."""
    universe, partitions = situation.universes[key], request.partitions
    if request.slots is not None:
        return _pinned(universe, request.slots.get(key, ()))
    everything = np.arange(len(universe), dtype=np.int64)
    if partitions is None or key in request.whole or partitions in ("all", *STATE_SELECTIONS):
        return everything
    if not universe.dimensions:
        raise InvalidSelection(
            f"Asset {key!r} ({situation.graph.assets[key].source}) has no partitions, so the "
            f"selection {partitions!r} does not fit it. Leave partitions= out, or ask for "
            f"partitioned targets only."
        )
    try:
        return universe.select(partitions)
    except (UnknownPartition, InvalidSelection) as error:
        raise type(error)(f"Asset {key!r}: {error}") from error


def _pinned(universe: Universe, ranges: Sequence[tuple[int, int]]) -> Ints:
    """Return the positions of ranges of ordinals, as far as they exist."""
    spelled = [np.arange(first, end, dtype=np.int64) for first, end in ranges]
    if not spelled:
        return np.empty(0, dtype=np.int64)
    positions = universe.positions(np.concatenate(spelled))
    return np.unique(positions[positions >= 0]).astype(np.int64)


def _in_state(part: AssetPlan, state: str, situation: Situation) -> Ints:
    """Return the positions of one asset whose slots are in the state asked for."""
    if state == "failed":
        failed = [ordinal for asset, ordinal in situation.state.failures if asset == part.asset]
        universe = situation.universes[part.asset]
        positions = universe.positions(np.array(sorted(failed), dtype=np.int64))
        return np.sort(positions[positions >= 0]).astype(np.int64)
    verdict = VERDICTS.index(Verdict(state))
    chosen: Ints = part.positions[part.verdict == verdict]
    return chosen


def _plan_for(wanted: Scope, situation: Situation, request: Request) -> Draft:
    graph = situation.graph
    world = World(
        graph=graph,
        universes=situation.universes,
        bases=situation.bases,
        state=situation.state,
        request=request,
        now=situation.now,
        wanted=wanted,
        scope=upstream_scope(graph, situation.universes, wanted, upstream=request.upstream),
    )
    ledger = Ledger()
    parts = decide_all(world, ledger)
    plan = Plan(
        plan_id=_plan_id(parts, situation),
        now=situation.now,
        graph=graph,
        universes=situation.universes,
        bases=situation.bases,
        snapshot=situation.state,
        assets=parts,
        targets=request.targets,
        notes=(*graph.notes, *_warnings(situation, parts), *orphan_notes(situation.state, parts)),
        config=situation.config,
        code=situation.code,
        request=request,
        wanted=wanted,
    )
    return Draft(plan, frozenset(ledger.wants_detail | _details_to_run(plan)))


def _warnings(situation: Situation, parts: tuple[AssetPlan, ...]) -> tuple[str, ...]:
    """Return what could not be fingerprinted, once each."""
    coded = (situation.code.get(part.asset) for part in parts)
    return tuple(dict.fromkeys(text for code in coded if code for text in code.warnings))


def _details_to_run(plan: Plan) -> set[AssetKey]:
    """Return the assets whose versions the runner needs: those that run, and what they read."""
    wanted: set[AssetKey] = set()
    for part in plan.assets:
        if part.run.any():
            wanted.add(part.asset)
            wanted.update(edge.upstream for edge in plan.graph.edges[part.asset])
    gists = {key: plan.snapshot.gist(key) for key in wanted}
    return {key for key, gist in gists.items() if gist.slots and not gist.detailed}


def _plan_id(parts: tuple[AssetPlan, ...], situation: Situation) -> str:
    """Return a short id that is the same for plans that would do the same for the same reasons."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.asset.encode())
        digest.update(repr(situation.bases[part.asset]).encode())
        running = part.positions[part.run]
        digest.update(situation.universes[part.asset].ordinals(running).tobytes())
    return digest.hexdigest()[:8]
