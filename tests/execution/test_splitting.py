"""What a function returns for several partitions is split by key, and nothing is lost."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from assetkit.definitions.universe import TimeWindow
from assetkit.errors import OutputError
from assetkit.execution.splitting import split
from assetkit.execution.task import SlotWork

ZONE = ZoneInfo("America/New_York")


def slot(step, *parts, window=None):
    """Make a slot of a call."""
    return SlotWork(
        step=step,
        ordinal=step,
        partition="|".join(text for _, text in parts),
        partition_key=parts[0][1] if len(parts) == 1 else tuple(text for _, text in parts),
        parts=parts,
        folder="",
        window=window,
        uses=(),
        members=(),
    )


def days():
    """Three days in New York."""
    starts = [dt.datetime(2026, 1, day, tzinfo=ZONE) for day in (30, 31)]
    starts.append(dt.datetime(2026, 2, 1, tzinfo=ZONE))
    return [
        slot(n, ("date", f"{s:%Y-%m-%d}"), window=TimeWindow(s, s + dt.timedelta(days=1)))
        for n, s in enumerate(starts)
    ]


def letters():
    """Three plain keys."""
    return [slot(n, ("letter", key)) for n, key in enumerate("abc")]


def numbers(found):
    """Return the column n of each part."""
    return {step: list(pd.DataFrame(_rows(part)).n) for step, part in found.items()}


def _rows(part):
    if isinstance(part, pa.Table):
        return part.to_pylist()
    return part.to_dicts() if isinstance(part, pl.DataFrame) else part.to_dict("records")


TABLE = {"letter": ["b", "a", "c", "a"], "n": [1, 2, 3, 4]}


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(pd.DataFrame(TABLE), id="pandas"),
        pytest.param(pd.DataFrame(TABLE).astype({"letter": "category"}), id="categories"),
        pytest.param(pa.table(TABLE), id="arrow"),
        pytest.param(pa.table(TABLE).to_reader(), id="reader"),
        pytest.param(pl.DataFrame(TABLE), id="polars"),
        pytest.param(pl.LazyFrame(TABLE), id="lazy"),
    ],
)
def test_tables_are_split_by_their_column(table):
    """Rows keep their order within their partition."""
    found = split(table, letters(), asset="orders", dimensions=("letter",))

    assert {0: [2, 4], 1: [1], 2: [3]} == numbers(found)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(["2026-01-31", "2026-01-30", "2026-02-01"], id="texts"),
        pytest.param([dt.date(2026, 1, 31), dt.date(2026, 1, 30), dt.date(2026, 2, 1)], id="dates"),
        pytest.param(
            pd.to_datetime(["2026-01-31 23:59", "2026-01-30 00:00", "2026-02-01 12:00"]), id="naive"
        ),
        pytest.param(
            pd.to_datetime(["2026-02-01 04:59", "2026-01-30 05:00", "2026-02-01 05:00"], utc=True),
            id="utc",
        ),
    ],
)
def test_times_belong_to_the_window_they_lie_in(values):
    """A column of dates or times is matched with windows, in the definition's zone."""
    frame = pd.DataFrame({"date": values, "n": [31, 30, 1]})
    found = split(frame, days(), asset="orders", dimensions=("date",))

    assert {0: [30], 1: [31], 2: [1]} == numbers(found)


def test_several_dimensions_are_several_columns():
    """Each dimension has its own column; tuples are keys of a dict."""
    slots = [slot(0, ("date", "d1"), ("region", "us")), slot(1, ("date", "d1"), ("region", "eu"))]
    frame = pd.DataFrame({"date": ["d1", "d1"], "region": ["eu", "us"], "n": [1, 2]})
    by_key = {("d1", "us"): frame[:0], ("d1", "eu"): frame}

    assert {0: [2], 1: [1]} == numbers(
        split(frame, slots, asset="orders", dimensions=("date", "region"))
    )
    assert {0, 1} == set(split(by_key, slots, asset="orders", dimensions=("date", "region")))


def test_streams_are_split_as_they_come():
    """Tables of a generator may each hold several partitions."""
    stream = (pd.DataFrame({"letter": keys, "n": [n, n]}) for n, keys in enumerate(("ab", "ac")))
    stream = (
        frame.assign(letter=list(keys)) for frame, keys in zip(stream, ("ab", "ac"), strict=True)
    )
    found = split(stream, letters(), asset="orders", dimensions=("letter",))

    assert [[0], [1]] == [list(part.n) for part in found[0]]
    assert [0] == list(found[1].n)


def test_a_dict_may_name_empty_partitions():
    """No rows is a result where it is said."""
    empty = pd.DataFrame({"n": []})
    found = split({"a": empty, "b": None, "c": empty}, letters(), asset="o", dimensions=("letter",))

    assert found[1] is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(
            pd.DataFrame({"letter": ["a", "x"]}), "returned the partition 'x'", id="unknown-row"
        ),
        pytest.param({"a": 1, "x": 1}, "returned the partition 'x'", id="unknown-key"),
        pytest.param(pd.DataFrame({"letter": ["a", None]}), "whose 'letter' is null", id="null"),
        pytest.param(
            pd.DataFrame({"letter": ["a", "b"]}), "returned nothing for c", id="missing-rows"
        ),
        pytest.param({"a": 1}, "returned nothing for b, c", id="missing-keys"),
        pytest.param(pd.DataFrame({"n": [1]}), "without the column 'letter'", id="missing-column"),
        pytest.param(5, "returned int", id="no-table"),
        pytest.param("text", "returned str", id="text"),
    ],
)
def test_what_does_not_fit_is_named(value, message):
    """A partition not asked for, none at all, or one too few: an error that says which."""
    with pytest.raises(OutputError, match=message) as got:
        split(value, letters(), asset="orders", dimensions=("letter",))
    assert "'orders'" in str(got.value)
