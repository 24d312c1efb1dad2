"""Which slots a request is about: the targets' own, and upstream of them what they need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from assetkit.columns import Flags, Ints
from assetkit.definitions.mapping import AllPartitions
from assetkit.definitions.universe import Fan, Universe
from assetkit.errors import AssetkitError
from assetkit.graph.graph import AssetGraph, Edge
from assetkit.planning.ranges import covered
from assetkit.records import AssetKey

Scope: TypeAlias = dict[AssetKey, Ints]
"""Sorted positions by asset."""

# The one slot of an asset without partitions, shared by all that have no more.
_ONE, _FIRST = np.ones(1, dtype=np.bool_), np.zeros(1, dtype=np.int64)
_ONE.setflags(write=False)
_FIRST.setflags(write=False)


def fan_of(edge: Edge, positions: Ints, universes: Mapping[AssetKey, Universe]) -> Fan:
    """Return the upstream slots of some downstream slots of an edge.

    Raises `UnknownPartition` or `InvalidSelection` where what an author named, or a function
    of the author's, is no upstream key.
    """
    downstream, upstream = universes[edge.downstream], universes[edge.upstream]
    try:
        return edge.mapping.upstream_of(positions, downstream, upstream)
    except AssetkitError as problem:
        where = f"Asset {edge.downstream!r} takes {edge.upstream!r}"
        raise type(problem)(f"{where}, but not with that mapping. {problem}") from problem


def joins_single_slots(edge: Edge, universes: Mapping[AssetKey, Universe]) -> bool:
    """Return whether an edge joins two assets without partitions: one slot reads the other."""
    if universes[edge.downstream].dimensions or universes[edge.upstream].dimensions:
        return False
    return isinstance(edge.mapping, AllPartitions) and edge.upstream != edge.downstream


def upstream_scope(
    graph: AssetGraph, universes: Mapping[AssetKey, Universe], wanted: Scope, *, upstream: bool
) -> Scope:
    """Return the slots to look at: *wanted*, with *upstream* all that they need, however far up."""
    flags: dict[AssetKey, Flags] = {}
    for asset, positions in wanted.items():
        size = len(universes[asset])
        flags[asset] = _ONE if len(positions) == size == 1 else np.zeros(size, dtype=np.bool_)
        if flags[asset] is not _ONE:
            flags[asset][positions] = True
    if upstream:
        for asset in reversed(tuple(graph.assets)):
            if asset in flags:
                _spread(asset, graph.edges[asset], universes, flags)
    return {
        asset: _FIRST if hit is _ONE else np.flatnonzero(hit).astype(np.int64)
        for asset, hit in flags.items()
    }


def _spread(
    asset: AssetKey,
    edges: tuple[Edge, ...],
    universes: Mapping[AssetKey, Universe],
    flags: dict[AssetKey, Flags],
) -> None:
    for edge in edges:
        if edge.upstream == asset:
            flags[asset] = _closed_over_itself(edge, universes, flags[asset])
    own = flags[asset]
    positions = _FIRST if own is _ONE else np.flatnonzero(own).astype(np.int64)
    if not len(positions):
        return
    for edge in edges:
        if edge.upstream == asset:
            continue
        if joins_single_slots(edge, universes):
            flags[edge.upstream] = _ONE
            continue
        size = len(universes[edge.upstream])
        needed = covered(fan_of(edge, positions, universes), size)
        known = flags.get(edge.upstream)
        flags[edge.upstream] = needed if known is None else known | needed


def _closed_over_itself(edge: Edge, universes: Mapping[AssetKey, Universe], flags: Flags) -> Flags:
    """Add what slots need of their own asset, again and again until nothing is new."""
    fresh = np.flatnonzero(flags).astype(np.int64)
    while len(fresh) and not flags.all():
        needed = covered(fan_of(edge, fresh, universes), len(flags))
        fresh = np.flatnonzero(needed & ~flags).astype(np.int64)
        flags = flags | needed
    return flags
