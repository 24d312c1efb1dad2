"""One run: what happened, the failures first, and what each step said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from assetkit.catalog.approvals import ApprovalRecord
from assetkit.catalog.arrays import rows_of
from assetkit.display.quantities import ago_text, duration_text
from assetkit.errors import did_you_mean
from assetkit.execution.logs import log_name
from assetkit.execution.tracebacks import place_in
from assetkit.records import AssetKey, slot_name
from assetkit.web.commands import Line, run_line
from assetkit.web.desk import Desk, NotFoundHere, in_project
from assetkit.web.gantt import Gantt, Scale, gantt_of
from assetkit.web.logtext import LogView, log_view
from assetkit.web.runlines import RunLine, run_lines
from assetkit.web.underway import Begun, Underway, underway
from assetkit.workspace.deciding import waiting

_SHOWN_STEPS = 500
_SHOWN_FAILURES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """One event of a run: a step that ended, or an attempt that failed."""

    time: datetime
    asset: AssetKey
    partition: str | None
    step: str
    event: str
    attempt: int
    took: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A step that failed: what the user's code raised, where, and what that stopped."""

    step: str
    asset: AssetKey
    error: str
    frames: Sequence[str]
    traceback: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for of a run.

    ``step`` (``asset@partition``): its log, of it lines of a ``level`` or worse with the text
    ``find`` in them. ``asset`` and ``event``: just such steps are listed. ``attempt``: what is
    told is of that attempt alone; 0: of all.
    """

    step: str = ""
    attempt: int = 0
    level: str = ""
    find: str = ""
    asset: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A step that waits for a person, and what to type to let it go on or to refuse it."""

    step: str
    asked: str
    approve_line: Line
    reject_line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """A run: its failures first, then how it went asset by asset, then every step."""

    run: RunLine
    sentence: str
    failures: Sequence[Failure]
    more_failures: int
    stopped: Sequence[str]
    counts: Mapping[str, int]
    gantt: Gantt
    begun: Sequence[Begun]
    wanted: Wanted
    steps: Sequence[StepLine]
    more_steps: int
    waiting: Sequence[Waiting]
    log: LogView | None
    can_retry: bool
    cancel_line: Line
    retry_line: Line


def run_page(desk: Desk, *, run_id: str, **asked: Any) -> RunPage:
    """Return a run, and what is `Wanted` of it.

    Raises `NotFoundHere` where there is no such run.
    """
    wanted, found = Wanted(**asked), run_lines(desk, run_id=run_id)
    if not found:
        near = did_you_mean(
            run_id, [one.run_id for one in run_lines(desk, limit=1_000)], what="runs"
        )
        raise NotFoundHere(f"There is no run {run_id!r}. {near}")
    run = found[0]
    events: list[dict[str, Any]] = rows_of(desk.core.catalog.steps(run_id))
    ended = [one for one in events if one["event"] != "attempt failed"]
    counts = Counter(str(one["event"]) for one in ended)
    failures = list(_failures(events))
    lines = [_step_line(one) for one in events if _is_wanted(one, wanted)]
    under = Underway()
    if run.status == "running":
        under = underway(desk, run_id, {(one["asset"], one["partition"]) for one in ended})
    scale = Scale(since=run.started_at, until=run.ended_at or desk.now())
    return RunPage(
        run=run,
        sentence=_sentence(run, counts, len(ended)),
        failures=failures[:_SHOWN_FAILURES],
        more_failures=max(0, len(failures) - _SHOWN_FAILURES),
        stopped=sorted({_step_of(one) for one in ended if one["event"] == "blocked"}),
        counts=dict(counts),
        gantt=gantt_of(events, scale, left=under.left, opened=wanted.asset, attempt=wanted.attempt),
        begun=under.begun,
        wanted=wanted,
        steps=lines[-_SHOWN_STEPS:],
        more_steps=max(0, len(lines) - _SHOWN_STEPS),
        waiting=[_waiting(run_id, one, desk.now()) for one in waiting(desk.core, run_id)],
        log=_log(desk, run, events, wanted) if wanted.step else None,
        can_retry=run.status in ("failed", "cancelled", "lost"),
        cancel_line=run_line("cancel", run_id),
        retry_line=run_line("retry", run_id),
    )


def _sentence(run: RunLine, counts: Mapping[str, int], ended: int) -> str:
    done = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
    if run.status == "running":
        return f"Running: {ended:,} of {run.steps:,} steps are done{f' ({done})' if done else ''}."
    if run.status == "lost":
        left = max(0, run.steps - ended)
        return (
            f"It ended without a farewell (killed, or its machine was lost); {left:,} of "
            f"{run.steps:,} steps were not finished."
        )
    return f"It ended as {run.status} after {run.took}: {done or 'nothing had to be done'}."


def _waiting(run_id: str, asked: ApprovalRecord, now: datetime) -> Waiting:
    step = slot_name(asked.asset, asked.partition)
    return Waiting(
        step=step,
        asked=ago_text(asked.asked_at, now),
        approve_line=run_line("approve", run_id, [step]),
        reject_line=run_line("reject", run_id, [step]),
    )


def _step_of(event: Mapping[str, Any]) -> str:
    return slot_name(event["asset"], event["partition"])


def _is_wanted(event: Mapping[str, Any], wanted: Wanted) -> bool:
    return (not wanted.asset or event["asset"] == wanted.asset) and (
        not wanted.event or str(event["event"]) == wanted.event
    )


def _step_line(event: Mapping[str, Any]) -> StepLine:
    error = f"{event['error_type']}: {event['message']}" if event["error_type"] else ""
    return StepLine(
        time=event["time"],
        asset=event["asset"],
        partition=event["partition"],
        step=_step_of(event),
        event=str(event["event"]),
        attempt=event["attempt"] or 1,
        took="" if not event["duration"] else duration_text(event["duration"]),
        words=(error or event["reason"] or "").partition("\n")[0],
    )


def _failures(events: Sequence[Mapping[str, Any]]) -> Iterator[Failure]:
    """Yield the last failed attempt of each step that did not come to a good end."""
    failed = {_step_of(one) for one in events if one["event"] == "failed"}
    attempts: dict[str, list[Mapping[str, Any]]] = {}
    for one in events:
        if one["event"] == "attempt failed":
            attempts.setdefault(_step_of(one), []).append(one)
    for step, tries in attempts.items():
        if step not in failed:
            continue
        last = tries[-1]
        yield Failure(
            step=step,
            asset=last["asset"],
            error=f"{last['error_type']}: {last['message']}",
            frames=_frames(last["traceback"] or ""),
            traceback=last["traceback"] or "",
            attempts=len(tries),
        )


def _frames(traceback: str) -> list[str]:
    """Return where the user's code raised it, or else the innermost frame and its line of code."""
    if place := place_in(traceback):
        return [in_project(place)]
    lines = traceback.splitlines()
    starts = [at for at, line in enumerate(lines) if line.lstrip().startswith("File ")]
    if not starts:
        return []
    return [in_project(line.strip()) for line in lines[starts[-1] : starts[-1] + 2]]


def log_text(desk: Desk, *, run_id: str, step: str) -> str:
    """Return all that a step said; raises `NotFoundHere` where that is not kept, or nothing."""
    found = run_lines(desk, run_id=run_id)
    events = rows_of(desk.core.catalog.steps(run_id)) if found else []
    text, note = _said(desk, found[0], events, step) if found else ("", "There is no such run.")
    if not text:
        raise NotFoundHere(note or "It wrote nothing to its log.")
    return text


def _log(desk: Desk, run: RunLine, events: Sequence[Mapping[str, Any]], wanted: Wanted) -> LogView:
    text, note = _said(desk, run, events, wanted.step)
    if note:
        return LogView(step=wanted.step, note=note)
    return log_view(wanted.step, text, level=wanted.level, find=wanted.find, attempt=wanted.attempt)


def _said(
    desk: Desk, run: RunLine, events: Sequence[Mapping[str, Any]], step: str
) -> tuple[str, str]:
    """Return what a step said, or else why that cannot be told.

    The file is found by the run's record of it, never by a path.
    """
    mine = [one for one in events if _step_of(one) == step]
    named = next((one["log"] for one in reversed(mine) if one["log"]), None)
    file = _log_of_running(desk, run, step) if named is None else Path(named)
    if file is None and mine:
        return "", "It wrote nothing to its log."
    if file is None:
        return "", "This run has no such step, or it has said nothing yet."
    path = file if file.is_absolute() else desk.core.place.private / file
    try:
        return path.read_text(encoding="utf-8", errors="replace"), ""
    except OSError:
        return "", "Its log is no longer kept: assetkit catalog vacuum removes logs after 30 days."


def _log_of_running(desk: Desk, run: RunLine, step: str) -> Path | None:
    """Return the log of a step that goes on, which is not on record yet, by its name."""
    if run.status != "running":
        return None
    asset, _, partition = step.partition("@")
    wanted = log_name(0, asset, partition or None).partition("-")[2]
    folder = desk.core.place.private / "logs" / run.run_id
    logs = sorted(folder.glob("*.log")) if folder.is_dir() else []
    return next((one for one in logs if one.name.partition("-")[2] == wanted), None)
