"""From a tick to a run: what its schedule or sensor asks for, planned as of the tick.

Rule 1: what was built since the tick was written down is not built again: a tick whose
process died is taken up, not repeated.
Rule 2: targets that nothing else could tell of news (no upstream, no windows of time) are
asked anew; all others run where they are missing or stale.
Rule 3: quarantine holds: what fails for the same reasons is not tried at each tick, but for
the targets of rule 2, whose reasons lie outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from assetkit.catalog.automation import TickRecord, TickStatus
from assetkit.definitions.config import check_config
from assetkit.definitions.jobs import Job
from assetkit.definitions.schedules import Schedule
from assetkit.definitions.sensors import Sensor
from assetkit.errors import PlanError
from assetkit.execution.hooks import Hooks
from assetkit.execution.result import RunResult
from assetkit.graph.grammar import split_partitions
from assetkit.graph.graph import AssetGraph
from assetkit.graph.selection import select
from assetkit.graph.triggers import expression_of, has_windows, jobs_of, whole_targets
from assetkit.planning.plan import Plan
from assetkit.planning.request import Request
from assetkit.project import Definitions
from assetkit.records import AssetKey
from assetkit.workspace import Workspace
from assetkit.workspace.facts import facts_in

ASSETS = "assets"
"""The source of ticks at which the policies of assets launched something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project as automation works with it: its graph is resolved once."""

    definitions: Definitions
    graph: AssetGraph
    triggers: Mapping[str, Schedule | Sensor]

    @classmethod
    def of(cls, definitions: Definitions) -> Project:
        """Resolve the graph of definitions.

        Raises `DefinitionError` where the assets do not fit together.
        """
        named: dict[str, Schedule | Sensor] = {
            f"schedule:{one.name}": one for one in definitions.schedules
        }
        named |= {f"sensor:{one.name}": one for one in definitions.sensors}
        return cls(definitions=definitions, graph=definitions.graph, triggers=named)

    @property
    def jobs(self) -> Mapping[str, Job]:
        """The jobs, by name."""
        return {job.name: job for job in self.definitions.jobs}

    def furnish(self, workspace: Workspace) -> Workspace:
        """Return a workspace with the resources, IO managers and executor of the project."""
        one = self.definitions
        return workspace.furnished(
            resources=one.resources, io_managers=one.io_managers, executor=one.executor
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a tick asks for, in full."""

    expression: str
    partitions: Any
    config: Mapping[str, Any]
    hooks: tuple[Hooks, ...]
    tags: Mapping[str, str]
    as_of: datetime
    force: bool


def launch_of(project: Project, tick: TickRecord) -> Launch:
    """Return what a tick asks for, by today's definitions.

    Raises:
        PlanError: its schedule or sensor is not defined any more.
    """
    trigger = project.triggers.get(tick.source)
    if trigger is None:
        raise PlanError(f"{tick.source} is not defined any more, so nothing ran.")
    jobs = jobs_of(trigger, project.jobs)
    expression = tick.request.get("target") or expression_of(trigger, project.jobs)
    if named := project.jobs.get(expression):
        jobs, expression = (named,), expression_of(named, {})
    partitions = tick.request.get("partitions")
    if isinstance(trigger, Schedule):
        partitions = trigger.partitions
    by_jobs = next((job.partitions for job in jobs if job.partitions is not None), None)
    if by_jobs is not None and partitions in (None, "latest"):
        partitions = by_jobs
    config: dict[str, Any] = {}
    for one in (*(job.config or {} for job in jobs), tick.request.get("config") or {}):
        for asset, values in one.items():
            config[asset] = {**config.get(asset, {}), **values}
    return Launch(
        expression=expression,
        partitions=partitions,
        config=config,
        hooks=(*project.definitions.hooks, *(hook for job in jobs for hook in job.hooks)),
        tags={**tick.request.get("tags", {}), "tick": f"{tick.source} {tick.key}"},
        as_of=tick.instant,
        force=bool(tick.request.get("force")),
    )


def plan_launch(project: Project, workspace: Workspace, launch: Launch, tick: TickRecord) -> Plan:
    """Plan what a tick asks for; what was made for it already counts as done.

    Raises:
        PlanError: a selection, a partition or a configuration does not fit.
    """
    graph = project.graph
    config = check_config(graph.assets, launch.config or None)

    def plan_for(request: Request) -> Plan:
        return workspace.plan(graph, request, config=config, now=launch.as_of)

    expression, behind = split_partitions(launch.expression)
    facts = facts_in(workspace, graph, config=config, now=launch.as_of)
    chosen = select(expression, graph, facts)
    keys = tuple(key for key in graph.assets if key in chosen)
    partitions = behind if behind is not None else launch.partitions
    forced = _forced(graph, keys, launch, partitions)
    if tick.runs and forced:
        # What an earlier run published and could not record any more is recorded by this plan.
        plan_for(Request(targets=keys, automatic=True))
        forced -= _made(workspace, forced, tick.runs)
    return plan_for(
        Request(
            targets=keys,
            partitions=partitions,
            whole=whole_targets(graph.assets, keys, partitions),
            forced=forced,
            forced_since=tick.seq,
            automatic=True,
            tried_anew=forced,
        )
    )


def _forced(
    graph: AssetGraph, keys: tuple[AssetKey, ...], launch: Launch, partitions: Any
) -> frozenset[AssetKey]:
    """Return the targets to build whatever their state."""
    if launch.force:
        return frozenset(keys)
    return frozenset(
        key
        for key in keys
        if not graph.edges[key]
        and graph.assets[key].kind != "external"
        and graph.assets[key].rebuildable
        and (not has_windows(graph.assets[key].partitions) or _is_named(partitions))
    )


def _made(
    workspace: Workspace, keys: frozenset[AssetKey], runs: tuple[str, ...]
) -> frozenset[AssetKey]:
    """Return the assets of which all that is published was made in certain runs."""
    made = {key: {one.run_id for one in workspace.catalog.published(key)} for key in keys}
    return frozenset(key for key, found in made.items() if found and found <= set(runs))


def _is_named(partitions: Any) -> bool:
    """Return whether somebody named the very partitions."""
    if isinstance(partitions, str):
        return not partitions.startswith("latest") and partitions not in (
            "all", "missing", "stale", "failed", "partial",
        )  # fmt: skip
    return partitions is not None


def ended(tick: TickRecord, result: RunResult, now: datetime, *, stopping: bool) -> TickRecord:
    """Return a tick after its run; *stopping*: who cancelled it goes on with it later."""
    parts = {
        "materialized": result.materialized,
        "unchanged": result.unchanged,
        "skipped": result.skipped,
        "failed": result.failed,
        "blocked": result.blocked,
        "cancelled": result.cancelled,
    }
    words = ", ".join(f"{len(slots):,} {name}" for name, slots in parts.items() if slots)
    if result.cancelled:
        status = TickStatus.DUE if stopping else TickStatus.CANCELLED
    else:
        status = TickStatus.FAILED if result.went_wrong else TickStatus.SUCCESS
    return replace(tick, status=status, ended_at=now, message=words or "nothing to do")
