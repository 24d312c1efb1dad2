"""What selections ask of a workspace: state:late, state:held and the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from assetkit import FreshnessPolicy, StaticPartitions, Workspace, asset, materialize, plan
from assetkit.catalog.memory import MemoryCatalog
from assetkit.errors import EmptySelection, InvalidSelection
from assetkit.io import MemoryIOManager

LATER = datetime.now(UTC) + timedelta(hours=5)


@asset(freshness=FreshnessPolicy("1h"))
def hourly() -> pd.DataFrame:
    return pd.DataFrame({"n": [1]})


@asset(freshness=FreshnessPolicy("1d"))
def daily(hourly: pd.DataFrame) -> pd.DataFrame:
    return hourly


@asset(partitions=StaticPartitions(["us", "eu"]))
def regions(context) -> pd.DataFrame:
    return pd.DataFrame({"n": [1]})


ALL = [hourly, daily, regions]


@pytest.fixture
def workspace(tmp_path):
    catalog = MemoryCatalog(runs=tmp_path / "runs")
    io_managers = {"parquet": MemoryIOManager()}
    with Workspace(tmp_path, catalog=catalog, io_managers=io_managers) as made:
        materialize([hourly, daily], workspace=made, progress="none")
        yield made


def chosen(expression, workspace, assets=ALL, now=None):
    found = plan(assets, select=expression, workspace=workspace, now=now, upstream=False)
    return set(found.request.targets)


def test_late_are_those_whose_promise_is_broken(workspace):
    """Only an asset with a promise is ever late; one that is below another one follows its own."""
    with pytest.raises(EmptySelection):
        chosen("state:late", workspace)

    assert chosen("state:late", workspace, now=LATER) == {"hourly"}
    assert chosen("state:late+", workspace, now=LATER) == {"hourly", "daily"}
    assert chosen("not state:late", workspace, now=LATER) == {"daily", "regions"}


def test_never_held_and_orphan(workspace):
    """What was never built, what somebody holds, and what has slots that are no partitions now."""
    assert chosen("state:never", workspace) == {"regions"}
    workspace.hold(daily, "to be looked at")
    assert chosen("state:held", workspace) == {"daily"}
    materialize(regions, workspace=workspace, progress="none")

    @asset(name="regions", partitions=StaticPartitions(["us", "uk"]))
    def fewer(context) -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    assert chosen("state:orphan", workspace, assets=[hourly, daily, fewer]) == {"regions"}


def test_quarantined_is_what_automation_gave_up(workspace):
    """What failed as often as it may is found, although it would be tried again by hand."""

    @asset
    def broken():
        raise ValueError("a bug")

    materialize(broken, workspace=workspace, raise_on_error=False, progress="none")

    assert chosen("state:quarantined", workspace, assets=[*ALL, broken]) == {"broken"}
    assert chosen("state:failed", workspace, assets=[*ALL, broken]) == {"broken"}


def test_a_state_that_is_none_is_refused_with_the_nearest(workspace):
    """The message names what was meant."""
    with pytest.raises(InvalidSelection, match="late"):
        chosen("state:lates", workspace)
