"""Checks that stand beside assets: each is added to the asset that it says it is of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from assetkit.definitions.checks import AssetCheck, attach_checks, checks_among
from assetkit.graph.graph import AssetGraph


def with_checks(graph: AssetGraph, given: Iterable[AssetCheck] = ()) -> AssetGraph:
    """Return the graph with the checks *given*, and those in the modules of its assets.

    A check of an asset that is not in the graph is left aside.
    """
    found = [check for check in (*given, *_beside(graph)) if _is_of(check, graph)]
    if not found:
        return graph
    return replace(graph, assets=attach_checks(graph.assets, found))


def _beside(graph: AssetGraph) -> Iterator[AssetCheck]:
    """Yield the checks that the assets' modules know by name; each module is looked at once."""
    modules = {}
    for asset in graph.assets.values():
        names = getattr(asset.function, "__globals__", None)
        if names is not None:
            modules[id(names)] = names
    for names in modules.values():
        yield from checks_among(names.values())


def _is_of(check: AssetCheck, graph: AssetGraph) -> bool:
    name = check.asset_name
    return name is not None and (
        name in graph.assets or any(asset.name == name for asset in graph.assets.values())
    )
