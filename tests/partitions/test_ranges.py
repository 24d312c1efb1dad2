"""Many slots as few ranges."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit.definitions.partitions import DailyPartitions, MultiPartitions, StaticPartitions
from assetkit.definitions.ranges import key_ranges, ranges_text

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAYS = DailyPartitions("2026-11-01")
REGIONS = StaticPartitions(["us", "eu", "asia"])
SALES = MultiPartitions(region=REGIONS, date=DAYS, size=StaticPartitions(["s", "m", "l"])).universe(
    NOW
)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("all", "date=2026-11-01..2026-11-20 (180)"),
        ("date=2026-11-03", "date=2026-11-03 (9)"),
        ("date=2026-11-03,region=us,size=s", "region=us,date=2026-11-03,size=s"),
        ("region=us", "region=us,date=2026-11-01..2026-11-20 (60)"),
        ("region=us,asia", "region=us,asia,date=2026-11-01..2026-11-20 (120)"),
        (
            ["date=2026-11-03,region=us", "date=2026-11-05,size=l"],
            "region=us,date=2026-11-03 (3); date=2026-11-05,size=l (3)",
        ),
        (
            ["us|2026-11-03|s", "eu|2026-11-03|m", "us|2026-11-04|s", "eu|2026-11-04|m"],
            "date=2026-11-03..2026-11-04 in part (4)",
        ),
        ([], ""),
    ],
)
def test_slots_of_several_dimensions_are_boxes(selection, expected):
    """A box is written as the selection that stands for it."""
    assert ranges_text(SALES, SALES.select(selection)) == expected


@settings(deadline=None)
@given(st.sets(st.integers(0, 179), min_size=1, max_size=60))
def test_boxes_count_every_slot(chosen):
    """All boxes together stand for exactly the slots given, but where they say "in part"."""
    positions = np.array(sorted(chosen))
    text = ranges_text(SALES, positions, limit=1000)
    found = [box.rsplit(" (", 1)[0] for box in text.split("; ")]

    if "in part" not in text:
        selected = np.concatenate([SALES.select(box) for box in found])
        assert sorted(selected.tolist()) == positions.tolist()


def test_slots_of_one_dimension_are_ranges():
    """Neighbours are one range, and what is beyond the limit is counted."""
    universe = DAYS.universe(NOW)

    positions = np.array([0, 1, 2, 5, 8, 9, 10, 11])
    assert (
        ranges_text(universe, positions, limit=2) == "2026-11-01..2026-11-03 (3), 2026-11-06"
        " and 4 more"
    )
    assert key_ranges(universe, positions)[-1] == ("2026-11-09", "2026-11-12", 4)


def test_excluded_windows_do_not_break_a_range():
    """Over a weekend that does not exist, Friday and Monday are neighbours."""
    workdays = DailyPartitions("2026-11-01", exclude=lambda start: start.weekday() > 4)
    universe = workdays.universe(NOW)

    assert ranges_text(universe, universe.select("2026-11-06..2026-11-10")) == (
        "2026-11-06..2026-11-10 (3)"
    )
