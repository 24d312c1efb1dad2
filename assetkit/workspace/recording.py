"""Tell the catalog of today's definitions before a run writes under them."""

from __future__ import annotations

from assetkit.planning.data import PlanData
from assetkit.planning.planner import Situation
from assetkit.records import AssetKey, AssetRow
from assetkit.workspace.core import Core
from assetkit.workspace.situation import asset_rows, translation
from assetkit.workspace.sources import keep_sources


def record_definitions(core: Core, plan: PlanData | Situation) -> None:
    """Write down what changed in the definitions, and move slots to new layouts."""
    changed = rebased(core, plan)
    if changed:
        core.catalog.describe(changed)


def rebased(core: Core, plan: PlanData | Situation) -> list[AssetRow]:
    """Move slots to new layouts, and return what else the catalog is to learn of the definitions.

    A slot whose key is none any more becomes an orphan: kept, and listed as such.
    """
    state = plan.state if isinstance(plan, Situation) else plan.snapshot
    known, moved = state.rows, state.moved
    changed = asset_rows(plan, known)
    keep_sources(core, (plan.code[row.asset] for row in changed))
    today = {**known, **{row.asset: row for row in changed}}
    for key, old in known.items():
        row = today[key]
        if key in plan.graph.assets and (old.layout != row.layout or key in moved):
            _rebase(core, old, row, plan)
    return changed


def _rebase(core: Core, before: AssetRow, row: AssetRow, plan: PlanData | Situation) -> None:
    key: AssetKey = row.asset
    old, _texts = core.catalog.slot_keys(key)
    new = translation(key, plan.universes[key], core.catalog)(old)
    if before.layout == row.layout and (old == new).all():
        return
    core.catalog.rebase(row, dict(zip(old.tolist(), new.tolist(), strict=True)))
