"""Time calls and print each figure beside its floor or peer, as a ratio."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of a report: a figure in its unit, what it stands beside, and what was aimed at.

    ``beside`` is the floor or the peer, measured in the same run; ``aim`` the
    target in words; ``met`` None where a figure has no target.
    """

    what: str
    value: float
    unit: str
    beside: float | None = None
    peer: str = ""
    aim: str = ""
    met: bool | None = None

    def line(self) -> str:
        """Return the figure as one line of text."""
        ratio = ""
        if self.beside:
            ratio = f"{self.beside:9.3f} {self.unit:<6} {self.peer:<28} {self.value / self.beside:6.2f} x"
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        return (
            f"{self.what:<50} {self.value:9.3f} {self.unit:<6} {ratio:<56} {self.aim:<22} {verdict}"
        )


def best(
    call: Callable[[], object], *, times: int = 3, before: Callable[[], object] | None = None
) -> float:
    """Return the median of some runs, in seconds; *before* is called ahead of each, untimed."""
    seconds = []
    for _ in range(times):
        if before is not None:
            before()
        gc.collect()
        start = perf_counter()
        call()
        seconds.append(perf_counter() - start)
    return statistics.median(seconds)


def show(figures: Iterable[Figure]) -> None:
    """Print figures as they come."""
    for figure in figures:
        print(figure.line(), flush=True)
