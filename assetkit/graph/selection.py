"""What a selection means in a graph: a set of assets, in the graph's order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, TypeAlias

from assetkit.definitions.asset import AssetDef
from assetkit.errors import EmptySelection, InvalidSelection, UnknownAsset, did_you_mean
from assetkit.graph.grammar import (
    And,
    Attribute,
    Call,
    Name,
    Node,
    Not,
    Or,
    Reach,
    Selection,
    caret_message,
    parse_selection,
    split_partitions,
)
from assetkit.graph.graph import AssetGraph
from assetkit.records import AssetKey

__all__ = ["Facts", "select", "split_partitions"]

Facts: TypeAlias = Callable[[str, str], Iterable[AssetKey]]
"""Says which assets have a ``state`` or are ``changed``: what the planner alone knows."""

Keys: TypeAlias = frozenset[AssetKey]


def select(expression: str, graph: AssetGraph, facts: Facts | None = None) -> Keys:
    """Return the assets that a selection means; partitions behind it are left aside.

    *facts* answers what a graph does not know; None: such attributes are refused.

    Raises:
        UnknownAsset: a name that is no asset here.
        InvalidSelection: what cannot be read, or may mean several assets.
        EmptySelection: nothing matches.
    """
    selection = parse_selection(expression)
    evaluator = _Evaluator(selection, graph, facts)
    keys = evaluator.keys(selection.expression)
    if not keys:
        raise EmptySelection(
            f"{expression!r} selects none of {_counted(len(graph.assets), 'asset')}. "
            f"{evaluator.nearest(selection.expression)}".rstrip()
        )
    return keys


def upstream_of(graph: AssetGraph, keys: Iterable[AssetKey], steps: int | None = None) -> Keys:
    """Return *keys* and what is upstream of them, up to so many steps (None: all the way)."""
    return _reach(keys, partial(_upstreams, graph), steps)


def downstream_of(graph: AssetGraph, keys: Iterable[AssetKey], steps: int | None = None) -> Keys:
    """Return *keys* and what is downstream of them, up to so many steps (None: all the way)."""
    return _reach(keys, graph.downstream.__getitem__, steps)


def _upstreams(graph: AssetGraph, key: AssetKey) -> tuple[AssetKey, ...]:
    return tuple(edge.upstream for edge in graph.edges[key])


def _reach(
    keys: Iterable[AssetKey],
    neighbours: Callable[[AssetKey], Iterable[AssetKey]],
    steps: int | None,
) -> Keys:
    reached = set(keys)
    edge = set(reached)
    while edge and steps != 0:
        edge = {near for key in edge for near in neighbours(key)} - reached
        reached |= edge
        steps = None if steps is None else steps - 1
    return frozenset(reached)


class _Evaluator:
    """Evaluates one tree; remembers nothing between trees."""

    def __init__(self, selection: Selection, graph: AssetGraph, facts: Facts | None) -> None:
        self.text, self.graph, self.facts = selection.text, graph, facts
        self.all = frozenset(graph.assets)

    def keys(self, node: Node) -> Keys:
        """Return the assets that a tree means."""
        match node:
            case Name():
                return self._named(node)
            case Attribute():
                return self._with_attribute(node)
            case Reach(of, up, down):
                inner = self.keys(of)
                return upstream_of(self.graph, inner, up) | downstream_of(self.graph, inner, down)
            case Not(of):
                return self.all - self.keys(of)
            case And(left, right):
                return self.keys(left) & self.keys(right)
            case Or(left, right):
                return self.keys(left) | self.keys(right)
            case Call():
                return self._called(node)

    def nearest(self, node: Node) -> str:
        """Return a hint for a selection that matches nothing: the values that an attribute has."""
        if isinstance(node, Reach):
            return self.nearest(node.of)
        if isinstance(node, Attribute) and (known := self._values(node.kind)):
            return did_you_mean(node.value, known, what=f"values of {node.kind}")
        return ""

    def _named(self, name: Name) -> Keys:
        pattern = name.pattern
        if "*" in pattern:
            fits = re.compile(re.escape(pattern).replace(r"\*", ".*") + r"\Z").match
            by_part = "/" not in pattern
            return frozenset(
                key for key in self.all if fits(key) or (by_part and fits(_last_part(key)))
            )
        if pattern in self.all:
            return frozenset({pattern})
        named = sorted(key for key in self.all if _last_part(key) == pattern)
        if len(named) == 1:
            return frozenset(named)
        if named:
            problem = f"{pattern!r} may mean {' or '.join(named)}: write the whole name"
            raise InvalidSelection(caret_message(self.text, problem, name.at))
        if made := self._made_by(pattern):
            return made
        known = self.all | {_last_part(key) for key in self.all}
        problem = f"There is no asset {pattern!r}. {did_you_mean(pattern, known, what='assets')}"
        raise UnknownAsset(caret_message(self.text, problem, name.at))

    def _made_by(self, function: str) -> Keys:
        """Return the outputs of a multi-asset, by the name of its function."""
        return frozenset(
            key
            for key, asset in self.graph.assets.items()
            if asset.together is not None and asset.together.name == function
        )

    def _with_attribute(self, attribute: Attribute) -> Keys:
        if attribute.kind in ("state", "changed"):
            if self.facts is None:
                problem = f"{attribute.kind}: needs a workspace to look into"
                raise InvalidSelection(caret_message(self.text, problem, attribute.at))
            return self.all & frozenset(self.facts(attribute.kind, attribute.value))
        values_of = _VALUES[attribute.kind]
        return frozenset(
            key
            for key, asset in self.graph.assets.items()
            if any(fnmatchcase(value, attribute.value) for value in values_of(asset))
        )

    def _values(self, kind: str) -> set[str]:
        if kind not in _VALUES or kind == "path":
            return set()
        return {value for asset in self.graph.assets.values() for value in _VALUES[kind](asset)}

    def _called(self, call: Call) -> Keys:
        inner = [self.keys(argument) for argument in call.arguments]
        chosen = inner[0]
        match call.function:
            case "roots":
                return frozenset(
                    key for key in chosen if not (set(_upstreams(self.graph, key)) - {key}) & chosen
                )
            case "sinks":
                return frozenset(
                    key for key in chosen if not (set(self.graph.downstream[key]) - {key}) & chosen
                )
            case "upstream":
                return upstream_of(self.graph, chosen) - chosen
            case "downstream":
                return downstream_of(self.graph, chosen) - chosen
            case _:  # between
                return downstream_of(self.graph, chosen) & upstream_of(self.graph, inner[1])


def _last_part(key: AssetKey) -> str:
    return key.rpartition("/")[2]


def _check_name(check: Any) -> str:
    return str(getattr(check, "name", None) or getattr(check, "__name__", type(check).__name__))


def _paths(asset: AssetDef) -> list[str]:
    """Return a file's path and its endings, so that ``path:shop/marts.py`` finds it."""
    parts = asset.source.file.replace("\\", "/").split("/")
    return ["/".join(parts[place:]) for place in range(len(parts))]


def _tag_texts(asset: AssetDef) -> list[str]:
    return [*asset.tags, *(f"{name}={value}" for name, value in asset.tags.items() if value)]


def _io_names(asset: AssetDef) -> list[str]:
    manager = asset.io_manager
    return [manager if isinstance(manager, str) else type(manager).__name__]


_VALUES: dict[str, Callable[[AssetDef], Iterable[str]]] = {
    "key": lambda asset: [asset.key],
    "group": lambda asset: [asset.group] if asset.group else [],
    "tag": _tag_texts,
    "owner": lambda asset: asset.owners,
    "kind": lambda asset: [asset.kind],
    "path": _paths,
    "check": lambda asset: [_check_name(check) for check in asset.checks],
    "io": _io_names,
}


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
