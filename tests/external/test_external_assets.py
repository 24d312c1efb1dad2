"""Data that others make: watched by every plan, read like any asset, never written."""

import os
from datetime import UTC, datetime

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assetkit import StaticPartitions, Workspace, asset, external_asset, materialize, plan
from assetkit.errors import DataMissing, InputError, InvalidArgument, StepError, StorageError

REGIONS = StaticPartitions(["us", "eu", "asia"])


@pytest.fixture
def workspace():
    """A workspace of its own."""
    with Workspace.temporary() as made:
        yield made


@pytest.fixture
def folder(tmp_path):
    """A folder into which others write."""
    path = tmp_path / "in"
    path.mkdir()
    return path


def deliver(path, *numbers):
    """Write a CSV file as somebody else would."""
    pd.DataFrame({"n": list(numbers)}).to_csv(path, index=False)


def would_run(targets, workspace):
    """Return what a plan would run."""
    return [(step.asset, step.partition) for step in plan(targets, workspace=workspace).steps]


def by_region(folder):
    """Return an asset of one file per region, and one made from it."""
    raw = external_asset("raw", path=folder / "{partition_key}.csv", partitions=REGIONS)

    @asset(partitions=REGIONS)
    def doubled(raw: pd.DataFrame) -> pd.DataFrame:
        return raw * 2

    return raw, doubled


def test_files_load_like_any_asset(folder, workspace):
    """A function gets the rows of all files of a glob; so do load and SQL."""
    deliver(folder / "a.csv", 1, 2)
    deliver(folder / "b.csv", 3)
    raw = external_asset("raw", path=folder / "*.csv")

    @asset
    def total(raw: pd.DataFrame) -> pd.DataFrame:
        return raw.sum().to_frame("n")

    result = materialize(total, workspace=workspace, progress="none")

    assert result.load("total").n.tolist() == [6]
    assert workspace.load(raw).n.tolist() == [1, 2, 3]
    assert workspace.load("raw").n.tolist() == [1, 2, 3]
    assert workspace.sql("select sum(n) as n from raw").n.tolist() == [6]


def test_nothing_changed_nothing_runs(folder, workspace):
    """A second plan finds the same files and has nothing to do."""
    deliver(folder / "us.csv", 1)
    _raw, doubled = by_region(folder)
    materialize(doubled, workspace=workspace, progress="none", partitions="us")

    assert would_run(doubled, workspace) == []


def test_changed_file_makes_exactly_its_dependents_stale(folder, workspace):
    """Of three partitions only the one whose file was written again is stale."""
    for region in ("us", "eu", "asia"):
        deliver(folder / f"{region}.csv", 1)
    _raw, doubled = by_region(folder)
    materialize(doubled, workspace=workspace, progress="none")
    deliver(folder / "eu.csv", 10, 20)

    made = plan(doubled, workspace=workspace)

    assert [(step.partition, step.causes) for step in made.steps] == [("eu", ("input raw",))]


def test_new_file_lets_its_partition_be_built(folder, workspace):
    """A partition without a file is blocked until the file comes."""
    deliver(folder / "us.csv", 1)
    _raw, doubled = by_region(folder)
    before = would_run(doubled, workspace)
    deliver(folder / "asia.csv", 2)

    assert before == [("doubled", "us")]
    assert would_run(doubled, workspace) == [("doubled", "us"), ("doubled", "asia")]


def test_vanished_file_of_a_glob_makes_dependents_stale(folder, workspace):
    """What was made from two files is made again from the one that is left."""
    deliver(folder / "a.csv", 1)
    deliver(folder / "b.csv", 2)
    external = external_asset("raw", path=folder / "*.csv")

    @asset
    def total(raw: pd.DataFrame) -> pd.DataFrame:
        return raw

    materialize([total, external], workspace=workspace, progress="none")
    (folder / "b.csv").unlink()
    result = materialize([total, external], workspace=workspace, progress="none")

    assert result.load("total").n.tolist() == [1]


def test_vanished_partition_blocks_its_dependents(folder, workspace):
    """A partition whose file is gone keeps its data, and cannot be made again."""
    deliver(folder / "us.csv", 1)
    raw, doubled = by_region(folder)
    materialize(doubled, workspace=workspace, progress="none", partitions="us")
    (folder / "us.csv").unlink()

    explained = plan(doubled, partitions="us", workspace=workspace).explain("doubled", "us")

    assert "blocked" in explained
    assert workspace.load("doubled", "us").n.tolist() == [2]
    with pytest.raises(DataMissing, match="Nothing of 'raw'"):
        workspace.load(raw)


def test_touched_file_of_same_content_runs_dependents_once(folder, workspace):
    """A new time is a new version, and what comes out the same stops there."""
    deliver(folder / "us.csv", 1)
    _raw, doubled = by_region(folder)
    materialize(doubled, workspace=workspace, progress="none", partitions="us")
    os.utime(folder / "us.csv", ns=(1, 1))

    result = materialize(doubled, workspace=workspace, progress="none", partitions="us")

    assert result.unchanged == [("doubled", "us")]


def test_observed_once_in_each_plan(workspace):
    """One plan asks once, however many assets depend on the answer."""
    asked = []

    def look():
        asked.append(1)
        return "v1"

    feed = external_asset("feed", observe=look)

    @asset(deps=[feed])
    def one():
        return None

    @asset(deps=[feed])
    def two():
        return None

    plan([one, two], workspace=workspace)

    assert len(asked) == 1


def test_observed_version_and_time_count(workspace):
    """A new version makes dependents stale; its time is the data time of what is made."""
    said = ["v1", datetime(2026, 1, 30, tzinfo=UTC)]
    feed = external_asset("feed", observe=lambda: tuple(said))

    @asset(deps=[feed])
    def report() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    materialize(report, workspace=workspace, progress="none")
    quiet = would_run(report, workspace)
    said[0] = "v2"

    assert quiet == []
    assert would_run(report, workspace) == [("report", None)]
    assert workspace.history("report").data_time[0] == pd.Timestamp("2026-01-30", tz="UTC")


def test_observe_by_partition(workspace):
    """A function with a parameter is asked for each key; None means that nothing is there."""
    versions = {"us": 1, "eu": None, "asia": 7}
    feed = external_asset("feed", observe=lambda key: versions[key], partitions=REGIONS)

    @asset(partitions=REGIONS, deps=[feed])
    def report() -> None:
        return None

    assert would_run(report, workspace) == [("report", "us"), ("report", "asia")]


def test_failing_observation_is_told(workspace):
    """What observe raises names the asset and where it is defined."""
    feed = external_asset("feed", observe=lambda: 1 / 0)

    with pytest.raises(InputError, match=r"'?feed'? \(.*could not be observed: ZeroDivisionError"):
        plan(feed, workspace=workspace)


def test_hive_folders_are_columns_and_types_are_unified(folder, workspace):
    """Parquet files below column=value folders get the column; added columns are filled."""
    for year, table in {2025: {"n": [1]}, 2026: {"n": [2.5], "m": ["x"]}}.items():
        (folder / f"year={year}").mkdir()
        pq.write_table(pa.table(table), folder / f"year={year}" / "part.parquet")
    raw = external_asset("raw", path=folder)
    plan(raw, workspace=workspace)

    frame = workspace.load(raw).sort_values("year")

    assert frame.year.tolist() == [2025, 2026]
    assert frame.n.tolist() == [1.0, 2.5]
    assert frame.m.isna().tolist() == [True, False]


@pytest.mark.parametrize("load_as", [pa.Table, pd.DataFrame, list[pd.DataFrame]])
def test_json_lines_of_a_url(load_as, workspace):
    """JSON lines behind an fsspec URL load as any type."""
    with fsspec.open("memory://inbox/one.jsonl", "w") as file:
        file.write('{"n": 1}\n{"n": 2}\n')
    raw = external_asset("raw", path="memory://inbox/*.jsonl")
    plan(raw, workspace=workspace)

    loaded = workspace.load(raw, load_as=load_as)
    frame = loaded[0] if isinstance(loaded, list) else loaded

    assert pa.table(frame).column("n").to_pylist() == [1, 2]


def test_no_path_cannot_be_loaded(workspace):
    """An asset that is only observed says what to do when it is loaded."""
    feed = external_asset("feed", observe=lambda: 1)
    plan(feed, workspace=workspace)

    with pytest.raises(InputError, match="has no path"):
        workspace.load(feed)


def test_outside_data_is_never_deleted(folder, workspace):
    """Deleting an external asset is refused; its file stays."""
    deliver(folder / "a.csv", 1)
    raw = external_asset("raw", path=folder / "a.csv")
    plan(raw, workspace=workspace)

    with pytest.raises(StorageError, match="others make its data"):
        workspace.delete(raw)

    assert (folder / "a.csv").exists()


def test_calling_it_says_why_not():
    """There is no function behind an external asset."""
    with pytest.raises(StepError, match="made elsewhere"):
        external_asset("raw", path="in.csv")()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs path="),
        ({"path": "in/{partition_key}.csv", "partitions": None, "retry": 3}, "no argument 'retry'"),
        ({"path": "in/all.csv", "partitions": REGIONS}, "names the partition"),
        ({"path": "in/{day}.csv", "partitions": REGIONS}, "names the partition"),
        ({"path": 3}, "a path, an fsspec URL"),
        ({"observe": "v1"}, "a function"),
    ],
)
def test_wrong_declarations_are_refused(arguments, message):
    """What does not fit is told where it is written."""
    with pytest.raises(InvalidArgument, match=message):
        external_asset("raw", **arguments)
