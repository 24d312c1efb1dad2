"""Take care of what is stored: delete, check against the files, make the catalog again."""

from __future__ import annotations

from typing import Any

import numpy as np

from assetkit.columns import Ints
from assetkit.errors import InvalidArgument
from assetkit.io.base import Source, Target
from assetkit.workspace.core import Core
from assetkit.workspace.data import Known, find_known, manager_of, select_published, source_of
from assetkit.workspace.situation import keeps_ordinals, orphaned, translation, universe_of

ORPHANS = "orphans"
"""Selects published slots that the definition has no place for any more."""


def delete(core: Core, asset: Any, partitions: Any) -> int:
    """Remove published slots: first their data, then their records; see `Workspace.delete`.

    In this order a crash in between leaves records whose data is gone, which
    count as missing; the other way round the next plan would adopt the files.
    """
    known = find_known(core, asset)
    manager = manager_of(core, known, asset)
    ordinals, texts = core.catalog.slot_keys(known.key)
    if isinstance(partitions, str) and partitions == ORPHANS:
        places = np.flatnonzero(np.isin(ordinals, find_orphans(core, known, asset, ordinals)))
    else:
        places = select_published(known, texts, partitions)
    chosen = ordinals[places]
    kept = {text for text, ordinal in zip(texts, ordinals, strict=True) if ordinal not in chosen}
    for each in core.catalog.published(known.key, chosen):
        if each.partition not in kept:
            manager.delete(target_of(source_of(core, known, each)))
    return core.catalog.delete_slots(known.key, chosen, core.now())


def find_orphans(core: Core, known: Known, asset: Any, stored: Ints) -> Ints:
    """Return the ordinals of published slots that the definition has no place for.

    Raises:
        InvalidArgument: only the name is given, and a definition is needed to tell.
    """
    definition = getattr(asset, "definition", None)
    if definition is None:
        raise InvalidArgument(
            f"Which partitions of {known.key!r} are orphans is for its definition to say. Give the "
            f"asset itself instead of its name."
        )
    snapshot = core.catalog.snapshot([known.key])
    universe = universe_of(definition, core.now(), snapshot.dynamic)
    if (len(stored) and stored[0] < 0) or not keeps_ordinals(
        definition, snapshot.assets[known.key].layout
    ):
        return orphaned(stored, universe, translation(known.key, universe, core.catalog))
    return orphaned(stored, universe)


def target_of(source: Source) -> Target:
    """Return a slot's place as something to write to or delete."""
    return Target(
        asset=source.asset,
        partition_key=source.partition_key,
        dimensions=source.dimensions,
        place=source.place,
        folder=source.folder,
        run_id="delete",
    )
