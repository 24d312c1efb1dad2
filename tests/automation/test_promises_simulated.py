"""Promises kept with the fewest runs: hours simulated in milliseconds, held against brute force."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit import AutoMaterializePolicy, FreshnessPolicy, HourlyPartitions, asset, external_asset
from tests.automation.simulation import START, Simulation, Source

SOON = START + timedelta(minutes=5)
"""After the first builds."""


def graph_of(lags, edges):
    """Define assets without partitions: *lags* in hours by name (None: no promise)."""
    made = {}
    for name, lag in lags.items():
        promise = None if lag is None else FreshnessPolicy(timedelta(hours=lag))

        @asset(name=name, freshness=promise, deps=[made[up] for up in edges.get(name, ())])
        def nothing(): ...

        made[name] = nothing
    return list(made.values())


def late_after(simulation, moment=timedelta(minutes=5)):
    """Return when promises were broken after the first builds."""
    return [(at, name) for at, name in simulation.late if at > START + moment]


SHARED = {"a": ("raw",), "b": ("raw",)}
SHAPES = [
    pytest.param({"raw": 2}, {}, id="one"),
    pytest.param({"raw": None, "a": 2}, {"a": ("raw",)}, id="chain"),
    pytest.param({"raw": None, "a": 2, "b": 3.5}, SHARED, id="shared"),
    pytest.param({"raw": None, "a": 3, "b": 1}, {"a": ("raw",), "b": ("a",)}, id="nested"),
    pytest.param(
        {"r": None, "s": None, "m": None, "a": 2, "b": 3},
        {"m": ("r", "s"), "a": ("m",), "b": ("m", "s")},
        id="diamond",
    ),
]


@pytest.mark.parametrize(("lags", "edges"), SHAPES)
def test_promises_hold_while_runs_take_their_time(lags, edges):
    """With durations at random, no promise is broken once everything was built."""
    world = Simulation(
        graph_of(lags, edges), seconds=lambda _name, random: random.uniform(10, 60), seed=7
    )

    world.run(8)

    assert late_after(world, timedelta(minutes=10)) == []


@pytest.mark.parametrize(("lags", "edges"), SHAPES)
def test_each_run_was_needed(lags, edges):
    """Leave any one run out, and a promise would have been broken."""
    world = Simulation(graph_of(lags, edges))

    world.run(9)

    end = world.now
    longest = max(lag for lag in lags.values() if lag)
    assert breaks(world.built, lags, edges, end) == []
    for place, (at, name, _) in enumerate(world.built):
        if SOON < at < end - timedelta(hours=longest):
            without = world.built[:place] + world.built[place + 1 :]
            assert breaks(without, lags, edges, end), f"{name} at {at} was not needed"


def breaks(builds, lags, edges, end):
    """Return the promises that a schedule of builds, each at once, would have broken."""
    data, broken = {}, []
    for at, name, _ in builds:
        if lags[name] and name in data and at > data[name] + timedelta(hours=lags[name]):
            broken.append(name)
        data[name] = min((data[up] for up in edges.get(name, ())), default=at)
    return broken + [
        name for name, lag in lags.items() if lag and end > data[name] + timedelta(hours=lag)
    ]


@pytest.mark.parametrize("hours", [(1,), (3,), (1, 1), (1, 3), (2, 3), (2, 5), (3, 4), (1, 4)])
def test_as_few_runs_as_brute_force_finds(hours):
    """Up to two promises on one source: no schedule has fewer runs, but for the margin."""
    end = 7
    names = ["a", "b"][: len(hours)]
    lags = {"raw": None, **dict(zip(names, hours, strict=True))}
    world = Simulation(graph_of(lags, dict.fromkeys(names, ("raw",))))

    world.run(end)

    runs = sum(1 for at, _, _ in world.built if at > SOON)
    assert late_after(world) == []
    assert runs <= fewest(hours, end + 1)


def fewest(lags, end):
    """Return the fewest runs that keep promises over so many hours, trying all schedules.

    Runs take no time and begin on the hour; everything was built at 0.
    """
    states = {(0, *(0 for _ in lags)): 0}
    for now in range(1, end + 1):
        following = {}
        for (raw, *data), runs in states.items():
            for first, *built in product((False, True), repeat=1 + len(lags)):
                newest = now if first else raw
                new = [newest if b else d for b, d in zip(built, data, strict=True)]
                if any(now + 1 - d > lag for d, lag in zip(new, lags, strict=True)) and now < end:
                    continue
                if any(now - d > lag for d, lag in zip(data, lags, strict=True)):
                    continue
                key, count = (newest, *new), runs + first + sum(built)
                following[key] = min(count, following.get(key, count))
        states = following
    return min(states.values())


def test_one_run_of_a_shared_upstream_serves_several_promises():
    """Two assets with the same promise cost one run of what they share."""
    world = Simulation(graph_of({"raw": None, "a": 2, "b": 2}, SHARED))

    world.run(9)

    counts = world.counts()
    assert counts["raw"] == counts["a"] == counts["b"] == 5


def test_nothing_runs_before_it_must():
    """A run starts no earlier than its measured duration and the margin ask for."""
    world = Simulation(
        graph_of({"raw": None, "a": 2}, {"a": ("raw",)}), seconds=lambda _n, _r: 300.0
    )

    world.run(9)

    begins = [at - timedelta(seconds=300) for at, name, _ in world.built if name == "raw"]
    gaps = [later - earlier for earlier, later in pairwise(begins[1:])]
    # Promised within 2 h of the end of `raw`, less two runs of 5 min, less a minute.
    assert all(timedelta(minutes=113) <= gap <= timedelta(minutes=115) for gap in gaps)


def test_an_unchanged_input_renews_the_promise_without_a_build():
    """A source that stays the same is looked at in time; what reads it is not built again."""
    world = Simulation(
        graph_of({"raw": None, "a": 1}, {"a": ("raw",)}),
        version=lambda _name, now: str(now.hour // 6),
        seconds=lambda _n, _r: 5.0,
    )

    world.run(13)

    assert late_after(world) == []
    assert world.counts()["raw"] == 14
    assert world.counts()["a"] == 3


def test_a_late_source_makes_nothing_run():
    """While a source brings nothing newer, its promise is overdue, and no run tries to help."""
    source = external_asset("source", observe=lambda: None)

    @asset
    def raw(): ...

    @asset(freshness=FreshnessPolicy("1h"))
    def report(source, raw): ...

    def at(now):
        stops = START + timedelta(hours=2)
        back = START + timedelta(hours=6)
        return ("late", now) if now >= back else ("early", min(now, stops))

    world = Simulation(
        [source, raw, report], sources={"source": Source(at)}, seconds=lambda _n, _r: 5.0
    )

    world.run(8, every=timedelta(minutes=10))

    hours = {(at - START).total_seconds() // 3600 for at, _ in late_after(world)}
    built = {(at - START).total_seconds() // 3600 for at, _, _ in world.built}
    assert hours == {3, 4, 5, 6}
    assert built.isdisjoint({3, 4, 5})
    assert 6 in built


def test_after_an_outage_of_the_daemon_all_is_made_good_at_once():
    """Promises broken while nobody looked are kept again as soon as somebody does."""

    def down(now):
        return timedelta(hours=3) < now - START < timedelta(hours=6)

    world = Simulation(
        graph_of({"raw": None, "a": 1, "b": 2}, SHARED), down=down, seconds=lambda _n, _r: 20.0
    )

    world.run(9)

    late = [at - START for at, _ in late_after(world)]
    assert min(late) > timedelta(hours=3)
    assert max(late) < timedelta(hours=6, minutes=20)


def test_what_fails_for_the_same_reasons_is_tried_as_often_as_its_limit():
    """A step that always fails is tried once for each input that it gets, and holds up nobody."""
    world = Simulation(
        graph_of({"raw": None, "bad": 1, "good": 1}, {"bad": ("raw",), "good": ("raw",)}),
        fails=lambda name, _now: name == "bad",
        seconds=lambda _n, _r: 5.0,
    )

    world.run(8)

    assert world.tries
    assert set(world.tries.values()) == {1}
    assert {name for _, name in late_after(world)} == {"bad"}


def test_hourly_windows_are_built_in_time_and_not_before():
    """Of windows only the new ones run, as late as the report downstream allows."""
    hours = HourlyPartitions(START - timedelta(hours=4))

    @asset(partitions=hours)
    def events(): ...

    @asset(freshness=FreshnessPolicy("90min"))
    def report(events): ...

    world = Simulation([events, report], seconds=lambda _n, _r: 5.0)

    world.run(8)

    assert late_after(world) == []
    partitions = [partition for _, name, partition in world.built if name == "events"]
    assert len(partitions) == len(set(partitions))
    assert world.counts()["report"] == 8
    minutes = {at.minute for at, name, _ in world.built if name == "report" and at.hour > 1}
    assert minutes <= {28, 29}


def test_a_deadline_by_the_clock_is_met_across_a_change_of_clocks():
    """A report for 6 o'clock in Berlin is there at 6 o'clock in Berlin, also after summer began."""

    @asset
    def raw(): ...

    @asset(freshness=FreshnessPolicy("1h", cron="0 6 * * *", timezone="Europe/Berlin"))
    def report(raw): ...

    start = datetime.fromisoformat("2026-03-28T00:00:00+00:00")
    world = Simulation([raw, report], seconds=lambda _n, _r: 30.0, start=start)

    world.run(48)

    assert [at for at, _ in world.late if at > start + timedelta(minutes=5)] == []
    built = [at for at, name, _ in world.built if name == "report"]
    assert [(at.day, at.hour) for at in built] == [(28, 0), (28, 4), (29, 3)]


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_no_promise_of_any_small_graph_is_broken(data):
    """Whatever graph, promises and durations: what was built once is never late afterwards."""
    count = data.draw(st.integers(2, 5))
    names = [f"n{number}" for number in range(count)]
    edges = {
        name: tuple(data.draw(st.lists(st.sampled_from(names[:place]), unique=True, max_size=2)))
        for place, name in enumerate(names)
        if place
    }
    lags = {
        name: data.draw(st.one_of(st.none(), st.integers(1, 4))) if place else None
        for place, name in enumerate(names)
    }
    if not any(lags.values()):
        lags[names[-1]] = 1
    world = Simulation(
        graph_of(lags, edges),
        seconds=lambda _name, random: random.uniform(0, 40),
        seed=data.draw(st.integers(0, 100)),
    )

    world.run(5)

    assert late_after(world, timedelta(minutes=10)) == []


def test_an_eager_asset_never_waits_for_a_promise():
    """What is eager follows each change at once, beside what is lazy."""

    @asset
    def raw(): ...

    @asset(freshness=FreshnessPolicy("2h"))
    def lazy(raw): ...

    @asset(automation=AutoMaterializePolicy.eager())
    def eager(raw): ...

    world = Simulation([raw, lazy, eager], seconds=lambda _n, _r: 5.0)

    world.run(7)

    assert world.counts()["eager"] == world.counts()["raw"]
