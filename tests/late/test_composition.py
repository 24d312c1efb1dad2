"""Mappings composed through a graph are those of brute force, both ways."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from assetkit import (
    AssetIn,
    DailyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    StaticPartitions,
    WeeklyPartitions,
    Workspace,
    asset,
    materialize,
    plan,
)
from assetkit.catalog.memory import MemoryCatalog
from assetkit.definitions.universe import Unpartitioned
from assetkit.errors import DefinitionError
from assetkit.executors import ThreadExecutor
from assetkit.mappings import all_partitions, as_of, by_dimension, identity, latest, window

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = DailyPartitions("2026-01-27", end="2026-02-06")
REGIONS = StaticPartitions(["eu", "us"])
DEFINITIONS = [
    None,
    DAYS,
    DailyPartitions("2026-01-30", end="2026-02-08"),
    WeeklyPartitions("2026-01-20", end="2026-02-12"),
    MonthlyPartitions("2026-01-01", end="2026-03-01"),
    REGIONS,
    MultiPartitions(date=DAYS, region=REGIONS),
]
MAPPINGS = [
    None,
    None,
    all_partitions(),
    latest(2),
    window(-2, 0),
    as_of(),
    identity(),
    by_dimension(date=window(-1, 0), region=identity()),
]
LINKS = st.lists(
    st.tuples(st.sampled_from(DEFINITIONS), st.sampled_from(MAPPINGS), st.integers(1, 2)),
    min_size=1,
    max_size=3,
)


def chain(first, links):
    """Return assets a0, a1, ...: each reads the one before it, or that before that."""
    changed = {}

    @asset(name="a0", partitions=first, io_manager="memory", code_version="1")
    def root(context) -> int:
        return changed.get(str(context.partition_key), 0)

    made = [root]
    for number, (partitions, mapping, back) in enumerate(links, start=1):
        upstream = f"a{max(0, number - back)}"

        @asset(
            name=f"a{number}",
            partitions=partitions,
            ins={"read": AssetIn(upstream, partitions=mapping)},
            io_manager="memory",
            code_version="1",
        )
        def link(read: Any) -> int:
            return sum(read.values()) if isinstance(read, dict) else read

        made.append(link)
    return made, changed


def slots_of(asset):
    """Return the slots of an asset by position: (asset, text of the key)."""
    universe = asset.partitions.universe(NOW) if asset.partitions else Unpartitioned()
    texts = universe.texts(np.arange(len(universe)))
    return universe, [(asset.key, str(text)) for text in texts]


def needs(made, graph):
    """Return for each slot those that it reads itself, by one mapping at a time."""
    found = {}
    for one in made:
        universe, slots = slots_of(one)
        for position, slot in enumerate(slots):
            found[slot] = set()
            for edge in graph.edges[one.key]:
                upstream, theirs = slots_of(next(a for a in made if a.key == edge.upstream))
                fan = edge.mapping.upstream_of(np.array([position]), universe, upstream)
                found[slot] |= {theirs[place] for place in fan.slots_of(0).tolist()}
    return found


def reached(start, follow):
    """Return all that can be reached from some slots, and they themselves."""
    seen, waiting = set(), list(start)
    while waiting:
        slot = waiting.pop()
        if slot not in seen:
            seen.add(slot)
            waiting += follow(slot)
    return seen


def steps(made):
    return {(step.asset, str(step.partition)) for step in made.steps}


@settings(max_examples=25, deadline=None, phases=[Phase.generate])
@given(st.sampled_from(DEFINITIONS), LINKS, st.data())
def test_plans_reach_what_brute_force_reaches(first, links, data):
    """Upstream of one slot, and downstream of one that changed: all of it, and no more."""
    made, changed = chain(first, links)
    target = made[-1]
    workspace = Workspace("lake", catalog=MemoryCatalog(), io_managers={})
    common = {"workspace": workspace, "now": NOW}
    try:
        empty = plan(made, **common)
    except DefinitionError:  # no way from one to the other
        assume(False)
    read = needs(made, empty.graph)

    universe, _ = slots_of(target)
    position = data.draw(st.integers(0, len(universe) - 1))
    wanted = (target.key, str(universe.texts(np.array([position]))[0]))
    key = universe.key(position)
    chosen = None if key is None else [key]
    asked = plan(made, select=target.key, partitions=chosen, **common)
    assert steps(asked) == reached([wanted], read.__getitem__)

    materialize(made, progress=False, **common)
    assert len(plan(made, **common)) == 0
    source, slots = slots_of(made[0])
    position = data.draw(st.integers(0, len(source) - 1))
    text, key = slots[position][1], source.key(position)
    changed[text] = 1
    chosen = None if key is None else [key]
    materialize(made[0], partitions=chosen, force=True, progress=False, **common)
    downstream = reached([("a0", text)], lambda slot: [one for one in read if slot in read[one]])
    assert steps(plan(made, **common)) == downstream - {("a0", text)}


def test_a_running_balance_is_in_order_also_in_parallel():
    """A year, day by day on the day before, in threads; a correction reaches all later days."""
    year = DailyPartitions("2025-01-01", end="2026-01-01")
    amounts = {}
    order = []

    @asset(partitions=year, io_manager="memory", code_version="1")
    def payments(context) -> int:
        return amounts.get(context.partition_key, 1)

    @asset(
        partitions=year,
        ins={"balance": AssetIn(partitions=window(-1, -1))},
        io_manager="memory",
        code_version="1",
    )
    def balance(context, balance: dict[str, int], payments: int) -> int:
        order.append(context.partition_key)
        return sum(balance.values()) + payments

    workspace = Workspace("lake", catalog=MemoryCatalog(), io_managers={})
    how = {"workspace": workspace, "now": NOW, "executor": ThreadExecutor(4), "progress": False}
    days = list(year.keys(NOW))

    result = materialize(balance, **how)

    assert order == days
    assert list(result.load("balance", load_as=dict[str, int]).values()) == list(range(1, 366))
    amounts["2025-12-01"] = 100
    materialize(payments, partitions="2025-12-01", force=True, **how)
    again = materialize(balance, **how)
    assert [key for _, key in again.materialized] == days[334:]
    assert again.load("balance", "2025-12-31", load_as=int) == 365 + 99
