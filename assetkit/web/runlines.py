"""Runs as a list and on a line of time, and the backfills that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from assetkit.catalog.arrays import rows_of
from assetkit.definitions.durations import seconds_of
from assetkit.display.quantities import ago_text, count_text, duration_text
from assetkit.graph.graph import AssetGraph
from assetkit.records import AssetKey, BackfillRecord, RunStatus
from assetkit.web.commands import Line, resume_line
from assetkit.web.desk import Desk
from assetkit.web.lineage import group_of
from assetkit.web.timeline import Timeline, timeline_of
from assetkit.workspace.backfilling import standing

STATUSES = ("running", "success", "failed", "cancelled", "lost")
LANES = ("group", "worker", "origin")
"""What runs can have in common, to stand beside one another on the line of time."""
_BACKFILLS = 20
_DONE = ("materialized", "unchanged")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run in a list. ``took`` in words, empty while it runs; ``worker`` is its machine."""

    run_id: str
    status: str
    origin: str
    worker: str
    started_at: datetime
    ended_at: datetime | None
    took: str
    steps: int
    targets: Sequence[AssetKey]
    command: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillLine:
    """One backfill; ``done`` is how much of it is made, 0 to 1, of one that is not over."""

    backfill_id: str
    status: str
    created_at: datetime
    targets: Sequence[AssetKey]
    slots: int
    done: float | None
    runs: Sequence[str]
    resume_line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPage:
    """Runs, newest first, as the filters say. ``sentence`` is said where there are none.

    ``lanes`` is what the line of time has bands for, one of `LANES`.
    """

    runs: Sequence[RunLine]
    status: str
    since: str
    total: int
    sentence: str
    timeline: Timeline | None
    lanes: str
    backfills: Sequence[BackfillLine]
    statuses: Sequence[str] = STATUSES
    all_lanes: Sequence[str] = LANES


def run_lines(desk: Desk, *, limit: int | None = None, run_id: str | None = None) -> list[RunLine]:
    """Return runs, newest first."""
    rows = rows_of(desk.core.catalog.runs(limit=limit, run_id=run_id))
    return [
        RunLine(
            run_id=row["run_id"],
            status=row["status"],
            origin=row["origin"],
            worker=row["host"] or "",
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            took="" if row["duration"] is None else duration_text(row["duration"]),
            steps=row["steps"],
            targets=row["targets"] or (),
            command=row["command"] or "",
            message=row["message"] or "",
        )
        for row in rows
    ]


def runs_page(
    desk: Desk, *, status: str = "", since: str = "", lanes: str = "", limit: int = 200
) -> RunsPage:
    """Return the runs of a status, begun no longer ago than *since* (``"24h"``; empty: any).

    *lanes*: one of `LANES`; what is none of them means the first.
    """
    lanes = lanes if lanes in LANES else LANES[0]
    found, now = run_lines(desk), desk.now()
    earliest = (
        now - timedelta(seconds=seconds_of(since, owner="runs", argument="since"))
        if since
        else None
    )
    kept = [
        one
        for one in found
        if (not status or one.status == status) and (earliest is None or one.started_at >= earliest)
    ]
    return RunsPage(
        runs=kept[:limit],
        status=status,
        since=since,
        total=len(found),
        sentence="" if kept else _sentence(found, status, since, now),
        timeline=timeline_of(kept[:limit], now, earliest, partial(_band_of, desk.graph, lanes)),
        lanes=lanes,
        backfills=[_backfill(desk, one) for one in desk.core.catalog.backfills()[:_BACKFILLS]],
    )


def _band_of(graph: AssetGraph | None, lanes: str, run: RunLine) -> str:
    if lanes != "group":
        return run.worker if lanes == "worker" else run.origin
    if graph is None:
        return ""
    groups = {group_of(graph, key) for key in run.targets if key in graph.assets}
    return next(iter(groups)) if len(groups) == 1 else "several groups" if groups else "(no group)"


def _sentence(found: Sequence[RunLine], status: str, since: str, now: datetime) -> str:
    """Say why no run is listed, and which was the last."""
    if not found:
        return "Nothing has run here yet. A plan begins a run: assetkit materialize"
    such = next((one for one in found if not status or one.status == status), None)
    words = (
        f"No run{f' that is {status}' if status else ''}{f' in the last {since}' if since else ''}"
    )
    if such is None:
        return f"{words}, of {count_text(len(found), 'run')} in all."
    return f"{words}; the last was {such.run_id}, {ago_text(such.started_at, now)}."


def _backfill(desk: Desk, record: BackfillRecord) -> BackfillLine:
    status = standing(desk.core.catalog, record)
    return BackfillLine(
        backfill_id=record.backfill_id,
        status=str(status),
        created_at=record.created_at,
        targets=record.targets,
        slots=record.slots,
        done=None if status is RunStatus.SUCCESS else _done(desk, record),
        runs=record.runs,
        resume_line=resume_line(record.backfill_id),
    )


def _done(desk: Desk, record: BackfillRecord) -> float:
    """Return how much of a backfill is made: each of its slots counts once."""
    made = {
        (step["asset"], step["partition"])
        for run_id in record.runs
        for step in rows_of(desk.core.catalog.steps(run_id))
        if str(step["event"]) in _DONE and step["asset"] in record.targets
    }
    return min(1.0, len(made) / record.slots) if record.slots else 1.0
