"""Cron partitions tick as croniter does."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from croniter import croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assetkit.definitions.partitions import CronPartitions
from assetkit.errors import InvalidArgument

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


@st.composite
def fields(draw, least, most, names=()):
    """Draw a cron field: all, a value, a list, a range, a step."""
    value = st.integers(least, most).map(str)
    if names:
        value |= st.sampled_from(names)
    low = draw(st.integers(least, most - 1))
    spread = st.just(f"{low}-{draw(st.integers(low + 1, most))}")
    step = st.integers(1, 20)
    kinds = st.just("*"), value, spread
    stepped = st.builds("{}/{}".format, st.sampled_from(["*", draw(spread)]), step)
    listed = st.lists(value, min_size=2, max_size=3).map(",".join)
    return draw(st.one_of(*kinds, stepped, listed))


MONTH_DAYS = fields(1, 31) | st.sampled_from(["L", "15W", "W1", "L,15"])
NTH = st.builds("{}#{}".format, st.sampled_from(WEEKDAYS), st.integers(1, 5))
WEEK_DAYS = fields(0, 6, WEEKDAYS) | NTH | st.sampled_from(["L5", "mon#1,fri#2", "7"])


@st.composite
def expressions(draw):
    """Draw a cron expression of five or six fields."""
    parts = [fields(0, 59), fields(0, 23), MONTH_DAYS, fields(1, 12, MONTHS), WEEK_DAYS]
    seconds = [fields(0, 59)] if draw(st.booleans()) else []
    return " ".join(draw(part) for part in parts + seconds)


@settings(max_examples=80, deadline=None)
@given(expressions(), st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001
def test_ticks_are_those_of_croniter(cron, start):
    """In UTC, windows begin and end where croniter ticks, one after another."""
    start = start.replace(microsecond=0, tzinfo=UTC)
    try:
        reader = croniter(cron, start - timedelta(seconds=1), ret_type=datetime)
        expected = [reader.get_next() for _ in range(12)]
    except ValueError:
        assume(False)
    partitions = CronPartitions(cron, start)
    keys = partitions.keys(expected[-1])
    windows = [partitions.window(key) for key in keys]

    assert [(w.start, w.end) for w in windows] == list(pairwise(expected))
    assert [partitions.key_at(window.start) for window in windows] == list(keys)


@pytest.mark.parametrize(
    ("cron", "start", "keys"),
    [
        ("0 0 29 2 *", "2004-01-01", ["2004-02-29", "2008-02-29"]),
        ("0 0 15W 1 mon#1,fri#2", "2000-01-01", ["2000-01-14", "2005-01-14"]),
    ],
)
def test_windows_may_last_for_years(cron, start, keys):
    """Ticks that are years apart make windows, too."""
    partitions = CronPartitions(cron, start)

    assert list(partitions.keys(datetime(2012, 3, 1, tzinfo=UTC)))[:2] == keys


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("x * * * *", "the minute cannot be 'x'"),
        ("* 24 * * *", "the hour cannot be '24'"),
        ("0 0 32 * *", "the day of month cannot be '32'"),
        ("0 0 * 13 *", "the month cannot be '13'"),
        ("0 0 * * foo", "the day of week cannot be 'foo'"),
        ("0 0 * * * 60", "the second cannot be '60'"),
        ("0 0 * *", "this has 4"),
        ("H H * * *", "random"),
        ("R 0 * * *", "random"),
        ("0 0 31 2 *", "never recur"),
        ("", "this has 0"),
        (5, "cron=5"),
    ],
)
def test_an_expression_that_is_none_is_refused(cron, said):
    """The message names the field that cannot be read."""
    with pytest.raises(InvalidArgument) as caught:
        CronPartitions(cron, "2026-01-01")

    assert said in str(caught.value)


def test_a_cron_that_ends_with_its_years_has_no_more_windows():
    """The last tick of all begins no window: nothing ends it."""
    yearly = CronPartitions("0 0 1 1 * 0 2026-2028", "2026-01-01")

    assert list(yearly.keys(datetime(2090, 1, 1, tzinfo=UTC))) == ["2026-01-01", "2027-01-01"]


@pytest.mark.parametrize(
    ("cron", "zone", "day", "hours"),
    [
        ("0 * * * *", "America/New_York", "2026-11-01", [0, 1, 1, 2, 3]),
        ("0 * * * *", "America/New_York", "2026-03-08", [0, 1, 3, 4]),
        ("0 2 * * *", "America/New_York", "2026-03-08", [3]),
        ("0 1 * * *", "America/New_York", "2026-11-01", [1]),
        ("0 2,3 * * *", "America/New_York", "2026-03-08", [3]),
        ("*/30 2 * * *", "America/New_York", "2026-03-08", [3]),
        ("30 * * * *", "America/New_York", "2026-03-08", [0, 1, 3, 4]),
    ],
)
def test_changes_of_clocks(cron, zone, day, hours):
    """Every hour follows the hours as they occur; a fixed time happens once a day, always."""
    start = datetime.fromisoformat(day)
    partitions = CronPartitions(cron, start, start + timedelta(days=3), timezone=zone)
    windows = [partitions.window(key) for key in partitions.keys(datetime(2027, 1, 1, tzinfo=UTC))]

    found = [w.start.hour for w in windows if w.start.date() == start.date()]
    assert found[: len(hours)] == hours
    if "*" not in cron.split()[1]:
        assert found == hours
