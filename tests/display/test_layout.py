"""Where nodes of a graph are placed."""

from collections import defaultdict
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from assetkit.display.layout import layered_layout


@st.composite
def graphs(draw):
    """Draw names, and edges that go from earlier ones to later ones."""
    size = draw(st.integers(1, 25))
    names = [f"n{i}" for i in range(size)]
    pairs = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(
        lambda pair: pair[0] < pair[1]
    )
    edges = draw(st.lists(pairs, max_size=60)) if size > 1 else []
    return names, [(names[a], names[b]) for a, b in edges]


@given(graphs())
def test_needs_stand_left_of_what_needs_them(graph):
    """Each edge goes to a later layer, and its route passes every layer between once."""
    names, edges = graph
    layout = layered_layout(names, edges)

    for (source, target), route in zip(edges, layout.routes, strict=True):
        layers = [layer for layer, _ in route]
        assert layers == list(range(layout.places[source][0], layout.places[target][0] + 1))
        assert len(layers) > 1


@given(graphs())
def test_nodes_of_a_layer_do_not_touch(graph):
    """Two nodes of one layer lie at least a row apart, and no row is negative."""
    layout = layered_layout(*graph)

    by_layer = defaultdict(list)
    for layer, row in layout.places.values():
        by_layer[layer].append(row)
    for rows in by_layer.values():
        rows.sort()
        assert rows[0] >= 0
        assert all(b - a > 0.999 for a, b in pairwise(rows))


@given(graphs())
def test_the_same_graph_gives_the_same_picture(graph):
    """Layout is a function of names and edges."""
    assert layered_layout(*graph) == layered_layout(*graph)


def test_a_chain_is_a_straight_line():
    """One after another, nodes keep their height."""
    layout = layered_layout(["a", "b", "c"], [("a", "b"), ("b", "c")])

    assert layout.places == {"a": (0, 0.0), "b": (1, 0.0), "c": (2, 0.0)}


def test_crossings_are_undone_where_they_can_be():
    """Two parallel chains given in crossed order are drawn side by side."""
    layout = layered_layout(["a", "b", "y", "x"], [("a", "x"), ("b", "y")])
    rows = {name: row for name, (_, row) in layout.places.items()}

    assert (rows["a"] < rows["b"]) == (rows["x"] < rows["y"])


def test_a_source_stands_next_to_what_needs_it():
    """A node that needs nothing is not drawn far from its only use."""
    layout = layered_layout(["a", "b", "c", "late"], [("a", "b"), ("b", "c"), ("late", "c")])

    assert layout.places["late"][0] == 1


def test_circles_and_edges_to_oneself_are_drawn_all_the_same():
    """Groups may need one another; a self-dependency has no route."""
    layout = layered_layout(["a", "b"], [("a", "b"), ("b", "a"), ("a", "a")])

    assert set(layout.places) == {"a", "b"}
    assert layout.routes[2] == []


def test_deep_graphs_do_not_exhaust_the_stack():
    """A chain of 3,000 nodes is placed without recursion."""
    names = [str(i) for i in range(3_000)]
    layout = layered_layout(names, list(pairwise(names)))

    assert layout.layers == 3_000


def test_nothing_gives_nothing():
    """A graph without nodes has no layers."""
    assert layered_layout([], []).layers == 0


def test_what_was_drawn_before_keeps_its_order():
    """One asset more, in the middle, moves none of the others past another."""
    sources = [f"source {n}" for n in range(12)]
    edges = [(one, f"clean {one}") for one in sources]
    names = [*sources, *(name for _, name in edges)]
    before = {
        name: float(n) for n, one in enumerate(reversed(sources)) for name in (one, f"clean {one}")
    }

    layout = layered_layout(
        [*names, "new"], [*edges, ("source 4", "new"), ("source 5", "new")], before=before
    )

    for column in (sources, [name for _, name in edges]):
        by_height = sorted(column, key=lambda name: layout.places[name][1])
        assert by_height == sorted(column, key=before.__getitem__)
    new, neighbours = layout.places["new"][1], ("clean source 5", "clean source 4")
    assert sorted([new, *(layout.places[one][1] for one in neighbours)])[1] == new
    assert layout != layered_layout(
        [*names, "new"], [*edges, ("source 4", "new"), ("source 5", "new")]
    )


def test_an_order_before_that_crosses_far_too_much_is_given_up():
    """Where all edges cross, the picture is drawn anew."""
    names = [f"{side}{n}" for side in "ab" for n in range(8)]
    edges = [(f"a{n}", f"b{n}") for n in range(8)]
    crossed = {f"a{n}": float(n) for n in range(8)} | {f"b{n}": float(-n) for n in range(8)}

    layout = layered_layout(names, edges, before=crossed)

    for one, other in edges:
        assert layout.places[one][1] == layout.places[other][1]
