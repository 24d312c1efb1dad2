"""What the newest materializations of an asset took, and what to expect of the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assetkit.records import AssetKey, Estimate, Materialization

KEPT = 200
"""How many of the newest materializations of an asset count."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, rows and bytes of materializations, the newest last; -1: not known."""

    seconds: tuple[float, ...] = ()
    rows: tuple[int, ...] = ()
    bytes: tuple[int, ...] = ()

    def then(self, newer: Pace) -> Pace:
        """Return the newest of both."""
        return Pace(
            (self.seconds + newer.seconds)[-KEPT:],
            (self.rows + newer.rows)[-KEPT:],
            (self.bytes + newer.bytes)[-KEPT:],
        )

    def estimate(self) -> Estimate:
        """Return what to expect: means, and the seconds that one in twenty exceeded."""
        return Estimate(
            count=len(self.seconds),
            seconds=sum(self.seconds) / len(self.seconds),
            seconds_p95=_quantile(sorted(self.seconds), 0.95),
            rows=_mean_known(self.rows),
            bytes=_mean_known(self.bytes),
        )


def paces_of(made: Iterable[Materialization]) -> dict[AssetKey, Pace]:
    """Return the pace of each asset in materializations, which come oldest first."""
    by_asset: dict[AssetKey, list[Materialization]] = {}
    for one in made:
        by_asset.setdefault(one.asset, []).append(one)
    return {asset: _pace_of(results[-KEPT:]) for asset, results in by_asset.items()}


def _pace_of(made: Sequence[Materialization]) -> Pace:
    return Pace(
        seconds=tuple(one.duration for one in made),
        rows=tuple(-1 if one.rows is None else one.rows for one in made),
        bytes=tuple(-1 if one.bytes is None else one.bytes for one in made),
    )


def _quantile(ordered: list[float], share: float) -> float:
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _mean_known(values: tuple[int, ...]) -> float:
    known = [value for value in values if value >= 0]
    return sum(known) / len(known) if known else 0.0
