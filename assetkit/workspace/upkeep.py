"""Take care of what is stored: delete, check against the files, make the catalog again."""

from __future__ import annotations

from typing import Any

from assetkit.io.base import Source, Target
from assetkit.workspace.core import Core
from assetkit.workspace.data import find_known, manager_of, select_published, source_of


def delete(core: Core, asset: Any, partitions: Any) -> int:
    """Remove published slots: first their data, then their records; see `Workspace.delete`.

    In this order a crash in between leaves records whose data is gone, which
    count as missing; the other way round the next plan would adopt the files.
    """
    known = find_known(core, asset)
    manager = manager_of(core, known, asset)
    ordinals, texts = core.catalog.slot_keys(known.key)
    places = select_published(known, texts, partitions)
    made = list(core.catalog.published(known.key, ordinals[places]))
    for each in made:
        manager.delete(target_of(source_of(core, known, each)))
    return core.catalog.delete_slots(known.key, ordinals[places], core.now())


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
