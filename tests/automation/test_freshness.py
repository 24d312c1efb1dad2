"""How far behind data is: data time through the graph, deadlines, and what is said of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from assetkit import (
    AssetIn,
    DailyPartitions,
    Definitions,
    FreshnessPolicy,
    Output,
    StaticPartitions,
    Workspace,
    asset,
    external_asset,
    materialize,
)
from assetkit.catalog.memory import MemoryCatalog
from assetkit.io import MemoryIOManager

NOW = datetime.now(UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def workspace(tmp_path):
    catalog = MemoryCatalog(runs=tmp_path / "runs")
    with Workspace(tmp_path, catalog=catalog, io_managers={"parquet": MemoryIOManager()}) as made:
        yield made


def make(workspace, *targets, **wishes):
    return materialize(list(targets), workspace=workspace, progress="none", **wishes)


def row(workspace, name, *assets, now=None):
    """Return an asset's line of the status."""
    frame = workspace.status(list(assets), now=now)
    return frame.set_index("asset").loc[name]


@pytest.mark.parametrize(
    ("age", "status"),
    [(0.5, "fresh"), (2.5, "warning"), (3.5, "overdue")],
)
def test_lag_is_counted_from_what_the_source_says(workspace, age, status):
    """However new the file: data is as old as the source tells, through all that is made of it."""
    source = external_asset("source", observe=lambda: ("v", NOW - age * HOUR))

    @asset(deps=[source])
    def clean():
        return pd.DataFrame({"n": [1]})

    @asset(freshness=FreshnessPolicy("3h", warn_lag="2h"))
    def report(clean):
        return clean

    make(workspace, report)

    found = row(workspace, "report", source, clean, report, now=NOW)
    assert found.status == status
    assert found.lag == age * HOUR
    assert found.data_time == NOW - age * HOUR
    if status != "fresh":
        assert found.why.startswith("the data of the source source is of ")


def test_never_built_is_overdue(workspace):
    """Not unknown: a promise that nothing keeps is broken."""

    @asset
    def raw(): ...

    @asset(freshness=FreshnessPolicy("1d"))
    def report(raw): ...

    found = row(workspace, "report", raw, report)

    assert found.status == "overdue"
    assert pd.isna(found.lag)
    assert found.why == "never built"


def test_the_oldest_needed_input_counts(workspace):
    """A derived asset is as old as its oldest input, but for those that it can do without."""

    def source(name, hours):
        return external_asset(name, observe=lambda: (name, NOW - hours * HOUR))

    young, old, ancient = source("young", 1), source("old", 5), source("ancient", 50)

    @asset(deps=[ancient])
    def extra():
        return pd.DataFrame({"n": [1]})

    @asset(
        deps=[young, old],
        ins={"extra": AssetIn(need="optional")},
        freshness=FreshnessPolicy("1d"),
    )
    def report(extra): ...

    make(workspace, report)

    assert row(workspace, "report", young, old, ancient, extra, report, now=NOW).lag == 5 * HOUR


def days(count, **options):
    return DailyPartitions(NOW.date() - count * DAY, **options)


def test_partitions_reach_to_the_first_gap(workspace):
    """One old partition made anew does not make an asset fresh; a gap holds it back."""
    ten = days(10)
    keys = list(ten.keys(NOW))

    @asset(partitions=ten, freshness=FreshnessPolicy("2d"))
    def events(context):
        return pd.DataFrame({"n": [1]})

    make(workspace, events, partitions=[*keys[:4], *keys[5:]])
    gap = row(workspace, "events", events, now=NOW)
    make(workspace, events, partitions=keys[0], force=True)
    again = row(workspace, "events", events, now=NOW)
    make(workspace, events)
    whole = row(workspace, "events", events, now=NOW)

    assert gap.status == again.status == "overdue"
    assert gap.why == f"events@{keys[4]} is missing"
    assert gap.data_time == again.data_time == ten.window(keys[4]).start
    assert whole.status == "fresh"
    assert whole.data_time == ten.window(keys[-1]).end


def test_what_reads_many_windows_is_as_new_as_the_last_of_them(workspace):
    """However long ago the first windows were made: a report of all of them is up to date."""
    ten = days(10)

    @asset(partitions=ten)
    def events(context):
        return pd.DataFrame({"n": [1]})

    @asset(freshness=FreshnessPolicy("1d 1h"))
    def report(events):
        return events

    make(workspace, report)

    found = row(workspace, "report", events, report, now=NOW)
    assert found.data_time == ten.window(list(ten.keys(NOW))[-1]).end
    assert found.status == "fresh"


def test_a_series_that_has_ended_holds_nothing_back(workspace):
    """Where no more windows will come, and all are there, there is nothing to be late with."""
    ended = DailyPartitions("2013-01-01", end="2013-01-05")

    @asset(partitions=ended)
    def flights(context):
        return pd.DataFrame({"n": [1]})

    @asset(freshness=FreshnessPolicy("8h"))
    def report(flights):
        return flights

    make(workspace, report)

    later = NOW + 100 * DAY
    assert row(workspace, "report", flights, report, now=later).status == "fresh"


def test_the_oldest_of_named_partitions_counts(workspace):
    """Keys that are no windows are all needed: the oldest counts, and one missing breaks it."""
    hours = {"eu": 1, "us": 3}

    @asset(partitions=StaticPartitions(["eu", "us"]), freshness=FreshnessPolicy("1d"))
    def regions(context):
        age = hours[context.partition_key] * HOUR
        return Output(pd.DataFrame({"n": [1]}), data_time=NOW - age)

    make(workspace, regions, partitions="eu")
    half = row(workspace, "regions", regions, now=NOW)
    make(workspace, regions)
    whole = row(workspace, "regions", regions, now=NOW)

    assert half.status == "overdue"
    assert half.why == "regions@us is missing"
    assert whole.status == "fresh"
    assert whole.lag == 3 * HOUR


def test_a_promise_by_the_clock_is_judged_at_its_ticks(workspace):
    """With ``cron`` an asset is late when a tick found it too old, and until it is made good."""
    six = FreshnessPolicy("1h", cron="0 6 * * *", timezone="Asia/Kolkata")
    tick = datetime(2027, 1, 1, 0, 30, tzinfo=UTC)  # 6 o'clock in Kolkata

    @asset(freshness=six)
    def report():
        return Output(pd.DataFrame({"n": [1]}), data_time=tick - DAY - HOUR / 2)

    make(workspace, report)

    before = row(workspace, "report", report, now=tick - timedelta(seconds=1))
    after = row(workspace, "report", report, now=tick)
    assert before.status == "fresh"
    assert before.deadline == tick
    assert after.status == "overdue"


def test_data_moves_on_with_an_input_that_stays_the_same(workspace):
    """An input looked at again and found unchanged renews what was made of it, without a run."""
    times = [NOW - 5 * HOUR]
    source = external_asset("source", observe=lambda: ("same", times[0]))

    @asset(deps=[source], freshness=FreshnessPolicy("3h"))
    def report():
        return pd.DataFrame({"n": [1]})

    make(workspace, report)
    late = row(workspace, "report", source, report, now=NOW)
    times[0] = NOW - HOUR
    renewed = row(workspace, "report", source, report, now=NOW)

    assert late.status == "overdue"
    assert renewed.status == "fresh"
    assert renewed.lag == HOUR


def test_a_changed_input_leaves_data_where_it_was_last_right(workspace):
    """Once an input changes, data counts from when its old version was last confirmed."""
    seen = [("old", NOW - 5 * HOUR)]
    source = external_asset("source", observe=lambda: seen[0])

    @asset(deps=[source], freshness=FreshnessPolicy("8h"))
    def report():
        return pd.DataFrame({"n": [1]})

    make(workspace, report)
    for version, hours in (("old", 3), ("new", 1)):
        seen[0] = (version, NOW - hours * HOUR)
        found = row(workspace, "report", source, report, now=NOW)

    assert found.lag == 3 * HOUR


def test_the_status_shows_itself(workspace):
    """In a notebook it is a board: marks, words, and what it amounts to."""

    @asset(freshness=FreshnessPolicy("1h"))
    def report(): ...

    @asset
    def other():
        return pd.DataFrame({"n": [1]})

    make(workspace, other)
    seen = workspace.status(Definitions(assets=[report, other]), now=NOW)

    html = seen._repr_html_()
    assert "1 promise overdue" in html
    assert "never built" in html
    assert seen.set_index("asset").slots.to_dict() == {"other": 1, "report": 0}


def test_the_status_finds_the_promises_that_its_caller_sees(workspace):
    """Assets in sight need not be given."""

    @asset(freshness=FreshnessPolicy("1h"))
    def report():
        return pd.DataFrame({"n": [1]})

    make(workspace, report)

    assert workspace.status().status.tolist() == ["fresh"]
