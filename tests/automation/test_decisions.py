"""What automation launches, and why nothing else: each policy, seen from outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from assetkit import (
    AutoMaterializePolicy,
    DailyPartitions,
    Definitions,
    FreshnessPolicy,
    Plan,
    RetryPolicy,
    StaticPartitions,
    Workspace,
    asset,
    external_asset,
    materialize,
)
from assetkit.catalog.base import Claim
from assetkit.catalog.liveness import this_process
from assetkit.catalog.memory import MemoryCatalog
from assetkit.io import MemoryIOManager
from assetkit.planning.decisions import Outcome
from assetkit.records import RunRecord

EAGER = AutoMaterializePolicy.eager()
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def workspace(tmp_path):
    catalog = MemoryCatalog(runs=tmp_path / "runs")
    with Workspace(tmp_path, catalog=catalog, io_managers={"parquet": MemoryIOManager()}) as made:
        yield made


@pytest.fixture
def project(workspace):
    """Evaluate and run assets in one workspace."""
    return Project(workspace)


class Project:
    """Assets in a workspace, and what automation makes of them."""

    def __init__(self, workspace):
        self.workspace = workspace

    def evaluate(self, *assets, now=None):
        return Definitions(assets=assets).evaluate(now=now, workspace=self.workspace)

    def steps(self, *assets, now=None):
        return launched(self.evaluate(*assets, now=now))

    def turn(self, *assets, now=None):
        """Evaluate and apply."""
        plan = self.evaluate(*assets, now=now)
        return materialize(plan, progress="none", raise_on_error=False)

    def make(self, *targets, **wishes):
        return materialize(list(targets), workspace=self.workspace, progress="none", **wishes)


def launched(plan):
    return [(step.asset, step.partition) for step in plan.steps]


def outcomes(plan):
    return {one.asset: one.outcome for one in plan.decisions}


def reason(plan, name):
    return next(one.reason for one in plan.decisions if one.asset == name)


def source(name="source", start=1):
    """Return an asset whose data can be changed by hand, and the list that holds it."""
    content = [start]

    @asset(name=name)
    def made():
        return pd.DataFrame({"n": [content[0]]})

    return made, content


def test_eager_follows_what_is_missing_and_what_changed(project):
    """It runs when it is missing, rests when it is fresh, and runs when its input changed."""
    raw, content = source("raw")

    @asset(automation=EAGER)
    def report(raw):
        return raw

    assert project.steps(raw, report) == [("raw", None), ("report", None)]
    project.turn(raw, report)
    assert project.steps(raw, report) == []
    content[0] = 2
    project.make(raw, force=True)
    assert project.steps(raw, report) == [("report", None)]


def test_the_plan_is_a_plan(project):
    """It is applied as it stands, says its reasons as text, and leaves nothing to do."""
    raw, _ = source("raw")

    @asset(automation=EAGER)
    def report(raw):
        return raw

    plan = project.evaluate(raw, report)

    assert isinstance(plan, Plan)
    assert "report: launch, never built" in str(plan)
    assert materialize(plan, progress="none").materialized == [("raw", None), ("report", None)]
    again = project.evaluate(raw, report)
    assert len(again) == 0
    assert outcomes(again) == {"report": Outcome.FRESH}
    assert materialize(again, progress="none").materialized == []


def test_nothing_runs_that_nobody_asked_for(project):
    """Without a policy, or with ``never``, an asset does not run by itself."""

    @asset
    def by_hand(): ...

    @asset(automation=AutoMaterializePolicy("never"))
    def never(): ...

    @asset(automation=EAGER)
    def reader(never): ...

    plan = project.evaluate(by_hand, never, reader)

    assert launched(plan) == []
    assert outcomes(plan) == {"reader": Outcome.WAITING}
    assert "waits for never" in reason(plan, "reader")


def test_on_missing_leaves_what_is_stale(project):
    """``missing`` builds what is not there, and nothing else."""
    raw, content = source("raw")

    @asset(automation=AutoMaterializePolicy.on_missing())
    def report(raw):
        return raw

    project.turn(raw, report)
    content[0] = 2
    project.make(raw, force=True)

    plan = project.evaluate(raw, report)

    assert launched(plan) == []
    assert outcomes(plan)["report"] is Outcome.OUT_OF_SCOPE


def test_a_root_with_cron_runs_once_for_each_tick(project):
    """At or after each tick; a second look within the same one finds it done."""

    @asset(automation=AutoMaterializePolicy.on_cron("0 * * * *"))
    def hourly():
        return pd.DataFrame({"n": [1]})

    next_hour = NOW.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    assert project.steps(hourly) == [("hourly", None)]
    project.turn(hourly)

    resting = project.evaluate(hourly)
    due = project.evaluate(hourly, now=next_hour + timedelta(minutes=1, hours=1))

    assert launched(resting) == []
    assert launched(due) == [("hourly", None)]


def test_a_failed_attempt_is_no_build(project):
    """A tick that failed is still due, until the limit of its retries; a change lifts that."""
    works = [False]

    @asset(
        automation=AutoMaterializePolicy.on_cron("0 0 * * *"),
        retry=RetryPolicy(1),
        code_version="1",
    )
    def daily():
        if not works[0]:
            raise ValueError("down")

    result = project.turn(daily)
    assert [name for name, _ in result.failed] == ["daily"]
    held = project.evaluate(daily)
    assert launched(held) == []
    assert outcomes(held) == {"daily": Outcome.QUARANTINED}
    assert "ValueError: down" in reason(held, "daily")

    works[0] = True

    @asset(
        automation=AutoMaterializePolicy.on_cron("0 0 * * *"),
        retry=RetryPolicy(1),
        code_version="2",
    )
    def daily(): ...

    assert project.steps(daily) == [("daily", None)]


def test_quarantine_is_lifted_by_hand(project):
    """Asking for it by hand tries it again; after a success it is free."""
    works = [False]

    @asset(automation=EAGER)
    def flaky():
        if not works[0]:
            raise ValueError("down")

    project.turn(flaky)
    assert outcomes(project.evaluate(flaky)) == {"flaky": Outcome.QUARANTINED}
    works[0] = True

    project.make(flaky)

    assert outcomes(project.evaluate(flaky)) == {"flaky": Outcome.FRESH}


def test_at_most_one_build_in_a_while(project):
    """``every`` holds a change back until the last build is so old."""
    raw, content = source("raw")

    @asset(automation=AutoMaterializePolicy(every="1h"))
    def report(raw):
        return raw

    project.turn(raw, report)
    content[0] = 2
    project.make(raw, force=True)

    held = project.evaluate(raw, report)
    later = project.evaluate(raw, report, now=datetime.now(UTC) + timedelta(hours=1))

    assert launched(held) == []
    decision = next(one for one in held.decisions if one.asset == "report")
    assert decision.outcome is Outcome.NOT_DUE
    assert timedelta(minutes=59) < decision.due - datetime.now(UTC) <= timedelta(hours=1)
    assert launched(later) == [("report", None)]


def days(count):
    """Return the definition of the last *count* days."""
    return DailyPartitions(NOW.date() - timedelta(days=count))


def test_a_late_correction_out_of_scope_is_left(project):
    """Only partitions in scope follow a correction; the others say why they do not."""
    ten = days(10)
    content = dict.fromkeys(ten.keys(NOW), 1)

    @asset(partitions=ten)
    def events(context):
        return pd.DataFrame({"n": [content[context.partition_key]]})

    @asset(partitions=ten, automation=AutoMaterializePolicy(partitions="latest:3"))
    def clean(events):
        return events

    project.make(clean)
    old, new = list(content)[2], list(content)[-2]
    content[old] = content[new] = 2
    project.make(events, partitions=[old, new], force=True)

    plan = project.evaluate(events, clean)

    assert launched(plan) == [("clean", new)]
    left = [one for one in plan.decisions if one.outcome is Outcome.OUT_OF_SCOPE]
    assert [(one.asset, one.partitions) for one in left] == [("clean", old)]


def test_too_many_at_once_wait_for_a_person(project):
    """Beyond ``max_partitions`` nothing of the asset runs; others are not held up."""
    many = days(8)

    @asset(partitions=many, automation=AutoMaterializePolicy(max_partitions=7))
    def history(context): ...

    @asset(automation=EAGER)
    def other(): ...

    plan = project.evaluate(history, other)

    assert launched(plan) == [("other", None)]
    assert outcomes(plan)["history"] is Outcome.TOO_MANY
    assert "8 partitions at once" in reason(plan, "history")


@pytest.mark.parametrize(
    ("on_code_change", "runs", "says"),
    [("ignore", False, "ignore"), ("warn", False, "warning"), ("run", True, "code changed")],
)
def test_code_changes(project, on_code_change, runs, says):
    """A change of code alone is ignored, warned of or followed, as declared."""

    def define(version):
        @asset(
            name="report",
            code_version=version,
            automation=AutoMaterializePolicy(on_code_change=on_code_change),
        )
        def report():
            return pd.DataFrame({"n": [version]})

        return report

    project.turn(define("1"))

    plan = project.evaluate(define("2"))

    assert (launched(plan) == [("report", None)]) is runs
    assert says in reason(plan, "report")


def test_when_decides_the_rest(project):
    """``when`` is asked with what would run; it may refuse, and may fail without harm."""
    asked = []

    def refuse(context):
        asked.append((context.asset, context.partitions))
        return False

    def fail():
        raise RuntimeError("no idea")

    @asset(automation=AutoMaterializePolicy(when=refuse))
    def refused(): ...

    @asset(automation=AutoMaterializePolicy(when=fail))
    def unsure(): ...

    @asset(automation=AutoMaterializePolicy(when=lambda: True))
    def agreed(): ...

    plan = project.evaluate(refused, unsure, agreed)

    assert launched(plan) == [("agreed", None)]
    assert asked == [("refused", [None])]
    assert "RuntimeError: no idea" in reason(plan, "unsure")


def test_a_declared_upstream_keeps_its_own_pace(project):
    """What has a policy of its own does not run for others before that agrees."""

    @asset(automation=AutoMaterializePolicy(every="1h"))
    def paced():
        return pd.DataFrame({"n": [datetime.now(UTC).isoformat()]})

    @asset(automation=EAGER)
    def reader(paced):
        return paced

    project.turn(paced, reader)

    assert project.steps(paced, reader) == []
    hour = datetime.now(UTC) + timedelta(hours=1)
    assert project.steps(paced, reader, now=hour) == [("paced", None), ("reader", None)]


def test_a_promise_alone_makes_an_asset_lazy(project):
    """It rests while its promise holds, and brings its upstream with it when that is due."""
    raw, content = source("raw")

    @asset(freshness=FreshnessPolicy("8h"))
    def report(raw):
        return raw

    project.turn(raw, report)
    content[0] = 2
    project.make(raw, force=True)

    resting = project.evaluate(raw, report, now=datetime.now(UTC) + timedelta(hours=7))
    due = project.evaluate(raw, report, now=datetime.now(UTC) + timedelta(hours=7.99))

    assert launched(resting) == []
    assert outcomes(resting) == {"report": Outcome.NOT_DUE}
    assert launched(due) == [("raw", None), ("report", None)]


def test_lazy_without_a_promise_says_why_it_rests(project):
    """Nothing was built, so it is not told as fresh."""

    @asset(automation=AutoMaterializePolicy.lazy())
    def report():
        return None

    resting = project.evaluate(report)

    assert outcomes(resting) == {"report": Outcome.NOT_DUE}
    assert "no promise here or downstream needs it" in reason(resting, "report")


def test_what_another_run_holds_is_not_launched(project):
    """A slot that a live run builds is left to it, and what needs it waits."""

    @asset(automation=EAGER)
    def raw(): ...

    @asset(automation=EAGER)
    def report(raw): ...

    catalog = project.workspace.catalog
    record = RunRecord(
        run_id="other", owner=this_process(), started_at=NOW, targets=("raw",), steps=1
    )
    catalog.start_run(record)
    ordinals = pd.Series([0]).to_numpy()
    catalog.claim("other", [Claim(asset="raw", ordinals=ordinals)])

    plan = project.evaluate(raw, report)

    assert launched(plan) == []
    assert outcomes(plan) == {"raw": Outcome.RUNNING, "report": Outcome.RUNNING}


def test_a_static_root_is_due_key_by_key(project):
    """A root without windows runs again for each key whose last build is old enough."""

    @asset(partitions=StaticPartitions(["eu", "us"]), automation=AutoMaterializePolicy(every="1h"))
    def regions(context):
        return pd.DataFrame({"n": [1]})

    project.turn(regions)

    hour = datetime.now(UTC) + timedelta(hours=1)
    assert project.steps(regions) == []
    assert project.steps(regions, now=hour) == [("regions", "eu"), ("regions", "us")]


def test_new_windows_wait_for_the_tick_after_them(project):
    """A window that ended after the last tick is due at the next one, not at once."""
    one = DailyPartitions(NOW.date() - DAY)

    @asset(partitions=one, automation=AutoMaterializePolicy.on_cron("0 6 * * *"))
    def morning(context): ...

    midnight = datetime.combine(NOW.date(), datetime.min.time(), UTC)
    early = project.evaluate(morning, now=midnight + timedelta(hours=1))

    assert launched(early) == []
    assert outcomes(early) == {"morning": Outcome.NOT_DUE}
    assert len(project.evaluate(morning, now=midnight + timedelta(hours=6))) == 1


def test_an_observed_source_is_followed(project):
    """An eager asset follows outside data as soon as a look at it finds another version."""
    version = ["1"]
    outside = external_asset("outside", observe=lambda: version[0])

    @asset(deps=[outside], automation=EAGER)
    def report(): ...

    project.turn(outside, report)
    assert project.steps(outside, report) == []
    version[0] = "2"
    assert project.steps(outside, report) == [("report", None)]


def test_time_can_be_played(project):
    """With ``now=`` plans and runs are of that time: days of automation in one test."""
    ran = []

    @asset(automation=AutoMaterializePolicy.on_cron("0 6 * * *"))
    def prices():
        ran.append("prices")
        return pd.DataFrame({"n": [len(ran)]})

    @asset(freshness=FreshnessPolicy("30h"))
    def report(prices):
        ran.append("report")
        return prices

    now = datetime(2026, 1, 1, 7, tzinfo=UTC)
    for _ in range(24 * 3 - 1):
        plan = project.evaluate(prices, report, now=now)
        materialize(plan, progress="none")
        now += timedelta(hours=1)

    assert ran == ["prices", "report", "prices", "report", "prices", "report"]
    made = project.workspace.history("prices").materialized_at
    assert [(at.day, at.hour) for at in sorted(made)] == [(1, 7), (2, 6), (3, 6)]
