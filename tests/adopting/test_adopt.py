"""Files that are there already become partitions, and nothing has to be made again."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assetkit import (
    DailyPartitions,
    MaterializationError,
    MultiPartitions,
    StaticPartitions,
    Workspace,
    asset,
    materialize,
    plan,
)
from assetkit.errors import DataMissing, InvalidArgument
from assetkit.io import CSVIOManager

DAYS = DailyPartitions("2026-01-01", end="2026-01-05", dimension="date")


@pytest.fixture
def workspace():
    """A workspace of its own."""
    with Workspace.temporary() as made:
        yield made


@asset(partitions=DAYS)
def visits(context) -> pd.DataFrame:
    return pd.DataFrame({"n": [0], "made": ["here"]})


def would_run(targets, workspace):
    """Return what a plan would run."""
    return [(step.asset, step.partition) for step in plan(targets, workspace=workspace).steps]


def test_hive_folders_become_partitions(tmp_path, workspace):
    """Folders named dimension=key are adopted; only what has no file is left to be made."""
    for day in ("2026-01-01", "2026-01-03"):
        folder = tmp_path / "old" / f"date={day}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"n": [1, 2]}), folder / "data.parquet")

    assert workspace.adopt(visits, tmp_path / "old") == 2
    assert would_run(visits, workspace) == [("visits", "2026-01-02"), ("visits", "2026-01-04")]
    frame = workspace.load(visits)
    assert frame.to_dict("list") == {
        "n": [1, 2, 1, 2],
        "date": ["2026-01-01"] * 2 + ["2026-01-03"] * 2,
    }
    assert workspace.verify().empty


def test_one_file_per_key_and_templates(tmp_path, workspace):
    """A file named like its key is found by itself; another layout by a path with the key."""
    (tmp_path / "2026-01-01.csv").write_text("n\n1\n")
    (tmp_path / "visits_2026-01-02_final.csv").write_text("n\n2\n")

    assert workspace.adopt(visits, tmp_path) == 1
    assert workspace.adopt(visits, tmp_path / "visits_{partition_key}_*.csv") == 1
    assert workspace.load(visits).n.tolist() == [1, 2]


def test_several_dimensions(tmp_path, workspace):
    """Nested folders are keys of several dimensions."""
    parts = MultiPartitions(date=DAYS, region=StaticPartitions(["us", "a b"]))

    @asset(partitions=parts)
    def sales() -> pd.DataFrame:
        return pd.DataFrame()

    folder = tmp_path / "date=2026-01-01" / "region=a b"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"n": [5]}), folder / "0.parquet")

    assert workspace.adopt(sales, tmp_path) == 1
    assert workspace.load(sales).region.tolist() == ["a b"]


def test_unpartitioned_file_and_what_depends_on_it(tmp_path, workspace):
    """What is made from adopted data runs, and the adopted asset itself does not."""
    pq.write_table(pa.table({"n": [1, 2]}), tmp_path / "old.parquet")

    @asset
    def base() -> pd.DataFrame:
        raise AssertionError("not to be called")

    @asset
    def total(base: pd.DataFrame) -> pd.DataFrame:
        return base.sum().to_frame("n")

    workspace.adopt(base, tmp_path / "old.parquet")
    result = materialize(total, workspace=workspace, progress="none")

    assert result.materialized == [("total", None)]
    assert result.load("total").n.tolist() == [3]
    assert pq.read_table(tmp_path / "old.parquet").num_rows == 2


def test_derived_data_is_fresh_beside_its_inputs(tmp_path, workspace):
    """An adopted result counts as made from its inputs as they are now."""

    @asset
    def base() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    @asset
    def derived(base: pd.DataFrame) -> pd.DataFrame:
        return base

    materialize(base, workspace=workspace, progress="none")
    (tmp_path / "derived.csv").write_text("n\n7\n")
    workspace.adopt(derived, tmp_path / "derived.csv")

    assert would_run(derived, workspace) == []
    assert workspace.load(derived).n.tolist() == [7]


def test_schema_holds_for_adopted_data(tmp_path, workspace):
    """Files that do not fit the declared schema are refused, and nothing is published."""

    @asset(schema=pa.schema([("n", pa.int64()), ("name", pa.string())]))
    def base() -> pa.Table:
        raise AssertionError("not to be called")

    (tmp_path / "base.csv").write_text("n\n7\n")

    with pytest.raises(MaterializationError, match="name"):
        workspace.adopt(base, tmp_path / "base.csv")
    assert would_run(base, workspace) == [("base", None)]


def test_nothing_to_adopt_is_told(tmp_path, workspace):
    """Where no file fits, the error says what was looked for."""
    with pytest.raises(DataMissing, match=r"date=KEY/\* and KEY\.\*"):
        workspace.adopt(visits, tmp_path)
    with pytest.raises(InvalidArgument, match="the asset itself"):
        workspace.adopt("visits", tmp_path)


def test_files_are_adopted_without_a_copy(tmp_path, workspace):
    """The file itself is the partition; its record lies beside, and survives the catalog."""
    for day in ("2026-01-01", "2026-01-02"):
        folder = tmp_path / "old" / f"date={day}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"n": [1, 2]}), folder / "data.parquet")
    old = tmp_path / "old" / "date=2026-01-01" / "data.parquet"

    assert workspace.adopt(visits, tmp_path / "old", copy=False) == 2
    kept = workspace.load(visits, "2026-01-01", load_as=Path)

    assert kept.samefile(old)
    assert would_run(visits, workspace) == [("visits", "2026-01-03"), ("visits", "2026-01-04")]
    assert workspace.load(visits).n.tolist() == [1, 2, 1, 2]
    assert workspace.sql("select count(*) n from visits where date = '2026-01-02'").n[0] == 2
    assert workspace.verify(deep=True).empty
    assert workspace.rebuild_catalog() == 2
    assert len(would_run(visits, workspace)) == 2

    materialize(visits, partitions="2026-01-01", force=True, workspace=workspace, progress="none")
    assert workspace.load(visits, "2026-01-01").n.tolist() == [0]
    workspace.delete(visits, "2026-01-02")
    assert pq.read_table(old).num_rows == 2
    assert len(list((tmp_path / "old").rglob("*.parquet"))) == 2


def test_adopted_file_that_changes_is_missing(tmp_path, workspace):
    """What its owner changed later is not taken for what was adopted."""
    file = tmp_path / "2026-01-01.parquet"
    pq.write_table(pa.table({"n": [1, 2]}), file)
    workspace.adopt(visits, tmp_path, copy=False)

    with file.open("r+b") as handle:
        handle.truncate(40)

    assert ("visits", "2026-01-01") in would_run(visits, workspace)
    assert "damaged" in workspace.verify().problem[0]


def test_what_cannot_stay_as_it_is_needs_a_copy(tmp_path, workspace):
    """Several files, other formats and other IO managers are refused, with the way out."""
    folder = tmp_path / "old" / "date=2026-01-01"
    folder.mkdir(parents=True)
    (tmp_path / "2026-01-02.csv").write_text("n\n1\n")
    for number in range(2):
        pq.write_table(pa.table({"n": [1]}), folder / f"{number}.parquet")

    @asset(io_manager="csv_files", partitions=DAYS)
    def elsewhere() -> pd.DataFrame:
        return pd.DataFrame()

    with pytest.raises(MaterializationError, match="2 files for one partition"):
        workspace.adopt(visits, tmp_path / "old", copy=False)
    with pytest.raises(MaterializationError, match="is no Parquet file"):
        workspace.adopt(visits, tmp_path, copy=False)
    workspace.core.io_managers = workspace.core.io_managers.besides({"csv_files": CSVIOManager()})
    with pytest.raises(InvalidArgument, match="is kept by CSVIOManager"):
        workspace.adopt(elsewhere, tmp_path, copy=False)


def test_adopted_files_are_renamed_and_promoted(tmp_path):
    """The record beside a file goes where the file goes."""
    pq.write_table(pa.table({"n": [1, 2]}), tmp_path / "old.parquet")

    @asset(name="first", code_version="1")
    def first() -> pa.Table:
        raise AssertionError("not to be called")

    @asset(name="second", code_version="1")
    def second() -> pa.Table:
        raise AssertionError("not to be called")

    base = Workspace(tmp_path / "base")
    branch = Workspace(tmp_path / "branch", base=base)
    branch.adopt(first, tmp_path / "old.parquet", copy=False)
    branch.promote()
    base.rename("first", "second")

    assert base.rebuild_catalog() == 1
    assert would_run(second, base) == []
    assert base.load("second").n.tolist() == [1, 2]
