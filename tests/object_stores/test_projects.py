"""A project whose data is in an object store works as one on disk does."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from assetkit import (
    DailyPartitions,
    Workspace,
    asset,
    asset_check,
    materialize,
    plan,
    sql_asset,
)
from assetkit.checks import no_schema_change, not_null
from assetkit.errors import DataMissing, InvalidArgument, StorageError, WorkspaceError
from assetkit.io import ParquetIOManager

DAYS = DailyPartitions("2026-01-01", end="2026-01-06")


@asset(partitions=DAYS, checks=[not_null("amount"), no_schema_change()])
def orders(context) -> pd.DataFrame:
    day = int(context.partition_key[-2:])
    return pd.DataFrame({"id": range(day), "amount": [float(day)] * day})


@asset(partitions=DAYS)
def large(orders: pa.Table) -> pa.Table:
    return orders


@asset
def total(large: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"amount": [large.amount.sum()]})


@asset(io_manager="pickle")
def model(total: pd.DataFrame):
    return {"weights": (1, 2), "total": float(total.amount[0])}


@asset(io_manager="json")
def summary(model):
    return {"total": model["total"]}


by_day = sql_asset("by_day", "select partition, sum(amount) as amount from large group by all")
EVERYTHING = [summary, by_day]
TOTAL = float(sum(day * day for day in range(1, 6)))


@pytest.fixture(params=["s3", "memory"])
def anywhere(request, tmp_path):
    """Return a workspace in each kind of store."""
    if request.param == "s3":
        return request.getfixturevalue("lake")
    return Workspace(f"memory://{tmp_path.name}/lake")


def test_a_project_in_a_store(anywhere):
    """Everything is built once, loaded, asked in SQL, and found as it should be."""
    result = materialize(EVERYTHING, workspace=anywhere, progress="none")

    assert len(result.materialized) == 5 + 5 + 1 + 1 + 1 + 1
    assert len(plan(EVERYTHING, workspace=anywhere)) == 0
    assert anywhere.load("summary") == {"total": TOTAL}
    assert anywhere.load("orders", "2026-01-03").amount.tolist() == [3.0] * 3
    assert anywhere.load("by_day").amount.sum() == TOTAL
    assert (
        anywhere.sql("select sum(amount) as a from large where partition > '2026-01-04'").a[0] == 25
    )
    assert anywhere.verify(deep=True).empty


def test_the_files_of_a_bucket_are_for_everyone(lake, bucket, s3):
    """Any reader finds one Parquet file per partition, and nothing else, under the data folder."""
    materialize(total, workspace=lake, progress="none")

    names = sorted(name.removeprefix(f"{bucket}/lake/data/") for name in s3.find(f"{bucket}/lake"))
    days = [f"partition={key}/part.parquet" for key in DAYS.keys(None)]
    assert names == [f"{name}/{day}" for name in ("large", "orders") for day in days] + [
        "total/part.parquet"
    ]


def test_a_second_run_changes_no_object(lake, bucket, s3):
    """What comes out the same is left alone."""
    materialize(EVERYTHING, workspace=lake, progress="none")
    before = s3.find(f"{bucket}/lake/data", detail=True)

    result = materialize([orders, *EVERYTHING], workspace=lake, force=True, progress="none")

    assert (len(result.unchanged), result.materialized) == (7, [])
    after = s3.find(f"{bucket}/lake/data", detail=True)
    assert {k: v["LastModified"] for k, v in before.items()} == {
        k: v["LastModified"] for k, v in after.items()
    }


ROWS = {
    pd.DataFrame: len,
    pa.Table: len,
    pl.DataFrame: len,
    pa.RecordBatchReader: lambda value: len(value.read_all()),
    ds.Dataset: lambda value: value.count_rows(),
    duckdb.DuckDBPyRelation: lambda value: len(value.df()),
    pl.LazyFrame: lambda value: len(value.collect()),
    Iterator[pd.DataFrame]: lambda value: sum(map(len, value)),
    dict[str, pa.Table]: lambda value: sum(map(len, value.values())),
    list[pd.DataFrame]: lambda value: sum(map(len, value)),
    Path: lambda value: len(ds.dataset(value, partitioning="hive").to_table()),
}
"""How many rows there are, by what they are loaded as."""


def test_every_type_is_loaded(anywhere):
    """An annotation gets what it asks for, wherever the data is."""
    materialize(orders, workspace=anywhere, progress="none")

    found = {
        load_as: rows(anywhere.load("orders", load_as=load_as)) for load_as, rows in ROWS.items()
    }
    assert set(found.values()) == {15}, found


def test_text_is_the_url(anywhere):
    """A str is where the data lies: an object, or the folder of them all."""
    materialize(total, workspace=anywhere, progress="none")

    assert anywhere.load("total", load_as=str) == f"{anywhere.root}/data/total/part.parquet"
    assert anywhere.load("orders", load_as=str) == f"{anywhere.root}/data/orders"


def test_only_columns_that_are_asked_for_are_read(lake):
    """Of a large file only its end and what is wanted of it come over the line."""
    import numpy as np

    @asset
    def wide() -> pa.Table:
        chance = np.random.default_rng(1)
        return pa.table({name: chance.random(300_000) for name in "abcdefgh"})

    materialize(wide, workspace=lake, progress="none")

    assert lake.load("wide", columns=["b"]).shape == (300_000, 1)
    relation = lake.load("wide", load_as=duckdb.DuckDBPyRelation)
    assert relation.aggregate("count(*)").fetchall() == [(300_000,)]


def test_an_object_replaced_by_hand_is_noticed(lake, bucket, s3):
    """What another hand wrote is no data of the slot; what it removed is missing."""
    materialize(total, workspace=lake, progress="none")
    s3.pipe_file(f"{bucket}/lake/data/orders/partition=2026-01-03/part.parquet", b"rubbish")
    s3.rm_file(f"{bucket}/lake/data/large/partition=2026-01-05/part.parquet")

    assert set(lake.verify().partition) == {"2026-01-03", "2026-01-05"}
    due = plan(total, workspace=lake).to_pandas()
    assert {"2026-01-03", "2026-01-05"} <= set(due.partition)

    materialize(total, workspace=lake, progress="none")

    assert lake.verify().empty
    s3.rm_file(f"{bucket}/lake/data/total/part.parquet")
    with pytest.raises(DataMissing, match=r"lake/data/total/part\.parquet"):
        lake.load("total")


def test_the_catalog_is_made_again_from_the_bucket(lake):
    """The plan right after is empty, and what is known is the same."""
    materialize(EVERYTHING, workspace=lake, progress="none")
    before = lake.status().set_index("asset").bytes.to_dict()

    assert lake.rebuild_catalog() == 14
    assert len(plan(EVERYTHING, workspace=lake)) == 0
    assert lake.status().set_index("asset").bytes.to_dict() == before


def test_another_machine_takes_up_what_is_there(lake, tmp_path, monkeypatch):
    """A project without a catalog finds the data of the bucket, and builds nothing."""
    materialize(EVERYTHING, workspace=lake, progress="none")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert len(plan(EVERYTHING, workspace=Workspace(lake.root))) == 0


def test_renamed_accepted_and_deleted(lake, bucket, s3):
    """Objects follow their asset to another name, keep a new provenance, and go with it."""
    materialize(total, workspace=lake, progress="none")

    assert lake.rename("orders", "sales") == 5
    assert not s3.exists(f"{bucket}/lake/data/orders")
    assert len(lake.load("sales")) == 15
    assert lake.rebuild_catalog() == 11
    assert lake.delete("sales") == 5
    assert not s3.exists(f"{bucket}/lake/data/sales")


def test_kept_versions_are_for_the_bucket(lake, bucket, s3):
    """``keep=`` is refused where nothing is kept; with versioning there is a way back."""
    edition = ["one"]

    @asset(io_manager=ParquetIOManager(keep=2))
    def table() -> pd.DataFrame:
        return pd.DataFrame({"x": edition})

    @asset(io_manager="pickle")
    def thing():
        return edition[0]

    with pytest.raises(Exception, match="versioning") as refused:
        materialize(table, workspace=lake, progress="none")
    assert isinstance(refused.value.__cause__, InvalidArgument)

    s3.call_s3(
        "put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    for text in ("one", "two", "three"):
        edition[0] = text
        materialize([table, thing], workspace=lake, force=True, progress="none")
    lake.rollback(table)
    lake.rollback("thing")

    assert lake.load(table).x.tolist() == ["two"]
    assert lake.load("thing") == "two"


def test_two_lakes_of_one_project_are_two(bucket, tmp_path):
    """Each root has a catalog of its own, besides that of the project on disk."""
    places = [Workspace(f"s3://{bucket}/a"), Workspace(f"s3://{bucket}/b"), Workspace()]

    materialize(total, workspace=places[0], progress="none")

    assert [len(place.runs()) for place in places] == [1, 0, 0]
    assert all((tmp_path / ".assetkit") in place.core.place.private.parents for place in places[:2])


def test_what_is_not_known_to_be_safe_is_refused():
    """A store that may tear objects, or that nothing speaks to, is refused by name."""
    for root, words in (("http://x/lake", "http://"), ("gs://x/lake", "not installed")):
        with pytest.raises(StorageError, match=words):
            plan(total, workspace=Workspace(root))
    with pytest.raises(WorkspaceError, match="credentials") as refused:
        Workspace("s3://key:secret@bucket/lake")
    assert "secret" not in str(refused.value)


def test_what_the_store_says_is_told(s3, monkeypatch):
    """A bucket that is not there, and credentials that are not, are called so."""
    with pytest.raises(StorageError, match="bucket does not exist"):
        materialize(total, workspace=Workspace("s3://no-such-bucket/lake"), progress="none")

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(StorageError, match="no credentials were found"):
        plan(total, workspace=Workspace("s3://another/lake"))


def test_a_branch_of_a_lake(lake, bucket):
    """It reads what it has not made itself from the lake, and publishes there."""
    materialize(total, workspace=lake, progress="none")
    branch = Workspace(f"s3://{bucket}/branch", base=lake)

    @asset(name="total", code_version="2")
    def doubled(large: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"amount": [2 * large.amount.sum()]})

    result = materialize(doubled, workspace=branch, progress="none")

    assert result.materialized == [("total", None)]
    assert lake.load("total").amount[0] == TOTAL
    assert branch.promote() == 1
    assert lake.load("total").amount[0] == 2 * TOTAL


def test_checks_keep_bad_data_out_of_the_store(lake, bucket, s3):
    """Nothing goes up before what is to be checked was checked."""

    @asset_check(blocking=True)
    def never(table: pd.DataFrame) -> bool:
        return False

    @asset(checks=[never])
    def bad() -> pd.DataFrame:
        return pd.DataFrame({"x": [1]})

    result = materialize(bad, workspace=lake, raise_on_error=False, progress="none")

    assert result.failed == [("bad", None)]
    assert s3.find(f"{bucket}/lake") == []
