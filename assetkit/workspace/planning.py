"""Plan in a workspace: read, look at the files, decide; read again where details were missed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

from assetkit.catalog.base import Commit
from assetkit.columns import SlotTable
from assetkit.errors import StorageError
from assetkit.graph.graph import AssetGraph
from assetkit.graph.selection import upstream_of
from assetkit.planning.plan import Plan
from assetkit.planning.planner import Situation, make_plan
from assetkit.planning.request import Request
from assetkit.records import AssetKey, Materialization
from assetkit.workspace.branching import members_of, with_base
from assetkit.workspace.core import Core
from assetkit.workspace.observing import observe_outside
from assetkit.workspace.reconcile import LOOK_AT_MOST, Findings, Looks, look_at_files, without
from assetkit.workspace.recording import record_definitions
from assetkit.workspace.situation import (
    Definitions,
    describe_graph,
    read_situation,
    universes_of,
)
from assetkit.workspace.sources import find_sources

T = TypeVar("T")
_ROUNDS = 6


def plan_in(
    core: Core,
    graph: AssetGraph | Definitions,
    request: Request,
    *,
    config: Mapping[AssetKey, Mapping[str, Any]],
    now: datetime,
) -> Plan:
    """Return the plan of a request; heals what a crash left behind of its assets on the way.

    *graph*: assets, or what `describe_graph` made of them with *config*.
    """

    def decide(situation: Situation) -> tuple[Plan, frozenset[AssetKey]]:
        draft = make_plan(situation, request)
        return draft.plan, draft.wants_detail

    described = graph if isinstance(graph, Definitions) else describe_graph(graph, config)
    # A plan looks at its targets, and at what they are made from.
    targets = [key for key in request.targets if key in described.graph.assets]
    about = upstream_of(described.graph, targets, None if request.upstream else 1)
    return with_sources(core, decide_in(core, described, now, decide, about=about))


def with_sources(core: Core, plan: Plan) -> Plan:
    """Return a plan that can show what changed in the code, where that is a cause."""
    known = plan.snapshot.code_parts
    changed = [
        part.asset
        for part in plan.assets
        if part.asset in known and any(cause.kind == "code" for cause in part.cause_table)
    ]
    if not changed:
        return plan
    hashes = {one for key in changed for parts in known[key].values() for one in parts.values()}
    snapshot = replace(plan.snapshot, sources=find_sources(core, hashes))
    return replace(plan, snapshot=snapshot)


def decide_in(
    core: Core,
    definitions: Definitions,
    now: datetime,
    decide: Callable[[Situation], tuple[T, frozenset[AssetKey]]],
    *,
    about: Collection[AssetKey] | None = None,
    looks: Looks | None = None,
) -> T:
    """Return what *decide* makes of the situation, given the details that it says it misses.

    Only the files of the assets that it is *about* are looked at (None: of all); *looks*
    has what was found of them before.
    """
    graph = definitions.graph
    managers = {key: core.io_manager_of(asset) for key, asset in graph.assets.items()}
    if about is not None:
        managers = {key: manager for key, manager in managers.items() if key in about}
    outside = frozenset(key for key, asset in graph.assets.items() if asset.outside is not None)
    detail = outside
    if core.base is not None:
        detail = frozenset(graph.assets)
    elif _is_small(graph, managers, now):
        detail |= managers.keys()
    members = members_of(core) if core.base is not None else None
    observed = not outside
    for _round in range(_ROUNDS):
        situation = read_situation(definitions, core.catalog, now, detail=detail, members=members)
        if not observed:
            observed = True
            if observe_outside(core, situation):
                continue
        findings = look_at_files(situation, managers, core.place, looks)
        if findings.adopt and _adopt(core, situation, findings.adopt):
            continue
        situation = with_base(core, _seen(situation, findings), definitions)
        decided, missed = decide(situation)
        if missed <= detail:
            return decided
        detail |= missed
    raise StorageError(
        f"The catalog of {core.root} changed {_ROUNDS} times while a plan was made of it. "
        f"Wait until the other runs are done (see workspace.runs()), then try again."
    )


def _is_small(graph: AssetGraph, assets: Collection[AssetKey], now: datetime) -> bool:
    """Return whether all details may as well be read at once, so that files can be looked at."""
    universes = universes_of(graph, now, {})
    return sum(len(universes[key]) for key in assets) <= LOOK_AT_MOST


def _adopt(core: Core, situation: Situation, found: tuple[Materialization, ...]) -> bool:
    """Write down what was published but not recorded; return whether that changed anything."""
    record_definitions(core, situation)
    receipt = core.catalog.commit(
        Commit(
            commit_id=f"adopt-{uuid4().hex}",
            run_id=found[0].run_id,
            fence=0,
            materializations=found,
            read_seqs=(0,) * len(found),
        )
    )
    return len(receipt.refused) < len(found)


def _seen(situation: Situation, findings: Findings) -> Situation:
    """Return the situation without the slots whose data is gone."""
    if not findings.gone:
        return situation
    state = situation.state
    left = {
        key: without(state.columns(key), lost)
        for key, lost in findings.gone.items()
        if key in state.slots
    }
    slots = SlotTable.of(state.slots).but(left)
    return replace(situation, state=replace(state, slots=slots, gone=findings.gone))
