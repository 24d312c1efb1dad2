"""What selections mean, and what is said of those that mean nothing."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetkit.definitions.decorator import asset
from assetkit.errors import AssetkitError, EmptySelection, InvalidSelection, UnknownAsset
from assetkit.graph.build import build_graph
from assetkit.graph.grammar import parse_selection
from assetkit.graph.selection import select, split_partitions

#   raw/orders ──► orders_eur ──► report ──► board
#   raw/fx     ──►            └─► audit


def row_count(frame): ...


@asset(name="raw/orders", group="raw", tags=["pii"], owners=["ana@shop.com"])
def raw_orders(): ...


@asset(name="raw/fx", group="raw", tags={"team": "core"}, io_manager="pickle")
def raw_fx(): ...


@asset(group="marts", owners=["finance"], checks=[row_count])
def orders_eur(orders, fx): ...


@asset(group="marts", tags={"team": "core", "pii": ""})
def report(orders_eur): ...


@asset
def audit(orders_eur): ...


@asset
def board(report): ...


GRAPH = build_graph([board, audit])
ALL = frozenset(GRAPH.assets)
TEXTS = {
    "report": {"report"},
    "raw/orders": {"raw/orders"},
    "orders": {"raw/orders"},
    "raw/*": {"raw/orders", "raw/fx"},
    "*orders*": {"raw/orders", "orders_eur"},
    "*": ALL,
    "+report": {"report", "orders_eur", "raw/orders", "raw/fx"},
    "orders_eur+": {"orders_eur", "report", "audit", "board"},
    "1+report": {"report", "orders_eur"},
    "report+1": {"report", "board"},
    "orders_eur+1": {"orders_eur", "report", "audit"},
    "1+report+1": {"orders_eur", "report", "board"},
    "0+report": {"report"},
    "+orders_eur+": ALL,
    "group:raw": {"raw/orders", "raw/fx"},
    "group:m*": {"orders_eur", "report"},
    "tag:pii": {"raw/orders", "report"},
    "tag:team=core": {"raw/fx", "report"},
    "tag:team": {"raw/fx", "report"},
    "owner:finance": {"orders_eur"},
    "owner:ana@shop.com": {"raw/orders"},
    'owner:"ana@shop.com"': {"raw/orders"},
    "kind:python": ALL,
    "key:raw/*": {"raw/orders", "raw/fx"},
    "io:pickle": {"raw/fx"},
    "check:row_count": {"orders_eur"},
    "path:test_selection.py": ALL,
    "path:graph/test_*.py": ALL,
    "group:raw+1": {"raw/orders", "raw/fx", "orders_eur"},
    "+group:marts": {"raw/orders", "raw/fx", "orders_eur", "report"},
    "report or audit": {"report", "audit"},
    "group:marts and tag:pii": {"report"},
    "not group:raw": ALL - {"raw/orders", "raw/fx"},
    "not not report": {"report"},
    "not (report or board)": ALL - {"report", "board"},
    "audit or group:marts and tag:pii": {"audit", "report"},
    "(audit or group:marts) and tag:pii": {"report"},
    "+(report or audit)": ALL - {"board"},
    "roots(*)": {"raw/orders", "raw/fx"},
    "sinks(*)": {"audit", "board"},
    "roots(group:marts)": {"orders_eur"},
    "sinks(+report)": {"report"},
    "upstream(report)": {"raw/orders", "raw/fx", "orders_eur"},
    "downstream(orders_eur)": {"report", "audit", "board"},
    "between(orders, report)": {"raw/orders", "orders_eur", "report"},
    "between( fx , audit )": {"raw/fx", "orders_eur", "audit"},
    "report@2026-01-01..2026-01-31": {"report"},
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_a_selection_means_a_set_of_assets(text, expected):
    """Names, attributes, neighbours, operators and functions, by themselves and together."""
    assert select(text, GRAPH) == expected


@pytest.mark.parametrize(
    ("text", "expression", "partitions"),
    [
        ("orders", "orders", None),
        ("orders@latest", "orders", "latest"),
        ("orders @ latest:7", "orders", "latest:7"),
        ("a or b@2026-01-01..2026-01-31", "a or b", "2026-01-01..2026-01-31"),
        ("sales@region=eu,date=2026-11..", "sales", "region=eu,date=2026-11.."),
        ("owner:ana@shop.com", "owner:ana@shop.com", None),
        ("owner:ana@shop.com@latest", "owner:ana@shop.com", "latest"),
        ("owner:finance@latest", "owner:finance", "latest"),
        ("owner:finance@2026-11-01..2026-11-07", "owner:finance", "2026-11-01..2026-11-07"),
        ('owner:"a@b"@a@b', 'owner:"a@b"', "a@b"),
    ],
)
def test_partitions_stand_behind_an_at_sign(text, expression, partitions):
    """The last part of a selection says which partitions; a mail address is no such part."""
    assert split_partitions(text) == (expression, partitions)


def test_states_are_asked_of_who_knows():
    """state: and changed: are answered by the facts given, within the graph."""
    asked = []

    def facts(kind, value):
        asked.append((kind, value))
        return {"report", "gone"}

    assert select("state:stale+1", GRAPH, facts) == {"report", "board"}
    assert select("not changed:code", GRAPH, facts) == ALL - {"report"}
    assert asked == [("state", "stale"), ("changed", "code")]


WRONG = {
    "comma": "orders_eur, report",
    "unknown": "reprot",
    "unknown_in_the_middle": "orders_eur or (reprot and audit)",
    "ambiguous": "twin",
    "attribute": "groop:raw",
    "no_value": "group: raw",
    "function": "root(*)",
    "between": "between(report)",
    "open": "(report or audit",
    "closed": "report) or audit",
    "no_operator": "report audit",
    "dangling": "report or",
    "number": "2 report",
    "sign": "report; audit",
    "operator_first": "and report",
    "empty": "  ",
    "no_partitions": "report@",
    "only_partitions": "@latest",
    "nothing": "group:raw and group:marts",
    "no_such_group": "group:row",
    "no_facts": "state:stale",
}


def test_wrong_selections_point_at_the_place(golden):
    """Each message has a sentence, the text, a caret, and the nearest names."""

    @asset(name="a/twin")
    def one(): ...

    @asset(name="b/twin")
    def two(): ...

    graph = build_graph([board, audit, one, two])
    told = []
    for text in WRONG.values():
        with pytest.raises((InvalidSelection, UnknownAsset, EmptySelection)) as refused:
            select(text, graph)
        told.append(f"{type(refused.value).__name__}: {refused.value}\n")

    golden("selection_errors", "\n".join(told))


@given(st.text(alphabet="ab_*+() @:,0129/not or and group\"'.", max_size=30))
def test_any_text_is_a_selection_or_an_error_of_ours(text):
    """No text makes the reader fail in any other way."""
    with suppress(AssetkitError):
        assert select(text, GRAPH) <= ALL


def test_reading_needs_no_graph():
    """A selection is read before anything is known of the assets."""
    assert parse_selection("+a and not b@latest").partitions == "latest"
