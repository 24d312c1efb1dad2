"""What changed in an asset's inputs since it was last made: what `changed_partitions` says.

Rule 1: what has a newer version than was known when the inputs were read has changed.
Rule 2: so has what was read and is there no more: what was made from it must go.
Rule 3: sequence numbers tell neither what went nor what came back. Where the set of
partitions changed since, the digest of what was read says whether anything did; then
all that is there counts as changed, and all that ever was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from assetkit.catalog.base import Catalog
from assetkit.columns import Ints
from assetkit.definitions.keys import split_key_text
from assetkit.execution.published import PublishedSlots
from assetkit.graph.graph import Edge
from assetkit.planning.data import PlanData
from assetkit.records import AssetKey, MultiPartitionKey, PartitionKey

Keys = tuple[PartitionKey | None, ...]


class InputChanges:
    """The changes in the inputs of one asset's slots."""

    def __init__(
        self,
        own: PublishedSlots,
        edges: Sequence[Edge],
        inputs: Sequence[PublishedSlots],
        plan: PlanData,
        catalog: Catalog,
    ) -> None:
        self._own, self._plan, self._catalog = own, plan, catalog
        self._inputs = {
            edge.upstream: (place, upstream)
            for place, (edge, upstream) in enumerate(zip(edges, inputs, strict=True))
        }
        self._ever: dict[AssetKey, frozenset[str | None]] = {}

    def since_made(self, position: int, needs: Sequence[Ints]) -> Mapping[AssetKey, Keys]:
        """Return what changed, by upstream asset, of what a slot *needs*; all if it is new."""
        seq = self._own.read_seq(position)
        return {
            asset: _keys(upstream, needs[place].tolist())
            if seq is None
            else self._since(position, seq, place, upstream, needs[place])
            for asset, (place, upstream) in self._inputs.items()
        }

    def _since(
        self, position: int, seq: int, place: int, upstream: PublishedSlots, needed: Ints
    ) -> Keys:
        changed = upstream.changed_since(seq, needed)
        if not self._may_lack(position, seq, upstream.asset):
            return _keys(upstream, changed)
        rest = np.setdiff1d(needed, np.array(changed, dtype=np.int64))
        if self._alike(position) and self._own.digest_read(position, place) == upstream.digest_of(
            rest
        ):
            return _keys(upstream, changed)
        there = upstream.names.texts(needed)
        gone = self._ever_published(upstream.asset).difference(there)
        return (*_keys(upstream, needed.tolist()), *_keys_of(upstream, gone))

    def _may_lack(self, position: int, seq: int, upstream: AssetKey) -> bool:
        """Return whether the slots read then may be others than those that are needed now."""
        state = self._plan.snapshot
        touched = state.universe_seq.get(upstream, 0) > seq or upstream in state.gone
        return touched or not self._alike(position)

    def _alike(self, position: int) -> bool:
        """Return whether a slot was made with the inputs that are declared today."""
        basis = self._plan.snapshot.bases.get(self._own.basis_of(position))
        return basis is not None and basis.inputs == self._plan.bases[self._own.asset].inputs

    def _ever_published(self, asset: AssetKey) -> frozenset[str | None]:
        if asset not in self._ever:
            self._ever[asset] = frozenset(self._catalog.history(asset)["partition"].to_pylist())
        return self._ever[asset]


def _keys(slots: PublishedSlots, positions: Iterable[int]) -> Keys:
    return tuple(slots.names.key(position) for position in positions)


def _keys_of(slots: PublishedSlots, texts: Iterable[str | None]) -> Keys:
    """Return the keys of texts that are no partitions any more, sorted."""
    several = len(slots.universe.dimensions) > 1
    return tuple(
        MultiPartitionKey(split_key_text(text)) if several and text is not None else text
        for text in sorted(texts, key=lambda text: text or "")
    )
