"""Where the slots of an asset lie: the bridge from positions to the IO manager's sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.keys import slot_folder
from assetkit.definitions.universe import Universe
from assetkit.io.base import Place, Source
from assetkit.records import AssetKey, PartitionKey


def sources_of(
    asset: AssetKey,
    universe: Universe,
    positions: Ints,
    place: Place,
    locations: Sequence[str | None] | None = None,
) -> list[Source]:
    """Return where some slots of an asset lie, in the order of *positions*."""
    if len(universe.dimensions) == 1 and locations is None:
        (name,) = universe.dimensions
        keys = [text or "" for text in universe.texts(np.asarray(positions))]
        return [_of(asset, place, key, ((name, key),)) for key in keys]
    return [
        source_of(asset, universe, int(position), place, locations[i] if locations else None)
        for i, position in enumerate(np.asarray(positions))
    ]


def source_of(
    asset: AssetKey, universe: Universe, position: int, place: Place, location: str | None = None
) -> Source:
    """Return where one slot lies."""
    parts = universe.parts(position)
    return _of(asset, place, universe.key(position), parts, location)


def _of(
    asset: AssetKey,
    place: Place,
    key: PartitionKey | None,
    parts: tuple[tuple[str, str], ...],
    location: str | None = None,
) -> Source:
    return Source(
        asset=asset,
        partition_key=key,
        dimensions=parts,
        place=place,
        folder=slot_folder(asset, parts),
        location=location,
    )
