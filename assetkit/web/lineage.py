"""Lineage: who needs whom, around a focus or by groups, as a picture and as a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from assetkit.display.quantities import count_text
from assetkit.errors import PlanError, UnknownAsset, did_you_mean
from assetkit.graph.graph import AssetGraph
from assetkit.graph.views import graph_mermaid
from assetkit.records import AssetKey
from assetkit.targets import find_targets
from assetkit.web.desk import Desk, Standing
from assetkit.web.drawing import Box, DrawnEdge, DrawnNode, draw
from assetkit.web.overlays import OVERLAYS, Overlay, Owners, overlay_of
from assetkit.web.states import STATES, Tally
from assetkit.workspace.facts import facts_in

_WORST = ("failed", "held", "running", "missing", "stale", "partial", "fresh")
MOST_DRAWN = 400
"""Beyond so many boxes only groups are drawn."""
DIRECTIONS = ("lr", "tb")
"""How a picture can run: from left to right, from top to bottom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAsset:
    """One asset in the list that says the same as the picture."""

    asset: AssetKey
    group: str
    kind: str
    state: str
    level: int
    upstream: Sequence[AssetKey]
    downstream: Sequence[AssetKey]
    tally: Tally | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineagePage:
    """What is drawn, and what is said where not all of it is.

    ``error``: what is wrong with the selection; all is drawn then. ``unfold``: by group that
    is drawn as one box, the query that opens it. ``is_folded``: all groups are, as there are
    too many assets.
    """

    select: str
    depth: int
    direction: str
    overlay: str
    overlays: Sequence[str]
    legend: str
    groups: Sequence[str]
    open_groups: Sequence[str]
    sentence: str
    error: str
    nodes: Sequence[DrawnNode]
    edges: Sequence[DrawnEdge]
    width: float
    height: float
    listed: Sequence[ListedAsset]
    mermaid: str
    unfold: Mapping[str, str]
    is_folded: bool
    examples: Sequence[str] = field(default=())

    @property
    def has_order_only(self) -> bool:
        """Whether something is drawn that an asset waits for without reading it."""
        return any(edge.dashed for edge in self.edges)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of a lineage is drawn, and how.

    ``depth``: so many edges up and down of what ``select`` says (empty: all assets).
    ``group``: groups drawn as one box, or with ``!`` before their name those that are not, where
    all others are (``"marts,raw"``, ``"!raw"``). ``overlay`` is one of `OVERLAYS`, ``direction``
    one of `DIRECTIONS`; of what is neither, the first is meant.
    """

    select: str = ""
    depth: int = 2
    group: Sequence[str] = ()
    overlay: str = OVERLAYS[0]
    direction: str = DIRECTIONS[0]


def lineage_page(
    desk: Desk, *, before: Mapping[str, float] | None = None, **asked: Any
) -> LineagePage:
    """Return the lineage as a `View` says; more than `MOST_DRAWN` boxes are drawn as groups alone.

    *before*: where in their layers boxes stood when this was drawn last, by the name of a node.
    """
    view = View(**asked)
    chosen, error = _chosen(desk, view.select)
    return _page(desk, chosen, view, error, before or {})


def lineage_around(desk: Desk, assets: Sequence[AssetKey], *, depth: int) -> LineagePage:
    """Return the lineage around *assets*, which are there."""
    return _page(desk, tuple(assets), View(select=" or ".join(assets), depth=depth), "", {})


def _page(
    desk: Desk, chosen: tuple[AssetKey, ...], asked: View, error: str, before: Mapping[str, float]
) -> LineagePage:
    graph, standing = desk.known_graph, desk.standing()
    around = asked.select and not error
    keys = _around(graph, chosen, asked.depth) if around else set(graph.assets)
    groups = sorted({group_of(graph, key) for key in graph.assets})
    folded, unknown = _folded(asked.group, groups)
    too_many = _box_count(graph, keys, folded) > MOST_DRAWN
    if too_many:
        folded = set(groups)
    name = asked.overlay if asked.overlay in OVERLAYS else OVERLAYS[0]
    over = overlay_of(graph, standing, name)
    boxes, arrows = _boxes(graph, keys, folded, standing)
    boxes = boxes if over is None else _overlaid(boxes, graph, keys, over)
    direction = asked.direction if asked.direction in DIRECTIONS else DIRECTIONS[0]
    down = direction == "tb"
    nodes, edges, width, height = draw(boxes, arrows, set(chosen), before, down=down)
    return LineagePage(
        select=asked.select,
        depth=asked.depth,
        direction=direction,
        overlay=name,
        overlays=OVERLAYS,
        legend="" if over is None else over.legend,
        groups=groups,
        open_groups=[group for group in groups if group not in folded],
        sentence=" ".join([_sentence(graph, keys, groups, too_many=too_many), *unknown]),
        error=error,
        nodes=nodes,
        edges=edges,
        width=width,
        height=height,
        listed=list(_listed(graph, keys, standing)),
        mermaid="" if len(keys) > MOST_DRAWN else graph_mermaid(graph, keys, down=down),
        unfold={one: _unfolded(asked, one, folded, too_many=too_many) for one in folded},
        is_folded=too_many,
        examples=_examples(graph),
    )


def _folded(asked: Sequence[str], groups: Sequence[str]) -> tuple[set[str], list[str]]:
    """Return which groups are drawn as one box, and what is to be said of names of none."""
    shut, opened, unknown = set(), set(), []
    for text in asked:
        whole = text in groups or text.removeprefix("!") in groups
        for name in (one.strip() for one in ([text] if whole else text.split(","))):
            if name in groups:
                shut.add(name)
            elif name.removeprefix("!") in groups:
                opened.add(name.removeprefix("!"))
            elif name:
                meant = name.removeprefix("!")
                near = did_you_mean(meant, groups, what="groups")
                unknown.append(f"There is no group {meant!r}. {near}")
    if opened and not shut:
        shut = set(groups)
    return shut - opened, unknown


def _box_count(graph: AssetGraph, keys: Collection[AssetKey], folded: Collection[str]) -> int:
    if not folded:
        return len(keys)
    groups = [group_of(graph, key) for key in keys]
    return sum(one not in folded for one in groups) + len(set(groups) & set(folded))


def _unfolded(asked: View, group: str, folded: Collection[str], *, too_many: bool) -> str:
    kept = [("overlay", asked.overlay), ("dir", asked.direction)]
    if too_many:
        return urlencode([("select", f"group:{group}"), ("depth", "0"), *kept])
    rest = [("group", one) for one in sorted(folded) if one != group]
    return urlencode([("select", asked.select), ("depth", str(asked.depth)), *kept, *rest])


def group_of(graph: AssetGraph, key: AssetKey) -> str:
    """Return the group of an asset: its own, or the first part of its key."""
    return graph.assets[key].group or (key.partition("/")[0] if "/" in key else "(no group)")


def _chosen(desk: Desk, select: str) -> tuple[tuple[AssetKey, ...], str]:
    if not select.strip():
        return (), ""
    try:
        found = find_targets(desk.definitions, select, {}, Path.cwd())
        return found.resolve(facts_in(desk.workspace, found.graph)), ""
    except PlanError as error:
        if isinstance(error, UnknownAsset):
            desk.follow_names(select)
        return (), str(error)


def _around(graph: AssetGraph, chosen: Collection[AssetKey], depth: int) -> set[AssetKey]:
    found = set(chosen)
    for neighbours in (_ups, graph.downstream.get):
        edge = set(chosen)
        for _ in range(depth):
            around = {
                other
                for key in edge
                for other in (
                    _ups(graph, key) if neighbours is _ups else graph.downstream.get(key, ())
                )
            }
            edge = around - found
            found |= around
    return found


def _ups(graph: AssetGraph, key: AssetKey) -> tuple[AssetKey, ...]:
    return tuple(edge.upstream for edge in graph.edges[key])


def _sentence(
    graph: AssetGraph, keys: Collection[AssetKey], groups: Sequence[str], *, too_many: bool
) -> str:
    if too_many:
        return (
            f"{count_text(len(keys), 'asset')} in {count_text(len(groups), 'group')}: "
            f"too many to draw one by one. Narrow the selection."
        )
    return f"{len(keys):,} of {count_text(len(graph.assets), 'asset')}."


def _boxes(
    graph: AssetGraph,
    keys: Collection[AssetKey],
    folded: Collection[str],
    standing: Standing | None,
) -> tuple[list[Box], dict[tuple[str, str], tuple[bool, str]]]:
    name = {
        key: f" {group}" if (group := group_of(graph, key)) in folded else key
        for key in graph.assets
        if key in keys
    }
    members: dict[str, list[AssetKey]] = {}
    for key, box in name.items():
        members.setdefault(box, []).append(key)
    tallies = standing.tallies if standing else {}
    boxes = [
        _asset_box(graph, box, tallies.get(box))
        if box in graph.assets
        else _group_box(box[1:], [tallies[key] for key in inside if key in tallies], len(inside))
        for box, inside in members.items()
    ]
    arrows: dict[tuple[str, str], tuple[bool, str]] = {}
    for key, box in name.items():
        for edge in graph.edges[key]:
            if name.get(edge.upstream, box) != box:
                dashed = edge.input.parameter is None
                note = f"{edge.upstream} → {key}: {edge.mapping.name}"
                arrows.setdefault((name[edge.upstream], box), (dashed, note))
    return boxes, arrows


def _overlaid(
    boxes: Sequence[Box], graph: AssetGraph, keys: Collection[AssetKey], over: Overlay | Owners
) -> list[Box]:
    """Return the boxes with what lies over each instead of its numbers of partitions."""
    members: dict[str, list[AssetKey]] = {}
    for key in graph.assets:
        if key in keys:
            members.setdefault(group_of(graph, key), []).append(key)
    found = []
    for box in boxes:
        heat, badge, note = over.of([box.asset] if box.asset else members[box.group])
        told = f"{box.note}; {note}" if note else box.note
        found.append(replace(box, heat=heat, badge=badge, note=told))
    return found


def _asset_box(graph: AssetGraph, key: AssetKey, tally: Tally | None) -> Box:
    asset, group = graph.assets[key], group_of(graph, key)
    if tally is None or not tally.total:
        state = "external" if asset.outside is not None else "missing"
        return Box(key, key, group, state, f"{key}: {state}")
    badge = f"{tally.total:,}" if tally.total > 1 else ""
    note = f"{key}: {_counts(tally)}"
    return Box(key, key, group, tally.worst, note, badge, _shares([tally]))


def _group_box(group: str, tallies: Sequence[Tally], count: int) -> Box:
    """Return a box for assets of a group: each counts the same, however many partitions it has."""
    states = Counter(one.worst for one in tallies if one.total)
    words = ", ".join(f"{number:,} {state}" for state, number in states.most_common())
    worst = next((one for one in _WORST if one in states), "keep")
    note = f"{group}: {count_text(count, 'asset')}{f', {words}' if words else ''}"
    shares = _shares([one for one in tallies if one.total])
    return Box(f" {group}", "", group, worst, note, f"{count:,}", shares)


def _counts(tally: Tally) -> str:
    return ", ".join(
        f"{count:,} {name}"
        for name in (*STATES, "running", "failed", "held")
        if (count := getattr(tally, name))
    )


def _shares(tallies: Sequence[Tally]) -> tuple[tuple[str, float], ...]:
    if not tallies:
        return ()
    return tuple(
        (name, sum(getattr(one, name) / one.total for one in tallies) / len(tallies))
        for name in STATES
    )


def _listed(
    graph: AssetGraph, keys: Collection[AssetKey], standing: Standing | None
) -> Iterator[ListedAsset]:
    level: dict[AssetKey, int] = {}
    for key in graph.assets:
        above = [level[one] for one in _ups(graph, key) if one in level and one != key]
        if key not in keys:
            continue
        level[key] = 1 + max(above, default=-1)
        tally = standing.tallies.get(key) if standing else None
        yield ListedAsset(
            asset=key,
            group=group_of(graph, key),
            kind=graph.assets[key].kind,
            state=tally.worst if tally and tally.total else "missing",
            level=level[key],
            upstream=_ups(graph, key),
            downstream=graph.downstream.get(key, ()),
            tally=tally,
        )


def _examples(graph: AssetGraph) -> list[str]:
    keys = list(graph.assets)
    if not keys:
        return []
    groups = [one.group for one in graph.assets.values() if one.group]
    found = [f"+{keys[-1]}", f"{keys[0]}+", f"1+{keys[len(keys) // 2]}+1"]
    return [*found, f"group:{groups[0]}"] if groups else found
