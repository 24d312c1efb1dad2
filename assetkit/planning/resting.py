"""The usual case, told without a look at each slot: all is there, and nothing upstream moved."""

from __future__ import annotations

import numpy as np

from assetkit.columns import MIXED, Ints
from assetkit.planning.model import VERDICTS, AssetPlan
from assetkit.planning.world import Ledger, Resting, World
from assetkit.records import AssetKey, Verdict

_FRESH = np.int8(VERDICTS.index(Verdict.FRESH))


def at_rest(key: AssetKey, positions: Ints, world: World, ledger: Ledger) -> AssetPlan | None:
    """Return the plan of an asset that needs nothing; None where each slot must be looked at."""
    decided, gist = ledger.decided[key], world.state.gist(key)
    if decided.newest is None or key in world.request.forced or key in world.state.leases:
        return None
    if gist.basis == MIXED or gist.partial:
        return None
    if world.state.bases[gist.basis] != world.bases[key]:
        return None
    for edge in world.graph.edges[key]:
        above = ledger.decided.get(edge.upstream)
        if above is None or above.newest is None or edge.upstream == key or above.runs:
            return None
        if max(above.newest, world.state.universe_seq.get(edge.upstream, 0)) > gist.read:
            return None
    decided.at_rest = True
    rest = _rest(len(positions), ledger)
    return AssetPlan(
        asset=key,
        positions=positions,
        verdict=rest.verdict,
        causes=rest.causes,
        cause_table=(),
        run=rest.run,
        maybe=rest.run,
    )


def _rest(size: int, ledger: Ledger) -> Resting:
    found = ledger.resting.get(size)
    if found is None:
        found = ledger.resting[size] = Resting(
            np.full(size, _FRESH, dtype=np.int8),
            np.zeros(size, dtype=np.uint64),
            np.zeros(size, dtype=np.bool_),
        )
    return found
