"""Which asset a parameter means, and what is said where it means none."""

import pytest

from assetkit.definitions.decorator import asset
from assetkit.definitions.inputs import AssetIn
from assetkit.definitions.periods import DailyPartitions
from assetkit.definitions.static import StaticPartitions
from assetkit.errors import (
    CycleError,
    DefinitionError,
    DuplicateAsset,
    PartitionMappingError,
    UnknownUpstream,
)
from assetkit.graph.build import build_graph, find_problems
from assetkit.mappings import all_partitions, window


def edges_of(graph) -> set[tuple[str, str]]:
    """Return (upstream, downstream) of all edges."""
    return {(edge.upstream, edge.downstream) for edges in graph.edges.values() for edge in edges}


@asset
def orders(): ...


@asset
def late(orders): ...


# Defined before what it needs: names are looked up when the graph is built.
@asset
def report(late, summary): ...


@asset
def summary(orders, limit=3): ...


def test_upstreams_are_found_in_the_module():
    """One target brings everything upstream of it, in a valid order, ties by key."""
    graph = build_graph([report])

    assert list(graph.assets) == ["orders", "late", "summary", "report"]
    assert graph.downstream["orders"] == ("late", "summary")
    assert graph.notes == ()


def test_a_default_is_kept_where_no_asset_has_the_name():
    """A parameter with a default is only an input if there is such an asset."""

    @asset
    def limit(): ...

    assert ("limit", "summary") not in edges_of(build_graph([summary]))
    assert ("limit", "summary") in edges_of(build_graph([summary, limit]))


def test_what_is_passed_comes_before_the_module():
    """An asset passed along counts more than one of the module."""

    @asset
    def orders(): ...

    graph = build_graph([late, orders])

    assert graph.assets["orders"] is orders.definition


def test_functions_see_the_assets_around_them():
    """Assets that are defined in a function find one another, by key and by variable."""

    @asset(name="raw/clicks")
    def first(): ...

    @asset
    def by_key(clicks): ...

    @asset
    def by_variable(first): ...

    graph = build_graph([by_key, by_variable])

    assert {("raw/clicks", "by_key"), ("raw/clicks", "by_variable")} <= edges_of(graph)


def test_an_asset_is_found_by_the_variable_that_holds_it(module):
    """A name given at an import is a name of the asset."""
    raw = module("shop.raw", "@asset(name='raw/orders')\ndef made(): ...")
    marts = module(
        "shop.marts",
        """
        from shop.raw import made as sales
        @asset
        def report(sales): ...
        """,
    )

    assert edges_of(build_graph([marts.report])) == {("raw/orders", "report")}
    assert raw.made.definition in build_graph([marts.report]).assets.values()


def test_an_asset_may_have_the_last_name_of_its_input(module):
    """clean/orders may take orders and mean raw/orders."""
    shop = module(
        "shop",
        """
        @asset(name="raw/orders")
        def raw_orders(): ...
        @asset(name="clean/orders")
        def clean_orders(orders): ...
        """,
    )

    assert edges_of(build_graph([shop.clean_orders])) == {("raw/orders", "clean/orders")}


def test_keys_and_handles_name_an_upstream(module):
    """An input may be said by its full key, or by the asset itself."""
    shop = module(
        "shop",
        """
        @asset(name="a/orders")
        def one(): ...
        @asset(name="b/orders")
        def two(): ...
        @asset(ins={"x": AssetIn("a/orders"), "y": two}, deps=["a/orders", two])
        def report(x, y): ...
        """,
    )
    graph = build_graph([shop.report])

    assert [edge.upstream for edge in graph.edges["report"]] == ["a/orders", "b/orders"]


def test_a_dependency_that_is_not_loaded_is_an_edge():
    """What is in deps comes first, though no parameter has it."""

    @asset
    def loaded(): ...

    @asset(deps=[loaded, orders])
    def both(loaded): ...

    (first, second) = build_graph([both]).edges["both"]

    assert (first.upstream, first.input.parameter) == ("loaded", "loaded")
    assert (second.upstream, second.input.parameter) == ("orders", None)


def test_a_notebook_may_override_a_projects_asset(module):
    """The notebook's version counts for all that use it, and a note says so."""
    project = module("shop", "@asset\ndef orders(): ...\n@asset\ndef daily(orders): ...")
    notebook = module(
        "__main__",
        """
        from shop import daily
        @asset
        def orders(): ...
        @asset
        def overview(orders, daily): ...
        """,
    )
    graph = build_graph([notebook.overview])

    assert graph.assets["orders"] is notebook.orders.definition
    assert edges_of(graph) == {("orders", "daily"), ("orders", "overview"), ("daily", "overview")}
    (note,) = graph.notes
    assert note.startswith(
        "orders: overridden in this notebook; the project's version is at shop.py"
    )
    assert project.orders.definition not in graph.assets.values()


def test_an_override_is_said_also_where_the_projects_version_is_not_reached(module):
    """Found among what is passed or in the notebook itself, the override is noted all the same."""
    project = module("shop", "@asset\ndef bills(): ...\n@asset\ndef daily(bills): ...")
    notebook = module("__main__", "@asset\ndef bills(): ...")
    note = "bills: overridden in this notebook; the project's version is at shop.py:3"

    assert build_graph([notebook.bills]).notes == (note,)
    assert build_graph([project.daily, notebook.bills]).notes == (note,)
    assert build_graph([project.daily]).notes == ()


def test_the_newest_of_a_notebooks_own_counts(module):
    """Where a cell was changed to another function name, the newest definition is meant."""
    notebook = module(
        "__main__",
        """
        @asset(name="orders")
        def old(): ...
        @asset(name="orders")
        def new(): ...
        @asset
        def report(orders): ...
        """,
    )

    assert build_graph([notebook.report]).assets["orders"] is notebook.new.definition


SHOP = """
    @asset(name="a/orders")
    def one(): ...
    @asset(name="b/orders")
    def two(): ...
    @asset
    def flights(): ...
    def weather(): ...
    @asset
    def ambiguous(orders): ...
    @asset
    def misspelt(flihgts): ...
    @asset
    def undecorated(weather): ...
    @asset(ins={"x": AssetIn("c/orders")})
    def elsewhere(x): ...
    @asset(deps=["fligths"])
    def depending(): ...
    @asset
    def selfish(selfish): ...
    @asset
    def hen(egg): ...
    @asset
    def egg(chick): ...
    @asset
    def chick(hen): ...
"""


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("ambiguous", DuplicateAsset),
        ("misspelt", UnknownUpstream),
        ("undecorated", UnknownUpstream),
        ("elsewhere", UnknownUpstream),
        ("depending", UnknownUpstream),
        ("selfish", CycleError),
        ("hen", CycleError),
    ],
)
def test_errors_say_who_where_and_what_to_do(module, golden, target, error):
    """Each problem names the asset, its place, and the way out."""
    shop = module("shop", SHOP)
    with pytest.raises(error) as refused:
        build_graph([getattr(shop, target)])

    golden(f"graph_{target}", f"{refused.value}\n")


def test_a_cycle_has_its_path(module):
    """The path begins and ends with the same asset, and does not depend on the target."""
    shop = module("shop", SHOP)
    paths = set()
    for name in ("hen", "egg", "chick"):
        with pytest.raises(CycleError) as refused:
            build_graph([getattr(shop, name)])
        paths.add(refused.value.path)

    assert paths == {("chick", "egg", "hen", "chick")}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("Orders", "orders"), "differ in case only"),
        (("sales", "sales/orders"), "'sales'.* is also the prefix of 'sales/orders'"),
        (("a/b", "a/b/c/d"), "'a/b'.* is also the prefix"),
        (
            ("orders", "orders"),
            r"Two assets have the name 'orders': at .*:\d+ and at .*:\d+",
        ),
    ],
)
def test_names_that_would_share_a_folder_are_refused(keys, message):
    """Two assets never lie in one folder, or one in the other's."""
    assets = []
    for key in keys:

        @asset(name=key)
        def made(): ...

        assets.append(made)

    with pytest.raises(DuplicateAsset, match=message):
        build_graph(assets)


def test_two_of_one_name_in_a_module_are_refused_when_used(module):
    """A copy that was not renamed is found when its name is looked up."""
    shop = module(
        "shop",
        """
        @asset(name="orders")
        def one(): ...
        @asset(name="orders")
        def two(): ...
        @asset
        def report(orders): ...
        """,
    )

    with pytest.raises(DuplicateAsset, match=r"at shop.py:4 and at shop.py:6"):
        build_graph([shop.report])


def days(start="2026-01-01"):
    """Return daily partitions."""
    return DailyPartitions(start)


def regions():
    """Return static partitions."""
    return StaticPartitions(["eu", "us"])


def test_mappings_are_inferred_or_given():
    """Each edge has the mapping that was named, or the one that makes sense."""

    @asset(partitions=days())
    def daily(): ...

    @asset(partitions=days())
    def same(daily): ...

    @asset
    def whole(daily): ...

    @asset(partitions=regions(), ins={"daily": AssetIn(partitions=all_partitions())})
    def regional(daily): ...

    graph = build_graph([same, whole, regional])
    names = {key: graph.edges[key][0].mapping.name for key in ("same", "whole", "regional")}

    assert names == {
        "same": "identity()",
        "whole": "all_partitions()",
        "regional": "all_partitions()",
    }


def test_a_mapping_may_be_a_function():
    """A function of the downstream key is a mapping."""

    @asset(partitions=regions())
    def places(): ...

    @asset(partitions=regions(), ins={"places": AssetIn(partitions=lambda key: [key])})
    def copied(places): ...

    (edge,) = build_graph([copied]).edges["copied"]

    assert hasattr(edge.mapping, "upstream_of")


def test_partitions_that_do_not_fit_are_refused(module, golden):
    """The error shows the partitions of both ends and how to name a mapping."""
    shop = module(
        "shop",
        """
        from assetkit.definitions.periods import DailyPartitions
        from assetkit.definitions.static import StaticPartitions
        from assetkit.mappings import window
        @asset(partitions=DailyPartitions("2026-01-01"))
        def daily(): ...
        @asset(partitions=StaticPartitions(["eu", "us"]))
        def regional(daily): ...
        @asset(
            partitions=StaticPartitions(["eu"]),
            ins={"daily": AssetIn(partitions=window(-1, 0))},
        )
        def misfit(daily): ...
        """,
    )
    problems = find_problems([shop.regional, shop.misfit])

    assert all(isinstance(one, PartitionMappingError) for one in problems)
    golden("graph_mappings", "\n\n".join(map(str, problems)) + "\n")


def test_an_asset_may_read_its_own_past():
    """A self-dependency is an edge where its mapping lies strictly before."""

    @asset(partitions=days(), ins={"total": AssetIn(partitions=window(-1, -1))})
    def total(total, orders): ...

    graph = build_graph([total])

    assert ("total", "total") in edges_of(graph)
    assert graph.downstream["total"] == ("total",)


def test_an_asset_cannot_read_its_own_present():
    """A window that holds the slot itself is a cycle."""

    @asset(partitions=days(), ins={"total": AssetIn(partitions=window(-1, 0))})
    def total(total): ...

    with pytest.raises(CycleError, match=r"window\(-1, -1\)"):
        build_graph([total])


def test_all_problems_are_found_at_once(module):
    """find_problems goes on after the first one."""
    shop = module("shop", SHOP)
    targets = [shop.misspelt, shop.ambiguous, shop.elsewhere, shop.hen]

    assert [type(one) for one in find_problems(targets)] == [
        UnknownUpstream,
        DuplicateAsset,
        UnknownUpstream,
        CycleError,
    ]
    assert find_problems([shop.flights]) == ()


@pytest.mark.parametrize("target", [len, "orders", 3])
def test_what_is_no_asset_is_refused(target):
    """Functions that are not decorated, and other things, are no targets."""
    with pytest.raises(DefinitionError, match="is no asset"):
        build_graph([target])


def test_a_broken_definition_is_one_problem(module):
    """An annotation that cannot be read is told once, and what depends on it is still looked at."""
    shop = module(
        "shop",
        """
        @asset
        def broken(flights: "pl.DataFrame"): ...
        @asset
        def user(broken, flihgts): ...
        """,
    )
    first, second = find_problems([shop.user])

    assert {type(first), type(second)} == {DefinitionError, UnknownUpstream}


def test_a_long_chain_costs_no_more_an_asset_than_a_short_one(module, calls):
    """The work of making a graph grows as its assets do, and not faster."""

    def work(assets: int) -> int:
        lines = ["@asset\ndef n0(): ..."]
        lines += [f"@asset\ndef n{i}(n{i - 1}, n{i // 2}x=None): ..." for i in range(1, assets)]
        chain = module(f"chain{assets}", "\n".join(lines))
        return calls(lambda: build_graph([getattr(chain, f"n{assets - 1}")]))

    assert work(400) < 2.2 * work(200)
