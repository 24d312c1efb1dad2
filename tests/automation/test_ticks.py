"""Ticks of schedules: each once, never twice, never skipped, also where clocks change."""

import time as time_module
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit import Daemon, DailyPartitions, Definitions, Workspace, asset, job, schedule, watch
from assetkit.catalog.automation import TickRecord, TickStatus
from assetkit.catalog.memory import MemoryCatalog
from assetkit.daemon.ticking import due_ticks

ZONES = {
    "Europe/Berlin": (3, 10),
    "America/New_York": (3, 11),
    "America/St_Johns": (3, 11),
    "America/Santiago": (4, 9),
    "America/Havana": (3, 11),
    "Africa/Cairo": (4, 10),
    "Asia/Beirut": (3, 10),
    "Australia/Lord_Howe": (4, 10),
    "Pacific/Auckland": (4, 9),
    "Asia/Kolkata": (3, 10),
}
"""Ten zones, with the months in which their clocks change in 2026."""

CRONS = ("30 2 * * *", "0 0 * * *", "15 * * * *", "30 0,1,2,3 * * *")
MINUTE = timedelta(minutes=1)


def changes(zone, month):
    """Return the hours around which the clocks of a zone change in a month or the next."""
    hours = [datetime(2026, month, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(900)]
    shifts = [hour.astimezone(zone).utcoffset() for hour in hours]
    found = [hour for hour, a, b in zip(hours, shifts, shifts[1:], strict=False) if a != b]
    return found or hours[400:401]


@cache
def minutes(zone, start, end):
    """Return the minutes of a span, with some more on both sides, and what clocks show then."""
    count = int((end - start) / MINUTE)
    moments = [start + MINUTE * n for n in range(-200, count + 200)]
    return moments, [moment.astimezone(zone).replace(tzinfo=None) for moment in moments]


def expected(cron, zone, start, end):
    """Return the ticks that the rule in the reference asks for, found minute by minute."""
    minute, hours = cron.split()[:2]
    moments, clocks = minutes(zone, start, end)
    if hours == "*":
        found = {m for m, c in zip(moments, clocks, strict=True) if c.minute == int(minute)}
        return sorted(moment for moment in found if start < moment <= end)
    found = set()
    shown = {}
    for moment, clock in zip(moments, clocks, strict=True):
        shown.setdefault(clock, moment)  # of two the first
    gaps = [
        (before + MINUTE, after, moments[place + 1])
        for place, (before, after) in enumerate(pairwise(clocks))
        if after - before > MINUTE
    ]
    for day in sorted({clock.date() for clock in clocks}):
        for hour in map(int, hours.split(",")):
            wall = datetime.combine(day, time(hour, int(minute)))
            after_gap = [at for first, last, at in gaps if first <= wall < last]
            found |= {shown[wall]} if wall in shown else set(after_gap)
    return sorted(moment for moment in found if start < moment <= end)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", CRONS)
def test_ticks_over_changes_of_clock(zone, cron):
    """Over both changes of a year, the ticks are those of the rule, found another way."""
    made = schedule("a", cron, timezone=zone)

    for month in ZONES[zone]:
        for change in changes(ZoneInfo(zone), month):
            start, end = change - timedelta(days=2), change + timedelta(days=2)
            ticks = list(made.ticks(start, end))
            assert ticks == expected(cron, ZoneInfo(zone), start, end)
            assert len(set(ticks)) == len(ticks) > 0


@given(
    zone=st.sampled_from(sorted(ZONES)),
    cron=st.sampled_from(CRONS),
    steps=st.lists(st.integers(1, 900), min_size=1, max_size=60),
    catchup=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_it_does_not_matter_when_turns_happen(zone, cron, steps, catchup):
    """However often and irregularly one looks, each tick comes up once; without catchup, those
    that passed together come up as the newest of them.
    """
    made = schedule("a", cron, timezone=zone, catchup=catchup)
    now = start = datetime(2026, ZONES[zone][0], 25, tzinfo=UTC)
    _, state = due_ticks(made, None, now)
    found, looks = [], []
    for step in steps:
        now += MINUTE * step
        ticks, newer = due_ticks(made, state, now)
        again, _ = due_ticks(made, newer or state, now)
        assert again == []
        state = newer or state
        found += [tick.instant for tick in ticks]
        looks.append(now)

    every = list(made.ticks(start, now))
    if catchup:
        assert found == every
    else:
        spans = pairwise([start, *looks])
        newest = [max((t for t in every if a < t <= b), default=None) for a, b in spans]
        assert found == [tick for tick in newest if tick is not None]


# ------------------------------------------------------------------------------------ with a daemon

days = DailyPartitions("2026-01-01", timezone="Europe/Berlin")


@asset(partitions=days)
def daily():
    return None


@asset
def prices():
    return None


@pytest.fixture
def workspace():
    with Workspace.temporary(catalog=MemoryCatalog()) as place:
        yield place


def at(text):
    """Return a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ended(turn):
    """Return how the ticks of a turn ended."""
    return [(tick.key[5:16], str(tick.status), tick.message) for tick in turn.ticks]


def test_a_schedule_runs_from_when_it_is_first_seen(workspace):
    """What was before does not run; a turn repeated does nothing; the newest window is meant."""
    daemon = Daemon(
        Definitions(
            assets=[daily], schedules=[schedule(daily, "0 6 * * *", timezone="Europe/Berlin")]
        ),
        workspace,
    )

    assert ended(daemon.tick(at("2026-03-28 12:00"))) == []
    first = daemon.tick(at("2026-03-29 04:00"))  # six o'clock, an hour earlier from today on
    assert ended(first) == [("03-29T04:00", "success", "1 materialized")]
    assert ended(daemon.tick(at("2026-03-29 04:00"))) == []
    assert ended(daemon.tick(at("2026-03-29 04:20"))) == []
    assert workspace.history("daily").partition.tolist() == ["2026-03-28"]
    assert first.wake_at == at("2026-03-30 04:00")


def test_catching_up(workspace):
    """With catchup each tick that passed runs, as of its own time; without, the newest."""
    each = Definitions(assets=[daily], schedules=[schedule(daily, "0 6 * * *", catchup=True)])
    newest = Definitions(assets=[prices], schedules=[schedule(prices, "0 6 * * *")])
    for project in (each, newest):
        Daemon(project, workspace).tick(at("2026-01-10 12:00"))

    assert [row[0] for row in ended(Daemon(each, workspace).tick(at("2026-01-13 12:00")))] == [
        "01-11T06:00",
        "01-12T06:00",
        "01-13T06:00",
    ]
    assert sorted(workspace.history("daily").partition) == [
        "2026-01-10",
        "2026-01-11",
        "2026-01-12",
    ]
    assert ended(Daemon(newest, workspace).tick(at("2026-01-13 12:00"))) == [
        ("01-13T06:00", "success", "2 ticks before it passed unseen; 1 materialized")
    ]


def test_what_nothing_else_tells_of_news_is_asked_anew(workspace):
    """A root without windows runs at each tick; what depends on it, where that changed."""

    @asset
    def report(prices):
        return None

    daemon = Daemon(
        Definitions(assets=[prices, report], schedules=[schedule("+report", "@hourly")]), workspace
    )
    daemon.tick(at("2026-01-10 11:59"))

    assert ended(daemon.tick(at("2026-01-10 12:00")))[0][2] == "2 materialized"
    assert ended(daemon.tick(at("2026-01-10 13:00")))[0][2] == "1 unchanged, 1 skipped"


def test_a_tick_that_fails_is_told_and_holds_up_nothing(workspace):
    """The next one tries again; another schedule is not held up."""
    tries = []

    @asset
    def broken():
        tries.append(1)
        raise ValueError("no connection")

    daemon = Daemon(
        Definitions(
            assets=[broken, prices],
            schedules=[schedule(broken, "@hourly"), schedule(prices, "@hourly")],
        ),
        workspace,
    )
    daemon.tick(at("2026-01-10 11:59"))

    for hour in (12, 13):
        turn = daemon.tick(at(f"2026-01-10 {hour}:00"))
        assert sorted(row[1:] for row in ended(turn)) == [
            ("failed", "1 failed"),
            ("success", "1 materialized" if hour == 12 else "1 unchanged"),
        ]
        assert not turn.success
    assert len(tries) == 2


def test_a_failure_for_the_same_reasons_is_not_repeated(workspace):
    """What depends on others is quarantined after its limit, however often its schedule ticks."""
    tries = []

    @asset
    def report(prices):
        tries.append(1)
        raise ValueError("a bug")

    fixed = asset(name="prices")(lambda: None)
    daemon = Daemon(
        Definitions(assets=[fixed, report], schedules=[schedule("report", "* * * * *")]), workspace
    )
    daemon.tick(at("2026-01-10 12:00"))
    for minute in range(1, 30):
        daemon.tick(at(f"2026-01-10 12:{minute:02}"))

    assert len(tries) == 1


def test_a_job_brings_its_partitions_to_a_schedule(workspace):
    """The job's own partitions count where the schedule says nothing else."""
    week = job("week", daily, partitions="latest:7")
    daemon = Daemon(
        Definitions(assets=[daily], schedules=[schedule("week", "0 6 * * *")], jobs=[week]),
        workspace,
    )

    [tick] = daemon.tick(at("2026-02-01 06:00")).ticks

    assert tick.source == "schedule:week [0 6 * * *]"
    assert tick.message == "7 materialized"
    [run] = workspace.runs().to_dict("records")
    assert (run["run_id"], run["origin"]) == (tick.runs[-1], "schedule")


def test_a_tick_that_cannot_begin_is_superseded(workspace):
    """Without catchup, of ticks that wait the newest counts; what had begun goes on."""
    project = Definitions(assets=[prices], schedules=[schedule(prices, "* * * * *", name="often")])
    noted = [
        TickRecord(source="schedule:often", key=f"{minute}", instant=at(f"2026-01-10 12:0{minute}"))
        for minute in range(4)
    ]
    begun = replace(noted[0], runs=("r0",), status=TickStatus.RUNNING)
    workspace.catalog.automation.note([begun, *noted[1:]])

    turn = Daemon(project, workspace).tick(at("2026-01-10 12:03:30"))

    assert {tick.key: str(tick.status) for tick in turn.ticks} == {
        "0": "success",
        "1": "missed",
        "2": "missed",
        "3": "success",
    }


def test_runs_of_a_schedule_at_once(workspace):
    """A run that takes long holds up its own schedule, and no other."""
    under_way, most, quick = [], [], []

    @asset
    def slow():
        under_way.append(1)
        most.append(len(under_way))
        time_module.sleep(1.2)
        under_way.pop()

    @asset
    def fast():
        quick.append(len(under_way))

    project = Definitions(
        assets=[slow, fast],
        schedules=[schedule(slow, "* * * * * *"), schedule(fast, "* * * * * *")],
    )
    with watch(project, workspace):
        end = time_module.monotonic() + 60
        while (len(most) < 2 or 1 not in quick) and time_module.monotonic() < end:
            time_module.sleep(0.1)

    assert max(most) == 1
    assert 1 in quick
