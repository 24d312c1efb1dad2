"""The calls that people make: `plan` and `materialize`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from assetkit.definitions.config import check_config
from assetkit.definitions.jobs import Job
from assetkit.errors import InvalidArgument, PlanOutdated
from assetkit.execution.hooks import Hooks
from assetkit.execution.result import RunResult
from assetkit.graph.graph import AssetGraph
from assetkit.graph.triggers import whole_targets
from assetkit.planning.outline import outline_of
from assetkit.planning.plan import Plan
from assetkit.planning.planfile import SavedPlan, outdated
from assetkit.planning.request import Request
from assetkit.project import Definitions
from assetkit.records import AssetKey
from assetkit.targets import Targets, find_targets
from assetkit.workspace import Workspace
from assetkit.workspace.configuring import config_from
from assetkit.workspace.facts import facts_in
from assetkit.workspace.running import RunWishes, run_in
from assetkit.workspace.situation import Definitions as Described
from assetkit.workspace.timing import as_of, timed_like


def plan(
    targets: Any = None,
    *,
    partitions: Any = None,
    upstream: bool = True,
    force: bool = False,
    select: str | None = None,
    workspace: Workspace | str | os.PathLike[str] | None = None,
    resources: Any = None,
    config: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    executor: Any = None,
    run_tags: Mapping[str, str] | None = None,
    on_failure: Literal["continue", "stop"] = "continue",
    raise_on_error: bool = True,
    max_concurrency: int | None = None,
    progress: Any = None,
    now: datetime | None = None,
) -> Plan:
    """Return what `materialize` would run with the same arguments, and why; nothing runs.

    Raises:
        DefinitionError: the assets do not fit together.
        PlanError: something asked for does not exist, or nothing is asked for.

    >>> from assetkit import Workspace, asset
    >>> @asset
    ... def answer():
    ...     return None
    >>> with Workspace.temporary() as workspace:
    ...     [step.asset for step in plan(answer, workspace=workspace).steps]
    ['answer']
    """
    RunWishes(
        resources=resources,
        executor=executor,
        tags=run_tags or {},
        on_failure=on_failure,
        raise_on_error=raise_on_error,
        max_concurrency=max_concurrency,
        progress=progress,
    )
    found = find_targets(targets, select, names_of_caller(), Path.cwd())
    wanted = Wanted(partitions=partitions, upstream=upstream, force=force, config=config)
    return plan_targets(found, wanted, workspace_of(workspace), checked_time(now))


def materialize(
    targets: Any = None,
    *,
    partitions: Any = None,
    upstream: bool = True,
    force: bool = False,
    select: str | None = None,
    workspace: Workspace | str | os.PathLike[str] | None = None,
    resources: Any = None,
    config: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    executor: Any = None,
    run_tags: Mapping[str, str] | None = None,
    on_failure: Literal["continue", "stop"] = "continue",
    raise_on_error: bool = True,
    max_concurrency: int | None = None,
    progress: Any = None,
    now: datetime | None = None,
) -> RunResult:
    """Bring targets and everything upstream of them up to date; run nothing that is.

    *targets*: assets, a job, `Definitions`, a module, the text of a selection, a list
    of these, or a `Plan`, which is run exactly as it stands. *partitions*
    selects among the targets' own (None: all that exist and are not fresh).
    ``upstream=False`` keeps to the targets, ``force=True`` runs them whatever
    their state. *config* is ``{"asset": {"field": value}}``, or the path of a TOML or
    JSON file that says the same. *max_concurrency* limits how many calls run at once
    (None: the executor does). *now* is the time to plan for (timezone-aware; None: now).
    Running it again does nothing.

    Raises:
        DefinitionError: the assets do not fit together; nothing ran.
        PlanError: something asked for does not exist, or nothing is asked for; nothing ran.
        MaterializationError: steps failed; all others ran. Not with ``raise_on_error=False``.

    >>> import pandas as pd
    >>> from assetkit import Workspace, asset
    >>> @asset
    ... def numbers():
    ...     return pd.DataFrame({"n": [1, 2, 3]})
    >>> with Workspace.temporary() as workspace:
    ...     result = materialize(numbers, workspace=workspace, progress="none")
    ...     result.materialized, int(result.load("numbers").n.sum())
    ([('numbers', None)], 6)
    """
    wishes = RunWishes(
        resources=resources,
        executor=executor,
        tags=run_tags or {},
        on_failure=on_failure,
        raise_on_error=raise_on_error,
        max_concurrency=max_concurrency,
        progress=progress,
        hooks=hooks_of(targets),
    )
    if isinstance(targets, Plan):
        return _apply(targets, workspace, wishes)
    if isinstance(targets, SavedPlan):
        again = plan_again(targets, workspace_of(workspace or targets.workspace), names_of_caller())
        return run_in(again.workspace.core, again, wishes)
    found = find_targets(targets, select, names_of_caller(), Path.cwd())
    wanted = Wanted(partitions=partitions, upstream=upstream, force=force, config=config)
    made = plan_targets(found, wanted, workspace_of(workspace), checked_time(now))
    return run_in(made.workspace.core, made, wishes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How the targets are to be brought up to date."""

    partitions: Any
    upstream: bool
    force: bool
    config: Mapping[str, Any] | str | os.PathLike[str] | None


def plan_targets(
    found: Targets, wanted: Wanted, workspace: Workspace, now: datetime | None
) -> Plan:
    """Plan what a call asked for; *now* None: the time of the workspace.

    The plan's own workspace has what the projects of the targets bring.
    """
    workspace = found.furnish(workspace)
    if wanted.partitions is not None and found.partitions is not None:
        raise InvalidArgument(
            f"Partitions are given twice: partitions={wanted.partitions!r} and "
            f"@{found.partitions} behind a selection. Keep one of them."
        )
    config = check_config(found.graph.assets, _config(found.jobs, config_from(wanted.config)))
    workspace = as_of(workspace, now)
    now = now or workspace.core.now()

    def plan_for(request: Request) -> Plan:
        made = workspace.plan(found.graph, request, config=config, now=now)
        return replace(made, workspace=workspace)

    keys = found.resolve(facts_in(workspace, found.graph, config=config, now=now))
    partitions = wanted.partitions if wanted.partitions is not None else found.partitions
    whole: frozenset[AssetKey] = frozenset()
    if partitions is None:
        partitions = next((j.partitions for j in found.jobs if j.partitions is not None), None)
        whole = whole_targets(found.graph.assets, keys, partitions)
    return plan_for(
        Request(
            targets=keys,
            partitions=partitions,
            whole=whole,
            upstream=wanted.upstream,
            forced=frozenset(keys) if wanted.force else frozenset(),
        )
    )


def _apply(plan: Plan, workspace: Any, wishes: RunWishes) -> RunResult:
    """Run a plan as it stands, unless it would be another one by now."""
    place = timed_like(workspace_of(workspace or plan.workspace), plan.workspace)
    again = place.plan(plan.graph, plan.request, config=plan.config, now=plan.now)
    if again.plan_id != plan.plan_id:
        raise outdated(plan.plan_id, plan.now, outline_of(plan), again)
    return run_in(place.core, again, wishes)


def plan_again(saved: SavedPlan, workspace: Workspace, names: Mapping[str, Any]) -> Plan:
    """Ask again what a saved plan asked, for a caller that sees *names*.

    Raises `PlanOutdated` where the answer is no longer the same.
    """
    asked = saved.definitions if saved.definitions is not None else list(saved.request.targets)
    found = find_targets(asked, None, names, Path.cwd())
    return plan_again_of(saved, found.graph, found.furnish(workspace))


def plan_again_of(saved: SavedPlan, project: AssetGraph | Described, workspace: Workspace) -> Plan:
    """Ask again what a saved plan asked, of a project that may be described without configuration.

    Raises `PlanOutdated` where the answer is no longer the same.
    """
    graph = project.graph if isinstance(project, Described) else project
    gone = [key for key in saved.request.targets if key not in graph.assets]
    if gone:
        raise PlanOutdated(
            f"Plan {saved.plan_id} is about {gone[0]!r}, which is no asset any more."
        )
    config = check_config(graph.assets, saved.config)
    project = graph if config else project
    again = workspace.plan(project, saved.request, config=config, now=saved.now)
    saved.check(again)
    return replace(again, workspace=workspace)


def workspace_of(workspace: Any) -> Workspace:
    """Return the workspace that a caller means; None: the one found from here, a path: that one.

    Raises `InvalidArgument` for anything else.
    """
    if isinstance(workspace, Workspace):
        return workspace
    if workspace is None or isinstance(workspace, str | os.PathLike):
        return Workspace(workspace)
    raise InvalidArgument(
        f"workspace={workspace!r} does not do. Allowed: a Workspace, or the path or URL of one."
    )


def _config(jobs: Iterable[Job], config: Any) -> Any:
    """Return the configuration of a call, with that of its jobs where the call says nothing."""
    merged: dict[str, Any] = {}
    for one in (*(job.config for job in jobs), config or {}):
        if not isinstance(one or {}, Mapping):
            return config
        for asset, values in (one or {}).items():
            known = merged.get(asset, {})
            both = isinstance(known, Mapping) and isinstance(values, Mapping)
            merged[asset] = {**known, **values} if both else values
    return merged or config


def hooks_of(targets: Any) -> tuple[Hooks, ...]:
    """Return what is to be told how steps end: the hooks of a project or job run as such."""
    if isinstance(targets, list | tuple):
        return tuple(hook for one in targets for hook in hooks_of(one))
    return tuple(targets.hooks) if isinstance(targets, Definitions | Job) else ()


def checked_time(now: datetime | None) -> datetime | None:
    """Return *now*; raise `InvalidArgument` where it is no time, or has no time zone."""
    if now is not None and not isinstance(now, datetime):
        raise InvalidArgument(f"now={now!r} does not do. Allowed: a datetime with a time zone.")
    if now is not None and now.tzinfo is None:
        raise InvalidArgument(
            f"now={now.isoformat()} has no time zone. Give one, e.g. datetime.now(timezone.utc)."
        )
    return now


def names_of_caller() -> dict[str, Any]:
    """Return what the code that called `plan` or `materialize` can see: its globals and locals."""
    frame = sys._getframe(2)  # noqa: SLF001  the only way to see a notebook's names
    return {**frame.f_globals, **frame.f_locals}
