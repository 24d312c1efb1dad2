"""Steps that wait for a person: which there are, and what was decided."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from dataclasses import replace

from assetkit.catalog.approvals import ApprovalRecord, ApprovalStatus
from assetkit.catalog.liveness import this_process
from assetkit.errors import PlanError, did_you_mean
from assetkit.records import slot_name
from assetkit.workspace.core import Core


def waiting(core: Core, run_id: str | None = None) -> list[ApprovalRecord]:
    """Return the steps that wait for a person, oldest first: all, or those of one run.

    Steps of runs that have ended are among them: approved, they go on with the next run.
    """
    found = core.catalog.approvals.find(run_id=run_id, unspent=True)
    newest = {(one.asset, one.partition): one for one in found}
    return [
        one
        for one in found
        if one.status is ApprovalStatus.AWAITING and newest[one.asset, one.partition] is one
    ]


def decide(
    core: Core, run_id: str, steps: Sequence[str] | None, status: ApprovalStatus, note: str
) -> list[ApprovalRecord]:
    """Write down what a person decided of *steps* of a run (None: all that wait in it).

    Raises:
        PlanError: there is no such run, or it has no such step that waits.
    """
    requests = core.catalog.approvals.find(run_id=run_id)
    if not requests:
        raise PlanError(_nothing_asked(core, run_id))
    open_ = {
        slot_name(one.asset, one.partition): one
        for one in requests
        if one.status is ApprovalStatus.AWAITING and not one.spent
    }
    chosen = list(open_) if steps is None else list(dict.fromkeys(steps))
    for step in chosen:
        if step not in open_:
            raise PlanError(_not_waiting(run_id, step, requests, open_))
    if not chosen:
        raise PlanError(f"No step of run {run_id} waits for approval any more.")
    decided = [
        replace(open_[step], status=status, decided_at=core.now(), decided_by=_person(), note=note)
        for step in chosen
    ]
    for one in decided:
        core.catalog.approvals.decide(one)
    return decided


def _nothing_asked(core: Core, run_id: str) -> str:
    if core.catalog.runs(run_id=run_id).num_rows:
        return f"No step of run {run_id} needs approval."
    asking = sorted({one.run_id for one in waiting(core)})
    hint = did_you_mean(run_id, asking, what="runs with steps that wait") or "No step waits."
    return f"There is no run {run_id!r} with steps that wait for approval. {hint}"


def _not_waiting(
    run_id: str, step: str, requests: Sequence[ApprovalRecord], open_: dict[str, ApprovalRecord]
) -> str:
    for one in requests:
        if slot_name(one.asset, one.partition) == step:
            by = f" by {one.decided_by}" if one.decided_by else ""
            state = one.status if one.status is not ApprovalStatus.AWAITING else "out of date"
            return f"{step} of run {run_id} does not wait any more: it is {state}{by}."
    hint = did_you_mean(step, open_, what="steps that wait") or "No step of it waits any more."
    return f"Run {run_id} has no step {step!r} that waits for approval. {hint}"


def _person() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may know no user of this number
        name = f"user {os.getuid()}"
    return f"{name}@{this_process().host}"
