"""When a run did what: a bar for each asset, and for each step of the asset that is opened.

Rule 1: each attempt has a scale of its own: a retry hours later does not squeeze what was
done at first into a line.
Rule 2: a bar spans from the first beginning to the last end of what it stands for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from assetkit.display.quantities import duration_text
from assetkit.records import AssetKey, slot_name

MOST_STEPS = 100
"""So many steps of the asset that is opened have bars of their own."""
_FAILED_ATTEMPT = "attempt failed"
_WORDS = {_FAILED_ATTEMPT: "failed", "materialized": "fresh", "unchanged": "fresh"}
"""How an attempt is coloured, by its event; others are neither good nor bad."""

_Event: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A stretch of the scale, as shares of it, 0 to 1; ``words`` say it without a picture.

    ``attempt`` is its number, 0 where it stands for several.
    """

    start: float
    length: float
    state: str
    attempt: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBars:
    """One step of the asset that is opened, with a bar for each attempt."""

    step: str
    bars: Sequence[Bar]
    took: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetBar:
    """What a run did for an asset: how its steps came out, and how much work they were.

    ``bar`` is None where none of its steps had that attempt. ``left`` steps are to come.
    """

    asset: AssetKey
    bar: Bar | None
    counts: Mapping[str, int]
    left: int
    took: str
    steps: Sequence[StepBars]
    more_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gantt:
    """Bars of one ``attempt``, or of all ``attempts`` (0), on a scale of time.

    ``ticks`` say how long after the beginning of the run the scale begins, is half, ends.
    """

    rows: Sequence[AssetBar]
    attempt: int
    attempts: int
    ticks: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The time that a picture is as wide as."""

    since: datetime
    until: datetime

    def bar(self, events: Sequence[_Event], state: str, *, attempt: int = 0) -> Bar:
        """Return the bar of what was tried."""
        whole = (self.until - self.since).total_seconds() or 1.0
        first = (min(map(_begun, events)) - self.since).total_seconds()
        last = (max(one["time"] for one in events) - self.since).total_seconds()
        start, end = (min(max(at / whole, 0.0), 1.0) for at in (first, last))
        which = f"attempt {attempt}, " if attempt else ""
        return Bar(
            start=round(start, 4),
            length=round(end - start, 4),
            state=state,
            attempt=attempt,
            words=f"{which}{duration_text(max(first, 0.0))} to {duration_text(max(last, 0.0))}",
        )


def gantt_of(
    events: Sequence[_Event],
    run: Scale,
    *,
    left: Mapping[AssetKey, int],
    opened: str = "",
    attempt: int = 0,
) -> Gantt:
    """Lay out what a run did from its beginning to its end, or to now.

    *left*: by asset, how many of its steps are to come. *opened*: the asset whose steps are
    shown. *attempt*: whose bars are drawn, on a scale of their own; 0: all on that of the run.
    """
    tried = _tried(events)
    attempts = max((one["attempt"] or 1 for one in tried), default=1)
    attempt = attempt if attempt <= attempts else 0
    drawn = [one for one in tried if attempt in (0, one["attempt"] or 1)]
    scale = run
    if attempt and drawn:
        scale = Scale(since=min(map(_begun, drawn)), until=max(one["time"] for one in drawn))
    bars, ended = _by_asset(drawn), _by_asset(events)
    return Gantt(
        rows=[
            _row(key, bars.get(key, ()), ended.get(key, ()), scale, left.get(key, 0), opened)
            for key in dict.fromkeys((*ended, *left))
        ],
        attempt=attempt,
        attempts=attempts,
        ticks=_ticks(scale, run.since),
    )


def _tried(events: Sequence[_Event]) -> list[_Event]:
    """Return the attempts among events: a step that failed is known by those of its own."""
    known = {(one["asset"], one["partition"]) for one in events if one["event"] == _FAILED_ATTEMPT}
    return [
        one
        for one in events
        if one["duration"]
        and (one["event"] != "failed" or (one["asset"], one["partition"]) not in known)
    ]


def _by_asset(events: Sequence[_Event]) -> dict[AssetKey, list[_Event]]:
    found: dict[AssetKey, list[_Event]] = {}
    for one in events:
        found.setdefault(one["asset"], []).append(one)
    return found


def _row(
    key: AssetKey,
    drawn: Sequence[_Event],
    events: Sequence[_Event],
    scale: Scale,
    left: int,
    opened: str,
) -> AssetBar:
    counts = Counter(str(one["event"]) for one in events if one["event"] != _FAILED_ATTEMPT)
    steps: dict[str, list[_Event]] = {}
    for one in drawn if key == opened else ():
        steps.setdefault(slot_name(key, one["partition"]), []).append(one)
    return AssetBar(
        asset=key,
        bar=scale.bar(drawn, _state(counts, drawn)) if drawn else None,
        counts=dict(counts),
        left=left,
        took=_took(drawn),
        steps=[
            StepBars(
                step=step,
                bars=[scale.bar([one], _colour(one), attempt=one["attempt"] or 1) for one in some],
                took=_took(some),
            )
            for step, some in list(steps.items())[:MOST_STEPS]
        ],
        more_steps=max(0, len(steps) - MOST_STEPS),
    )


def _state(counts: Mapping[str, int], drawn: Sequence[_Event]) -> str:
    """Return how an asset is coloured: by how its steps ended, or else by what is drawn."""
    states = set(map(_colour, drawn))
    if counts.get("failed") or states == {"failed"}:
        return "failed"
    return "fresh" if "fresh" in states else "partial"


def _colour(event: _Event) -> str:
    return _WORDS.get(str(event["event"]), "partial")


def _took(events: Sequence[_Event]) -> str:
    return duration_text(sum(one["duration"] for one in events)) if events else ""


def _begun(event: _Event) -> datetime:
    begun: datetime = event["time"] - timedelta(seconds=event["duration"])
    return begun


def _ticks(scale: Scale, begun: datetime) -> list[str]:
    whole = scale.until - scale.since
    moments = (scale.since, scale.since + whole / 2, scale.until)
    return [duration_text(max(0.0, (one - begun).total_seconds())) for one in moments]
