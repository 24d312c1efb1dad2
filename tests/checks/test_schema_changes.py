"""Columns that change from partition to partition: told at writing, made one at reading."""

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from assetkit import (
    AssetOut,
    BackfillPolicy,
    DailyPartitions,
    ProcessExecutor,
    Workspace,
    asset,
    materialize,
    multi_asset,
    plan,
)
from assetkit.errors import InvalidArgument, MaterializationError

DAYS = DailyPartitions("2026-01-01", end="2026-01-05")
FIRST, SECOND, THIRD, FOURTH = (f"2026-01-0{day}" for day in range(1, 5))


@pytest.fixture
def workspace():
    """Give a workspace of its own to each test."""
    with Workspace.temporary() as made:
        yield made


def readings(by_day, **arguments):
    """Return an asset that gives each day the columns in *by_day*."""

    @asset(partitions=DAYS, **arguments)
    def reading(context) -> pa.Table:
        return pa.table(by_day[context.partition_key])

    return reading


DRIFTING = {
    FIRST: {"n": pa.array([1], pa.int32()), "note": pa.nulls(1)},
    SECOND: {"n": pa.array([2], pa.int64()), "note": ["x"]},
    THIRD: {"n": [2.5], "note": ["y"], "more": [True]},
    FOURTH: {"note": ["z"]},
}
UNIFIED = {
    "n": [1.0, 2.0, 2.5, None],
    "note": [None, "x", "y", "z"],
    "more": [None, None, True, None],
}


def columns_of(value):
    """Return any kind of table as lists, missing values as None."""
    if isinstance(value, pd.DataFrame):
        value = pa.Table.from_pandas(value, preserve_index=False)
    if isinstance(value, pl.LazyFrame):
        value = value.collect()
    if isinstance(value, pl.DataFrame):
        value = value.to_arrow()
    if isinstance(value, pa.RecordBatchReader):
        value = value.read_all()
    if isinstance(value, ds.Dataset):
        value = value.to_table()
    if isinstance(value, duckdb.DuckDBPyRelation):
        value = value.to_arrow_table()
    return {name: value[name].to_pylist() for name in UNIFIED}


@pytest.mark.parametrize(
    "load_as",
    [
        pd.DataFrame,
        pa.Table,
        pa.RecordBatchReader,
        ds.Dataset,
        duckdb.DuckDBPyRelation,
        pl.DataFrame,
        pl.LazyFrame,
    ],
)
def test_all_readers_make_one_table_of_what_drifted(workspace, load_as):
    """Columns of nulls get their type, numbers the widest, added columns are filled."""
    materialize(readings(DRIFTING), workspace=workspace, progress="none")

    assert columns_of(workspace.load("reading", load_as=load_as)) == UNIFIED


def test_sql_sees_one_table_of_what_drifted(workspace):
    """So does a query over the asset's view."""
    materialize(readings(DRIFTING), workspace=workspace, progress="none")

    found = workspace.sql("select n, note, more from reading order by note nulls first")

    assert columns_of(found) == UNIFIED


def test_columns_must_stay_where_the_asset_says_so(workspace):
    """The first partition that differs is refused with each column; nothing of it is kept."""
    strict = readings({**DRIFTING, SECOND: DRIFTING[FIRST]}, on_schema_change="fail")

    with pytest.raises(MaterializationError) as failed:
        materialize(strict, workspace=workspace, progress="none")

    told = str(failed.value.result.errors[0])
    assert f"reading@{THIRD} ({strict.source}) has other columns" in told
    assert "  n: is double, was int32\n  more: is new, of type bool\n" in told
    assert "n: is gone" in str(failed.value.result.errors[1])
    assert failed.value.result.failed == [("reading", THIRD), ("reading", FOURTH)]
    assert len(workspace.load(strict)) == 2


def test_what_an_earlier_run_made_counts(workspace):
    """The columns are those of the newest slot of the same code, whichever run made it."""
    by_day = {FIRST: {"n": [1]}, SECOND: {"n": ["a"]}}
    strict = readings(by_day, on_schema_change="fail")
    materialize(strict, workspace=workspace, partitions=FIRST, progress="none")

    result = materialize(
        strict,
        workspace=workspace,
        partitions=SECOND,
        executor=ProcessExecutor(1),
        raise_on_error=False,
        progress="none",
    )

    assert result.failed == [("reading", SECOND)]
    assert "n: is string, was int64" in str(result.errors[0])
    allowed = readings(by_day, on_schema_change="evolve")
    assert not plan(allowed, partitions=FIRST, workspace=workspace).steps
    materialize(allowed, workspace=workspace, partitions=SECOND, progress="none")


def test_other_code_may_make_other_columns(workspace):
    """A change of the code is a change of the columns that is meant."""
    first = readings({FIRST: {"n": [1]}}, on_schema_change="fail", code_version="1")
    second = readings({FIRST: {"n": ["a"]}}, on_schema_change="fail", code_version="2")
    materialize(first, workspace=workspace, partitions=FIRST, progress="none")

    result = materialize(second, workspace=workspace, partitions=FIRST, progress="none")

    assert result.materialized == [("reading", FIRST)]


def test_a_column_of_nulls_fits_any_type(workspace):
    """The first type that such a column gets is the one to keep."""
    rows = {FIRST: None, SECOND: 1.5, THIRD: "a"}

    @asset(partitions=DAYS, on_schema_change="fail")
    def value(context):
        key = context.partition_key
        return pa.table({"v": pa.array([rows[key]]) if key in rows else pa.array([2.5])})

    result = materialize(value, workspace=workspace, raise_on_error=False, progress="none")

    assert result.failed == [("value", THIRD)]


def test_one_output_of_several_may_be_held(workspace):
    """What is said of an output is looked at for that output."""
    state = {"kind": 1}

    @multi_asset(
        outs={"held": AssetOut(on_schema_change="fail"), "free": AssetOut()},
        backfill=BackfillPolicy.single_run(),
        code_version="1",
    )
    def both():
        return {name: pd.DataFrame({"n": [state["kind"]]}) for name in ("held", "free")}

    materialize(both, workspace=workspace, progress="none")
    state["kind"] = "text"
    result = materialize(
        both, workspace=workspace, force=True, raise_on_error=False, progress="none"
    )

    assert (result.failed, result.materialized) == ([("held", None)], [("free", None)])


def test_a_declared_schema_that_changes_is_a_cause(workspace):
    """The plan says that the schema is why."""
    before = readings({FIRST: {"n": [1]}}, schema=pa.schema({"n": pa.int64()}))
    after = readings({FIRST: {"n": [1]}}, schema=pa.schema({"n": pa.float64()}))
    materialize(before, workspace=workspace, partitions=FIRST, progress="none")

    made = plan(after, workspace=workspace, partitions=FIRST)

    assert [step.causes for step in made.steps] == [("schema",)]
    assert "its schema changed" in made.explain("reading", FIRST)


def test_a_wrong_word_is_refused():
    """What may be said is listed."""
    with pytest.raises(InvalidArgument, match="'evolve' or 'fail'"):
        readings({}, on_schema_change="ignore")
