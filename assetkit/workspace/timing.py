"""A workspace at another time: what plans, runs and records there take for now."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assetkit.workspace.facade import Workspace


def as_of(workspace: Workspace, now: datetime | None) -> Workspace:
    """Return the same workspace with a clock that shows *now*, and goes on from there.

    None: the workspace as it is.
    """
    if now is None:
        return workspace
    began = monotonic()

    def clock() -> datetime:
        return (now + timedelta(seconds=monotonic() - began)).astimezone(UTC)

    timed = copy(workspace)
    timed.core = replace(workspace.core, clock=clock)
    return timed


def timed_like(workspace: Workspace, other: Workspace | None) -> Workspace:
    """Return a workspace with the clock of another one; as it is without one."""
    if other is None or other.core.clock is workspace.core.clock:
        return workspace
    timed = copy(workspace)
    timed.core = replace(workspace.core, clock=other.core.clock)
    return timed
