"""Notebook views of definitions, assets and plans, made from real ones."""

import pytest

from assetkit import DailyPartitions, Definitions, Workspace, asset, materialize, plan
from assetkit.definitions.html import asset_html
from assetkit.graph.views import graph_html, graph_tree

CAP = 200_000
DESCRIPTION = "Orders <script>alert(1)</script> of one day.\n\nMore & more."


def chain(count, *, group=None):
    """Return assets of which each needs the one before it; *group* names each one's group."""
    made = []
    for i in range(count):
        deps = [made[-1]] if made else []
        declare = asset(name=f"asset_{i:04}", deps=deps, group=group(i) if group else None)
        made.append(declare(lambda: None))
    return made


@asset(
    partitions=DailyPartitions("2026-01-01", end="2026-01-04"),
    description=DESCRIPTION,
    owners=["ann@example.org"],
    tags={"pii": "", "team": "core"},
)
def orders(context):
    """Make one day's orders."""
    return {"amount": [1.0]}


@asset
def total(orders):
    """Sum up."""
    return orders


def test_an_assets_view_says_what_was_declared():
    """Description, partitions, owners and place are there, and markup is text."""
    view = asset_html(orders.definition)

    assert "&lt;script&gt;" in view
    assert "<script" not in view
    for text in ("ann@example.org", "pii, team=core", "DailyPartitions", "test_views.py"):
        assert text in view


def test_a_graphs_view_draws_and_lists():
    """A picture with each asset, and a list for those who cannot see it."""
    view = graph_html(Definitions(assets=[orders, total]).graph)

    assert view.count("<rect") == 2
    assert 'role="img"' in view
    assert view.count("<tr>") == 3


def test_definitions_show_themselves():
    """In a notebook, definitions are their graph."""
    assert "<svg" in Definitions(assets=[orders, total])._repr_html_()


@pytest.mark.parametrize(
    ("group", "says"),
    [
        pytest.param(lambda i: f"group_{i // 100}", "10 groups", id="by-group"),
        pytest.param(None, "too many to draw", id="without-groups"),
    ],
)
def test_a_large_graph_is_drawn_by_its_groups(group, says):
    """A thousand assets do not fill a notebook."""
    view = graph_html(Definitions(assets=chain(1_000, group=group)).graph)

    assert says in view
    assert "1,000 assets" in view
    assert len(view) < CAP


def test_a_graph_as_text_is_a_tree():
    """Sources stand at the margin, what needs them beneath."""
    graph = Definitions(assets=[orders, total]).graph

    assert graph_tree(graph) == "orders\n└── total"


def test_a_plans_view_has_a_row_to_open_for_each_asset():
    """The explanation of each asset is folded into its row."""
    with Workspace.temporary() as workspace:
        view = plan(total, workspace=workspace)._repr_html_()

    assert view.count("<details>") == 2
    assert "2026-01-01..2026-01-03 (3)" in view
    assert "never built" in view


def test_an_idle_plans_view_says_so():
    """After a run the view is one sentence, and what is up to date is folded."""

    @asset
    def numbers():
        return None

    with Workspace.temporary() as workspace:
        materialize(numbers, workspace=workspace)
        view = plan(numbers, workspace=workspace)._repr_html_()

    assert "Nothing to build: 1 asset is up to date" in view


def test_a_large_plans_view_stays_small():
    """What a notebook keeps of a plan of a thousand assets is under 200 KB."""
    with Workspace.temporary() as workspace:
        made = plan(chain(1_000, group=lambda i: f"g{i % 7}"), workspace=workspace)

    assert len(made) == 1_000
    assert len(made._repr_html_()) < CAP
    assert len(str(made).splitlines()) < 60
