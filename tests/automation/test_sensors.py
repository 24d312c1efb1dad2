"""Sensors in turns of a daemon: asked in time, kept apart, each key run once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from assetkit import (
    Daemon,
    DailyPartitions,
    Definitions,
    RunRequest,
    SkipReason,
    Workspace,
    asset,
    sensor,
)
from assetkit.catalog.automation import TickRecord
from assetkit.catalog.memory import MemoryCatalog

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@asset(partitions=DailyPartitions("2026-01-01"))
def orders():
    return None


@pytest.fixture
def workspace():
    with Workspace.temporary(catalog=MemoryCatalog()) as place:
        yield place


@pytest.fixture(params=["duckdb", "memory"])
def either(request):
    catalog = {"catalog": MemoryCatalog()} if request.param == "memory" else {}
    with Workspace.temporary(**catalog) as place:
        yield place


def turns(project, workspace, *minutes):
    """Do a turn at each minute, each as a new process would; return the last."""
    turn = None
    for minute in minutes:
        turn = Daemon(project, workspace).tick(NOON + timedelta(minutes=minute))
    return turn


def test_a_run_key_runs_once(either):
    """However often it is asked for, also by a daemon that was started again."""

    @sensor(orders, interval="1min")
    def inbox(context):
        yield RunRequest("a", partitions="2026-01-01")
        yield RunRequest("b", partitions=["2026-01-02", "2026-01-03"])

    project = Definitions(assets=[orders], sensors=[inbox])

    first = turns(project, either, 0)
    assert [(t.key, t.message) for t in first.ticks] == [
        ("a", "1 materialized"),
        ("b", "2 materialized"),
    ]
    assert turns(project, either, 1, 2).ticks == ()
    assert len(either.runs()) == 2


def test_without_a_key_each_request_runs(workspace):
    """A root runs again at each request; two of one moment are met by one run."""
    both = [RunRequest(partitions="2026-01-01"), RunRequest(partitions="2026-01-01")]
    again = sensor(orders, interval="1min", name="again")(lambda: both)
    project = Definitions(assets=[orders], sensors=[again])

    turn = turns(project, workspace, 0)
    assert [tick.message for tick in turn.ticks] == ["1 materialized", "nothing to do"]
    turns(project, workspace, 1)

    assert len(workspace.runs()) == 2


def test_a_cursor_is_kept(workspace):
    """Each call sees what the last one set, after a restart too; its interval is honoured."""
    seen = []

    @sensor(orders, interval="10min")
    def counting(context):
        seen.append((context.cursor, context.last_checked))
        context.cursor = str(len(seen))
        return SkipReason("just counting")

    project = Definitions(assets=[orders], sensors=[counting])
    turn = turns(project, workspace, 0, 5, 9, 10, 20)

    assert seen == [
        (None, None),
        ("1", NOON),
        ("2", NOON + timedelta(minutes=10)),
    ]
    [state] = turn.sensors
    assert (state.outcome, state.message, state.count) == ("skipped", "just counting", 3)


def test_a_clock_that_was_set_back(workspace):
    """A sensor is not silent until the time of its last look has come again."""
    calls = []
    often = sensor(orders, interval="10min", name="often")(lambda: calls.append(1))

    turns(Definitions(assets=[orders], sensors=[often]), workspace, 0, -60, -55, -49)

    assert len(calls) == 3


def test_a_sensor_that_fails_hurts_no_other(workspace, caplog):
    """One raises, one hangs, one returns nonsense: the last one's request still runs."""
    release = threading.Event()
    calls = []

    @sensor(orders, interval="1min", timeout=0.2)
    def hangs():
        calls.append(1)
        release.wait(120)

    @sensor(orders, interval="1min")
    def raises(context):
        context.cursor = "lost"
        raise ValueError("no such server")

    nonsense = sensor(orders, interval="1min", name="nonsense")(lambda: 3)
    odd = sensor(orders, interval="1min", name="odd")(lambda: RunRequest("x", partitions={1}))
    good = sensor(orders, interval="1min", name="good")(
        lambda: RunRequest("g", partitions="2026-01-01")
    )
    project = Definitions(assets=[orders], sensors=[hangs, raises, nonsense, odd, good])

    turn = turns(project, workspace, 0)
    release.set()

    told = {state.name: (state.outcome, state.message) for state in turn.sensors}
    assert told["sensor:hangs"][0] == "failed"
    assert "longer than its limit of 200 ms" in told["sensor:hangs"][1]
    assert told["sensor:raises"] == ("failed", "ValueError: no such server")
    assert "Return or yield" in told["sensor:nonsense"][1]
    assert "cannot be kept" in told["sensor:odd"][1]
    assert [(tick.key, str(tick.status)) for tick in turn.ticks] == [("g", "success")]
    assert not turn.success
    states = {state.name: state for state in workspace.catalog.automation.states()}
    assert states["sensor:raises"].cursor is None


def test_a_sensor_in_an_endless_loop_is_ended(workspace):
    """Its thread is made to end, so that it does not use a core for ever."""
    ended = threading.Event()

    @sensor(orders, timeout=0.2)
    def endless():
        try:
            while True:
                pass
        finally:
            ended.set()

    turns(Definitions(assets=[orders], sensors=[endless]), workspace, 0)

    assert ended.wait(120)


def test_a_request_may_name_its_target(workspace):
    """A sensor without a target starts what each request names; what is unknown fails by name."""
    requests = [
        RunRequest("a", target="orders", partitions="latest"),
        RunRequest("b", target="ordes"),
    ]
    any_target = sensor(interval="1min", name="any_target")(lambda: requests)

    turn = turns(Definitions(assets=[orders], sensors=[any_target]), workspace, 0)

    assert [str(tick.status) for tick in turn.ticks] == ["success", "failed"]
    assert "Did you mean orders?" in turn.ticks[1].message


def test_a_sensor_that_is_gone_leaves_its_requests_told(workspace):
    """What a sensor asked for before it was taken out of the project does not stay open."""
    left = TickRecord(source="sensor:gone", key="a", instant=NOON)
    workspace.catalog.automation.note([left])

    turn = turns(Definitions(assets=[orders]), workspace, 0)

    assert [str(tick.status) for tick in turn.ticks] == ["failed"]
    assert "not defined any more" in turn.ticks[0].message
