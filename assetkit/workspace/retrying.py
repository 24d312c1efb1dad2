"""What is to be run again of a run that did not come to a good end."""

from __future__ import annotations

from typing import Any

from assetkit.errors import EmptySelection, PlanError, did_you_mean
from assetkit.graph.graph import AssetGraph
from assetkit.planning.request import Request
from assetkit.records import AssetKey, Outcome, RunStatus
from assetkit.workspace.branching import members_of
from assetkit.workspace.core import Core
from assetkit.workspace.situation import universe_of

_UNDONE = (Outcome.FAILED, Outcome.BLOCKED, Outcome.CANCELLED)


def what_is_undone(core: Core, graph: AssetGraph, run_id: str) -> Request:
    """Return what to ask the planner so that a run's failed, blocked and lost steps run.

    What has been made since then is not run again.

    Raises:
        PlanError: there is no such run, or it is under way.
        EmptySelection: nothing of it is left to run.
    """
    run = _ended_run(core, run_id)
    # A run whose process died did not write down what it had before it.
    if run["status"] == RunStatus.LOST:
        targets = tuple(key for key in graph.assets if key in run["targets"])
        if targets:
            return Request(targets=targets)
    undone: dict[AssetKey, set[str | None]] = {}
    for event in core.catalog.steps(run_id).to_pylist():
        if event["event"] in _UNDONE and event["asset"] in graph.assets:
            undone.setdefault(event["asset"], set()).add(event["partition"])
    if not undone:
        raise EmptySelection(f"Run {run_id} left nothing undone that the project still has.")
    slots = {key: _ranges(core, graph, key, texts) for key, texts in undone.items()}
    return Request(targets=tuple(key for key in graph.assets if key in undone), slots=slots)


def _ended_run(core: Core, run_id: str) -> dict[str, Any]:
    rows = core.catalog.runs(run_id=run_id).to_pylist()
    if not rows:
        known = [row["run_id"] for row in core.catalog.runs(limit=1000).to_pylist()]
        hint = did_you_mean(run_id, known, what="runs")
        raise PlanError(f"There is no run {run_id!r}. {hint} See: assetkit runs")
    run: dict[str, Any] = rows[0]
    if run["status"] == RunStatus.RUNNING:
        raise PlanError(
            f"Run {run_id} is under way. Wait until it has ended, or stop it: "
            f"assetkit cancel {run_id}"
        )
    return run


def _ranges(
    core: Core, graph: AssetGraph, key: AssetKey, texts: set[str | None]
) -> tuple[tuple[int, int], ...]:
    """Return the ordinals of partitions that still exist, each as a range."""
    dynamic = members_of(core)
    universe = universe_of(graph.assets[key], core.now(), dynamic)
    ordinals = universe.ordinals_of_texts(sorted(texts, key=str)).tolist()
    return tuple((one, one + 1) for one in sorted(ordinals) if one >= 0)
