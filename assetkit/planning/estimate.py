"""What a plan is going to cost, by what history says of each asset's steps."""

from __future__ import annotations

from dataclasses import dataclass

from assetkit.display.quantities import bytes_text, count_text, rough_duration_text
from assetkit.planning.data import PlanData
from assetkit.records import AssetKey


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEstimate:
    """The expected cost of a plan.

    ``slots`` are those to build, ``maybe`` of them only if an upstream changes.
    ``seconds`` is what most slots took, ``slowest`` what it would be if all took
    as long as the slowest of twenty did. Each is for what history knows; the
    assets in ``unknown`` were never built and are not in it.
    """

    slots: int
    maybe: int
    rows: float
    bytes: float
    seconds: float
    slowest: float
    unknown: tuple[AssetKey, ...]

    def __str__(self) -> str:
        """Say it in one line.

        >>> print(
        ...     PlanEstimate(
        ...         slots=31, maybe=0, rows=27e3, bytes=9e5, seconds=62, slowest=200, unknown=()
        ...     )
        ... )
        31 slots, about 1 min (up to 3 min), 27,000 rows, 900 KB
        """
        words = [count_text(self.slots, "slot")]
        if self.maybe:
            words[0] += f" ({self.maybe:,} only if an input changes)"
        if self.seconds:
            spread = rough_duration_text(self.slowest)
            words.append(f"about {rough_duration_text(self.seconds)} (up to {spread})")
        if self.rows:
            words.append(count_text(self.rows, "row"))
        if self.bytes:
            words.append(bytes_text(self.bytes))
        if self.unknown and self.slots:
            words.append(f"no history of {_named(self.unknown)}")
        return ", ".join(words)


def estimate(plan: PlanData, *, at_once: int = 1) -> PlanEstimate:
    """Return what *plan* is going to cost where so many steps run at a time."""
    known = plan.snapshot.estimates
    counts = {part.asset: int(part.run.sum()) for part in plan.assets if part.run.any()}
    told = [(count, known[asset]) for asset, count in counts.items() if asset in known]
    return PlanEstimate(
        slots=sum(counts.values()),
        maybe=sum(int(part.maybe.sum()) for part in plan.assets),
        rows=sum(count * one.rows for count, one in told),
        bytes=sum(count * one.bytes for count, one in told),
        seconds=sum(count * one.seconds for count, one in told) / max(1, at_once),
        slowest=sum(count * one.seconds_p95 for count, one in told) / max(1, at_once),
        unknown=tuple(asset for asset in counts if asset not in known),
    )


def _named(assets: tuple[AssetKey, ...]) -> str:
    shown = ", ".join(assets[:3])
    return shown if len(assets) <= 3 else f"{shown} and {len(assets) - 3:,} more"
