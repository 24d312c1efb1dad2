"""Checks that stand beside assets: each is added to the asset that it says it is of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from assetkit.definitions.checks import AssetCheck, attach_checks, checks_among
from assetkit.definitions.handles import assets_among
from assetkit.errors import DefinitionError, did_you_mean
from assetkit.graph.graph import AssetGraph


def with_checks(graph: AssetGraph, given: Iterable[AssetCheck] = ()) -> AssetGraph:
    """Return the graph with the checks *given*, and those in the modules of its assets.

    A check of an asset that is not in the graph is left aside.
    """
    found = [check for check in (*given, *_beside(graph)) if _is_of(check, graph)]
    if not found:
        return graph
    return replace(graph, assets=attach_checks(graph.assets, found))


def stray_checks(
    graph: AssetGraph, given: Iterable[AssetCheck], *, beside: bool = False
) -> Iterator[DefinitionError]:
    """Yield what is wrong with checks that are of no asset of the graph.

    *beside*: look at those in the modules of its assets, too. Theirs may be of any asset
    that the module knows, as a project need not have all of them.
    """
    stray = [check for check in given if not _is_of(check, graph)]
    if beside:
        stray += [check for check in _beside(graph) if not _is_of(check, graph)]
    for check in dict.fromkeys(stray):
        if check in given or check.asset_name not in _names_beside(check):
            hint = did_you_mean(str(check.asset_name), graph.assets, what="assets")
            yield DefinitionError(
                f"Check {check.name!r} ({check.source}) is of {check.asset_name!r}, but no asset "
                f"has that name. {hint}"
            )


def _names_beside(check: AssetCheck) -> set[str]:
    """Return the names of all assets that the module of a check knows."""
    values = getattr(check.function, "__globals__", {}).values()
    return {name for asset in assets_among(values) for name in (asset.key, asset.name)}


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
