"""The usual case, told without a look at each slot: all is there, and nothing upstream moved."""

from __future__ import annotations

import numpy as np

from assetkit.columns import Ints, SlotColumns
from assetkit.planning.model import VERDICTS, AssetPlan
from assetkit.planning.world import Ledger, Resting, World
from assetkit.records import AssetKey, Verdict

_FRESH = np.int8(VERDICTS.index(Verdict.FRESH))


def at_rest(key: AssetKey, positions: Ints, world: World, ledger: Ledger) -> AssetPlan | None:
    """Return the plan of an asset that needs nothing; None where each slot must be looked at."""
    decided, columns = ledger.decided[key], world.state.columns(key)
    if decided.newest is None or key in world.request.forced or key in world.state.leases:
        return None
    if not _is_as_declared(key, columns, world) or bool(columns.partial.any()):
        return None
    read = int(columns.read_seq.min())
    for edge in world.graph.edges[key]:
        above = ledger.decided.get(edge.upstream)
        if above is None or above.newest is None or edge.upstream == key:
            return None
        moved = max(above.newest, world.state.universe_seq.get(edge.upstream, 0))
        if moved > read or bool(above.run.any()):
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


def _is_as_declared(key: AssetKey, columns: SlotColumns, world: World) -> bool:
    """Return whether all slots were made as the asset is declared today."""
    first = int(columns.basis[0])
    if world.state.bases[first] != world.bases[key]:
        return False
    return len(columns) == 1 or bool((columns.basis == first).all())


def _rest(size: int, ledger: Ledger) -> Resting:
    if size not in ledger.resting:
        ledger.resting[size] = Resting(
            np.full(size, _FRESH, dtype=np.int8),
            np.zeros(size, dtype=np.uint64),
            np.zeros(size, dtype=np.bool_),
        )
    return ledger.resting[size]
