"""The calls with which a person lets steps go on that need approval."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from assetkit.api import workspace_of
from assetkit.catalog.approvals import ApprovalRecord, ApprovalStatus
from assetkit.records import slot_name
from assetkit.workspace import Workspace, deciding


def approve(
    run_id: str,
    steps: Any = None,
    *,
    note: str = "",
    workspace: Workspace | str | os.PathLike[str] | None = None,
) -> list[ApprovalRecord]:
    """Let steps of a run go on that need approval; return what was decided.

    *steps*: ``"asset"`` or ``"asset@partition"``, an (asset, partition), or a list of
    these (None: all that wait). It holds for the code and the inputs that the step has
    now, also where the run's process has died: the next run goes on with it. Once the
    slot is made it is spent.

    Raises:
        PlanError: there is no such run, or it has no such step that waits.
    """
    return _decide(run_id, steps, ApprovalStatus.APPROVED, note, workspace)


def reject(
    run_id: str,
    steps: Any = None,
    *,
    note: str = "",
    workspace: Workspace | str | os.PathLike[str] | None = None,
) -> list[ApprovalRecord]:
    """Refuse steps of a run: each fails with `StepRejected`, and blocks what depends on it.

    What was published before stays. Arguments and errors are those of `approve`.
    """
    return _decide(run_id, steps, ApprovalStatus.REJECTED, note, workspace)


def _decide(
    run_id: str, steps: Any, status: ApprovalStatus, note: str, workspace: Any
) -> list[ApprovalRecord]:
    names = None if steps is None else _names(steps)
    return deciding.decide(workspace_of(workspace).core, run_id, names, status, note)


def _names(steps: Any) -> Sequence[str]:
    if isinstance(steps, str):
        return [steps]
    if isinstance(steps, tuple) and len(steps) == 2:
        return [slot_name(*steps)]
    return [name for step in steps for name in _names(step)]
