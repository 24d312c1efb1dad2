"""Compare what was recorded with what is there now: bases part by part, content by its hashes."""

from __future__ import annotations

import numpy as np

from assetkit.columns import Words, slot_hashes
from assetkit.graph.graph import Edge
from assetkit.planning.world import Ledger, World, known_of
from assetkit.records import AssetKey, Basis

BASIS_PARTS = ("code", "config", "definition", "schema")


def differs(recorded: Basis, now: Basis, part: str) -> bool:
    """Return whether a part is not what it was; other inputs are another definition."""
    if part == "definition" and recorded.inputs != now.inputs:
        return True
    return bool(getattr(recorded, part) != getattr(now, part))


def is_detailed(key: AssetKey, world: World) -> bool:
    """Return whether the versions of an asset's slots are there, or it has none."""
    gist = world.state.gist(key)
    return gist.detailed or not gist.slots


def can_compare(edge: Edge, world: World, ledger: Ledger) -> bool:
    """Return whether the digests of an edge are there; note that they are missed where not."""
    if world.state.gist(edge.downstream).detailed and is_detailed(edge.upstream, world):
        return True
    ledger.wants_detail |= {edge.downstream, edge.upstream}
    return False


def hashes_of(key: AssetKey, world: World, ledger: Ledger) -> Words:
    """Return the hash of (slot, version) by position; zero where nothing is published."""
    decided = known_of(key, world, ledger)
    if decided.hashes is None:
        present = decided.present
        words = np.zeros(len(present), dtype=np.uint64)
        columns = world.state.columns(key)
        rows = decided.row[present]
        ids = world.universes[key].stable_ids(np.flatnonzero(present).astype(np.int64))
        words[present] = slot_hashes(ids, columns.version_hi[rows], columns.version_lo[rows])
        decided.hashes = words
    return decided.hashes
