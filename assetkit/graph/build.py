"""From assets to a graph: upstreams found, mappings settled, what cannot be refused.

Rule 1: every problem is found before anything runs; `find_problems` finds all of them,
`build_graph` stops at the first.
Rule 2: two assets of one key are refused, but for a notebook's (``__main__``) that
shadows a project's: the notebook's counts, and a note says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError as GraphlibCycle
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import Any

from assetkit.definitions.asset import AssetDef, Input
from assetkit.definitions.garbage import uncollected
from assetkit.definitions.handles import Asset, project_assets
from assetkit.errors import CycleError, DefinitionError, DuplicateAsset
from assetkit.graph.checked import with_checks
from assetkit.graph.edges import EdgeMaker
from assetkit.graph.graph import AssetGraph, Edge
from assetkit.graph.lookup import AnyAsset, Lookup, is_notebooks, two_of_one_name
from assetkit.records import AssetKey


def build_graph(targets: Iterable[AnyAsset], extra: Iterable[AnyAsset] = ()) -> AssetGraph:
    """Return the graph of *targets* and everything upstream of them.

    *extra* are assets that upstreams are looked up among, too (those of the
    `Definitions`). Raises the first `DefinitionError` found.
    """
    with uncollected():
        graph, problems = _build(list(targets), list(extra))
        if problems:
            raise problems[0]
        return with_checks(graph)


def find_problems(assets: Iterable[AnyAsset]) -> tuple[DefinitionError, ...]:
    """Return everything that is wrong with *assets* as one project."""
    return tuple(_build(list(assets), [])[1])


def _build(
    targets: list[AnyAsset], extra: list[AnyAsset]
) -> tuple[AssetGraph, list[DefinitionError]]:
    for target in (*targets, *extra):
        if not isinstance(target, Asset):
            raise _no_asset(target)
    collected = _Collected(Lookup([*extra, *targets]))
    collected.collect(targets)
    chosen = collected.choose(targets)
    definitions = {
        key: asset.definition for key, asset in chosen.items() if id(asset) not in collected.broken
    }
    maker = EdgeMaker({key: chosen[key] for key in definitions}, collected.problems)
    edges = {
        key: maker.edges_of(chosen[key], collected.inputs[id(chosen[key])]) for key in definitions
    }
    collected.problems += _clashing_names(chosen)
    collected.note_shadowed(chosen)
    order = _order(definitions, edges, collected.problems)
    graph = AssetGraph(
        assets={key: definitions[key] for key in order},
        edges={key: edges[key] for key in order},
        downstream=_downstream(order, edges),
        notes=tuple(collected.notes.values()),
    )
    return graph, collected.problems


def _no_asset(target: object) -> DefinitionError:
    name = getattr(target, "__name__", None)
    hint = f"Decorate {name}() with @asset." if callable(target) and name else "Pass assets."
    return DefinitionError(f"{target!r} is no asset. {hint}")


@dataclass(slots=True)
class _Collected:
    """All assets reached, with the upstreams of their inputs; ``broken`` cannot be read."""

    lookup: Lookup
    assets: dict[int, AnyAsset] = field(default_factory=dict)
    inputs: dict[int, list[tuple[Input, AnyAsset]]] = field(default_factory=dict)
    broken: set[int] = field(default_factory=set)
    problems: list[DefinitionError] = field(default_factory=list)
    notes: dict[AssetKey, str] = field(default_factory=dict)

    def collect(self, targets: list[AnyAsset]) -> None:
        """Go upstream from *targets*, each asset once."""
        waiting = list(reversed(targets))
        while waiting:
            asset = waiting.pop()
            if id(asset) in self.assets:
                continue
            self.assets[id(asset)] = asset
            self.inputs[id(asset)] = found = list(self._resolve(asset))
            waiting.extend(upstream for _, upstream in reversed(found))
            waiting.extend(asset.siblings)

    def _resolve(self, asset: AnyAsset) -> Iterator[tuple[Input, AnyAsset]]:
        try:
            declared = asset.definition.inputs
        except DefinitionError as problem:
            self.broken.add(id(asset))
            self.problems.append(problem)
            return
        for one in declared:
            try:
                upstream = self.lookup.find(asset, one)
            except DefinitionError as problem:
                self.problems.append(problem)
                continue
            if upstream is not None:
                yield one, upstream

    def choose(self, targets: list[AnyAsset]) -> dict[AssetKey, AnyAsset]:
        """Return the asset that counts for each key that *targets* still reach."""
        by_key: dict[AssetKey, AnyAsset] = {}
        for asset in self.assets.values():
            other = by_key.setdefault(asset.key, asset)
            if other is not asset:
                by_key[asset.key] = self._settle(other, asset)
        if len(by_key) == len(self.assets):
            return by_key
        reached: dict[AssetKey, AnyAsset] = {}
        waiting = [target.key for target in reversed(targets)]
        while waiting:
            asset = by_key[waiting.pop()]
            if asset.key not in reached:
                reached[asset.key] = asset
                waiting.extend(upstream.key for _, upstream in self.inputs[id(asset)])
                waiting.extend(one.key for one in asset.siblings)
        return reached

    def note_shadowed(self, chosen: Mapping[AssetKey, AnyAsset]) -> None:
        """Note which assets of a notebook stand where the project has one, reached or not."""
        own = {key: asset for key, asset in chosen.items() if is_notebooks(asset)}
        for key, other in project_assets(own.keys()).items() if own else ():
            # A script that is also imported is no other version of itself.
            if other.source.file != own[key].source.file:
                self._note(other)

    def _note(self, shadowed: AnyAsset) -> None:
        text = f"overridden in this notebook; the project's version is at {shadowed.source}"
        self.notes.setdefault(shadowed.key, f"{shadowed.key}: {text}")

    def _settle(self, one: AnyAsset, other: AnyAsset) -> AnyAsset:
        in_notebook = [asset for asset in (one, other) if is_notebooks(asset)]
        if len(in_notebook) == 1:
            self._note(other if in_notebook[0] is one else one)
            return in_notebook[0]
        self.problems.append(DuplicateAsset(two_of_one_name(one, other)))
        return one


def _clashing_names(assets: Mapping[AssetKey, AnyAsset]) -> Iterator[DefinitionError]:
    """Yield keys that would share a folder, on file systems that fold case too."""
    folded: dict[str, AssetKey] = {}
    for key in assets:
        other = folded.setdefault(key.casefold(), key)
        if other != key:
            yield DuplicateAsset(
                f"The names {other!r} ({assets[other].source}) and {key!r} ({assets[key].source}) "
                "differ in case only, so that some file systems would mix their data. Rename one."
            )
    for key in assets:
        prefix = key.rpartition("/")[0]
        while prefix:
            if outer := folded.get(prefix.casefold()):
                yield DuplicateAsset(
                    f"The name {outer!r} ({assets[outer].source}) is also the prefix of {key!r} "
                    f"({assets[key].source}), so that one's folder would lie in the other's. "
                    f"Rename one, for instance to {f'{outer}/all'!r}."
                )
            prefix = prefix.rpartition("/")[0]


def _order(
    assets: Mapping[AssetKey, AssetDef],
    edges: Mapping[AssetKey, tuple[Edge, ...]],
    problems: list[DefinitionError],
) -> list[AssetKey]:
    """Return the keys in an order in which inputs come first, by name where that does not say."""
    above = {key: {edge.upstream for edge in edges[key]} - {key} for key in assets}
    users: dict[AssetKey, list[AssetKey]] = {key: [] for key in assets}
    for key, upstreams in above.items():
        for upstream in upstreams:
            users[upstream].append(key)
    left = {key: len(upstreams) for key, upstreams in above.items()}
    order: list[AssetKey] = []
    ready = sorted(key for key, count in left.items() if not count)
    while ready:
        order += ready
        following: list[AssetKey] = []
        for user in (user for key in ready for user in users[key]):
            left[user] -= 1
            if not left[user]:
                following.append(user)
        ready = sorted(following)
    if len(order) == len(assets):
        return order
    problems.append(_cycle_error(_cycle_in(above), assets))
    return sorted(assets)


def _cycle_in(above: Mapping[AssetKey, set[AssetKey]]) -> list[AssetKey]:
    """Return the keys around a cycle, the first one also last."""
    sorter = TopologicalSorter({key: sorted(above[key]) for key in sorted(above)})
    try:
        sorter.prepare()
    except GraphlibCycle as cycle:
        found: list[AssetKey] = cycle.args[1]
        return found
    return []


def _cycle_error(path: list[AssetKey], assets: Mapping[AssetKey, AssetDef]) -> CycleError:
    # Begin with the least key, so that the message does not depend on the order of definition.
    start = path.index(min(path))
    path = [*path[start:-1], *path[:start], path[start]] if start else path
    lines = [
        f"  {downstream} ({assets[downstream].source}) needs {upstream}"
        for upstream, downstream in pairwise(path)
    ]
    return CycleError(
        f"These assets need one another: {' -> '.join(path)}.\n"
        + "\n".join(lines)
        + "\nTake one of these inputs away.",
        path=path,
    )


def _downstream(
    order: list[AssetKey], edges: Mapping[AssetKey, tuple[Edge, ...]]
) -> dict[AssetKey, tuple[AssetKey, ...]]:
    users: dict[AssetKey, dict[AssetKey, Any]] = {key: {} for key in order}
    for key in order:
        for edge in edges[key]:
            users[edge.upstream][key] = None
    return {key: tuple(found) for key, found in users.items()}
