"""What the newest materializations of an asset took, and what to expect of the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assetkit.records import Estimate, Materialization

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
            seconds=float(np.mean(self.seconds)),
            seconds_p95=float(np.percentile(self.seconds, 95)),
            rows=_mean_known(self.rows),
            bytes=_mean_known(self.bytes),
        )


def pace_of(made: Materialization) -> Pace:
    """Return the pace of one materialization."""
    rows = -1 if made.rows is None else made.rows
    return Pace((made.duration,), (rows,), (-1 if made.bytes is None else made.bytes,))


def _mean_known(values: tuple[int, ...]) -> float:
    known = [value for value in values if value >= 0]
    return sum(known) / len(known) if known else 0.0
