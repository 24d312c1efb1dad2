"""Selections of partitions, as users write them."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from assetkit.definitions.partitions import (
    DailyPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    StaticPartitions,
    WeeklyPartitions,
)
from assetkit.errors import InvalidSelection, UnknownPartition

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAYS = DailyPartitions("2026-11-01").universe(NOW)
WORKDAYS = DailyPartitions("2026-11-01", exclude=lambda day: day.weekday() > 4).universe(NOW)
WEEKS = WeeklyPartitions("2026-10-01").universe(NOW)
HOURS = HourlyPartitions("2026-10-30", timezone="America/New_York").universe(NOW)
REGIONS = StaticPartitions(["us", "eu", "asia", "a..b", "x=y", "latest"]).universe(NOW)
SALES = MultiPartitions(
    date=DailyPartitions("2026-11-01"), region=StaticPartitions(["us", "eu", "asia"])
).universe(NOW)


def selected(universe, selection):
    """Return the texts of the keys that a selection stands for."""
    return list(universe.texts(universe.select(selection)))


@pytest.mark.parametrize(
    ("universe", "selection", "expected"),
    [
        (DAYS, "2026-11-05", ["2026-11-05"]),
        (DAYS, ["2026-11-07", "2026-11-05"], ["2026-11-05", "2026-11-07"]),
        (DAYS, "2026-11-05..2026-11-07", ["2026-11-05", "2026-11-06", "2026-11-07"]),
        (DAYS, "2026-11-19..", ["2026-11-19", "2026-11-20"]),
        (DAYS, "..2026-11-02", ["2026-11-01", "2026-11-02"]),
        (DAYS, "latest", ["2026-11-20"]),
        (DAYS, "latest:2", ["2026-11-19", "2026-11-20"]),
        (DAYS, date(2026, 11, 5), ["2026-11-05"]),
        (DAYS, ["2026-11-05", "latest"], ["2026-11-05", "2026-11-20"]),
        (DAYS, {"partition": "latest"}, ["2026-11-20"]),
        (DAYS, "partition=2026-11-05,latest", ["2026-11-05", "2026-11-20"]),
        (DAYS, [], []),
        (DAYS, {}, []),
        (WORKDAYS, "2026-11-06..2026-11-09", ["2026-11-06", "2026-11-09"]),
        (WORKDAYS, "2026-11-07..2026-11-09", ["2026-11-09"]),
        (WEEKS, "2026-11", ["2026-11-01", "2026-11-08"]),
        (WEEKS, "2026-10-20..2026-11-03", ["2026-10-25", "2026-11-01"]),
        (HOURS, "2026-11-01T01", ["2026-11-01T01-04:00", "2026-11-01T01-05:00"]),
        (HOURS, "2026-11-01T01-05:00", ["2026-11-01T01-05:00"]),
        (REGIONS, "us", ["us"]),
        (REGIONS, "us..asia", ["us", "eu", "asia"]),
        (REGIONS, "a..b", ["a..b"]),
        (REGIONS, "x=y", ["x=y"]),
        (REGIONS, ["latest"], ["latest"]),
        (SALES, ("2026-11-05", "eu"), ["2026-11-05|eu"]),
        (SALES, "2026-11-05|eu", ["2026-11-05|eu"]),
        (SALES, [("2026-11-05", "eu"), "2026-11-04|us"], ["2026-11-04|us", "2026-11-05|eu"]),
        (SALES, "latest", ["2026-11-20|us", "2026-11-20|eu", "2026-11-20|asia"]),
        (SALES, {"date": "2026-11-19..", "region": "us"}, ["2026-11-19|us", "2026-11-20|us"]),
        (SALES, {"date": "latest", "region": ["us", "eu"]}, ["2026-11-20|us", "2026-11-20|eu"]),
        (SALES, "region=us,eu,date=latest", ["2026-11-20|us", "2026-11-20|eu"]),
    ],
)
def test_a_selection_stands_for_keys(universe, selection, expected):
    """Keys come out in order, each once."""
    assert selected(universe, selection) == expected


def test_all_and_whole_months_are_ranges():
    """``all`` is everything that exists, a month the part of it that exists."""
    assert len(DAYS.select("all")) == len(DAYS.select("2026-11")) == len(DAYS) == 20
    assert len(SALES.select("all")) == 60
    assert len(HOURS.select("2026-11-01")) == 25


@pytest.mark.parametrize(
    ("universe", "selection", "error", "said"),
    [
        (DAYS, "2026-11-07..2026-11-05", InvalidSelection, "'2026-11-05..2026-11-07'"),
        (DAYS, "2026-11-21", UnknownPartition, "ends at 2026-11-22T00:00:00+00:00"),
        (DAYS, "2026-10-31", UnknownPartition, "2026-11-01..2026-11-20 (20)"),
        (DAYS, "2026-10-31..2026-11-02", UnknownPartition, "begins later"),
        (DAYS, "2026-11-19..2026-11-21", UnknownPartition, "ends at"),
        (DAYS, "2026-02-30", UnknownPartition, "keys look like"),
        (DAYS, "yesterday", UnknownPartition, "keys look like"),
        (DAYS, "a..b..c", InvalidSelection, "FROM..TO"),
        (DAYS, "..", InvalidSelection, "FROM..TO"),
        (DAYS, "latest:0", InvalidSelection, "selects nothing"),
        (DAYS, "missing", InvalidSelection, "state"),
        (DAYS, None, InvalidSelection, "no selection"),
        (DAYS, 7, InvalidSelection, "no selection"),
        (DAYS, {"date": "all"}, InvalidSelection, "Known dimensions: partition"),
        (WEEKS, "2026-11-03", UnknownPartition, "2026-11-01"),
        (WORKDAYS, "2026-11-07", UnknownPartition, "excluded"),
        (HOURS, "2026-11-01T25", UnknownPartition, "keys look like"),
        (REGIONS, "su", UnknownPartition, "Known keys: "),
        (REGIONS, "asia..us", InvalidSelection, "'us..asia'"),
        (SALES, "2026-11-05", UnknownPartition, "2 parts (date, region)"),
        (SALES, "2026-11-05|ue", UnknownPartition, "In the dimension 'region'"),
        (SALES, "2026-11-05..2026-11-06", InvalidSelection, "of which dimension"),
        (SALES, {"datum": "all"}, InvalidSelection, "Did you mean date"),
        (SALES, "date=all,date=latest", InvalidSelection, "twice"),
    ],
)
def test_a_selection_that_cannot_be_is_refused(universe, selection, error, said):
    """The message says why, what there is, and what was probably meant."""
    with pytest.raises(error) as caught:
        universe.select(selection)

    assert said in str(caught.value)


def test_a_month_is_one_key_of_months():
    """The same text is a whole key where partitions are months."""
    months = MonthlyPartitions("2026-01-01").universe(NOW)

    assert selected(months, "2026-03") == ["2026-03"]
    assert selected(months, "2026") == [f"2026-{month:02}" for month in range(1, 11)]


def test_nothing_exists_before_the_first_window_has_ended():
    """A definition of the future selects nothing, and says so."""
    universe = DailyPartitions("2030-01-01").universe(NOW)

    assert universe.select("all").tolist() == []
    assert universe.select("latest").tolist() == []
    with pytest.raises(UnknownPartition, match="No partition exists yet"):
        universe.select("2030-01-01")


def test_selected_positions_are_columns():
    """A selection of millions is an array, not a list."""
    assert DAYS.select("all").dtype == np.int64
