"""Runs on a line of time: as bars, in bands of as few lanes as they need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

WIDTH, LANE = 1000.0, 12
_LEAST = 4.0
_LANES = 12
_LEAST_LANES = 2
_BANDS = 8
_OTHERS = "others"
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


_Run = TypeVar("_Run", bound=Spanned)


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
class Band:
    """Runs that belong together, in lanes of their own; ``name`` is what they have in common."""

    name: str
    bars: Sequence[Bar]
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Bands between two moments; ``left_out`` runs found no lane."""

    bands: Sequence[Band]
    since: datetime
    until: datetime
    left_out: int


def timeline_of(
    runs: Sequence[_Run],
    now: datetime,
    since: datetime | None = None,
    band_of: Callable[[_Run], str] = lambda _: "",
) -> Timeline | None:
    """Draw runs, each in its band; None where there are none.

    Those that failed find their lanes first. Of many bands, those with fewest runs are one.
    """
    if not runs:
        return None
    start = min([run.started_at for run in runs] + ([since] if since else []))
    until = max([now, *(run.ended_at or now for run in runs)])
    named = [(band_of(run), run) for run in runs]
    common = [name for name, _ in Counter(name for name, _ in named).most_common()]
    kept = set(common if len(common) <= _BANDS else common[: _BANDS - 1])
    bands: dict[str, list[_Run]] = {}
    for name, run in named:
        bands.setdefault(name if name in kept else _OTHERS, []).append(run)
    most = max(_LEAST_LANES, _LANES // len(bands))
    drawn = [
        _band(name, bands[name], (start, until), now, most)
        for name in sorted(bands, key=lambda name: (name == _OTHERS, name))
    ]
    left_out = len(runs) - sum(len(band.bars) for band in drawn)
    return Timeline(bands=drawn, since=start, until=until, left_out=left_out)


def _band(
    name: str, runs: Sequence[Spanned], span: tuple[datetime, datetime], now: datetime, most: int
) -> Band:
    start, whole = span[0], (span[1] - span[0]).total_seconds() or 1.0
    lanes: list[list[tuple[float, float]]] = []
    bars = []
    for run in sorted(runs, key=lambda run: (run.status not in ("failed", "lost"), run.started_at)):
        x = WIDTH * (run.started_at - start).total_seconds() / whole
        length = ((run.ended_at or now) - run.started_at).total_seconds()
        width = max(_LEAST, WIDTH * length / whole)
        x = min(x, WIDTH - width)
        lane = _lane(lanes, x, x + width, most)
        if lane is None:
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
    return Band(name=name, bars=sorted(bars, key=lambda bar: bar.x), height=len(lanes) * LANE)


def _words(run: Spanned) -> str:
    more = len(run.targets) - _NAMED
    named = [", ".join(run.targets[:_NAMED]) + (f" and {more} more" if more > 0 else "")]
    told = [run.status, *(named if run.targets else ()), f"from {run.origin}", run.took]
    return f"{run.run_id}: {', '.join(filter(None, told))}"


def _lane(lanes: list[list[tuple[float, float]]], x: float, end: float, most: int) -> int | None:
    """Return the first lane in which there is room, and take it."""
    for number, taken in enumerate(lanes):
        if all(end + 1 < first or x > last + 1 for first, last in taken):
            taken.append((x, end))
            return number
    if len(lanes) == most:
        return None
    lanes.append([(x, end)])
    return len(lanes) - 1
