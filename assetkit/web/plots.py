"""Small plots of an asset's history: points and a path, in the units of an SVG view box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 320, 64
_PAD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotPoint:
    """One build, where it is drawn and what it says when pointed at."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A line over builds, oldest first. ``least`` and ``most`` are the limits of the values.

    ``since`` and ``until`` are the days of the first and the last build.
    """

    title: str
    path: str
    points: Sequence[PlotPoint]
    least: str
    most: str
    newest: str
    since: str
    until: str
    width: int = WIDTH
    height: int = HEIGHT


def plot_of(
    title: str,
    values: Sequence[tuple[datetime, float, str]],
    write: Callable[[float], str],
) -> Plot | None:
    """Draw values of (when, how much, of what), oldest first; None for fewer than two.

    Builds stand at even distances: what came of each counts, not how long it was idle between.
    """
    if len(values) < 2:
        return None
    numbers = [value for _, value, _ in values]
    low, high = min(numbers), max(numbers)
    # What never differs is drawn half way up.
    span, base = (high - low, low) if high > low else (2.0, low - 1.0)
    step = (WIDTH - 2 * _PAD) / (len(values) - 1)
    points = [
        PlotPoint(
            x=round(_PAD + step * number, 1),
            y=round(HEIGHT - _PAD - (HEIGHT - 2 * _PAD) * (value - base) / span, 1),
            label=f"{label} {when:%Y-%m-%d %H:%M}: {write(value)}".strip(),
        )
        for number, (when, value, label) in enumerate(values)
    ]
    return Plot(
        title=title,
        path="M" + "L".join(f"{point.x:g} {point.y:g}" for point in points),
        points=points,
        least=write(low),
        most=write(high),
        newest=write(numbers[-1]),
        since=f"{values[0][0]:%Y-%m-%d}",
        until=f"{values[-1][0]:%Y-%m-%d}",
    )
