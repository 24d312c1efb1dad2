"""Partitions of several dimensions: their order, their numbers, and what stays as they grow."""

import pickle
from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit.definitions.partitions import (
    CronPartitions,
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    StaticPartitions,
)
from assetkit.errors import InvalidArgument, InvalidSelection, UnknownPartition
from assetkit.records import MultiPartitionKey

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DYNAMIC = {"customers": ((0, "b|1"), (3, "a"), (5, "c"))}
PARTS = {
    "day": DailyPartitions("2026-11-10"),
    "month": MonthlyPartitions("2026-06-01", exclude=["2026-08"]),
    "hour": HourlyPartitions("2026-11-20", timezone="Europe/Berlin"),
    "region": StaticPartitions(["us", "eu", "a|b%"]),
    "size": StaticPartitions(["s", "m"]),
    "customer": DynamicPartitions("customers"),
}
NAMES = st.sampled_from(
    [["day", "month", "region", "size"], ["hour", "region", "size", "customer"]]
)
DIMENSIONS = NAMES.flatmap(
    lambda names: st.lists(st.sampled_from(names), min_size=2, max_size=4, unique=True)
)


@settings(max_examples=30, deadline=None)
@given(DIMENSIONS)
def test_positions_ordinals_and_keys_are_one_to_one(names):
    """Every combination has one position, one rising ordinal and one key, and all lead back."""
    definition = MultiPartitions(**{name: PARTS[name] for name in names})
    universe = definition.universe(NOW, DYNAMIC)
    positions = np.arange(len(universe))
    ordinals = universe.ordinals(positions)
    some = positions[:: max(1, len(positions) // 100)]
    keys = [universe.key(position) for position in some.tolist()]
    combinations = product(*(PARTS[name].keys(NOW, dynamic=DYNAMIC) for name in names))

    assert {tuple(key) for key in definition.keys(NOW, dynamic=DYNAMIC)} == set(combinations)
    assert (np.diff(ordinals) > 0).all()
    assert ordinals.max() < 2**62
    assert (universe.positions(ordinals) == positions).all()
    assert (universe.positions(ordinals + 2**61) == -1).all()
    assert [universe.position(key) for key in keys] == some.tolist()
    assert universe.texts(some) == [str(key) for key in keys]
    assert (universe.ordinals_of_texts(universe.texts(some)) == ordinals[some]).all()
    assert len(np.unique(universe.stable_ids(positions))) == len(positions)


@settings(max_examples=30, deadline=None)
@given(DIMENSIONS, st.integers(0, 40))
def test_ordinals_stay_as_time_passes_and_keys_are_added(names, days):
    """Every slot that existed has its ordinal later, too."""
    definition = MultiPartitions(**{name: PARTS[name] for name in names})
    grown = {"customers": (*DYNAMIC["customers"], (9, "d"))}
    before = definition.universe(NOW, DYNAMIC)
    after = definition.universe(NOW + timedelta(days=days), grown)
    positions = np.arange(len(before))[:: max(1, len(before) // 100)]
    found = after.positions(before.ordinals(positions))

    assert after.texts(found) == before.texts(positions)


def test_slots_are_ordered_by_what_grows():
    """The time comes first in the order of slots, wherever it stands in the key."""
    definition = MultiPartitions(region=StaticPartitions(["us", "eu"]), date=PARTS["day"])

    assert definition.keys(NOW)[:3] == [
        ("us", "2026-11-10"),
        ("eu", "2026-11-10"),
        ("us", "2026-11-11"),
    ]
    assert definition.keys(NOW)[0] == MultiPartitionKey(("us", "2026-11-10"))
    assert definition.universe(NOW).parts(1) == (("region", "eu"), ("date", "2026-11-10"))


def test_the_window_is_that_of_the_time():
    """A key of several dimensions covers the window of its first dimension by time."""
    definition = MultiPartitions(region=StaticPartitions(["us", "eu"]), date=PARTS["day"])
    window = definition.window(("eu", "2026-11-11"))

    assert window == definition.window("eu|2026-11-11") == definition.universe(NOW).window(3)
    assert window.start == datetime(2026, 11, 11, tzinfo=UTC)
    with pytest.raises(UnknownPartition):
        definition.window("2026-11-11")
    with pytest.raises(InvalidSelection, match="by_dimension"):
        definition.key_at(NOW)


def test_definitions_are_values():
    """What is declared alike is equal, hashes alike and survives a trip to another process."""
    one = MultiPartitions(date=DailyPartitions("2026-01-01"), region=StaticPartitions(["us"]))
    two = MultiPartitions(date=DailyPartitions("2026-01-01"), region=StaticPartitions(["us"]))

    assert one == two
    assert hash(one) == hash(two)
    assert pickle.loads(pickle.dumps(one)) == one
    assert one.universe_id == two.universe_id
    assert one.layout != MultiPartitions(region=PARTS["region"], date=PARTS["day"]).layout
    with pytest.raises(AttributeError):
        one.date = None


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MultiPartitions(date=PARTS["day"]), "has 1 dimensions"),
        (lambda: MultiPartitions(date=PARTS["day"], region=["us"]), "region=['us']"),
        (
            lambda: MultiPartitions(
                a=CronPartitions("* * * * * *", "2026-01-01"),
                b=CronPartitions("* * * * * *", "2026-01-01"),
            ),
            "more combinations",
        ),
    ],
)
def test_wrong_dimensions_are_refused(make, said):
    """The message says which dimension does not do, and why."""
    with pytest.raises(InvalidArgument) as caught:
        make()

    assert said in str(caught.value)
