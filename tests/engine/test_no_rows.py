"""A function that has no rows to give has a result all the same."""

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pytest
from pydantic import BaseModel

from assetkit import DailyPartitions, Workspace, asset, checks, materialize, plan
from assetkit.errors import MaterializationError

DAYS = DailyPartitions("2026-01-01", end="2026-01-04")
NUMBERS = [1]


@asset(partitions=DAYS)
def orders(context) -> Iterator[pd.DataFrame]:
    """Yield nothing on the second day."""
    if context.partition_key != "2026-01-02":
        yield pd.DataFrame({"amount": [1, 2]})


@asset
def total(orders: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"total": [orders.amount.sum()]})


class Row(BaseModel):
    amount: int


@pytest.fixture
def workspace():
    """Return a workspace on disk."""
    with Workspace.temporary() as made:
        yield made


def test_a_generator_that_yields_nothing_is_an_empty_result(workspace):
    """The partition is recorded as empty, those beside it are read as ever, and all is fresh."""
    made = materialize(total, workspace=workspace, progress="none")

    assert made.load("total").total.tolist() == [6]
    assert made.load("orders", "2026-01-02").empty
    assert len(workspace.load("orders")) == 4
    assert workspace.sql("select sum(amount) as n from orders").n.tolist() == [6]
    assert workspace.history("orders", "2026-01-02").rows.tolist() == [0]
    assert len(plan(total, workspace=workspace)) == 0


@pytest.mark.parametrize("value", [iter(()), pd.DataFrame(), pa.table({})], ids=type)
def test_no_rows_have_the_columns_of_the_schema(workspace, value):
    """Where columns are declared, an empty result has them."""

    @asset(schema=pa.schema({"amount": pa.int64()}))
    def amounts():
        return value

    made = materialize(amounts, workspace=workspace, progress="none")

    assert made.load("amounts", load_as=pa.Table).schema.names == ["amount"]


def test_no_rows_fit_a_model_of_rows(workspace):
    """There is no row that could not fit."""

    @asset(schema=Row)
    def amounts():
        yield from ()

    assert materialize(amounts, workspace=workspace, progress="none").success


def test_checks_find_nothing_amiss_in_no_rows(workspace):
    """No row offends; only a least number of rows can be missed."""
    columns = [checks.not_null("amount"), checks.unique("amount"), checks.in_range("amount", 0, 9)]

    @asset(checks=[*columns, checks.row_count(0, 5)])
    def none():
        yield from ()

    @asset(checks=[checks.row_count(min=1, blocking=True)])
    def some():
        return pd.DataFrame()

    assert materialize(none, workspace=workspace, progress="none").success
    with pytest.raises(MaterializationError, match="0 rows, fewer than 1"):
        materialize(some, workspace=workspace, progress="none")


@pytest.mark.parametrize("io_manager", ["parquet", "memory"])
def test_checks_of_a_stream_look_at_what_was_written(io_manager):
    """A generator is checked after it was stored aside, wherever that is; none of it is lost."""

    @asset(
        io_manager=io_manager,
        checks=[
            checks.in_range("n", 0, 5, blocking=True),
            checks.sql("select * from this where n > 100"),
            lambda frame: len(frame) in (0, 3),
        ],
    )
    def stream():
        for number in NUMBERS:
            yield pd.DataFrame({"n": [number]})

    with Workspace.temporary() as workspace:
        for numbers, passed in (([1, 2, 3], True), ([1, 2, 99], False), ([], True)):
            NUMBERS[:] = numbers
            result = materialize(
                stream, workspace=workspace, force=True, raise_on_error=False, progress="none"
            )
            assert result.success is passed
            assert all(one.passed for one in result.checks) is passed
            kept = workspace.load("stream")
            assert len(kept) == len(numbers if passed else [1, 2, 3])
