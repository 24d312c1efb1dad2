"""How long a slot waits for inputs that are late: `AssetIn.grace`.

Rule 1: grace counts from the end of the slot's own window; where it has none, from the
end of the newest window that it reads; where that has none either, it never ends.
Rule 2: what is late after that is waived: the slot is made without it, and is partial.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from assetkit.columns import Flags, Ints
from assetkit.definitions.universe import Fan, Universe
from assetkit.graph.graph import Edge
from assetkit.records import AssetKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def waived(
    edge: Edge, positions: Ints, fan: Fan, universes: Mapping[AssetKey, Universe], now: datetime
) -> Flags | None:
    """Return which slots wait no longer for what is late; None where all wait for ever."""
    if edge.input.grace is None:
        return None
    since = universes[edge.downstream].ends(positions)
    if since is None:
        since = _newest_ends(fan, universes[edge.upstream])
    if since is None:
        return None
    over = (now - timedelta(seconds=edge.input.grace) - _EPOCH) // timedelta(microseconds=1)
    flags: Flags = since <= over
    return flags


def _newest_ends(fan: Fan, upstream: Universe) -> Ints | None:
    """Return the end of the last window that each slot reads; never, where it reads none."""
    some = np.flatnonzero(fan.hi > fan.lo)
    last = fan.hi[some] - 1
    ends = upstream.ends(last if fan.indices is None else fan.indices[last])
    if ends is None:
        return None
    newest = np.full(len(fan.lo), np.iinfo(np.int64).max, dtype=np.int64)
    newest[some] = ends
    return newest
