"""How much automation looks at grows with the graph, and no faster: counted, not timed."""

from __future__ import annotations

import gc
import sys
from datetime import UTC, datetime, timedelta

import pytest

from assetkit import (
    AssetIn,
    Definitions,
    FreshnessPolicy,
    Workspace,
    asset,
    materialize,
    schedule,
)
from assetkit.catalog.liveness import this_process
from assetkit.catalog.memory import MemoryCatalog
from assetkit.daemon.lanes import Lanes
from assetkit.daemon.launching import Project
from assetkit.daemon.shift import Shift
from assetkit.io import MemoryIOManager

LATER = datetime.now(UTC) + timedelta(days=3)
FEW, MANY = 10, 50


@pytest.fixture(scope="module")
def chains(tmp_path_factory):
    """A short and a long chain of assets, each with a promise of its own, all built by now."""
    made = []
    for length in (FEW, MANY):
        root = tmp_path_factory.mktemp("chain")
        io_managers = {"parquet": MemoryIOManager()}
        catalog = MemoryCatalog(runs=root / "runs")
        workspace = Workspace(root, catalog=catalog, io_managers=io_managers)
        assets = chain_of(length)
        materialize(assets, workspace=workspace, progress="none")
        made.append((Definitions(assets=assets), workspace))
    return made


def chain_of(length):
    assets = [asset(freshness=FreshnessPolicy("1d"), code_version="1")(first)]
    while len(assets) < length:
        make = asset(
            name=f"n{len(assets)}",
            ins={"above": AssetIn(key=assets[-1])},
            freshness=FreshnessPolicy("1d" if len(assets) % 2 else "2d"),
            code_version="1",
        )
        assets.append(make(follow))
    return assets


def first():
    return 1


def nothing():
    return None


def follow(above):
    return above + 1


def evaluated(definitions, workspace, now):
    """Return how many steps automation would launch, and how many calls of Python that took."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    definitions.evaluate(now=now, workspace=workspace)  # loads what is loaded once
    sys.setprofile(count)
    try:
        found = definitions.evaluate(now=now, workspace=workspace)
    finally:
        sys.setprofile(None)
    return len(found), calls


def calls_for_one_more(chains, now):
    """Return how many steps are launched, and how many calls one more asset takes."""
    (few, calls), (many, more) = (evaluated(*chain, now) for chain in chains)
    return (few, many), (more - calls) / (MANY - FEW)


def test_promises_that_fall_due_together_share_what_they_need(chains):
    """Of assets in a row that are all overdue, each takes as many calls as the one before."""
    steps, calls = calls_for_one_more(chains, LATER)

    assert steps == (FEW, MANY)
    assert calls < 1_000


def test_little_is_asked_of_assets_with_nothing_to_do(chains):
    """An asset that is fresh, and keeps its promise, is passed over with a few calls."""
    steps, calls = calls_for_one_more(chains, None)

    assert steps == (0, 0)
    assert calls < 260


def test_turns_with_a_run_each_leave_nothing_in_memory(tmp_path):
    """A turn that ran something keeps no object of it: a process that takes millions stays flat."""
    start, minute = datetime(2026, 1, 1, tzinfo=UTC), timedelta(minutes=1)
    planned = asset(name="planned", code_version="1")(nothing)
    project = Definitions(assets=[planned], schedules=[schedule(planned, "* * * * *")])
    workspace = Workspace(tmp_path)
    workspace.catalog.automation.hold("test", this_process(), start)
    lanes = Lanes(beside=False, most=1, ended=lambda: None)
    shift = Shift(Project.of(project), workspace, "test", lanes)

    def take(turns):
        done = sum(len(shift.turn(start + minute * turn).ticks) for turn in turns)
        gc.collect()
        kinds = (str(type(one)) for one in gc.get_objects())
        return done, sum(kind.startswith("<class 'assetkit") for kind in kinds)

    take(range(10))
    _, before = take(range(10, 12))
    done, after = take(range(12, 28))

    assert done == 16
    assert after - before < 5
