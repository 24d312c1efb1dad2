"""An asset that merges only what changed is what one that reads all would be, whatever happens."""

from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit import (
    AssetContext,
    AssetIn,
    DynamicPartitions,
    MultiPartitions,
    StaticPartitions,
    Workspace,
    asset,
    materialize,
)
from assetkit.catalog.memory import MemoryCatalog

KEYS = ["a", "b", "c", "d"]


class Ledger:
    """Orders by key, kept in memory; and a ledger that merges those that changed."""

    def __init__(self, partitions):
        self.workspace = Workspace("lake", catalog=MemoryCatalog(), io_managers={})
        self.amounts = {}
        self.merged = []

        @asset(partitions=partitions, code_version="1", io_manager="memory")
        def orders(context) -> int:
            return self.amounts[str(context.partition_key)]

        @asset(ins={"orders": AssetIn(need="optional")}, code_version="1", io_manager="memory")
        def ledger(context: AssetContext, orders: dict[str, int]) -> dict:
            changed = context.changed_partitions("orders")
            self.merged.append(changed)
            before = context.previous(dict) or {}
            names = [str(key) for key in changed]
            kept = {name: amount for name, amount in before.items() if name not in names}
            return kept | {name: orders[name] for name in names if name in orders}

        self.orders, self.ledger = orders, ledger

    def put(self, key, amount):
        self.amounts[key] = amount
        keys = [tuple(key.split("|"))] if "|" in key else [key]
        quiet = {"workspace": self.workspace, "progress": False}
        materialize(self.orders, partitions=keys, force=True, **quiet)

    def made(self):
        """Return the ledger, brought up to date with what is there of orders."""
        result = materialize(self.ledger, upstream=False, workspace=self.workspace, progress=False)
        return result.load("ledger", load_as=dict)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "remove", "delete", "correct"]),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_merging_what_changed_comes_to_the_same_as_reading_all(steps):
    """Through additions, removals, deletions, corrections and returns, in any order."""
    shop = Ledger(DynamicPartitions("shops"))
    workspace, there = shop.workspace, set(KEYS)
    workspace.add_partitions("shops", KEYS)
    shop.amounts = dict.fromkeys(KEYS, 1)
    materialize(shop.orders, workspace=workspace, progress=False)
    published = set(KEYS)
    for number, (what, which, looks) in enumerate(steps):
        key = KEYS[which]
        if what == "add" and key not in there:
            workspace.add_partitions("shops", [key])
            there.add(key)
        elif what == "remove" and key in there:
            workspace.remove_partitions("shops", [key])
            there.discard(key)
        elif what == "delete" and key in published:
            workspace.delete("orders", [key])
            published.discard(key)
        elif what == "correct" and key in there:
            shop.put(key, 10 + number)
            published.add(key)
        if looks:
            assert shop.made() == {one: shop.amounts[one] for one in there & published}
    assert shop.made() == {one: shop.amounts[one] for one in there & published}


def test_what_went_is_named():
    """A key that was removed is among what changed, and no longer among what is there."""
    shop = Ledger(DynamicPartitions("shops"))
    shop.workspace.add_partitions("shops", ["a", "b"])
    shop.put("a", 1)
    shop.put("b", 2)
    assert shop.made() == {"a": 1, "b": 2}

    shop.workspace.remove_partitions("shops", ["b"])

    assert shop.made() == {"a": 1}
    assert shop.merged == [("a", "b"), ("a", "b")]
    shop.workspace.add_partitions("shops", ["c"])
    shop.put("c", 4)
    assert shop.made() == {"a": 1, "c": 4}
    assert shop.merged[-1] == ("c",)


def test_keys_of_several_dimensions_went():
    """They are tuples, as those that are there."""
    years = StaticPartitions(["y1", "y2"])
    shop = Ledger(MultiPartitions(year=years, shop=DynamicPartitions("shops")))
    shop.workspace.add_partitions("shops", ["a", "b"])
    for key in ("y1|a", "y2|a", "y1|b", "y2|b"):
        shop.put(key, 1)
    shop.made()

    shop.workspace.remove_partitions("shops", ["b"])

    assert shop.made() == {"y1|a": 1, "y2|a": 1}
    assert shop.merged[-1] == (("y1", "a"), ("y2", "a"), ("y1", "b"), ("y2", "b"))
