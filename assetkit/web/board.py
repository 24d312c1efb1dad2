"""The board: is my data fresh, and what needs me?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from assetkit.catalog.arrays import rows_of
from assetkit.display.quantities import ago_text, count_text, duration_text, moment_text
from assetkit.planning.decisions import NEEDS_A_PERSON, Decision
from assetkit.planning.freshness import Freshness, Lateness
from assetkit.planning.model import AssetSummary
from assetkit.planning.text import why_text
from assetkit.records import AssetKey, slot_name
from assetkit.web.desk import Desk, Standing, in_project
from assetkit.web.runlines import RunLine, run_lines
from assetkit.web.states import Tally
from assetkit.workspace.deciding import waiting

_ORDER = ("overdue", "warning", "failed", "held", "running", "stale", "missing", "partial", "fresh")
_DAY = timedelta(hours=24)
_LOOKS = 100
"""So far back it is searched when something of a source was there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """One asset. ``state`` is the word that it is sorted by, ``lag`` how far behind in words.

    ``share`` is how much of the promised lag is used up, 1 where it is broken; None
    without a promise. ``why`` is empty where nothing is wrong.
    """

    asset: AssetKey
    group: str
    state: str
    lag: str
    share: float | None
    why: str
    owners: Sequence[str]
    tally: Tally
    built_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingStep:
    """A step that waits for a person."""

    run_id: str
    step: str
    asked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardPage:
    """What the first page shows. ``fine`` are rows that need nobody."""

    sentence: str
    automation: str
    rows: Sequence[BoardRow]
    fine: Sequence[BoardRow]
    waiting: Sequence[WaitingStep]
    recent: Sequence[RunLine]
    as_of: datetime
    is_new: bool


def board_page(desk: Desk) -> BoardPage:
    """Return the board of a workspace, with its project where there is one."""
    standing, now = desk.standing(), desk.now()
    rows = sorted(
        _project_rows(desk, standing) if standing else _known_rows(desk),
        key=lambda row: (_ORDER.index(row.state), row.asset),
    )
    recent = [one for one in run_lines(desk, limit=100) if now - one.started_at < _DAY]
    asked = [
        WaitingStep(
            run_id=one.run_id,
            step=slot_name(one.asset, one.partition),
            asked=ago_text(one.asked_at, now),
        )
        for one in waiting(desk.core)
    ]
    return BoardPage(
        sentence=_sentence(rows, len(asked)),
        automation=_automation(desk, now),
        rows=[row for row in rows if row.state != "fresh"],
        fine=[row for row in rows if row.state == "fresh"],
        waiting=asked,
        recent=recent,
        as_of=now,
        is_new=not rows,
    )


def _sentence(rows: Sequence[BoardRow], asked: int) -> str:
    if not rows:
        return "No assets yet."
    words = (
        ("overdue", "promise", "overdue"),
        ("warning", "promise", "at risk"),
        ("failed", "asset", "failed"),
        ("held", "asset", "held"),
        ("running", "asset", "running"),
        ("stale", "asset", "stale"),
        ("missing", "asset", "with missing data"),
        ("partial", "asset", "built without all of its input"),
    )
    parts = [
        f"{count_text(count, noun)} {word}"
        for state, noun, word in words
        if (count := sum(row.state == state for row in rows))
    ]
    if asked:
        parts.append(f"{count_text(asked, 'step')} waiting for a person")
    fine = sum(row.state == "fresh" for row in rows)
    if not parts:
        return f"All is well: {count_text(fine, 'asset')} up to date."
    return f"{', '.join(parts)}; {fine:,} fine."


def _automation(desk: Desk, now: datetime) -> str:
    record = desk.core.catalog.automation.daemon()
    if record is None:
        return "Automation is off. Start it: assetkit daemon"
    if not record.alive:
        seen = ago_text(record.heartbeat_at, now)
        return f"Automation is off: {record} was last seen {seen}. Start it: assetkit daemon"
    return f"Automation is on: {record}, last seen {ago_text(record.heartbeat_at, now)}."


def _project_rows(desk: Desk, standing: Standing) -> Iterator[BoardRow]:
    lines = standing.lines
    failures = {key: one for (key, _), one in standing.plan.snapshot.failures.items()}
    known = {row["asset"]: row for row in _known(desk)}
    asked = {one.asset for one in waiting(desk.core)}
    seen = cache(partial(_seen_text, desk))
    for key, asset in desk.known_graph.assets.items():
        tally, promise = standing.tallies[key], standing.promises.get(key)
        held = next(
            (one for one in standing.decisions.get(key, ()) if one.outcome in NEEDS_A_PERSON), None
        )
        if asset.outside is not None and not tally.total:
            continue
        row, failure = known.get(key, {}), failures.get(key)
        failed_checks = row.get("failed_checks") or 0
        state = _state(tally, promise, held, failed_checks)
        late_source = promise.holder if promise is not None else None
        if asset.outside is not None and state == "missing":
            late_source = key
        reasons = [
            "" if promise is None else promise.reason,
            "" if late_source is None else seen(late_source),
            f"{failure.error_type}: {failure.message.partition(chr(10))[0]}" if failure else "",
            f"{count_text(failed_checks, 'check')} failed" if failed_checks else "",
            "" if held is None else f"{held.outcome.replace('_', ' ')}: {held.reason}",
            "waits for a person" if key in asked else "",
            _why(lines[key]) if key in lines and state != "fresh" else "",
        ]
        yield BoardRow(
            asset=key,
            group=asset.group or "",
            state=state,
            lag=_lag(promise),
            share=_share(promise),
            why=in_project("; ".join(dict.fromkeys(filter(None, reasons)))),
            owners=asset.owners,
            tally=tally,
            built_at=row.get("materialized_at"),
        )


def _seen_text(desk: Desk, key: AssetKey) -> str:
    """Say when something of a source was seen last; empty for what is made here."""
    asset = desk.known_graph.assets.get(key)
    if asset is None or asset.outside is None:
        return ""
    events, now = rows_of(desk.core.catalog.history(key, limit=_LOOKS)), desk.now()
    last = next((one for one in events if one["outcome"] != "deleted"), None)
    if last is None:
        return f"{key} is external and was never seen"
    gone = events[0]["materialized_at"] if events[0]["outcome"] == "deleted" else None
    words = f"{key} is external, last seen new {ago_text(last['materialized_at'], now)}"
    return words if gone is None else f"{words}, gone since {ago_text(gone, now)}"


def _why(line: AssetSummary) -> str:
    """Return why slots of an asset would run; of several that have one reason, how many have it."""
    words, count = why_text(line), line.run + line.maybe
    return f"{words} ({count:,})" if words and count > 1 and "(" not in words else words


def _state(
    tally: Tally, promise: Freshness | None, held: Decision | None, failed_checks: int
) -> str:
    if promise is not None and promise.status is not Lateness.FRESH:
        return str(promise.status)
    if tally.failed or failed_checks:
        return "failed"
    if held is not None or tally.held:
        return "held"
    return tally.worst


def _lag(promise: Freshness | None) -> str:
    if promise is None:
        return ""
    most = duration_text(promise.max_lag)
    if promise.lag is None:
        return f"never built, {most} promised"
    upto = f", data up to {moment_text(promise.data_time)}" if promise.data_time else ""
    return f"{duration_text(promise.lag)} of {most}{upto}"


def _share(promise: Freshness | None) -> float | None:
    if promise is None:
        return None
    if promise.lag is None or promise.is_late:
        return 1.0
    return min(1.0, promise.lag / promise.max_lag) if promise.max_lag else 1.0


def _known_rows(desk: Desk) -> Iterator[BoardRow]:
    """Yield what the catalog knows, where no project says what should be."""
    for row in _known(desk):
        state = "failed" if row["failing"] else "fresh" if row["slots"] else "missing"
        yield BoardRow(
            asset=row["asset"],
            group="",
            state=state,
            lag="",
            share=None,
            why=count_text(row["failing"], "partition") + " failed" if row["failing"] else "",
            owners=(),
            tally=Tally(total=row["slots"], fresh=row["slots"], failed=row["failing"] or 0),
            built_at=row["materialized_at"],
        )


def _known(desk: Desk) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = rows_of(desk.core.catalog.status())
    return rows
