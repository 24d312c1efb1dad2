"""Evaluate automation in a workspace: what would be launched now, and when to look again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from assetkit.columns import VersionColumns
from assetkit.graph.graph import AssetGraph
from assetkit.planning.automation import Automation, automate
from assetkit.planning.decisions import Decision
from assetkit.planning.freshness import Freshness
from assetkit.planning.plan import Plan
from assetkit.planning.planner import Situation, make_plan
from assetkit.planning.request import Request
from assetkit.records import AssetKey
from assetkit.workspace.core import Core
from assetkit.workspace.planning import decide_in, with_sources
from assetkit.workspace.reconcile import Looks
from assetkit.workspace.situation import Definitions, describe_graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What automation would launch at one moment, and why nothing else.

    ``plan`` is applied as it stands by `materialize`. ``wake_at`` is when time
    alone may change a decision or a status next; None: only an event can.
    ``statuses`` say how each asset with a promise stands to it.
    """

    plan: Plan
    decisions: tuple[Decision, ...]
    statuses: tuple[Freshness, ...]
    wake_at: datetime | None


def evaluate(
    core: Core,
    graph: AssetGraph | Definitions,
    *,
    now: datetime | None = None,
    config: Mapping[AssetKey, Mapping[str, Any]] | None = None,
    horizon: timedelta = timedelta(0),
) -> Evaluation:
    """Return what automation would launch now; nothing runs.

    *graph*: assets, or what `describe_graph` made of them: fingerprinting code takes
    longest, and a daemon does it once. *now* None: the time of the workspace. *horizon*:
    promises that fall due so much later count as due, for callers that come back that late.
    """
    described = graph if isinstance(graph, Definitions) else describe_graph(graph, config or {})
    decide = _automation(core, horizon)
    return _evaluation(decide_in(core, described, now or core.now(), decide))


def evaluate_beside(
    core: Core,
    described: Definitions,
    request: Request,
    *,
    now: datetime,
    looks: Looks | None = None,
) -> tuple[Plan, Evaluation]:
    """Return the plan of a request, and what automation would launch, from one look at both
    the catalog and the files; nothing runs. *looks* has what was found of the files before.
    """
    decide = _automation(core, timedelta(0))

    def decide_both(situation: Situation) -> tuple[tuple[Plan, Automation], frozenset[AssetKey]]:
        draft = make_plan(situation, request)
        made, missed = decide(situation)
        return (draft.plan, made), draft.wants_detail | missed

    plan, made = decide_in(core, described, now, decide_both, looks=looks)
    return with_sources(core, plan), _evaluation(made)


def _automation(
    core: Core, horizon: timedelta
) -> Callable[[Situation], tuple[Automation, frozenset[AssetKey]]]:
    """Return what decides for `decide_in` what automation would do."""
    histories: dict[AssetKey, VersionColumns] = {}

    def decide(situation: Situation) -> tuple[Automation, frozenset[AssetKey]]:
        histories.clear()
        made = automate(situation, horizon=horizon)
        while missed := made.wants_history - histories.keys():
            histories.update({key: core.catalog.versions(key) for key in missed})
            made = automate(situation, horizon=horizon, histories=histories)
        return made, made.draft.wants_detail

    return decide


def _evaluation(made: Automation) -> Evaluation:
    return Evaluation(
        plan=made.draft.plan,
        decisions=made.decisions,
        statuses=made.statuses,
        wake_at=made.wake_at,
    )
