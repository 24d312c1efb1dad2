"""The calls that fill partitions on record: `backfill`, and `resume` for what is left of one.

Rule 1: a backfill is a filter on the planner: which slots it is about is written
down when it begins, what of them is still to do is planned each time anew.
Rule 2: it is written down before anything runs, so that a killed one can be taken up.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from assetkit.api import (
    Wanted,
    checked_time,
    hooks_of,
    names_of_caller,
    plan_targets,
    workspace_of,
)
from assetkit.definitions.config import check_config
from assetkit.errors import BackfillTooLarge, PlanError
from assetkit.execution.result import RunResult, Slot
from assetkit.planning.estimate import PlanEstimate, estimate
from assetkit.planning.plan import Plan
from assetkit.records import BackfillRecord, RunStatus
from assetkit.targets import find_targets
from assetkit.workspace import Workspace
from assetkit.workspace.backfilling import begin, carry_out, concurrent, find_backfill, what_is_left
from assetkit.workspace.running import RunWishes


class BackfillResult:
    """What a backfill did in this process, and the id by which it goes on.

    ``success``, ``materialized``, ``unchanged``, ``skipped``, ``failed``, ``blocked``,
    ``duration``, ``load(...)`` and ``to_pandas()`` are those of its run, ``result``.
    """

    def __init__(self, record: BackfillRecord, result: RunResult) -> None:
        self.record, self.result = record, result

    @property
    def backfill_id(self) -> str:
        """The id that `resume` takes."""
        return self.record.backfill_id

    @property
    def status(self) -> RunStatus:
        """How it ended: ``success``, ``failed`` or ``cancelled``."""
        return self.record.status

    @property
    def success(self) -> bool:
        """True where nothing is left to do."""
        return self.result.success

    @property
    def left(self) -> list[Slot]:
        """What is still to do: failed, blocked and given up."""
        return [*self.result.failed, *self.result.blocked, *self.result.cancelled]

    @property
    def retry_command(self) -> str | None:
        """The command that does just what is left; None where nothing is."""
        return _resuming(self.record) if self.left else None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.result, name)

    def __str__(self) -> str:
        lines = [str(self.result)]
        if self.retry_command:
            lines.append(f"Do what is left:  {self.retry_command}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<BackfillResult {self.backfill_id}: {self.status}, {len(self.left)} left>"

    def _repr_html_(self) -> str:
        return self.result._repr_html_()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}


def _resuming(record: BackfillRecord) -> str:
    return f"assetkit backfill --resume {record.backfill_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBackfill:
    """A backfill that may begin: its plan, where, and how it is to go."""

    plan: Plan
    workspace: Workspace
    wishes: RunWishes
    record: BackfillRecord | None = None

    @property
    def estimate(self) -> PlanEstimate:
        """What it is going to cost."""
        executor = self.wishes.executor or self.workspace.core.executor
        at_once = min(executor.capacity, self.wishes.max_concurrency or executor.capacity)
        return estimate(self.plan, at_once=at_once)

    def guard(self, max_partitions: int | None) -> None:
        """Raise `BackfillTooLarge` where it would build more slots than that."""
        cost = self.estimate
        if max_partitions is not None and cost.slots > max_partitions:
            raise BackfillTooLarge(
                f"This backfill would build {cost}, which is more than "
                f"max_partitions={max_partitions:,} allows. Nothing ran. Select fewer partitions, "
                f"or allow more.",
                estimate=cost,
            )

    def run(self) -> BackfillResult:
        """Write it down, and do it.

        Raises `MaterializationError` as `materialize` does.
        """
        core = self.workspace.core
        record = self.record or begin(core, self.plan)
        try:
            record, result = carry_out(core, record, self.plan, self.wishes)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(f"Do what is left:  {_resuming(record)}")
            raise
        done = BackfillResult(record, result)
        if self.wishes.raise_on_error and result.went_wrong:
            error = result.error()
            error.add_note(f"Do what is left:  {done.retry_command}")
            raise error
        return done


def backfill(
    targets: Any = None,
    partitions: Any = None,
    *,
    max_concurrency: int | None = None,
    max_partitions: int | None = None,
    upstream: bool = True,
    force: bool = False,
    select: str | None = None,
    workspace: Workspace | str | os.PathLike[str] | None = None,
    resources: Any = None,
    config: Mapping[str, Any] | None = None,
    executor: Any = None,
    run_tags: Mapping[str, str] | None = None,
    on_failure: Literal["continue", "stop"] = "continue",
    raise_on_error: bool = True,
    progress: Any = None,
    now: datetime | None = None,
) -> BackfillResult:
    """Build what is missing or stale of *partitions*, on record: it can be resumed and cancelled.

    *targets*, *partitions* and the rest are as for `materialize`; how many
    partitions one call of a function gets is its asset's `BackfillPolicy`.
    *max_concurrency* limits how many calls run at once; without an executor of
    your own, more than one take threads. A backfill of more than
    *max_partitions* slots is refused (None: none is).

    Raises:
        BackfillTooLarge: it is larger than *max_partitions*; nothing ran.
        MaterializationError: steps failed; all others ran. Not with ``raise_on_error=False``.

    >>> from assetkit import StaticPartitions, Workspace, asset
    >>> @asset(partitions=StaticPartitions(["us", "eu"]))
    ... def orders(context):
    ...     return None
    >>> with Workspace.temporary() as workspace:
    ...     done = backfill(orders, ["eu"], workspace=workspace, progress="none")
    ...     done.materialized, str(done.status)
    ([('orders', 'eu')], 'success')
    """
    found = find_targets(targets, select, names_of_caller(), Path.cwd())
    place = found.furnish(workspace_of(workspace))
    wanted = Wanted(partitions=partitions, upstream=upstream, force=force, config=config)
    wishes = RunWishes(
        resources=resources,
        executor=concurrent(place.core, executor, max_concurrency),
        tags=run_tags or {},
        on_failure=on_failure,
        raise_on_error=raise_on_error,
        progress=progress,
        max_concurrency=max_concurrency,
        hooks=hooks_of(targets),
    )
    plan = plan_targets(found, wanted, place, checked_time(now))
    planned = PlannedBackfill(plan=plan, workspace=place, wishes=wishes)
    planned.guard(max_partitions)
    return planned.run()


def resume(
    backfill_id: str,
    targets: Any = None,
    *,
    max_concurrency: int | None = None,
    workspace: Workspace | str | os.PathLike[str] | None = None,
    resources: Any = None,
    executor: Any = None,
    on_failure: Literal["continue", "stop"] = "continue",
    raise_on_error: bool = True,
    progress: Any = None,
    now: datetime | None = None,
) -> BackfillResult:
    """Do what is left of a backfill that was killed or cancelled, or in which steps failed.

    What it is about stays as it was when it began; what of that is fresh by now
    is not run again. Its assets are found by name, as for `materialize`, or
    among *targets*.

    Raises:
        PlanError: there is no such backfill, it is under way, or its assets are gone.
        MaterializationError: steps failed; all others ran. Not with ``raise_on_error=False``.
    """
    place = workspace_of(workspace)
    wishes = RunWishes(
        resources=resources,
        executor=concurrent(place.core, executor, max_concurrency),
        on_failure=on_failure,
        raise_on_error=raise_on_error,
        progress=progress,
        max_concurrency=max_concurrency,
        hooks=hooks_of(targets),
    )
    names = names_of_caller()
    return plan_rest(backfill_id, targets, names, place, wishes, checked_time(now)).run()


def plan_rest(
    backfill_id: str,
    targets: Any,
    names: Mapping[str, Any],
    workspace: Workspace,
    wishes: RunWishes,
    now: datetime | None = None,
) -> PlannedBackfill:
    """Plan what is left of a backfill, for a caller that sees *names*; see `resume`."""
    record = find_backfill(workspace.core, backfill_id)
    asked = targets if targets is not None else list(record.targets)
    found = find_targets(asked, None, names, Path.cwd())
    gone = [key for key in record.targets if key not in found.graph.assets]
    if gone:
        raise PlanError(
            f"Backfill {backfill_id} is about {gone[0]!r}, which is no asset here any more. "
            f"Was it renamed? Start a backfill of the new one."
        )
    config = check_config(found.graph.assets, record.request.get("config") or {})
    request = what_is_left(record, found.graph)
    workspace = found.furnish(workspace)
    plan = workspace.plan(found.graph, request, config=config, now=now)
    return PlannedBackfill(plan=plan, workspace=workspace, wishes=wishes, record=record)
