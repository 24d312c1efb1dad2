"""Windows tile time, in every zone and through every change of clocks."""

import pickle
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit.definitions.partitions import (
    CronPartitions,
    DailyPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    WeeklyPartitions,
)
from assetkit.errors import InvalidArgument, UnknownPartition

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kolkata",
    "Asia/Gaza",
    "Africa/Casablanca",
    "Antarctica/Troll",
]
MINUTES = st.integers(0, 59)
HOURS = st.integers(0, 23)
CRONS = st.sampled_from(
    [
        "* * * * *",
        "*/15 * * * *",
        "5,35 * * * *",
        "30 * * * mon-fri",
        "0 6 * * *",
        "30 2 * * *",
        "*/20 1-3 * * *",
        "0 0 L * *",
        "15 9,17 1,15 * *",
        "0 0 * * 5#2",
        "0 */6 * * * 30",
    ]
)


WALL_TIMES = (datetime.fromisoformat("1985-01-01"), datetime.fromisoformat("2035-01-01"))
CHANGES = """
2026-03-08 2026-11-01 2026-03-29 2026-10-25 2018-11-04 2019-02-17
2006-10-29 2026-04-05 2026-10-04 2011-12-30 2025-10-25
"""
NEAR_CHANGES = st.builds(
    lambda day, hours: datetime.fromisoformat(day) - timedelta(hours=hours),
    st.sampled_from(CHANGES.split()),
    st.integers(0, 50),
)


@st.composite
def definitions(draw):
    """Draw a definition by time with a zone and a start near a change of clocks."""
    zone = draw(st.sampled_from(ZONES))
    start = draw(st.datetimes(*WALL_TIMES) | NEAR_CHANGES)
    start = start.replace(second=0, microsecond=0)
    kind = draw(st.sampled_from(["hourly", "daily", "weekly", "monthly", "cron"]))
    days = {"hourly": 3, "daily": 40, "weekly": 100, "monthly": 200, "cron": 3}[kind]
    common = {"timezone": zone, "end": start + timedelta(days=days)}
    own = {"hourly": "%Y%m%d%H%M", "daily": "%Y%m%d", "weekly": "%Y.%m.%d", "monthly": "%Y_%m_%d"}
    if draw(st.booleans()) and kind in own:
        common["key_format"] = own[kind]
    if kind == "hourly":
        return HourlyPartitions(start, minute_offset=draw(MINUTES), **common)
    if kind == "cron":
        return CronPartitions(draw(CRONS), start, **common)
    offsets = {"minute_offset": draw(MINUTES), "hour_offset": draw(HOURS)}
    if kind == "daily":
        return DailyPartitions(start, **offsets, **common)
    if kind == "weekly":
        return WeeklyPartitions(start, day_offset=draw(st.integers(0, 6)), **offsets, **common)
    return MonthlyPartitions(start, day_offset=draw(st.integers(1, 28)), **offsets, **common)


LATER = datetime(2040, 1, 1, tzinfo=UTC)


def seconds(when):
    """Return a moment as a number: aware datetimes of one zone compare by wall time."""
    return when.timestamp()


@settings(max_examples=50, deadline=None)
@given(definitions())
def test_windows_tile_time_and_keys_name_them(definition):
    """The end of a window is the start of the next; keys are unique, and lead back to theirs."""
    keys = list(definition.keys(LATER))
    windows = [definition.window(key) for key in keys]

    assert len(set(keys)) == len(keys)
    assert all(seconds(w.start) < seconds(w.end) for w in windows)
    assert all(seconds(a.end) == seconds(b.start) for a, b in pairwise(windows))
    if windows:
        assert seconds(windows[0].start) >= seconds(definition.start)
        assert seconds(windows[-1].end) <= seconds(definition.end)
    for key, window in list(zip(keys, windows, strict=True))[:: max(1, len(keys) // 50)]:
        assert definition.key_at(window.start) == key
        last = datetime.fromtimestamp(seconds(window.end) - 1, UTC)
        assert definition.key_at(last) == key


@settings(max_examples=50, deadline=None)
@given(definitions())
def test_ordinals_and_keys_are_one_to_one(definition):
    """Ordinals rise with positions, and both ordinals and texts lead back to positions."""
    universe = definition.universe(LATER)
    positions = np.arange(len(universe))
    ordinals = universe.ordinals(positions)

    assert (np.diff(ordinals) > 0).all()
    assert (ordinals >= 0).all()
    assert (universe.positions(ordinals) == positions).all()
    assert (universe.ordinals_of_texts(universe.texts(positions)) == ordinals).all()
    assert len(np.unique(universe.stable_ids(positions))) == len(positions)
    assert universe.positions(np.array([-1, 0, 2**61])).tolist() == [-1, -1, -1]


@settings(max_examples=25, deadline=None)
@given(definitions(), st.integers(0, 60))
def test_ordinals_do_not_depend_on_where_a_definition_starts(definition, days):
    """A start that is moved earlier keeps the ordinals of all keys."""
    universe = definition.universe(LATER)
    arguments = {
        "timezone": definition.timezone,
        "end": definition.end,
        "key_format": definition.key_format,
    }
    for name in ("minute_offset", "hour_offset", "day_offset"):
        if hasattr(definition, name):
            arguments[name] = getattr(definition, name)
    start = definition.start.replace(tzinfo=None) - timedelta(days=days)
    if isinstance(definition, CronPartitions):
        earlier = CronPartitions(definition.cron, start, **arguments)
    else:
        earlier = type(definition)(start, **arguments)
    texts = universe.texts(np.arange(len(universe)))

    assert earlier.layout == definition.layout
    assert (
        earlier.universe(LATER).ordinals_of_texts(texts) == universe.ordinals_of_texts(texts)
    ).all()


def ticks_by_the_minute(definition, first, last):
    """Walk a clock minute by minute: moments at which a new day, week or month is shown."""
    zone = definition.zone
    offset = timedelta(hours=definition.hour_offset, minutes=definition.minute_offset)
    newest, ticks = None, []
    for minute in range(int(first.timestamp()) // 60, int(last.timestamp()) // 60):
        moment = datetime.fromtimestamp(minute * 60, UTC).astimezone(zone)
        label = (moment.replace(tzinfo=None) - offset).date()
        if newest is not None and label > newest and label == moment.date():
            ticks.append((minute * 60, label.isoformat()))
        newest = label if newest is None else max(newest, label)
    return ticks


@pytest.mark.parametrize("hour", [0, 1, 2, 3, 23])
@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        ("America/Sao_Paulo", "2018-11-04"),
        ("America/Sao_Paulo", "2019-02-17"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("Australia/Lord_Howe", "2026-10-04"),
        ("Pacific/Apia", "2011-12-30"),
        ("America/St_Johns", "2006-10-29"),
        ("America/St_Johns", "2007-03-11"),
        ("Antarctica/Troll", "2026-10-25"),
    ],
)
def test_days_are_those_of_a_clock_on_the_wall(zone, around, hour):
    """Daily windows begin when a clock, watched minute by minute, first shows a new day."""
    days = DailyPartitions("2000-01-01", timezone=zone, hour_offset=hour, minute_offset=30)
    noon = datetime.fromisoformat(around).replace(hour=12, tzinfo=UTC)
    expected = ticks_by_the_minute(days, noon - timedelta(days=4), noon + timedelta(days=4))

    found = [(int(seconds(days.window(key).start)), key) for _, key in expected]

    assert found == expected
    keys = list(days.keys(NOW))
    first, last = keys.index(expected[0][1]), keys.index(expected[-1][1])
    assert keys[first : last + 1] == [key for _, key in expected]


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("America/New_York", "2026-11-01", ["T00", "T01-04:00", "T01-05:00", "T02"]),
        ("America/New_York", "2026-03-08", ["T00", "T01", "T03", "T04"]),
        ("Europe/Berlin", "2026-10-25", ["T00", "T01", "T02+02:00", "T02+01:00"]),
        ("Australia/Lord_Howe", "2026-04-05", ["T00", "T01", "T02", "T03"]),
        ("Australia/Lord_Howe", "2026-10-04", ["T00", "T01", "T03", "T04"]),
        ("America/Sao_Paulo", "2018-11-04", ["T01", "T02", "T03", "T04"]),
        ("America/Sao_Paulo", "2019-02-16", ["T20", "T21", "T22", "T23-02:00", "T23-03:00"]),
        ("Antarctica/Troll", "2026-10-25", ["T00", "T01+02:00", "T02+02:00", "T01+00:00"]),
    ],
)
def test_hours_that_occur_twice_or_never(zone, day, expected):
    """An hour that occurs twice has two keys with their offsets, one that never occurs has none."""
    universe = HourlyPartitions("2018-01-01", timezone=zone).universe(NOW)
    keys = [key[10:] for key in universe.texts(universe.select(day))]

    first = keys.index(expected[0])
    assert keys[first : first + len(expected)] == expected


@pytest.mark.parametrize(
    ("zone", "key", "start", "hours"),
    [
        ("America/New_York", "2026-03-08", "2026-03-08T00:00:00-05:00", 23),
        ("America/New_York", "2026-11-01", "2026-11-01T00:00:00-04:00", 25),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00", 23),
        ("America/Sao_Paulo", "2019-02-16", "2019-02-16T00:00:00-02:00", 25),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-05T00:00:00+11:00", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-04T00:00:00+10:30", 23.5),
        ("Pacific/Apia", "2011-12-29", "2011-12-29T00:00:00-10:00", 24),
    ],
)
def test_days_with_a_change_of_clocks(zone, key, start, hours):
    """A day is as long as it really was."""
    window = DailyPartitions("2010-01-01", timezone=zone).window(key)

    assert window.start.isoformat() == start
    assert window.end.timestamp() - window.start.timestamp() == hours * 3600


def test_a_day_that_never_occurred_has_no_partition():
    """Samoa had no 30 December 2011: the 29th is followed by the 31st."""
    days = DailyPartitions("2011-12-28", end="2012-01-02", timezone="Pacific/Apia")

    assert list(days.keys(NOW)) == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]
    with pytest.raises(UnknownPartition, match="2011-12-29"):
        days.window("2011-12-30")


def test_a_time_of_day_that_never_occurs_moves_and_one_that_occurs_twice_counts_once():
    """A job at half past two runs at three when clocks go forward, and once when they go back."""
    spring = CronPartitions("30 2 * * *", "2026-03-07", "2026-03-10", timezone="America/New_York")
    autumn = CronPartitions("30 1 * * *", "2026-10-31", "2026-11-03", timezone="America/New_York")

    assert [spring.window(key).start.hour for key in spring.keys(NOW)] == [2, 3]
    assert [autumn.window(key).start.isoformat() for key in autumn.keys(NOW)] == [
        "2026-10-31T01:30:00-04:00",
        "2026-11-01T01:30:00-04:00",
    ]


def test_keys_sort_as_time_does_where_no_hour_is_repeated():
    """The texts of keys are in the order of their windows."""
    for definition in (
        HourlyPartitions("2026-01-01", "2026-10-01", timezone="Europe/Berlin"),
        HourlyPartitions("2026-01-01", timezone="America/New_York"),
        DailyPartitions("1999-12-01"),
        MonthlyPartitions("1999-12-01"),
        WeeklyPartitions("1999-12-01"),
        CronPartitions("*/15 * * * *", "2026-10-01"),
    ):
        keys = list(definition.keys(NOW))
        assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("definition", "first"),
    [
        (HourlyPartitions("2026-01-31T05:30"), "2026-01-31T06"),
        (HourlyPartitions("2026-01-31T05:30", minute_offset=15), "2026-01-31T06:15"),
        (DailyPartitions("2026-01-31"), "2026-01-31"),
        (DailyPartitions("2026-01-31T00:01"), "2026-02-01"),
        (DailyPartitions(date(2026, 1, 31), hour_offset=6), "2026-01-31"),
        (WeeklyPartitions("2026-01-31"), "2026-02-01"),
        (WeeklyPartitions("2026-01-31", day_offset=1), "2026-02-02"),
        (MonthlyPartitions("2026-01-15"), "2026-02"),
        (MonthlyPartitions("2026-01-15", day_offset=20), "2026-01"),
        (CronPartitions("0 6 * * *", "2026-01-31"), "2026-01-31T06"),
        (CronPartitions("0 0 * * *", "2026-01-31"), "2026-01-31"),
        (CronPartitions("*/15 * * * *", "2026-01-31T06:01"), "2026-01-31T06:15"),
        (CronPartitions("0 0 * * * */20", "2026-01-31"), "2026-01-31T00:00:00"),
        (CronPartitions("0 0 L * *", "2026-02-01"), "2026-02-28"),
        (DailyPartitions("2026-01-31", key_format="%Y%m%d"), "20260131"),
    ],
)
def test_the_first_window_is_the_first_whole_one(definition, first):
    """Keys show as much of the time as their definition needs."""
    assert definition.keys(NOW)[0] == first


def test_an_end_leaves_out_what_is_not_whole_before_it():
    """The end is exclusive, and a window that it cuts does not count."""
    assert list(MonthlyPartitions("2026-01-01", "2026-03-31").keys(NOW)) == ["2026-01", "2026-02"]
    assert DailyPartitions("2013-01-01", end="2014-01-01").count(NOW) == 365


def test_a_window_exists_once_it_has_ended():
    """The running day has no partition, until its very end."""
    days = DailyPartitions("2026-11-01", timezone="America/New_York")
    end = datetime(2026, 11, 21, tzinfo=ZoneInfo("America/New_York"))

    assert days.keys(end - timedelta(microseconds=1))[-1] == "2026-11-19"
    assert days.keys(end)[-1] == "2026-11-20"
    assert days.count(datetime(2026, 10, 1, tzinfo=UTC)) == 0


def test_windows_may_count_earlier_or_later():
    """An end offset shifts by whole windows, a delay by time; neither passes the end."""
    now = datetime(2026, 11, 21, 1, tzinfo=UTC)

    assert DailyPartitions("2026-11-01", end_offset=1).keys(now)[-1] == "2026-11-21"
    assert DailyPartitions("2026-11-01", end_offset=-2).keys(now)[-1] == "2026-11-18"
    assert DailyPartitions("2026-11-01", available_after="2h").keys(now)[-1] == "2026-11-19"
    assert DailyPartitions("2026-11-01", "2026-11-11", end_offset=5).keys(now)[-1] == "2026-11-10"
    assert DailyPartitions("2026-11-01", end_offset=5_000).count(now) == 5_020
    assert DailyPartitions("2026-11-01", end_offset=-500).count(now) == 0


def test_excluded_windows_leave_holes():
    """Dates, months and a business calendar leave windows out and change no other."""
    listed = DailyPartitions("2026-11-01", exclude=["2026-11-03", date(2026, 11, 4)])
    monthly = DailyPartitions("2026-09-01", exclude=["2026-10"])
    trading = DailyPartitions("2026-11-01", exclude=lambda start: start.weekday() >= 5)

    assert listed.keys(NOW)[:3] == ["2026-11-01", "2026-11-02", "2026-11-05"]
    assert listed.window("2026-11-02").end.day == 3
    assert monthly.count(NOW) == 30 + 20
    assert trading.keys(NOW)[:6] == [f"2026-11-{day:02}" for day in (2, 3, 4, 5, 6, 9)]
    with pytest.raises(UnknownPartition, match="excluded"):
        trading.universe(NOW).position("2026-11-07")


@settings(max_examples=25, deadline=None)
@given(definitions(), st.integers(2, 9))
def test_what_is_excluded_is_all_that_differs(definition, every):
    """Keys, ordinals and windows of what is left are those of the whole definition."""
    arguments = {
        "timezone": definition.timezone,
        "end": definition.end,
        "key_format": definition.key_format,
        "exclude": lambda start: start.timetuple().tm_yday % every == 0,
    }
    for name in ("minute_offset", "hour_offset", "day_offset"):
        if hasattr(definition, name):
            arguments[name] = getattr(definition, name)
    if isinstance(definition, CronPartitions):
        holed = CronPartitions(definition.cron, definition.start, **arguments)
    else:
        holed = type(definition)(definition.start, **arguments)
    whole, rest = definition.universe(LATER), holed.universe(LATER)
    expected = [
        key
        for key, window in ((key, definition.window(key)) for key in definition.keys(LATER))
        if window.start.timetuple().tm_yday % every
    ]

    assert list(holed.keys(LATER)) == expected
    positions = np.arange(len(rest))
    ordinals = rest.ordinals(positions)
    assert (ordinals == whole.ordinals_of_texts(expected)).all()
    assert (rest.positions(whole.ordinals(np.arange(len(whole)))) >= 0).sum() == len(rest)
    assert (rest.positions(ordinals) == positions).all()


def test_keys_are_a_sequence_made_on_demand():
    """Twenty years of minutes are counted, sliced and looked up without a list."""
    minutes = CronPartitions("* * * * *", "2006-01-01", timezone="America/New_York")
    keys = minutes.keys(NOW)

    assert len(keys) == minutes.count(NOW) > 10_000_000
    assert len(keys[1_000_000:2_000_000:10]) == 100_000
    assert keys[5_000_000:5_000_002] == [keys[5_000_000], keys[5_000_001]]
    assert keys[-1] in keys
    assert "2026-11-22T00:00" not in keys
    assert 7 not in keys
    assert repr(keys).startswith("Keys('2006-01-01T00:00'..")


def test_definitions_are_values():
    """What is declared alike is equal, hashes alike and survives a trip to another process."""
    one = DailyPartitions("2026-01-01", timezone="Europe/Berlin", exclude=["2026-12-25"])
    two = DailyPartitions(date(2026, 1, 1), timezone="Europe/Berlin", exclude={date(2026, 12, 25)})

    assert one == two
    assert hash(one) == hash(two)
    assert pickle.loads(pickle.dumps(one)) == one
    assert one != DailyPartitions("2026-01-02", timezone="Europe/Berlin")
    assert one.universe_id == two.universe_id
    assert repr(one) == (
        "DailyPartitions('2026-01-01', timezone='Europe/Berlin', exclude=('2026-12-25',))"
    )
    assert eval(repr(one)) == one
    with pytest.raises(AttributeError):
        one.start = "2026-01-02"


def test_a_layout_changes_with_ordinals_only():
    """Start, end and exclusions keep the layout; another kind or cadence does not."""
    days = DailyPartitions("2026-01-01")

    assert days.layout == DailyPartitions("2020-01-01", "2030-01-01", exclude=["2026"]).layout
    assert days.universe_id != DailyPartitions("2020-01-01").universe_id
    layouts = {
        days.layout,
        WeeklyPartitions("2026-01-01").layout,
        WeeklyPartitions("2026-01-01", day_offset=1).layout,
        MonthlyPartitions("2026-01-01").layout,
        HourlyPartitions("2026-01-01").layout,
        HourlyPartitions("2026-01-01", timezone="Asia/Kolkata").layout,
        CronPartitions("0 6,18 * * *", "2026-01-01").layout,
        CronPartitions("0 6,17 * * *", "2026-01-01").layout,
    }
    assert len(layouts) == 8


def test_what_a_key_means_does_not_depend_on_the_range():
    """The zone and the offsets change the meaning of keys, the range does not."""
    days = DailyPartitions("2026-01-01")

    assert days.meaning == DailyPartitions("2020-01-01", exclude=["2026"]).meaning
    assert days.meaning != DailyPartitions("2026-01-01", hour_offset=6).meaning
    assert days.meaning != DailyPartitions("2026-01-01", timezone="Europe/Berlin").meaning


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: DailyPartitions("yesterday"), "start='yesterday'"),
        (lambda: DailyPartitions(7), "start=7"),
        (lambda: DailyPartitions("2026-01-01", "2025-01-01"), "end="),
        (lambda: DailyPartitions("2026-01-01", timezone="Europe/Berln"), "Europe/Berlin"),
        (lambda: DailyPartitions("2026-01-01", hour_offset=24), "0 to 23"),
        (lambda: MonthlyPartitions("2026-01-01", day_offset=31), "CronPartitions"),
        (lambda: WeeklyPartitions("2026-01-01", day_offset=7), "0 to 6"),
        (lambda: DailyPartitions("2026-01-01", key_format="%d.%m.%Y"), "sorts as time"),
        (lambda: DailyPartitions("2026-01-01", key_format="%Y-%m"), "tells windows apart"),
        (lambda: DailyPartitions("2026-01-01", exclude=["soon"]), "exclude='soon'"),
        (lambda: DailyPartitions("2026-01-01", available_after="soon"), "'2h'"),
        (lambda: DailyPartitions("2026-01-01", end_offset=0.5), "whole number"),
        (lambda: DailyPartitions("2026-01-01", dimension="the date"), "dimension"),
    ],
)
def test_wrong_arguments_are_refused(make, said):
    """The message names the argument, what was given and what is allowed."""
    with pytest.raises(InvalidArgument) as caught:
        make()

    assert said in str(caught.value)


def test_a_time_without_a_zone_is_refused():
    """It would not be known which moment is meant."""
    with pytest.raises(InvalidArgument, match="has no time zone"):
        DailyPartitions("2026-01-01").keys(datetime.fromisoformat("2026-01-02"))


def test_a_business_calendar_that_fails_is_named():
    """The error says which function failed, and for which window."""
    days = DailyPartitions("2026-01-01", exclude=lambda start: 1 / 0)

    with pytest.raises(InvalidArgument, match=r"2026-01-01T00:00:00.*ZeroDivisionError"):
        days.count(NOW)


def test_a_moment_that_no_window_covers_is_refused():
    """Before the start, after the end and in a hole there is no key."""
    days = DailyPartitions("2026-01-02", "2026-01-05", exclude=["2026-01-03"])

    assert days.key_at(datetime.fromisoformat("2026-01-02T23:00")) == "2026-01-02"
    for day in (1, 3, 5):
        with pytest.raises(UnknownPartition):
            days.key_at(datetime(2026, 1, day, 12, tzinfo=UTC))


def test_windows_of_the_future_are_known():
    """A key that is yet to come has a window, and a moment that is yet to come has a key."""
    days = DailyPartitions("2026-01-01", timezone="Europe/Berlin")

    assert days.window("2050-06-01").start.isoformat() == "2050-06-01T00:00:00+02:00"
    assert days.key_at(datetime(2050, 6, 1, tzinfo=UTC)) == "2050-06-01"
