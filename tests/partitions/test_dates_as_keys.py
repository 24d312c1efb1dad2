"""Where a key of time goes, a date or a datetime does too."""

from datetime import UTC, date, datetime

import pytest

from assetkit import DailyPartitions, MultiPartitions, StaticPartitions, Workspace, asset, plan
from assetkit.errors import UnknownPartition

DAYS = DailyPartitions("2026-01-01", end="2026-01-04", timezone="America/New_York")


@asset(partitions=DAYS)
def sales():
    return None


@asset(partitions=MultiPartitions(day=DAYS, region=StaticPartitions(["us", "eu"])))
def visits():
    return None


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a plan of both."""
    with Workspace(tmp_path_factory.mktemp("days")) as workspace:
        yield plan([sales, visits], workspace=workspace)


@pytest.mark.parametrize("day", [date(2026, 1, 2), datetime(2026, 1, 2, 12, tzinfo=UTC)])
def test_the_window_of_a_date_is_that_of_its_key(day):
    """It is read in the zone of the definition."""
    assert DAYS.window(day) == DAYS.window("2026-01-02")


def test_a_plan_explains_a_partition_given_by_its_date(made):
    """Alone, or as a part of a key of several dimensions."""
    assert made.explain(sales, date(2026, 1, 2)) == made.explain("sales", "2026-01-02")
    assert "2026-01-02|us is missing" in made.explain(visits, (date(2026, 1, 2), "us"))


def test_a_date_that_begins_no_window_is_refused(made):
    """With what there is."""
    with pytest.raises(UnknownPartition, match=r"There are 2026-01-01\.\.2026-01-03"):
        made.explain(sales, date(2026, 2, 1))
