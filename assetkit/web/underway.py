"""What a run that goes on has still to do, and which of its steps have said something so far.

Rule 1: what a run holds and has not ended is still to come.
Rule 2: that a step has begun is on no record; its log shows it once there is a line in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from assetkit.execution.logs import log_name
from assetkit.records import AssetKey, slot_name
from assetkit.web.desk import Desk

_MOST = 50

_Slot = tuple[AssetKey, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A step that has not ended, and when it wrote the last line of its log."""

    step: str
    said_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Underway:
    """By asset, how many steps are to come; of these, those that have a log, newest line first."""

    left: Mapping[AssetKey, int] = field(default_factory=dict)
    begun: Sequence[Begun] = ()


def underway(desk: Desk, run_id: str, ended: Collection[_Slot]) -> Underway:
    """Return what a run that goes on has still to do; *ended* are the slots that it is done with.

    Nothing where no project loads: what the run holds is told in numbers that only it explains.
    """
    logs = _logs(desk.core.place.private / "logs" / run_id)
    left: dict[AssetKey, int] = {}
    begun: list[Begun] = []
    for asset, partition in _held(desk, run_id):
        if (asset, partition) in ended:
            continue
        left[asset] = left.get(asset, 0) + 1
        if (said_at := logs.get(_file(asset, partition))) is not None:
            begun.append(Begun(step=slot_name(asset, partition), said_at=said_at))
    begun.sort(key=lambda one: one.said_at, reverse=True)
    return Underway(left=left, begun=begun[:_MOST])


def _held(desk: Desk, run_id: str) -> Iterator[_Slot]:
    standing = desk.standing()
    if standing is None:
        return
    for asset, leases in standing.plan.snapshot.leases.items():
        universe = standing.plan.universes.get(asset)
        mine = [np.arange(one.lo, one.hi) for one in leases if one.run_id == run_id]
        if universe is None or not mine:
            continue
        positions = universe.positions(np.concatenate(mine))
        for text in universe.texts(positions[positions >= 0]):
            yield asset, text


def _file(asset: AssetKey, partition: str | None) -> str:
    return log_name(0, asset, partition).partition("-")[2]


def _logs(folder: Path) -> dict[str, datetime]:
    """Return when each log of a run was last written to, by the part of its name after the step."""
    if not folder.is_dir():
        return {}
    return {
        one.name.partition("-")[2]: datetime.fromtimestamp(one.stat().st_mtime, UTC)
        for one in folder.glob("*.log")
    }
