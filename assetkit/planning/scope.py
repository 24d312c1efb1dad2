"""Which slots a request is about: the targets' own, and upstream of them what they need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from assetkit.columns import Flags, Ints
from assetkit.definitions.universe import Fan, Universe
from assetkit.graph.graph import AssetGraph, Edge
from assetkit.planning.ranges import covered
from assetkit.records import AssetKey

Scope: TypeAlias = dict[AssetKey, Ints]
"""Sorted positions by asset."""


def fan_of(edge: Edge, positions: Ints, universes: Mapping[AssetKey, Universe]) -> Fan:
    """Return the upstream slots of some downstream slots of an edge."""
    return edge.mapping.upstream_of(positions, universes[edge.downstream], universes[edge.upstream])


def upstream_scope(
    graph: AssetGraph, universes: Mapping[AssetKey, Universe], wanted: Scope, *, upstream: bool
) -> Scope:
    """Return the slots to look at: *wanted*, with *upstream* all that they need, however far up."""
    flags: dict[AssetKey, Flags] = {}
    for asset, positions in wanted.items():
        flags[asset] = np.zeros(len(universes[asset]), dtype=np.bool_)
        flags[asset][positions] = True
    if upstream:
        for asset in reversed(tuple(graph.assets)):
            if asset in flags:
                _spread(asset, graph.edges[asset], universes, flags)
    return {asset: np.flatnonzero(hit).astype(np.int64) for asset, hit in flags.items()}


def _spread(
    asset: AssetKey,
    edges: tuple[Edge, ...],
    universes: Mapping[AssetKey, Universe],
    flags: dict[AssetKey, Flags],
) -> None:
    for edge in edges:
        if edge.upstream == asset:
            flags[asset] = _closed_over_itself(edge, universes, flags[asset])
    positions = np.flatnonzero(flags[asset]).astype(np.int64)
    if not len(positions):
        return
    for edge in edges:
        if edge.upstream == asset:
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
