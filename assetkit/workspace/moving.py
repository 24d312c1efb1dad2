"""Give an asset another name: its files, its history, and what others say of having read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from assetkit.catalog.changes import key_taken
from assetkit.definitions.names import check_key
from assetkit.errors import InvalidArgument
from assetkit.execution.provenance import provenance_of
from assetkit.records import AssetKey, Materialization
from assetkit.workspace.core import Core
from assetkit.workspace.data import find_known, known_assets, manager_of, source_of
from assetkit.workspace.relocating import relocate
from assetkit.workspace.situation import FORMERLY
from assetkit.workspace.upkeep import target_of

_MOST_NAMES = 8


def rename(core: Core, old: Any, new: Any) -> int:
    """Move all of an asset to another key; return how many slots. See `Workspace.rename`.

    Files go first: a crash in between leaves the old name in the catalog, and
    renaming again goes on from there.
    """
    known = find_known(core, old)
    key = check_key(getattr(new, "key", new), where="The new name")
    if key == known.key:
        return 0
    if core.base is not None:
        raise InvalidArgument(
            f"{known.key!r} cannot be renamed in the branch {core.root}: its base would keep the "
            f"old name. Rename it in {core.base.root}."
        )
    if len(core.catalog.slot_keys(key)[0]):
        raise key_taken(known.key, key)
    manager, then = manager_of(core, known, old), replace(known, key=key)
    made = list(core.catalog.published(known.key))
    left = relocate(core, manager, ((known, one, then, replace(one, asset=key)) for one in made))
    core.catalog.rename_asset(known.key, key)
    for source in left:
        manager.delete(target_of(source))
    _remember(core, known.key, key)
    _tell_readers(core, known.key, key)
    return len(made)


def _remember(core: Core, old: AssetKey, new: AssetKey) -> None:
    """Keep the earlier names of an asset, so that what was written down by them still leads to it.

    Who takes such a name later, has it.
    """
    row = next(one for one in core.catalog.asset_rows() if one.asset == new)
    definition = json.loads(row.definition)
    names = [one for one in definition.get(FORMERLY, ()) if one != new]
    definition[FORMERLY] = [*names, old][-_MOST_NAMES:]
    core.catalog.describe([replace(row, definition=json.dumps(definition))])


def successor(core: Core, name: AssetKey) -> AssetKey | None:
    """Return the asset that had this name until it was renamed; None where there is none."""
    rows = core.catalog.asset_rows()
    return next(
        (row.asset for row in rows if name in json.loads(row.definition).get(FORMERLY, ())), None
    )


def _tell_readers(core: Core, old: AssetKey, new: AssetKey) -> None:
    """Let what was made from the asset say so by its new name, in the files as in the catalog."""
    readers = {key: one for key, one in known_assets(core).items() if old in one.upstreams}
    rows = {row.asset: row for row in core.catalog.asset_rows()}
    for key, known in readers.items():
        definition = json.loads(rows[key].definition)
        definition["upstreams"] = [new if one == old else one for one in known.upstreams]
        core.catalog.describe([replace(rows[key], definition=json.dumps(definition))])
        manager: Any = core.io_managers.get(str(known.io_manager))
        if hasattr(manager, "note"):
            for made in _readings(core, key, new):
                target = target_of(source_of(core, known, made))
                manager.note(replace(target, provenance=provenance_of(made)))


def _readings(core: Core, key: AssetKey, upstream: AssetKey) -> Iterator[Materialization]:
    for made in core.catalog.published(key):
        if any(use.asset == upstream for use in made.inputs):
            yield made
