"""Which slots of an asset can be read by their keys: a workspace's own, and what its bases lend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Final

import numpy as np

from assetkit.columns import Flags, Ints
from assetkit.records import AssetKey, Materialization
from assetkit.workspace.core import Core

_NONE: Final = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Stock:
    """The published slots of an asset, in partition order: parallel columns.

    ``depth`` is the place in ``owners`` of the workspace that has a slot; ``ordinals``
    are those of its catalog.
    """

    owners: tuple[Core, ...]
    ordinals: Ints
    texts: Sequence[str | None]
    depth: Ints

    def take(self, kept: Flags) -> Stock:
        """Return some of the slots."""
        texts = list(compress(self.texts, kept))
        return replace(self, ordinals=self.ordinals[kept], texts=texts, depth=self.depth[kept])

    def without_orphans(self, *, but: str | None) -> Stock:
        """Return those that definitions have a place for; all where *but* is an orphan's key."""
        kept = self.ordinals >= 0
        if kept.all() or (but is not None and but in set(compress(self.texts, ~kept))):
            return self
        return self.take(kept)

    def published(self, asset: AssetKey, places: Ints) -> Iterator[tuple[Core, Materialization]]:
        """Yield what is recorded of some slots, in order, each with the workspace that has it."""
        places = np.unique(places)
        found = {}
        for depth in np.unique(self.depth[places]).tolist():
            owner, chosen = self.owners[depth], places[self.depth[places] == depth]
            for made in owner.catalog.published(asset, np.sort(self.ordinals[chosen])):
                found[depth, made.ordinal] = (owner, made)
        for place in places.tolist():
            slot = found.get((int(self.depth[place]), int(self.ordinals[place])))
            if slot is not None:
                yield slot

    def sizes(self, asset: AssetKey) -> tuple[Ints, Ints]:
        """Return the rows and the bytes of all slots, in no order; -1: not known."""
        rows, sizes = [_NONE], [_NONE]
        for depth, owner in enumerate(self.owners):
            ordinals, *found = owner.catalog.slot_sizes(asset)
            mine = np.isin(ordinals, self.ordinals[self.depth == depth])
            rows.append(found[0][mine])
            sizes.append(found[1][mine])
        return np.concatenate(rows), np.concatenate(sizes)


def stock_of(core: Core, asset: AssetKey) -> Stock:
    """Return the slots of an asset that can be read in a workspace."""
    ordinals, texts = core.catalog.slot_keys(asset)
    own = Stock((core,), ordinals, texts, np.zeros(len(ordinals), dtype=np.int64))
    if core.base is None:
        return own
    # Even the pins of a long read are the branch's own: nothing is written in a base.
    lender = replace(core.base, place=replace(core.base.place, private=core.place.private))
    return _over(own, stock_of(lender, asset))


def _over(own: Stock, base: Stock) -> Stock:
    """Return a branch's slots, and those of its base that it has not itself."""
    taken = set(own.texts)
    lent = base.take(np.array([text not in taken for text in base.texts], dtype=np.bool_))
    both = Stock(
        (*own.owners, *base.owners),
        np.concatenate([own.ordinals, lent.ordinals]),
        [*own.texts, *lent.texts],
        np.concatenate([own.depth, lent.depth + 1]),
    )
    if not len(own.ordinals) or not len(lent.ordinals):
        return both
    order = np.argsort(both.ordinals, kind="stable")
    if len(np.unique(both.ordinals)) < len(order):  # of two layouts: keys sort as partitions do
        order = np.array(sorted(range(len(order)), key=lambda one: both.texts[one] or ""))
    return replace(
        both,
        ordinals=both.ordinals[order],
        texts=[both.texts[one] for one in order.tolist()],
        depth=both.depth[order],
    )
