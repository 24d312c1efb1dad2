"""Runs on a line of time: as bars in as few lanes as they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

WIDTH, LANE = 1000.0, 12
_LEAST = 4.0
_LANES = 12
_NAMED = 3


class Spanned(Protocol):
    """A run, as far as it is drawn."""

    @property
    def run_id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def origin(self) -> str: ...
    @property
    def took(self) -> str: ...
    @property
    def targets(self) -> Sequence[str]: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One run, in pixels of a picture that is `WIDTH` wide."""

    run_id: str
    status: str
    x: float
    y: float
    width: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Bars between two moments; ``left_out`` of them found no lane."""

    bars: Sequence[Bar]
    since: datetime
    until: datetime
    height: int
    left_out: int


def timeline_of(
    runs: Sequence[Spanned], now: datetime, since: datetime | None = None
) -> Timeline | None:
    """Draw runs; None where there are none. Those that failed find their lanes first."""
    if not runs:
        return None
    start = min([run.started_at for run in runs] + ([since] if since else []))
    until = max([now, *(run.ended_at or now for run in runs)])
    whole = (until - start).total_seconds() or 1.0
    lanes: list[list[tuple[float, float]]] = []
    bars, left_out = [], 0
    for run in sorted(runs, key=lambda run: (run.status not in ("failed", "lost"), run.started_at)):
        x = WIDTH * (run.started_at - start).total_seconds() / whole
        length = ((run.ended_at or now) - run.started_at).total_seconds()
        width = max(_LEAST, WIDTH * length / whole)
        x = min(x, WIDTH - width)
        lane = _lane(lanes, x, x + width)
        if lane is None:
            left_out += 1
            continue
        bars.append(
            Bar(
                run_id=run.run_id,
                status=run.status,
                x=round(x, 1),
                y=float(lane * LANE),
                width=round(width, 1),
                words=_words(run),
            )
        )
    return Timeline(
        bars=sorted(bars, key=lambda bar: bar.x),
        since=start,
        until=until,
        height=max(1, len(lanes)) * LANE,
        left_out=left_out,
    )


def _words(run: Spanned) -> str:
    more = len(run.targets) - _NAMED
    named = [", ".join(run.targets[:_NAMED]) + (f" and {more} more" if more > 0 else "")]
    told = [run.status, *(named if run.targets else ()), f"from {run.origin}", run.took]
    return f"{run.run_id}: {', '.join(filter(None, told))}"


def _lane(lanes: list[list[tuple[float, float]]], x: float, end: float) -> int | None:
    """Return the first lane in which there is room, and take it."""
    for number, taken in enumerate(lanes):
        if all(end + 1 < first or x > last + 1 for first, last in taken):
            taken.append((x, end))
            return number
    if len(lanes) == _LANES:
        return None
    lanes.append([(x, end)])
    return len(lanes) - 1
