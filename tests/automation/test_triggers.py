"""Jobs, schedules and sensors: declared, collected, refused where they cannot be."""

from types import ModuleType

import pytest

from assetkit import (
    Config,
    DailyPartitions,
    Definitions,
    Hooks,
    RunRequest,
    SensorContext,
    SkipReason,
    StaticPartitions,
    Workspace,
    asset,
    job,
    materialize,
    plan,
    schedule,
    sensor,
)
from assetkit.errors import DefinitionError, InvalidArgument

days = DailyPartitions("2026-01-01", end="2026-02-01")


@asset(partitions=days)
def orders():
    return None


@asset
def prices():
    return None


@asset
def report(orders, prices):
    return None


@pytest.fixture
def workspace():
    with Workspace.temporary() as place:
        yield place


# ------------------------------------------------------------------------------------------- jobs


def test_a_job_is_materialized_like_its_selection(workspace):
    """Partitions of the job apply to what has any; the rest of its assets is taken whole."""
    nightly = job("nightly", "+report", partitions="2026-01-30..2026-01-31")

    steps = [(s.asset, s.partition) for s in plan(nightly, workspace=workspace).steps]

    assert sorted(steps, key=str)[:3] == [
        ("orders", "2026-01-01"),
        ("orders", "2026-01-02"),
        ("orders", "2026-01-03"),
    ]
    only = job("only", [orders, prices], partitions="2026-01-30..2026-01-31")
    result = materialize(only, workspace=workspace, progress="none")
    assert sorted(result.materialized, key=str) == [
        ("orders", "2026-01-30"),
        ("orders", "2026-01-31"),
        ("prices", None),
    ]


def test_a_call_may_say_other_than_the_job(workspace):
    """Partitions given to the call win over those of the job."""
    nightly = job("nightly", orders, partitions="2026-01-31")

    result = materialize(nightly, partitions="2026-01-02", workspace=workspace, progress="none")

    assert result.materialized == [("orders", "2026-01-02")]


def test_a_job_is_found_by_its_name(workspace):
    """A text that is no asset's name may be a job's."""
    nightly = job("nightly", "orders", partitions="2026-01-05")

    result = materialize("nightly", workspace=workspace, progress="none")

    assert result.materialized == [("orders", "2026-01-05")]
    assert nightly.name == "nightly"


def test_a_job_brings_configuration_and_hooks(workspace):
    """What the call says of an asset is added to what the job says; the job's hooks are called."""
    told, seen = [], []

    class Limits(Config):
        low: int = 0
        high: int = 0

    @asset
    def limited(limits: Limits):
        seen.append((limits.low, limits.high))

    wide = job(
        "wide",
        limited,
        config={"limited": {"low": 1, "high": 2}},
        hooks=Hooks(on_success=lambda event: told.append(event.asset)),
    )
    materialize(wide, config={"limited": {"high": 9}}, workspace=workspace, progress="none")

    assert seen == [(1, 9)]
    assert told == ["limited"]


def test_a_job_is_checked_where_it_is_defined():
    """Names, hooks and configuration of the wrong kind are refused at once."""
    for arguments, message in (
        (("a b", orders), "name='a b'"),
        (("a", []), "select="),
        (("a", 3), "select=3"),
    ):
        with pytest.raises(InvalidArgument, match=message):
            job(*arguments)
    with pytest.raises(InvalidArgument, match="hooks="):
        job("a", orders, hooks=print)
    with pytest.raises(InvalidArgument, match="config="):
        job("a", orders, config=["x"])


# ---------------------------------------------------------------------------- schedules and sensors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cron": "61 * * * *"}, "the minute cannot be '61'"),
        ({"cron": "* * *"}, "five fields"),
        ({"cron": "0 0 30 2 *"}, "at least once in 60 years"),
        ({"cron": "0 6 * * *", "timezone": "Europe/Berln"}, "Did you mean Europe/Berlin"),
        ({"cron": "0 6 * * *", "max_concurrent": 0}, "max_concurrent=0"),
        ({"cron": "0 6 * * *", "target": ()}, r"target=\(\)"),
    ],
)
def test_a_schedule_is_checked_where_it_is_defined(arguments, message):
    """Cron texts, zones and numbers that cannot be are refused by name, with the place."""
    with pytest.raises(InvalidArgument, match=message) as caught:
        schedule(**{"target": orders, **arguments})

    assert "test_triggers.py" in str(caught.value)


def test_a_sensor_is_a_plain_function():
    """Called by hand it gets a context and returns what it says."""

    @sensor(orders, interval="5min", timeout=3)
    def inbox(context: SensorContext):
        """Look into the inbox."""
        context.cursor = "7"
        yield RunRequest("a", partitions="2026-01-01")
        yield SkipReason("nothing else")

    context = SensorContext()
    found = inbox.ask(context)

    assert (inbox.name, inbox.interval, inbox.timeout) == ("inbox", 300.0, 3.0)
    assert inbox.description == "Look into the inbox."
    assert found.requests == (RunRequest("a", partitions="2026-01-01"),)
    assert (found.skipped, found.cursor) == ("nothing else", "7")
    assert [type(one) for one in inbox(SensorContext())] == [RunRequest, SkipReason]


def test_a_sensor_may_be_async_or_take_nothing():
    """Both are called as they are written."""

    @sensor("orders")
    async def later():
        return [RunRequest("a")]

    assert later.ask(SensorContext()).requests == (RunRequest("a"),)


@pytest.mark.parametrize("returned", [3, "orders", [RunRequest("a"), 4]])
def test_what_a_sensor_may_return(returned):
    """Anything but requests and reasons is refused in words."""
    odd = sensor("orders", name="odd")(lambda: returned)

    with pytest.raises(InvalidArgument, match="Return or yield RunRequest"):
        odd.ask(SensorContext())


def test_a_cursor_is_a_text():
    """A cursor of another type is refused, not turned into text."""

    @sensor("orders")
    def counting(context):
        context.cursor = 3

    with pytest.raises(InvalidArgument, match=r"cursor to 3.*json"):
        counting.ask(SensorContext())


# --------------------------------------------------------------------------------------- collected


def test_modules_bring_what_they_define():
    """Jobs, schedules and sensors are found by name and in lists; a schedule brings its job."""
    module = ModuleType("shop")
    nightly, weekly = job("nightly", "+report"), job("weekly", orders)
    module.orders, module.prices, module.report = orders, prices, report
    module.jobs = [nightly]
    module.at_six = schedule(weekly, "0 6 * * mon")
    module.inbox = sensor("nightly")(lambda context: None)

    found = Definitions.from_modules(module)

    assert {one.name for one in found.jobs} == {"nightly", "weekly"}
    assert [one.name for one in found.schedules] == ["weekly [0 6 * * mon]"]
    assert [one.target for one in found.sensors] == ["nightly"]
    found.validate()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"schedules": [schedule("ordes", "0 6 * * *")]}, "Did you mean orders?"),
        ({"jobs": [job("nightly", "+reprot")]}, "Did you mean report?"),
        ({"sensors": [sensor("nightl")(lambda: None)]}, "neither an asset nor a job"),
        ({"schedules": [schedule("a or", "0 6 * * *")]}, "Something is missing"),
        ({"jobs": [job("a", orders), job("a", report)]}, "name of another one"),
        ({"schedules": [job("a", orders)]}, "what schedule"),
        (
            {"schedules": [schedule(orders, "0 6 * * *")], "assets": [prices]},
            "not among the assets",
        ),
    ],
)
def test_unknown_targets_are_refused_with_the_nearest_names(wrong, message):
    """What cannot be found is told when the definitions are made, not at the first tick."""
    with pytest.raises(DefinitionError, match=message):
        Definitions(**{"assets": [orders, prices, report], **wrong})


def test_validate_looks_at_selections_too():
    """A target that selects nothing is one of the problems of a project."""
    definitions = Definitions(assets=[orders], jobs=[job("raw", "group:raw")])

    with pytest.raises(DefinitionError, match=r"Job 'raw' .*selects none of 1 asset"):
        definitions.validate()


def test_static_partitions_have_no_latest(workspace):
    """The newest of what has no time would be any: all of its partitions count."""
    regions = asset(name="regions", partitions=StaticPartitions(["us", "eu"]))(lambda: None)
    both = job("both", [regions, orders], partitions="latest")

    steps = [(s.asset, s.partition) for s in plan(both, workspace=workspace).steps]

    assert sorted(steps) == [("orders", "2026-01-31"), ("regions", "eu"), ("regions", "us")]
