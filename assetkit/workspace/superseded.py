"""Remove old files of slots that a run has made anew in another place.

Where an asset has another IO manager, or its dimensions have other names, a new file does
not replace the old one.

Rule 1: the old file goes once the new one is on record, so that there always is one.
Rule 2: what has no place in the new definition is an orphan, and nobody's to remove here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from assetkit.columns import Ints
from assetkit.errors import StorageError
from assetkit.io.base import Target
from assetkit.planning.data import PlanData
from assetkit.planning.model import AssetPlan
from assetkit.records import Materialization
from assetkit.workspace.core import Core

_IN_FILES = ("parquet", "pickle", "json")
"""Names of IO managers that keep each slot in a file of its own."""


def redefined(core: Core, plan: PlanData) -> list[Materialization]:
    """Return what is published of the slots that a plan makes anew since their definition changed.

    What was adopted where it lay is left out: it is not in the asset's folder.
    """
    found: list[Materialization] = []
    for part in plan.assets:
        ordinals = _by_definition(plan, part)
        if len(ordinals):
            found += core.catalog.published(part.asset, ordinals)
    return [one for one in found if (one.location or "").startswith(f"{one.asset}/")]


def _by_definition(plan: PlanData, part: AssetPlan) -> Ints:
    bits = [bit for bit, cause in enumerate(part.cause_table) if cause.kind == "definition"]
    chosen = part.run & (part.causes & sum(1 << bit for bit in bits) != 0)
    if not chosen.any():
        return np.empty(0, dtype=np.int64)
    return plan.universes[part.asset].ordinals(part.positions[chosen])


def remove_old(core: Core, before: Sequence[Materialization]) -> None:
    """Remove the files of slots that lie in other places now; what cannot go stays behind.

    `Workspace.verify` tells of it.
    """
    for asset in {one.asset for one in before}:
        own = {one.ordinal: one for one in before if one.asset == asset}
        ordinals = np.array(sorted(own), dtype=np.int64)
        for now in core.catalog.published(asset, ordinals):
            if now.location not in (None, own[now.ordinal].location):
                _remove(core, own[now.ordinal])


def _remove(core: Core, made: Materialization) -> None:
    folder, _, name = (made.location or "").rpartition("/")
    target = Target(
        asset=made.asset,
        partition_key=made.partition,
        dimensions=(),
        place=core.place,
        folder=folder,
        run_id="delete",
    )
    for known_as in _IN_FILES:
        manager = core.io_manager_known_as(known_as, made.asset)
        if getattr(manager, "filename", None) == name:
            with suppress(StorageError):
                manager.delete(target)
            return
