"""Commands that show the project: ``validate``, ``list``, ``show``, ``graph``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from assetkit.cli.options import Verb, complete_assets, json_option, select_option
from assetkit.cli.session import Session
from assetkit.display.quantities import count_text
from assetkit.display.texttable import Column

if TYPE_CHECKING:
    from assetkit.definitions.asset import AssetDef
    from assetkit.graph.graph import AssetGraph
    from assetkit.workspace.description import Description


@click.command(cls=Verb, examples=("assetkit validate", "assetkit -m shop.assets validate"))
@json_option
@click.pass_obj
def validate(session: Session, *, as_json: bool) -> None:
    """Load the project and check all of it: names, inputs, partitions, mappings, circles."""
    definitions = session.definitions
    definitions.validate()
    for asset in session.graph.assets.values():
        session.furnished.core.io_manager_of(asset)
    count = len(session.graph.assets)
    if as_json:
        session.out.json("validate", {"module": session.module_name, "assets": count})
    else:
        session.out.write(f"{session.module_name}: {count_text(count, 'asset')}, nothing amiss.")


@click.command(
    "list", cls=Verb, examples=("assetkit list", "assetkit list -s 'group:raw or tag:pii' --json")
)
@select_option
@json_option
@click.pass_obj
def list_assets(session: Session, select: tuple[str, ...], *, as_json: bool) -> None:
    """List the assets, upstreams first."""
    graph, keys = session.selected(select)
    assets = [graph.assets[key] for key in keys]
    if as_json:
        session.out.json("assets", {"assets": [asset_document(a, graph) for a in assets]})
        return
    columns = (
        Column(title="asset"),
        Column(title="group"),
        Column(title="partitions"),
        Column(title="description", wraps=True),
    )
    rows = [(a.key, a.group or "", partitions_kind(a), _headline(a)) for a in assets]
    session.out.table(columns, rows)


@click.command(
    cls=Verb, examples=("assetkit show late_by_carrier", "assetkit show flights@2013-01-01")
)
@click.argument("slot", metavar="ASSET[@PARTITION]", shell_complete=complete_assets)
@json_option
@click.pass_obj
def show(session: Session, slot: str, *, as_json: bool) -> None:
    """Show one asset: what it is, what it needs, who needs it, and what is published.

    Of a partitioned asset, the newest partition is looked at, or the one named.
    """
    from assetkit.definitions.html import asset_facts

    name, _, partition = slot.partition("@")
    graph, key = session.one_asset(name)
    found = graph.assets[key]
    data = _description(session, key, partition or None)
    if as_json:
        published = None if data is None else data.json
        session.out.json("asset", {**asset_document(found, graph), "published": published})
        return
    session.out.write(f"{key}")
    if found.description.strip():
        session.out.write("\n" + found.description.strip() + "\n")
    downstream = ", ".join(graph.downstream.get(key, ()))
    facts = [*asset_facts(found), *([("needed by", downstream)] if downstream else [])]
    session.out.table((Column(), Column(wraps=True)), facts)
    if data is not None:
        session.out.write("\n" + data.text(width=session.out.width))


def _description(session: Session, key: str, partition: str | None) -> Description | None:
    """Return what is published of an asset; None where that is nothing, and nothing was named."""
    from assetkit.errors import DataMissing, UnknownAsset

    handle = next((one for one in session.definitions.assets if one.key == key), key)
    try:
        return session.furnished.describe(handle, partition)
    except (DataMissing, UnknownAsset):
        if partition is not None:
            raise
        return None


@click.command(
    cls=Verb,
    examples=("assetkit graph", "assetkit graph -s '+late_by_carrier' --format mermaid"),
)
@select_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["tree", "mermaid", "dot", "svg", "json"]),
    default="tree",
    help="Default: tree.",
)
@json_option
@click.pass_obj
def graph(session: Session, /, form: str, **given: Any) -> None:
    """Show who needs whom: as a tree, for Markdown, for Graphviz, as a picture or as JSON."""
    from assetkit.display.html import STYLE
    from assetkit.display.picture import graph_svg, standalone_svg
    from assetkit.graph import views

    found, keys = session.selected(given["select"])
    if given["as_json"] or form == "json":
        nodes, arrows = views.graph_shapes(found, keys)
        edges = [{"from": a.source, "to": a.target, "loads": not a.dashed} for a in arrows]
        session.out.json("graph", {"assets": [node.name for node in nodes], "edges": edges})
    elif form == "mermaid":
        session.out.write(views.graph_mermaid(found, keys))
    elif form == "dot":
        session.out.write(views.graph_dot(found, keys))
    elif form == "svg":
        picture = graph_svg(*views.graph_shapes(found, keys), title=f"{len(keys)} assets")
        session.out.write(standalone_svg(picture, STYLE))
    else:
        session.out.write(views.graph_tree(found, keys))


def asset_document(asset: AssetDef, graph: AssetGraph) -> dict[str, Any]:
    """Return an asset as JSON programs read it."""
    return {
        "asset": asset.key,
        "group": asset.group,
        "kind": asset.kind,
        "description": asset.description,
        "owners": asset.owners,
        "tags": asset.tags,
        "partitions": partitions_name(asset) or None,
        "upstream": [edge.upstream for edge in graph.edges[asset.key]],
        "downstream": graph.downstream.get(asset.key, ()),
        "source": str(asset.source),
    }


def partitions_name(asset: AssetDef) -> str:
    """Return how an asset's partitions are written; empty where it has none."""
    return "" if asset.partitions is None else str(asset.partitions)


def partitions_kind(asset: AssetDef) -> str:
    """Return what kind of partitions an asset has, in a word: ``daily``; empty where none."""
    name = type(asset.partitions).__name__ if asset.partitions is not None else ""
    return name.removesuffix("Partitions").lower()


def _headline(asset: AssetDef) -> str:
    return asset.description.strip().partition("\n")[0]
