"""A graph as picture, page fragment and text; what colours it comes as an argument."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from assetkit.definitions.asset import AssetDef
from assetkit.display.graphtext import dot_text, mermaid_text, tree_lines
from assetkit.display.html import Html, element, html_table, joined, view
from assetkit.display.picture import Arrow, Node, graph_svg
from assetkit.display.quantities import count_text
from assetkit.graph.graph import AssetGraph
from assetkit.records import AssetKey

DRAWN = 250
"""How many assets a picture shows one by one; more are drawn as their groups."""
_LISTED = 300


def graph_shapes(
    graph: AssetGraph,
    keys: Collection[AssetKey] | None = None,
    *,
    looks: Mapping[AssetKey, Node] | None = None,
) -> tuple[list[Node], list[Arrow]]:
    """Return the nodes and arrows of *keys* (None: all), in graph order.

    *looks* says how assets look; an edge is dashed where its data is not loaded.
    """
    chosen = [key for key in graph.assets if keys is None or key in keys]
    inside, known = set(chosen), looks or {}
    nodes = [known.get(key, Node(name=key, note=_note(graph.assets[key]))) for key in chosen]
    arrows = [
        Arrow(source=edge.upstream, target=key, dashed=edge.input.parameter is None)
        for key in chosen
        for edge in graph.edges[key]
        if edge.upstream in inside and edge.upstream != key
    ]
    return nodes, arrows


def graph_tree(
    graph: AssetGraph,
    keys: Collection[AssetKey] | None = None,
    *,
    looks: Mapping[AssetKey, Node] | None = None,
    ascii: bool = False,
) -> str:
    """Return a graph as trees from its sources down."""
    nodes, arrows = graph_shapes(graph, keys, looks=looks)
    if not looks:
        nodes = [Node(name=node.name) for node in nodes]
    return "\n".join(tree_lines(nodes, arrows, ascii=ascii))


def graph_mermaid(
    graph: AssetGraph, keys: Collection[AssetKey] | None = None, *, down: bool = False
) -> str:
    """Return a graph as a Mermaid flowchart, which GitHub draws in Markdown."""
    return mermaid_text(*graph_shapes(graph, keys), down=down)


def graph_dot(graph: AssetGraph, keys: Collection[AssetKey] | None = None) -> str:
    """Return a graph in Graphviz's language."""
    return dot_text(*graph_shapes(graph, keys))


def graph_picture(
    graph: AssetGraph,
    keys: Collection[AssetKey] | None = None,
    *,
    looks: Mapping[AssetKey, Node] | None = None,
) -> Html:
    """Draw a graph as SVG; a large one by its groups, and not at all where that does not help."""
    nodes, arrows = graph_shapes(graph, keys, looks=looks)
    count = count_text(len(nodes), "asset")
    if len(nodes) <= DRAWN:
        return graph_svg(nodes, arrows, title=f"Graph of {count}")
    groups, between = _by_group(graph, nodes, arrows)
    note = f"{count}, drawn as {len(groups):,} groups; narrow the selection to see more."
    if len(groups) > DRAWN or len(groups) < 2:
        return element("p", f"{count}: too many to draw; narrow the selection.", class_="dim")
    picture = graph_svg(groups, between, title=f"Graph of {count} in {len(groups):,} groups")
    return joined([element("p", note, class_="dim"), picture])


def graph_html(graph: AssetGraph, keys: Collection[AssetKey] | None = None) -> Html:
    """Return a notebook view: the picture, and under it the list of assets."""
    chosen = [graph.assets[key] for key in graph.assets if keys is None or key in keys]
    rows = [
        (element("span", asset.key, class_="key"), asset.group or "", _first_line(asset))
        for asset in chosen[:_LISTED]
    ]
    table = html_table(("asset", "group", "description"), rows)
    if len(chosen) > _LISTED:
        table = joined([table, element("p", f"and {len(chosen) - _LISTED:,} more", class_="dim")])
    title = element("p", count_text(len(chosen), "asset"), class_="head")
    folded = element("details", element("summary", "as a list"), table)
    return view(title, graph_picture(graph, keys), folded)


def _by_group(
    graph: AssetGraph, nodes: Sequence[Node], arrows: Sequence[Arrow]
) -> tuple[list[Node], list[Arrow]]:
    """Fold assets into their groups, those without one by the first part of their key."""

    def group_of(key: AssetKey) -> str:
        return graph.assets[key].group or (key.partition("/")[0] if "/" in key else "(no group)")

    sizes = Counter(group_of(node.name) for node in nodes)
    folded = [Node(name=name, badge=f"{count:,}") for name, count in sizes.items()]
    between = {
        (group_of(arrow.source), group_of(arrow.target)): None
        for arrow in arrows
        if group_of(arrow.source) != group_of(arrow.target)
    }
    return folded, [Arrow(source=source, target=target) for source, target in between]


def _note(asset: AssetDef) -> str:
    line = _first_line(asset)
    return f"{asset.key}: {line}" if line else asset.key


def _first_line(asset: AssetDef) -> str:
    return asset.description.strip().partition("\n")[0]
