"""Names resolved, mappings inferred, cycles refused: who needs whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assetkit.definitions.asset import AssetDef, Input
from assetkit.definitions.universe import PartitionMapping
from assetkit.records import AssetKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One input of an asset with its upstream known and its mapping settled."""

    upstream: AssetKey
    downstream: AssetKey
    input: Input
    mapping: PartitionMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetGraph:
    """Assets in a valid order (upstreams first, ties by key).

    ``edges`` lists each asset's inputs in the order declared; a self-dependency
    is an edge from an asset to itself. ``downstream`` holds the keys that use
    an asset. ``notes`` are said in every plan (e.g. a notebook asset that shadows a
    project's).
    """

    assets: Mapping[AssetKey, AssetDef]
    edges: Mapping[AssetKey, tuple[Edge, ...]]
    downstream: Mapping[AssetKey, tuple[AssetKey, ...]]
    notes: tuple[str, ...] = ()
