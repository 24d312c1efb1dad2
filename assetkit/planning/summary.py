"""A plan in numbers, one line per asset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assetkit.definitions.universe import Universe
from assetkit.display.ranges import range_text
from assetkit.planning.model import VERDICTS, AssetPlan, AssetSummary, PlanSummary
from assetkit.planning.state import CatalogState
from assetkit.records import AssetKey, Verdict, partition_text


def summarize(
    assets: Sequence[AssetPlan],
    universes: Mapping[AssetKey, Universe],
    state: CatalogState,
) -> PlanSummary:
    """Count what each asset's slots are up to; expectations come from history."""
    lines = [_line(part, universes[part.asset], state) for part in assets]
    seconds = [line.seconds for line in lines if line.run + line.maybe]
    return PlanSummary(
        assets=tuple(lines),
        run=sum(line.run for line in lines),
        maybe=sum(line.maybe for line in lines),
        fresh=sum(line.fresh for line in lines),
        blocked=sum(line.blocked for line in lines),
        seconds=sum(s for s in seconds if s is not None) if any(seconds) else None,
    )


def _line(part: AssetPlan, universe: Universe, state: CatalogState) -> AssetSummary:
    estimate = state.estimates.get(part.asset)
    running = part.positions[part.run]
    maybe = int(part.maybe.sum())
    counts = dict(zip(VERDICTS, np.bincount(part.verdict, minlength=len(VERDICTS)), strict=True))
    expected = float(len(running)) if estimate else None
    return AssetSummary(
        asset=part.asset,
        run=len(running) - maybe,
        maybe=maybe,
        fresh=int(counts[Verdict.FRESH]),
        blocked=int(counts[Verdict.BLOCKED]),
        quarantined=int(counts[Verdict.QUARANTINED]),
        running=int(counts[Verdict.RUNNING]),
        partitions=_ranges(running, universe),
        causes=_cause_counts(part, _gone(part, universe, state)),
        seconds=expected * estimate.seconds if expected is not None and estimate else None,
        rows=expected * estimate.rows if expected is not None and estimate else None,
        bytes=expected * estimate.bytes if expected is not None and estimate else None,
        orphans=len(state.orphans.get(part.asset, ())),
    )


def _ranges(positions: np.ndarray, universe: Universe) -> str:
    if not universe.dimensions:
        return ""
    return range_text(positions, lambda position: partition_text(universe.key(position)))


def _gone(part: AssetPlan, universe: Universe, state: CatalogState) -> int:
    """Return of how many slots to run the file is gone, or is not ours any more."""
    gone = state.gone.get(part.asset)
    if gone is None:
        return 0
    missing = part.run & (part.verdict == VERDICTS.index(Verdict.MISSING))
    return int(np.isin(universe.ordinals(part.positions[missing]), gone).sum())


def _cause_counts(part: AssetPlan, gone: int) -> tuple[tuple[str, int], ...]:
    """Return how many slots to run are missing, and how many have each cause."""
    missing = int((part.run & (part.verdict == VERDICTS.index(Verdict.MISSING))).sum())
    kinds = (("missing", missing - gone), ("gone", gone))
    counts = [(kind, count) for kind, count in kinds if count]
    for bit, cause in enumerate(part.cause_table):
        hits = int((((part.causes >> np.uint64(bit)) & np.uint64(1)).astype(bool) & part.run).sum())
        if hits and not (missing == hits and cause.kind == "upstream"):
            counts.append((str(cause), hits))
    return tuple(counts)
