"""Put slots' data in other places: what renaming assets and renaming partitions share.

Rule 1: data goes first, the catalog follows: after a crash in between, the same
renaming goes on from there.
Rule 2: where an IO manager cannot move, data is copied, and the original removed once
the catalog knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from assetkit.execution.provenance import provenance_of
from assetkit.io.base import Source, is_staged
from assetkit.records import Materialization, is_nothing
from assetkit.workspace.core import Core
from assetkit.workspace.data import Known, source_of
from assetkit.workspace.upkeep import target_of

Move = tuple[Known, Materialization, Known, Materialization]
"""A slot as it is, and as it is to be; each with what is known of its asset."""


def relocate(core: Core, manager: Any, moves: Iterable[Move]) -> list[Source]:
    """Put the data of slots in their new places; return the originals that are to be removed."""
    copied = []
    for known, made, then, after in moves:
        if is_nothing(made.data_version) or _lies_elsewhere(known, made):
            continue
        source = replace(source_of(core, known, made), location=None)
        place = source_of(core, then, replace(after, location=None))
        provenance = provenance_of(replace(after, location=None))
        target = replace(target_of(place), provenance=provenance)
        if hasattr(manager, "move"):
            manager.move(source, target)
            continue
        written = manager.write(manager.read((source,), None, None), target)
        if is_staged(manager):
            manager.publish(written, target)
        copied.append(source)
    return copied


def _lies_elsewhere(known: Known, made: Materialization) -> bool:
    """Return whether a slot's data is in no folder of its asset, and so is not moved."""
    return made.location is not None and not made.location.startswith(f"{known.key}/")
