"""Whatever graph and policies: turns lead to one end, however often they are taken."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit import (
    AutoMaterializePolicy,
    DailyPartitions,
    FreshnessPolicy,
    StaticPartitions,
    asset,
)
from assetkit.planning.decisions import Outcome
from tests.automation.simulation import START, Simulation

SCHEMES = {
    None: None,
    "days": DailyPartitions(START - timedelta(days=4)),
    "keys": StaticPartitions(["a", "b"]),
}
POLICIES = {
    "none": {},
    "eager": {"automation": AutoMaterializePolicy.eager()},
    "missing": {"automation": AutoMaterializePolicy.on_missing()},
    "hourly": {"automation": AutoMaterializePolicy(every="1h")},
    "cron": {"automation": AutoMaterializePolicy.on_cron("30 * * * *")},
    "promised": {"freshness": FreshnessPolicy("3h")},
    "never": {"automation": AutoMaterializePolicy("never")},
}


@st.composite
def graphs(draw, policies=tuple(POLICIES)):
    """Draw a small graph of assets, with and without partitions, each with some policy."""
    made = []
    for number in range(draw(st.integers(1, 5))):
        scheme = draw(st.sampled_from(list(SCHEMES)))
        fitting = [one for one in made if scheme != "keys" or one[1] in (None, "keys")]
        fitting = [one for one in fitting if scheme != "days" or one[1] in (None, "days")]
        above = draw(st.lists(st.sampled_from(fitting), unique=True, max_size=2)) if fitting else []

        @asset(
            name=f"n{number}",
            partitions=SCHEMES[scheme],
            deps=[one for one, _ in above],
            **POLICIES[draw(st.sampled_from(policies))],
        )
        def nothing(): ...

        made.append((nothing, scheme))
    return [one for one, _ in made]


def contents(world):
    """Return what is published: the version of each slot."""
    state = world.situation().state
    return {
        key: list(zip(columns.ordinal.tolist(), columns.version_lo.tolist(), strict=True))
        for key, columns in state.slots.items()
    }


@settings(max_examples=25, deadline=None)
@given(graphs(), st.lists(st.integers(1, 200), min_size=1, max_size=4))
def test_after_a_turn_that_succeeded_there_is_nothing_to_do(assets, pauses):
    """Right after a turn, whenever it is taken, the same moment asks for nothing more."""
    world = Simulation(assets)

    for minutes in (0, *pauses):
        world.now += timedelta(minutes=minutes)
        world.turn()

        assert len(world.look().draft.plan) == 0


@settings(max_examples=25, deadline=None)
@given(graphs(("none", "eager", "missing", "never")), st.lists(st.integers(0, 5), max_size=4))
def test_how_often_turns_are_taken_makes_no_difference(assets, extra):
    """Turns between two moments change nothing of what is there after the second one."""
    ends = []
    for between in ([], extra):
        world = Simulation(assets, version=lambda name, now: f"{name} {now.date()}")
        world.turn()
        for minutes in sorted(between):
            world.now = START + timedelta(minutes=minutes)
            world.turn()
        world.now = START + timedelta(days=1, minutes=10)
        world.turn()
        ends.append(contents(world))

    assert ends[0] == ends[1]


@settings(max_examples=25, deadline=None)
@given(graphs(("none", "eager")), st.data())
def test_a_correction_reaches_each_dependent_slot(assets, data):
    """New content of one slot reaches all that depend on it by eager assets, and nothing else."""
    world = Simulation(assets)
    world.turn()
    key = data.draw(st.sampled_from(list(world.graph.assets)))
    before = contents(world)
    if not before.get(key):
        return
    ordinal, _ = data.draw(st.sampled_from(before[key]))
    world.correct(key, ordinal)

    world.turn()

    stale = [
        (step.asset, step.partition)
        for step in world.plan_of_all().steps
        if world.graph.assets[step.asset].automation is not None
    ]
    assert stale == []


@settings(max_examples=25, deadline=None)
@given(graphs(("eager", "promised", "hourly")), st.data())
def test_a_slot_that_always_fails_is_tried_up_to_its_limit(assets, data):
    """However many turns are taken: one fingerprint, one attempt where no retry is declared."""
    bad = data.draw(st.sampled_from([one.key for one in assets]))
    world = Simulation(assets, fails=lambda name, _now: name == bad)

    for minutes in range(0, 200, 20):
        world.now = START + timedelta(minutes=minutes)
        world.turn()

    assert set(world.tries.values()) <= {1}
    held = [one for one in world.look().decisions if one.outcome is Outcome.QUARANTINED]
    assert {one.asset for one in held} <= {bad}
