"""What the last attempts at an asset's partitions failed of, where they did not succeed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest

import numpy as np

from assetkit.planning.state import Failure
from assetkit.records import AssetKey, slot_name
from assetkit.web.desk import Desk

_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedStep:
    """A partition whose last attempt failed: when, of what, in which run, how often alike."""

    partition: str
    step: str
    error: str
    run_id: str
    at: datetime
    times: int


def failed_of(desk: Desk, key: AssetKey, one: str | None) -> Sequence[FailedStep]:
    """Return what failed last, the newest first: of one partition, or the newest of an asset."""
    standing = desk.standing()
    universe = standing.plan.universes.get(key) if standing is not None else None
    if standing is None or universe is None:
        return ()
    mine = {
        ordinal: failure
        for (asset, ordinal), failure in standing.plan.snapshot.failures.items()
        if asset == key
    }
    if universe.dimensions and one is not None:
        wanted = universe.ordinals_of_texts([one]).tolist()
        mine = {ordinal: mine[ordinal] for ordinal in wanted if ordinal in mine}
    newest = nlargest(_TOLD, mine.items(), key=lambda item: (item[1].failed_at, item[0]))
    ordinals = np.array([ordinal for ordinal, _ in newest], dtype=np.int64)
    there = universe.positions(ordinals) >= 0
    texts = iter(universe.texts(universe.positions(ordinals[there])))
    return [
        _step(key, next(texts), failure)
        for (_, failure), is_there in zip(newest, there.tolist(), strict=True)
        if is_there
    ]


def _step(key: AssetKey, partition: str | None, failure: Failure) -> FailedStep:
    return FailedStep(
        partition=partition or "",
        step=slot_name(key, partition),
        error=f"{failure.error_type}: {failure.message}",
        run_id=failure.run_id,
        at=failure.failed_at,
        times=failure.count,
    )
