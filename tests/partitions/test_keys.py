"""Static and dynamic keys: what they may be, and how they are found and written."""

import pickle
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit.definitions.keys import (
    encoded_key,
    path_part,
    read_path_part,
    slot_folder,
    split_key_text,
)
from assetkit.definitions.keytable import folded
from assetkit.definitions.partitions import DailyPartitions, DynamicPartitions, StaticPartitions
from assetkit.errors import InvalidArgument, InvalidName, InvalidSelection, UnknownPartition
from assetkit.records import MultiPartitionKey

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=16)
KEYS = TEXTS.filter(lambda text: text not in (".", ".."))


@given(KEYS)
def test_any_text_makes_one_safe_folder(key):
    """A folder name leads back to its key, and no file system sees anything special in it."""
    part = path_part("region", key)
    name = encoded_key(key)

    assert read_path_part(part) == ("region", key)
    assert name.isascii()
    assert not set(name) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-%")
    assert not name.endswith(".")
    assert name.partition(".")[0].lower() not in {"con", "nul", "com1"}


@settings(deadline=None)
@given(st.lists(KEYS, min_size=1, max_size=30))
def test_keys_that_are_accepted_do_not_share_a_folder(keys):
    """Either a list is refused, or all its folders differ, also where case is ignored."""
    unique = len({folded(key) for key in keys}) == len(keys)
    try:
        definition = StaticPartitions(keys)
    except InvalidName:
        assert not unique or any(len(encoded_key(key)) > 200 for key in keys)
        return
    assert unique
    assert len({encoded_key(key).casefold() for key in keys}) == len(keys)
    universe = definition.universe(NOW)
    positions = np.arange(len(keys))
    assert list(definition.keys(NOW)) == keys
    assert [universe.position(key) for key in keys] == positions.tolist()
    assert universe.ordinals_of_texts(keys).tolist() == positions.tolist()
    assert universe.positions(np.array([-1, len(keys)])).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["a", "a"], "there twice"),
        (["a", "A"], "differ only in case"),
        (["\u00e9", "e\u0301"], "differ only in case"),
        (["Stra\u00dfe", "STRASSE"], "differ only in case"),
        ([""], "cannot be a partition key"),
        (["."], "cannot be a partition key"),
        ([".."], "cannot be a partition key"),
        (["__HIVE_DEFAULT_PARTITION__"], "cannot be a partition key"),
        (["x" * 201], "at most 200"),
        (["\u00e9" * 34], "204 bytes"),
        (["\ud800"], "cannot be written"),
        ([1], "a key is a text"),
    ],
)
def test_keys_that_cannot_be_are_refused(keys, said):
    """The message names the key, or both of two that would share a folder."""
    with pytest.raises(InvalidName) as caught:
        StaticPartitions(keys)

    assert said in str(caught.value)


@pytest.mark.parametrize("keys", ["abc", 7, []])
def test_static_partitions_need_a_list_of_texts(keys):
    """A text is not taken letter by letter, and no keys at all are refused."""
    with pytest.raises(InvalidArgument):
        StaticPartitions(keys)


def test_static_partitions_are_values():
    """What is declared alike is equal, hashes alike and survives a trip to another process."""
    one, two = StaticPartitions(["us", "eu"]), StaticPartitions(("us", "eu"))

    assert one == two
    assert hash(one) == hash(two)
    assert pickle.loads(pickle.dumps(one)) == one
    assert one != StaticPartitions(["eu", "us"])
    assert one != StaticPartitions(["us", "eu"], dimension="region")
    assert one.describe() == "2 keys: us, eu"
    with pytest.raises(AttributeError):
        one.dimension = "region"


def test_keys_added_at_the_end_keep_all_ordinals():
    """A longer list keeps the ordinals of the list that it begins with; another order does not."""
    old = StaticPartitions(["us", "eu"])

    assert StaticPartitions(["us", "eu", "asia"]).keeps_ordinals(old.layout)
    assert old.keeps_ordinals(old.layout)
    assert not StaticPartitions(["us", "asia", "eu"]).keeps_ordinals(old.layout)
    assert not StaticPartitions(["us"]).keeps_ordinals(old.layout)
    assert not old.keeps_ordinals(DailyPartitions("2026-01-01").layout)


@pytest.mark.parametrize("count", [1_000, 120_000])
def test_keys_are_found_among_few_and_among_many(count):
    """Short lists and long ones are searched in different ways, with the same result."""
    keys = [f"customer-{number:06}" for number in range(count)]
    universe = StaticPartitions(keys).universe(NOW)
    asked = [keys[-1], "customer", None, keys[0], keys[count // 2], ""]

    assert universe.ordinals_of_texts(asked).tolist() == [count - 1, -1, -1, 0, count // 2, -1]
    assert universe.position(keys[7]) == 7
    assert len(np.unique(universe.stable_ids(np.arange(count)))) == count
    with pytest.raises(UnknownPartition, match="customer-000001"):
        universe.position("customer-00001")


def test_stable_ids_follow_the_text():
    """A key has the same id wherever it stands in a list."""
    first = StaticPartitions(["us", "eu"]).universe(NOW).stable_ids(np.arange(2))
    second = StaticPartitions(["asia", "eu", "us"]).universe(NOW).stable_ids(np.arange(3))

    assert first.tolist() == [second[2], second[1]]


def test_an_unknown_key_is_refused_with_the_nearest():
    """The message names what is there."""
    universe = StaticPartitions(["north", "south"]).universe(NOW)

    with pytest.raises(UnknownPartition, match="Did you mean north"):
        universe.position("nroth")
    with pytest.raises(InvalidSelection, match="no windows of time"):
        StaticPartitions(["north"]).key_at(NOW)


def test_dynamic_keys_keep_their_ordinals():
    """Keys are in the order in which they were added; a removed one leaves its ordinal unused."""
    customers = DynamicPartitions("customers")
    universe = customers.universe(NOW, {"customers": ((0, "b"), (4, "a"), (7, "c"))})

    assert list(customers.keys(NOW)) == []
    assert universe.texts(np.arange(3)) == ["b", "a", "c"]
    assert universe.ordinals(np.arange(3)).tolist() == [0, 4, 7]
    assert universe.positions(np.array([7, 5, 0, 9])).tolist() == [2, -1, 0, -1]
    assert universe.ordinals_of_texts(["a", "x", None]).tolist() == [4, -1, -1]
    assert universe.select("latest:2").tolist() == [1, 2]
    assert pickle.loads(pickle.dumps(customers)) == customers


@given(st.lists(KEYS, min_size=2, max_size=4))
def test_the_text_of_several_parts_can_be_split(parts):
    """Bars and percent signs in keys do not confuse the text of a key."""
    assert split_key_text(str(MultiPartitionKey(parts))) == tuple(parts)


def test_a_folder_has_one_level_per_dimension():
    """Levels are in the order of definition."""
    parts = [("date", "2026-01-31"), ("region", "a/b")]

    assert slot_folder("sales/orders", parts) == "sales/orders/date=2026-01-31/region=a%2Fb"
    assert slot_folder("sales/orders", []) == "sales/orders"
