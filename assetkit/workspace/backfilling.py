"""Backfills in a workspace: written down, carried out, found again."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from assetkit.catalog.base import Catalog
from assetkit.definitions.config import kept_config
from assetkit.display.ranges import runs_of
from assetkit.errors import PlanError, did_you_mean
from assetkit.execution.result import RunResult
from assetkit.execution.runner import new_run_id
from assetkit.executors.local import InProcessExecutor, ThreadExecutor
from assetkit.graph.graph import AssetGraph
from assetkit.planning.plan import Plan
from assetkit.planning.request import Request
from assetkit.records import AssetKey, BackfillRecord, RunStatus
from assetkit.workspace.core import Core
from assetkit.workspace.running import RunWishes, run_in
from assetkit.workspace.situation import keeps_ordinals, layout_of

TAG = "backfill"
"""The tag of a run that says which backfill it belongs to."""


def concurrent(core: Core, executor: Any, at_once: int | None) -> Any:
    """Return the executor of a backfill: threads where several calls are wanted at once and
    the workspace runs one after another.
    """
    alone = executor is None and isinstance(core.executor, InProcessExecutor)
    return ThreadExecutor(at_once) if alone and at_once is not None and at_once > 1 else executor


def begin(core: Core, plan: Plan) -> BackfillRecord:
    """Return a new backfill, about the slots that *plan* was asked for; nothing is written yet.

    Raises:
        PlanError: its configuration cannot be written as JSON.
    """
    now = core.now()
    slots = {key: _pinned(plan, key) for key in plan.targets}
    return BackfillRecord(
        backfill_id=f"bf-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        created_at=now,
        targets=plan.targets,
        request={
            "asked": repr(plan.request.partitions),
            "slots": slots,
            "upstream": plan.request.upstream,
            "forced": bool(plan.request.forced),
            "config": _plain(kept_config(plan.graph.assets, plan.config)),
        },
        slots=sum(end - first for one in slots.values() for first, end in one["ranges"]),
    )


def _plain(config: Mapping[AssetKey, Any]) -> Any:
    try:
        return json.loads(json.dumps(dict(config)))
    except TypeError as error:
        raise PlanError(
            f"The configuration of this backfill cannot be kept: {error}. Give it as plain "
            f"values (text, numbers, lists, dicts), so that it can be taken up again."
        ) from error


def _pinned(plan: Plan, key: AssetKey) -> dict[str, Any]:
    """Return a target's slots as ranges of ordinals, and the layout in which they are that."""
    ordinals = np.sort(plan.universes[key].ordinals(plan.wanted[key]))
    ranges = [[first, last + 1] for first, last in runs_of(ordinals)]
    return {"layout": layout_of(plan.graph.assets[key]), "ranges": ranges}


def carry_out(
    core: Core, record: BackfillRecord, plan: Plan, wishes: RunWishes
) -> tuple[BackfillRecord, RunResult]:
    """Run a plan as part of a backfill; return how that stands now, and what came of the run."""
    core.announce()
    run_id = wishes.run_id or new_run_id(core.now())
    if len(plan):
        record = _noted(core, record, RunStatus.RUNNING, runs=(*record.runs, run_id))
    tags = {**wishes.tags, TAG: record.backfill_id}
    try:
        result = run_in(core, plan, replace(wishes, run_id=run_id, tags=tags, raise_on_error=False))
    except KeyboardInterrupt:
        _noted(core, record, RunStatus.CANCELLED, message="interrupted")
        raise
    except BaseException as error:
        _noted(core, record, RunStatus.FAILED, message=f"{type(error).__name__}: {error}")
        raise
    return _noted(core, record, *_ending(core.catalog, result)), result


def _noted(
    core: Core,
    record: BackfillRecord,
    status: RunStatus,
    message: str = "",
    *,
    runs: tuple[str, ...] | None = None,
) -> BackfillRecord:
    over = None if status is RunStatus.RUNNING else core.now()
    new = replace(record, status=status, message=message, ended_at=over, runs=runs or record.runs)
    return replace(new, seq=core.catalog.write_backfill(new))


def _ending(catalog: Catalog, result: RunResult) -> tuple[RunStatus, str]:
    if result.success:
        return RunStatus.SUCCESS, ""
    left = len(result.failed), len(result.blocked), len(result.cancelled)
    message = "{} failed, {} blocked, {} given up".format(*left)
    if result.cancelled and _status_of(catalog, result.run_id) is RunStatus.CANCELLED:
        return RunStatus.CANCELLED, message
    return RunStatus.FAILED, message


def find_backfill(core: Core, backfill_id: str) -> BackfillRecord:
    """Return a backfill that may be taken up again.

    Raises:
        PlanError: there is none of that id, or it is under way.
    """
    record = _known(core.catalog, backfill_id)
    if standing(core.catalog, record) is RunStatus.RUNNING:
        raise PlanError(
            f"Backfill {backfill_id} is under way in run {record.runs[-1]}. Wait until it has "
            f"ended, or stop it first: assetkit backfill --cancel {backfill_id}"
        )
    return record


def _known(catalog: Catalog, backfill_id: str) -> BackfillRecord:
    found = catalog.backfills(backfill_id)
    if found:
        return found[0]
    known = [one.backfill_id for one in catalog.backfills()]
    raise PlanError(
        f"There is no backfill {backfill_id!r}. "
        f"{did_you_mean(backfill_id, known, what='backfills') or 'None was ever started here.'}"
    )


def standing(catalog: Catalog, record: BackfillRecord) -> RunStatus:
    """Return where a backfill stands: one whose process died is ``lost``, and can be resumed."""
    if record.status is not RunStatus.RUNNING:
        return record.status
    if not record.runs:
        return RunStatus.LOST
    alive = _status_of(catalog, record.runs[-1]) is RunStatus.RUNNING
    return RunStatus.RUNNING if alive else RunStatus.LOST


def _status_of(catalog: Catalog, run_id: str) -> RunStatus | None:
    rows = catalog.runs(run_id=run_id).to_pylist()
    return RunStatus(rows[0]["status"]) if rows else None


def what_is_left(record: BackfillRecord, graph: AssetGraph) -> Request:
    """Return what to ask the planner for the rest of a backfill.

    Raises:
        PlanError: an asset's partitions are defined otherwise than when it began.
    """
    slots: Mapping[AssetKey, Mapping[str, Any]] = record.request["slots"]
    for key, pinned in slots.items():
        if not keeps_ordinals(graph.assets[key], pinned["layout"]):
            raise PlanError(
                f"Backfill {record.backfill_id} cannot go on: the partitions of {key!r} are "
                f"defined otherwise than when it began. Start a new backfill; what is built "
                f"stays built."
            )
    forced = frozenset(record.targets) if record.request["forced"] else frozenset()
    return Request(
        targets=record.targets,
        slots={key: _ranges(pinned["ranges"]) for key, pinned in slots.items()},
        upstream=record.request["upstream"],
        forced=forced,
        forced_since=record.seq,
    )


def _ranges(pairs: Iterable[Iterable[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((first, end) for first, end in pairs)


def cancel(core: Core, name: str) -> bool:
    """Ask a run, or the run of a backfill, to stop; return whether one was running.

    Raises:
        PlanError: it is neither the id of a run nor of a backfill.
    """
    catalog = core.catalog
    if _status_of(catalog, name) is not None:
        return catalog.ask_cancel(name)
    if not catalog.backfills(name):
        runs = catalog.runs().column("run_id").to_pylist()
        known = [*map(str, runs), *(one.backfill_id for one in catalog.backfills())]
        near = did_you_mean(name, known, what="ids") if known else "Nothing has run here yet."
        raise PlanError(f"There is no run and no backfill {name!r}. {near}")
    record = _known(catalog, name)
    asked = bool(record.runs) and catalog.ask_cancel(record.runs[-1])
    if not asked and record.status is RunStatus.RUNNING:
        _noted(core, record, RunStatus.CANCELLED, message="cancelled after its process died")
    return asked
