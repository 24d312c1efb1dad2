"""Checks and schemas in runs: bad data does not get out, and what was found is written down."""

import json
from collections.abc import Iterator

import cloudpickle
import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import BaseModel, Field

from assetkit import (
    CheckResult,
    StaticPartitions,
    Workspace,
    asset,
    asset_check,
    checks,
    materialize,
)
from assetkit.errors import CheckFailed, MaterializationError, OutputError, UnknownAsset
from assetkit.io.duckdb_tables import DuckDBIOManager

DATA = {"rows": [1, 2]}


@pytest.fixture
def workspace():
    """Return an empty workspace."""
    with Workspace.temporary() as workspace:
        yield workspace


def numbers(**arguments):
    """Return an asset whose data is DATA["rows"]."""

    @asset(name="numbers", **arguments)
    def made() -> pd.DataFrame:
        return pd.DataFrame({"n": DATA["rows"]})

    return made


def run(target, workspace, rows, **arguments):
    """Make *target* with these rows; return the run's result."""
    DATA["rows"] = rows
    arguments = {"force": True, "raise_on_error": False, **arguments}
    return materialize(target, workspace=workspace, **arguments)


def found(workspace, name="numbers"):
    """Return what the checks of the newest materialization found."""
    rows = workspace.checks(name).to_dict("records")
    return [{**row, "metadata": json.loads(row["metadata"])} for row in rows]


@pytest.mark.parametrize("io_manager", ["parquet", "memory", DuckDBIOManager()])
def test_a_blocking_check_keeps_bad_data_back(workspace, io_manager):
    """What was published stays, the message has slot, place, check and rows."""
    target = numbers(io_manager=io_manager, checks=[checks.in_range("n", 0, 9, blocking=True)])
    run(target, workspace, [1, 2])

    result = run(target, workspace, [3, 99])

    assert result.failed == [("numbers", None)]
    assert workspace.load(target)["n"].tolist() == [1, 2]
    with pytest.raises(MaterializationError) as caught:
        run(target, workspace, [3, 99], raise_on_error=True)
    error = caught.value.__cause__
    assert isinstance(error, CheckFailed)
    assert "numbers (" in str(error)
    assert "so it was not published; what was published before stays" in str(error)
    assert "in_range(n, lo=0, hi=9): 1 of 2 rows have" not in str(error)
    assert "1 of 2 rows has a value of n outside of lo=0, hi=9" in str(error)
    assert "{'n': 99}" in str(error)
    assert [one.passed for one in error.outcomes] == [False]


def test_other_checks_are_written_down(workspace):
    """The data gets out, with what was found about it."""
    target = numbers(
        checks=[
            checks.row_count(1),
            checks.in_range("n", 0, 9, severity="warn"),
            lambda df: df["n"].sum() == 102,
        ]
    )

    result = run(target, workspace, [3, 99])

    assert result.materialized == [("numbers", None)]
    outcomes = found(workspace)
    assert [one["passed"] for one in outcomes] == [True, False, True]
    assert [one["severity"] for one in outcomes] == ["error", "warn", "error"]
    assert outcomes[1]["metadata"]["sample"] == [{"n": 99}]


def test_a_check_gets_what_it_asks_for(workspace):
    """Any type that an input could have, and the context."""
    seen = {}

    @asset_check(blocking=True)
    def as_pandas(df):
        seen["pandas"] = df["n"].tolist()
        return True

    @asset_check
    def as_arrow(table: pa.Table, context):
        seen["arrow"] = table["n"].to_pylist()
        seen["key"] = context.partition_key, dict(context.partition)
        before = context.previous(pa.Table)
        seen["before"] = None if before is None else before["n"].to_pylist()
        context.add_metadata({"noted": 1})
        return CheckResult(True, metadata={"rows": table.num_rows}, description="fine")

    async def as_relation(data: duckdb.DuckDBPyRelation):
        seen["relation"] = data.fetchall()
        return True

    target = numbers(partitions=StaticPartitions(["a"]), checks=[as_pandas, as_arrow, as_relation])
    run(target, workspace, [1])
    run(target, workspace, [2])

    assert seen["pandas"] == seen["arrow"] == [2]
    assert seen["relation"] == [(2,)]
    assert seen["key"] == ("a", {"partition": "a"})
    assert seen["before"] == [1]
    assert found(workspace)[1]["metadata"] == {"noted": 1, "rows": 1}
    assert found(workspace)[1]["description"] == "fine"


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (lambda df: 1 / 0, "It raised ZeroDivisionError: division by zero"),
        (lambda df: None, "It raised OutputError: The check lambda_"),
        (lambda df: df["n"] > 0, "Reduce it, e.g. with .all()"),
        (lambda df: pd.NA, "It raised OutputError"),
    ],
)
def test_a_check_that_says_neither_has_failed(check, said, workspace):
    """It hurts nothing but itself."""
    result = run(numbers(checks=[check, checks.row_count(1)]), workspace, [1])

    assert result.success
    outcomes = found(workspace)
    assert [one["passed"] for one in outcomes] == [False, True]
    assert said in outcomes[0]["description"]


def test_streams_and_empty_results_are_checked(workspace):
    """A generator is looked at once it is written; no rows are rows to count."""

    @asset(checks=[checks.row_count(3, blocking=True), lambda df: df["n"].tolist() == [0, 1, 2]])
    def stream() -> Iterator[pa.Table]:
        for number in range(3):
            yield pa.table({"n": [number]})

    @asset(checks=[checks.row_count(0, 0), checks.unique("n")])
    def empty():
        return pd.DataFrame({"n": pd.Series(dtype="int64")})

    materialize([stream, empty], workspace=workspace)

    assert [one["passed"] for one in found(workspace, "stream")] == [True, True]
    assert [one["passed"] for one in found(workspace, "empty")] == [True, True]


def test_values_that_are_no_tables_are_checked_by_functions(workspace):
    """A ready check of one says that it needs a table."""

    @asset(io_manager="pickle", checks=[lambda model: model["fitted"], checks.row_count(1)])
    def model():
        return {"fitted": True}

    materialize(model, workspace=workspace)

    outcomes = found(workspace, "model")
    assert [one["passed"] for one in outcomes] == [True, False]
    assert outcomes[1]["description"].startswith("It needs a table")


class ThreeMethods:
    """A user's own IO manager, without staging."""

    def __init__(self):
        self.kept = {}

    def write(self, value, target):
        self.kept[target.asset] = value

    def read(self, sources, load_as, columns):
        return self.kept[sources[0].asset]

    def delete(self, target):
        self.kept.pop(target.asset, None)


def test_an_io_manager_without_staging_is_asked_later(workspace):
    """The value is looked at before it is stored; an iterator cannot be, and says so."""
    manager = ThreeMethods()
    target = numbers(io_manager=manager, checks=[checks.in_range("n", 0, 9, blocking=True)])
    run(target, workspace, [1])

    assert run(target, workspace, [99]).failed
    assert manager.kept["numbers"]["n"].tolist() == [1]

    @asset(io_manager=manager, checks=[checks.row_count(1)])
    def stream():
        yield pa.table({"n": [1]})

    with pytest.raises(MaterializationError, match="stream came as an iterator"):
        materialize(stream, workspace=workspace)


def test_foreign_keys_look_at_all_partitions(workspace):
    """As they are published when the check runs."""

    @asset(partitions=StaticPartitions(["a", "b"]))
    def carriers(context):
        return pd.DataFrame({"code": [context.partition_key]})

    @asset(deps=[carriers], checks=[checks.foreign_key("n", carriers, "code", blocking=True)])
    def flights():
        return pd.DataFrame({"n": DATA["rows"]})

    assert run(flights, workspace, ["a", "b", "a", None]).success
    assert run(flights, workspace, ["a", "c"]).failed == [("flights", None)]


def test_foreign_keys_need_an_asset_of_the_graph(workspace):
    """Told before anything runs, with what to do."""
    target = numbers(checks=[checks.foreign_key("n", "nowhere")])

    with pytest.raises(UnknownAsset, match=r"which is not part of this graph.*deps=\['nowhere'\]"):
        materialize(target, workspace=workspace)


def test_a_schema_that_changes_is_noticed(workspace):
    """Against what is published: the same partition, or another one where it is new."""
    target = numbers(
        partitions=StaticPartitions(["a", "b"]), checks=[checks.no_schema_change(blocking=True)]
    )
    run(target, workspace, [1], partitions="a")

    assert run(target, workspace, [2], partitions="b").success
    result = run(target, workspace, ["x"])

    assert result.failed == [("numbers", "a"), ("numbers", "b")]
    assert "Column 'n' was int64 and is string" in str(result)


SCHEMA = pa.schema([pa.field("n", pa.int64(), nullable=False)])


class Row(BaseModel):
    n: int = Field(ge=0)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (SCHEMA, "n: is string, should be int64 (row 0: 'x')"),
        (Row, "n: is string, should be integers"),
    ],
)
def test_data_that_does_not_fit_its_schema_stays_inside(schema, said, workspace):
    """With slot, place and column; what was published stays."""
    target = numbers(schema=schema)
    run(target, workspace, [1])

    with pytest.raises(MaterializationError) as caught:
        run(target, workspace, ["x"], raise_on_error=True)

    error = caught.value.__cause__
    assert isinstance(error, OutputError)
    assert said in str(error)
    assert "test_check_runs.py" in str(caught.value)
    assert workspace.load("numbers")["n"].tolist() == [1]


def test_an_arrow_schema_casts_what_fits(workspace):
    """The IO manager does it while writing: what is stored has the schema."""

    @asset(schema=SCHEMA)
    def small():
        return pa.table({"n": pa.array([1], pa.int8())})

    materialize(small, workspace=workspace)

    assert workspace.load("small", load_as=pa.Table).schema.field("n").type == pa.int64()


def test_values_are_held_to_a_model(workspace):
    """The first offending rows are named; the data itself is left as it is."""
    target = numbers(schema=Row)

    result = run(target, workspace, [1, -2, 3, -4])

    assert "n: input should be greater than or equal to 0 (row 1: -2, row 3: -4)" in str(result)


def test_frames_are_held_to_pandera(workspace):
    """All that is wrong at once."""
    pandera = pytest.importorskip("pandera.pandas")
    schema = pandera.DataFrameSchema(
        {"n": pandera.Column(int, pandera.Check.gt(0)), "more": pandera.Column(str)}
    )
    target = numbers(schema=schema)

    text = str(run(target, workspace, [1, -2]))

    assert "n: fails greater_than(0) (row 1: -2)" in text
    assert "more: is missing" in text


def test_checks_travel_to_other_processes():
    """By reference where they can be imported, else by value."""
    check = asset_check(asset="numbers")(lambda df: len(df) > 1)

    copy = cloudpickle.loads(cloudpickle.dumps(check))

    assert (copy.name, copy.asset, copy([1, 2]), copy([1])) == (check.name, "numbers", True, False)
