"""Edges with their mappings: given, or inferred from the partitions of both ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assetkit.definitions.asset import Input
from assetkit.definitions.mappings import as_mapping, check_mapping, infer_mapping
from assetkit.definitions.universe import PartitionMapping
from assetkit.errors import CycleError, DefinitionError, PartitionMappingError
from assetkit.graph.graph import Edge
from assetkit.graph.lookup import AnyAsset, asker
from assetkit.records import AssetKey


class EdgeMaker:
    """Makes edges, and remembers what it inferred: many edges join the same partitions."""

    def __init__(
        self, assets: Mapping[AssetKey, AnyAsset], problems: list[DefinitionError]
    ) -> None:
        self._assets, self._problems = assets, problems
        self._inferred: dict[tuple[int, int], PartitionMapping | None] = {}

    def edges_of(self, asset: AnyAsset, inputs: list[tuple[Input, AnyAsset]]) -> tuple[Edge, ...]:
        """Return the edges of one asset in the order declared; problems are put aside."""
        loaded = {upstream.key for declared, upstream in inputs if declared.parameter is not None}
        edges = []
        for declared, found in inputs:
            bare = declared.parameter is None and declared.mapping is None
            if bare and found.key in loaded:
                continue  # a dependency that is a parameter, too, is one edge
            if found.key not in self._assets:
                continue  # its definition is broken, which was said
            try:
                edges.append(self._edge(asset, declared, self._assets[found.key]))
            except DefinitionError as problem:
                self._problems.append(problem)
        return tuple(edges)

    def _edge(self, asset: AnyAsset, declared: Input, upstream: AnyAsset) -> Edge:
        if asset.siblings and upstream in (asset, *asset.siblings):
            raise CycleError(
                f"{asker(asset, declared)}, which the same function makes. A multi-asset reads "
                "none of its own outputs; its last values are context.previous(output=...). Make "
                "what needs an output an asset of its own.",
                path=(asset.key, upstream.key),
            )
        if upstream.key == asset.key:
            _check_own_past(asset, declared)
        return Edge(
            upstream=upstream.key,
            downstream=asset.key,
            input=declared,
            mapping=self._mapping(asset, declared, upstream),
        )

    def _mapping(self, asset: AnyAsset, declared: Input, upstream: AnyAsset) -> PartitionMapping:
        if declared.mapping is not None:
            problem = check_mapping(declared.mapping, asset.partitions, upstream.partitions)
            if problem is not None:
                raise PartitionMappingError(_misfit(asset, declared, upstream, problem))
            return as_mapping(declared.mapping)
        inferred = self._infer(asset.partitions, upstream.partitions)
        if inferred is None:
            raise PartitionMappingError(_no_mapping(asset, declared, upstream))
        if (problem := check_mapping(inferred, asset.partitions, upstream.partitions)) is not None:
            raise PartitionMappingError(_nothing_in_it(asset, declared, upstream, problem))
        return inferred

    def _infer(self, downstream: Any, upstream: Any) -> PartitionMapping | None:
        pair = (id(downstream), id(upstream))
        if pair not in self._inferred:
            self._inferred[pair] = infer_mapping(downstream, upstream)
        return self._inferred[pair]


def _check_own_past(asset: AnyAsset, declared: Input) -> None:
    if declared.mapping is not None and as_mapping(declared.mapping).reads_past:
        return
    parameter = declared.parameter or declared.upstream
    raise CycleError(
        f"{asker(asset, declared)}, which is itself. An asset may only read its own earlier "
        f'partitions: ins={{"{parameter}": AssetIn(partitions=window(-1, -1))}}; its own last '
        "value is context.previous(...). To read another asset of that name, give its key: "
        f'AssetIn("prefix/{asset.name}").',
        path=(asset.key, asset.key),
    )


def _no_mapping(asset: AnyAsset, declared: Input, upstream: AnyAsset) -> str:
    return (
        f"{asker(asset, declared)}, but there is no obvious way from its partitions to those "
        f"of {upstream.key!r} ({upstream.source}).\n{_both(asset, upstream)}\n"
        "Say which are needed, with all_partitions() or another of assetkit.mappings: "
        f'ins={{"{declared.parameter or upstream.name}": AssetIn(partitions=all_partitions())}}.'
    )


def _misfit(asset: AnyAsset, declared: Input, upstream: AnyAsset, problem: str) -> str:
    return (
        f"{asker(asset, declared)} with a mapping that does not fit {upstream.key!r} "
        f"({upstream.source}): {problem.rstrip('.')}.\n{_both(asset, upstream)}"
    )


def _nothing_in_it(asset: AnyAsset, declared: Input, upstream: AnyAsset, problem: str) -> str:
    return (
        f"{asker(asset, declared)}, but would never get anything of {upstream.key!r} "
        f"({upstream.source}): {problem}.\n{_both(asset, upstream)}"
    )


def _both(asset: AnyAsset, upstream: AnyAsset) -> str:
    width = max(len(asset.key), len(upstream.key))
    return "\n".join(
        f"  {one.key:<{width}}  {'unpartitioned' if one.partitions is None else one.partitions}"
        for one in (asset, upstream)
    )
