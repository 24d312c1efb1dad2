"""Functions that get many partitions: what they return is published per partition, or refused."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from assetkit import (
    BackfillPolicy,
    DailyPartitions,
    MultiPartitions,
    Output,
    StaticPartitions,
    Workspace,
    asset,
    materialize,
)
from assetkit.catalog.memory import MemoryCatalog

KEYS = ["2026-01-01", "2026-01-02", "2026-01-03"]
DAYS = DailyPartitions("2026-01-01", end="2026-01-04", dimension="date")
FRAME = pd.DataFrame({"date": KEYS, "n": [1, 2, 3]})
NOTHING = FRAME[["n"]].head(0)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path, catalog=MemoryCatalog())


def made(workspace, value, *, days=KEYS, partitions=DAYS, **how):
    """Materialize an asset that returns a value for some days in one call."""

    @asset(partitions=partitions, backfill=BackfillPolicy.single_run(), code_version="1")
    def counts(context):
        return value() if callable(value) else value

    chosen = days if partitions is DAYS else None
    how |= {"workspace": workspace, "raise_on_error": False}
    return materialize(counts, partitions=chosen, **how)


def by_key(**more):
    """Return a dict with a table for each day; *more*: d4 or so for other keys."""
    tables = {key: FRAME[["n"]][FRAME.date == key] for key in KEYS}
    return tables | {f"2026-01-0{name[1:]}": value for name, value in more.items()}


GOOD = {
    "text": FRAME,
    "dates": FRAME.assign(date=pd.to_datetime(FRAME.date).dt.date),
    "times": FRAME.assign(date=pd.to_datetime(FRAME.date) + pd.Timedelta("5h")),
    "arrow": pa.Table.from_pandas(FRAME, preserve_index=False),
    "polars": pl.DataFrame(FRAME.to_dict("list")),
    "batches": lambda: iter(pa.Table.from_pandas(FRAME, preserve_index=False).to_batches(2)),
    "stream": lambda: (FRAME[place : place + 1] for place in (1, 0, 2)),
    "mapping": by_key(),
    "output": lambda: Output(by_key(), metadata={"source": "till"}),
}


@pytest.mark.parametrize("value", GOOD.values(), ids=GOOD)
def test_each_partition_gets_its_rows(workspace, value):
    """One table with the dimension's column, in whatever form, or a dict by key."""
    result = made(workspace, value)

    assert [key for _, key in result.materialized] == KEYS
    assert workspace.load("counts", KEYS[1]).n.tolist() == [2]
    assert workspace.history("counts").rows.tolist() == [1, 1, 1]


BAD = {
    "a foreign row": (lambda: pd.concat([FRAME, FRAME.assign(date="2026-02-01")]), "'2026-02-01'"),
    "a null row": (FRAME.assign(date=[*KEYS[:2], None]), "whose 'date' is null"),
    "no rows of one": (FRAME.head(2), "returned nothing for 2026-01-03"),
    "a foreign key": (by_key(d9=NOTHING), "'2026-01-09', which it was not asked for"),
    "a key too few": ({KEYS[0]: NOTHING}, "returned nothing for 2026-01-02, 2026-01-03"),
    "no column": (FRAME[["n"]], "without the column 'date'"),
    "no table": (5, "returned int"),
}


@pytest.mark.parametrize(("value", "said"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_named_and_nothing_is_published(workspace, value, said):
    """The error says which partition; all of the call fail, and what was there stays."""
    made(workspace, FRAME.assign(n=0))
    before = workspace.load("counts")

    result = made(workspace, value, force=True)

    assert [key for _, key in result.failed] == KEYS
    assert said in str(result.error())
    assert workspace.load("counts").equals(before)


@pytest.mark.parametrize("empty", [NOTHING, NOTHING.assign(date="")], ids=["plain", "with column"])
def test_a_key_without_rows_is_declared(workspace, empty):
    """An empty table for a key is a result; it is recorded as empty, and read as no rows."""
    result = made(workspace, by_key(d2=empty))

    assert len(result.materialized) == 3
    assert workspace.history("counts", KEYS[1]).rows.tolist() == [0]
    assert workspace.load("counts").n.tolist() == [1, 3]


ONE = FRAME.head(1)
ALONE = {
    "a table": (ONE, 1),
    "without the column": (ONE[["n"]], 1),
    "by key": ({KEYS[0]: ONE[["n"]]}, 1),
    "no rows": (FRAME.head(0), 0),
    "a stream": (lambda: iter([ONE, ONE]), 2),
    "a reader": (lambda: pa.Table.from_pandas(ONE).to_reader(), 1),
    "lazy": (lambda: pl.LazyFrame(ONE.to_dict("list")), 1),
}


@pytest.mark.parametrize(("value", "rows"), ALONE.values(), ids=ALONE)
def test_the_last_one_left_is_taken_like_many(workspace, value, rows):
    """Where one partition is all that is left, the same function works as it is."""
    result = made(workspace, value, days=KEYS[:1])

    assert result.materialized == [("counts", KEYS[0])]
    assert workspace.history("counts").rows.tolist() == [rows]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(FRAME, id="table"),
        pytest.param(lambda: iter([ONE, FRAME]), id="stream"),
        pytest.param(lambda: pa.Table.from_pandas(FRAME).to_reader(), id="reader"),
        pytest.param(lambda: pl.LazyFrame(FRAME.to_dict("list")), id="lazy"),
        pytest.param(by_key(), id="mapping"),
    ],
)
def test_rows_of_others_do_not_slip_into_the_last_one_left(workspace, value):
    """They are refused as they are where the call is for many."""
    result = made(workspace, value, days=KEYS[:1])

    assert result.failed == [("counts", KEYS[0])]
    assert "returned the partition '2026-01-02'" in str(result.error())
    assert workspace.status().slots.sum() == 0


def test_several_dimensions_are_split_by_all(workspace):
    """By as many columns, or by tuples; what lacks is named by all of its parts."""
    both = MultiPartitions(date=DAYS, region=StaticPartitions(["eu", "us"]))
    rows = [{"date": key, "region": region, "n": 1} for key in KEYS for region in ("eu", "us")]

    assert len(made(workspace, pd.DataFrame(rows), partitions=both).materialized) == 6
    workspace.delete("counts")
    by_tuple = {(row["date"], row["region"]): NOTHING for row in rows}
    assert len(made(workspace, by_tuple, partitions=both).materialized) == 6
    workspace.delete("counts")
    result = made(workspace, pd.DataFrame(rows[:-1]), partitions=both)
    assert "returned nothing for 2026-01-03|us" in str(result.error())
