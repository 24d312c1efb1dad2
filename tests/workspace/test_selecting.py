"""A selection of partitions means the same wherever one is taken."""

from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pyarrow as pa
import pytest

from assetkit import (
    BackfillPolicy,
    CronPartitions,
    MultiPartitions,
    Plan,
    StaticPartitions,
    Workspace,
    asset,
    materialize,
    plan,
)
from assetkit.errors import UnknownPartition

HALF_DAYS = CronPartitions(
    "0 */12 * * *", "2026-01-01", end="2026-01-04", timezone="Europe/Paris", dimension="half"
)
PAIRS = MultiPartitions(half=HALF_DAYS, region=StaticPartitions(["us", "eu"]))


def rows(context):
    return {key: pa.table({"n": [1]}) for key in context.partition_keys}


@asset(partitions=HALF_DAYS, backfill=BackfillPolicy.single_run())
def tides(context) -> pa.Table:
    return rows(context)


@asset(partitions=PAIRS, backfill=BackfillPolicy.single_run())
def visits(context) -> pa.Table:
    return rows(context)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return a workspace with both assets, and what the run of them came to."""
    with Workspace(tmp_path_factory.mktemp("coast")) as workspace:
        result = materialize([tides, visits], workspace=workspace, progress="none")
        yield workspace, result


@pytest.mark.parametrize(
    ("of", "selection", "slots"),
    [
        (tides, "2026-01-01..2026-01-02", 4),
        (tides, "2026-01-02T12..2026-01-03", 3),
        (tides, "2026-01-02..", 4),
        (tides, "2026-01-02", 2),
        (tides, "2026-01", 6),
        (tides, date(2026, 1, 2), 2),
        (tides, datetime.fromisoformat("2026-01-02T12:00"), 1),
        (tides, datetime(2026, 1, 2, 11, tzinfo=UTC), 1),
        (tides, pd.Timestamp("2026-01-02 12:00"), 1),
        (tides, pd.date_range("2026-01-01", periods=3, freq="12h"), 3),
        (tides, [date(2026, 1, 1), "2026-01-03T00"], 3),
        (tides, {"half": "2026-01-02"}, 2),
        (tides, "latest:3", 3),
        (visits, "2026-01-02T00|us", 1),
        (visits, ("2026-01-02T00", "us"), 1),
        (visits, (date(2026, 1, 2), "us"), 2),
        (visits, [(datetime.fromisoformat("2026-01-02T12:00"), "us"), "2026-01-01T00|eu"], 2),
        (visits, {"half": "2026-01-01..2026-01-02", "region": "us"}, 4),
        (visits, {"half": date(2026, 1, 1)}, 4),
        (visits, "half=2026-01-02,region=us", 2),
        (visits, "latest", 2),
        (visits, {"half": "latest:2", "region": ["us", "eu"]}, 4),
    ],
)
def test_plans_and_loads_select_alike(built, of, selection, slots):
    """Dates stand for all windows that start in them; both ends of a range belong to it."""
    workspace, result = built

    made = plan(of, partitions=selection, force=True, upstream=False, workspace=workspace)

    assert len(made) == slots
    assert len(workspace.load(of, selection)) == slots
    assert len(result.load(of, selection)) == slots


def test_a_moment_is_that_of_the_zone_of_the_windows(built):
    """A time with a zone is turned into the wall time there, whatever its own."""
    workspace, _ = built
    tokyo = timezone(timedelta(hours=9))

    made = plan(
        tides,
        partitions=datetime(2026, 1, 2, 20, tzinfo=tokyo),
        force=True,
        workspace=workspace,
    )

    assert [step.partition for step in made.steps] == ["2026-01-02T12"]


@pytest.mark.parametrize(
    ("of", "selection", "columns"),
    [
        (tides, "2026-01-02T12", ["n"]),
        (tides, datetime.fromisoformat("2026-01-02T12:00"), ["n"]),
        (tides, "2026-01-02", ["n", "half"]),
        (tides, ["2026-01-02T12"], ["n", "half"]),
        (tides, "latest", ["n", "half"]),
        (visits, ("2026-01-02T12", "us"), ["n"]),
        (visits, "half=2026-01-02T12,region=us", ["n", "half", "region"]),
    ],
)
def test_the_selection_says_whether_dimensions_are_columns(built, of, selection, columns):
    """A key is one partition; what may mean several has the columns, however many there are."""
    workspace, result = built

    assert list(workspace.load(of, selection).columns) == columns
    assert list(result.load(of, selection).columns) == columns


def test_a_plan_of_dates_is_saved_and_found_again(built, tmp_path):
    """What selects by dates can be kept as text, and asks the same when it is loaded."""
    workspace, _ = built
    made = plan(
        tides, partitions=[date(2026, 1, 2)], force=True, upstream=False, workspace=workspace
    )
    made.save(tmp_path / "plan.json")

    kept = Plan.load(tmp_path / "plan.json", definitions=tides, workspace=workspace)

    assert materialize(kept, progress="none").unchanged == [
        ("tides", "2026-01-02T00"),
        ("tides", "2026-01-02T12"),
    ]


def test_a_result_reads_only_the_columns_asked_for(built):
    """As the workspace does."""
    _, result = built

    assert list(result.load("tides", "latest", columns=["half"]).columns) == ["half"]


def test_what_is_published_here_and_there_is_selected_by_time(tmp_path):
    """The ends of a range need not be published; nor need the catalog know the definition."""
    with Workspace(tmp_path) as workspace:
        some = ["2026-01-01T12", "2026-01-03T00"]
        materialize(tides, partitions=some, workspace=workspace, progress="none")
        for _ in range(2):
            assert len(workspace.load("tides", "2026-01-01T00..2026-01-02")) == 1
            assert len(workspace.load("tides", "2026-01-02..2027-01-01")) == 1
            assert len(workspace.load("tides", "2025-12-01..2026-01-03")) == 2
            workspace.rebuild_catalog()
        with pytest.raises(UnknownPartition, match="2026-01-02 is not materialized"):
            workspace.load("tides", "2026-01-02")

        assert workspace.delete("tides", date(2026, 1, 3)) == 1
        assert workspace.load("tides").half.tolist() == ["2026-01-01T12"]
