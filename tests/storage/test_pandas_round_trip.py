"""Frames come back from Parquet as they went in, or are refused with their column named."""

import datetime as dt
import decimal
import uuid
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assetkit.errors import OutputError
from assetkit.io import ParquetIOManager
from tests.storage.places import make_place, source, store, target

UTC = dt.UTC
NEW_YORK = ZoneInfo("America/New_York")
NAIVE = dt.datetime(2026, 1, 1, 5)  # noqa: DTZ001, what is tested


def objects(*values):
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        column[row] = value
    return pd.Series(column, dtype=object)


def frame(values, **arguments):
    return pd.DataFrame({"x": values}, **arguments)


def days(**arguments):
    return pd.date_range("2026-01-30", periods=4, **arguments)


KEPT = {
    "ints": frame([1, 2]),
    "small-ints": frame(np.array([1, 2], dtype="int8")),
    "unsigned": frame(np.array([1, 2**64 - 1], dtype="uint64")),
    "floats": frame([1.5, np.nan, -0.0, np.inf]),
    "float32": frame(np.array([1.5, np.nan], dtype="float32")),
    "float16": frame(np.array([1.5, 2], dtype="float16")),
    "bools": frame([True, False]),
    "str": frame(["a", None, ""]),
    "string-arrow": frame(pd.array(["a", None], dtype="string[pyarrow]")),
    "nullable-int": frame(pd.array([1, None], dtype="Int64")),
    "nullable-float": frame(pd.array([1.5, None], dtype="Float64")),
    "nullable-bool": frame(pd.array([True, None], dtype="boolean")),
    "arrow-int": frame(pd.array([1, None], dtype=pd.ArrowDtype(pa.int32()))),
    "arrow-timestamp": frame(pd.array([None], dtype=pd.ArrowDtype(pa.timestamp("us", "UTC")))),
    "datetime-s": frame(days().astype("datetime64[s]")),
    "datetime-ms": frame(days().astype("datetime64[ms]")),
    "datetime-us": frame(days().astype("datetime64[us]")),
    "datetime-ns": frame(days().astype("datetime64[ns]")),
    "datetime-nat": frame(pd.to_datetime(["2026-01-01", None])),
    "year-1": frame(np.array(["0001-01-01", "9999-12-31"], dtype="datetime64[us]")),
    "zone": frame(days(tz="America/New_York")),
    "zone-s": frame(days(tz="UTC").astype("datetime64[s, UTC]")),
    "fixed-offset": frame(days(tz="+05:30")),
    "timedelta": frame(pd.to_timedelta([1, None], unit="s")),
    "timedelta-s": frame(pd.Series([1, 2], dtype="timedelta64[s]")),
    "period": frame(pd.period_range("2026-01", periods=2, freq="M")),
    "interval": frame(pd.interval_range(0, 2)),
    "category": frame(pd.Categorical(["a", None, "b"])),
    "category-ordered": frame(pd.Categorical(["a", "b"], ["z", "b", "a"], ordered=True)),
    "category-all-null": frame(pd.Categorical([None, None], ["z", "a"], ordered=True)),
    "category-index-no-rows": frame(
        [], index=pd.CategoricalIndex([], ["z", "a"], ordered=True), dtype="int64"
    ),
    "category-no-rows": frame(pd.Categorical([], ["z", "a"], ordered=True)),
    "objects-str": frame(objects("a", "b", None)),
    "objects-str-nan": frame(objects("a", np.nan)),
    "objects-str-na": frame(objects("a", pd.NA)),
    "objects-bytes": frame(objects(b"a", None)),
    "objects-bool": frame(objects(True, None)),
    "objects-int": frame(objects(1, 2)),
    "objects-int-none": frame(objects(1, None)),
    "objects-int-nan": frame(objects(2**62 + 1, np.nan)),
    "objects-float": frame(objects(1.5, np.nan)),
    "objects-float-none": frame(objects(1.5, None)),
    "objects-none": frame(objects(None, None)),
    "objects-nan": frame(objects(np.nan, np.nan)),
    "objects-nat": frame(objects(pd.NaT, dt.date(2026, 1, 1))),
    "objects-date": frame(objects(dt.date(2026, 1, 1), None)),
    "objects-datetime": frame(objects(NAIVE, None)),
    "objects-datetime-utc": frame(objects(dt.datetime(2026, 1, 1, 5, tzinfo=UTC))),
    "objects-time": frame(objects(dt.time(1, 2, 3, 4), None)),
    "objects-timedelta": frame(objects(dt.timedelta(days=1), None)),
    "objects-decimal": frame(objects(decimal.Decimal("1.25"), decimal.Decimal(-3), None)),
    "objects-uuid": frame(objects(uuid.UUID(int=7), None)),
    "lists": frame(objects([1, 2], [], None)),
    "lists-of-str": frame(objects(["a", None], ["b"])),
    "lists-of-lists": frame(objects([[1], []], [[2, 3]])),
    "tuples": frame(objects((1, 2), (3,))),
    "arrays": frame(objects(np.array([1.5, np.nan]), np.array([2.0]))),
    "dicts": frame(objects({"a": 1, "b": [1]}, {"a": 2, "b": []})),
    "no-rows": pd.DataFrame({"x": pd.Series(dtype="int64"), "y": pd.Series(dtype="str")}),
    "no-rows-objects": pd.DataFrame({"x": pd.Series(dtype=object)}),
    "no-columns-no-rows": pd.DataFrame(),
    "named-index": frame([1, 2], index=pd.Index(["a", "b"], name="k")),
    "unnamed-str-index": frame([1, 2], index=["a", "b"]),
    "int-index-with-gaps": frame([1, 2], index=[3, 7]),
    "range-index-late": frame([1, 2], index=pd.RangeIndex(5, 7)),
    "range-index-steps": frame([1, 2], index=pd.RangeIndex(0, 4, 2)),
    "range-index-named": frame([1, 2], index=pd.RangeIndex(2, name="k")),
    "datetime-index-freq": frame(range(4), index=days(freq="D")),
    "datetime-index-zone": frame(range(4), index=days(freq="h", tz="America/New_York", name="t")),
    "timedelta-index-freq": frame(range(3), index=pd.timedelta_range("1h", periods=3, freq="h")),
    "period-index": frame(range(2), index=pd.period_range("2026-01", periods=2, freq="M")),
    "category-index": frame([1, 2], index=pd.CategoricalIndex(["b", "a"], ["b", "a"], name="c")),
    "objects-index": frame([1, 2], index=pd.Index([dt.date(2026, 1, 1), None], dtype=object)),
    "multi-index": frame(
        range(4), index=pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", None])
    ),
    "multi-index-objects": frame(
        range(2),
        index=pd.MultiIndex.from_arrays([objects("a", "b"), [1.5, 2.5]], names=["k", "t"]),
    ),
    "index-named-like-a-column": frame([1, 2], index=pd.Index([5, 6], name="x")),
    "columns-named": frame([1, 2]).rename_axis(columns="field"),
    "odd-names": pd.DataFrame({"a b": [1], "é.ü": [2], "": [3], "select": [4]}),
    "strided": pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=["x", "y", "z"]),
    "big-endian": frame(np.array([1, 2], dtype=">i8").astype("=i8")),
}

REFUSED = {
    "mixed-int-str": (frame(objects(1, "a")), "mixes int and str"),
    "mixed-int-float": (frame(objects(1, 2.5)), "mixes float and int"),
    "mixed-bool-int": (frame(objects(True, 1)), "mixes bool and int"),
    "str-bytes": (frame(objects("a", b"b")), "mixes bytes and str"),
    "date-datetime": (
        frame(objects(dt.date(2026, 1, 1), NAIVE)),
        "mixes date and datetime",
    ),
    "naive-aware": (
        frame(objects(NAIVE, NAIVE.replace(tzinfo=UTC))),
        "mixes time zones",
    ),
    "two-zones": (
        frame(
            objects(dt.datetime(2026, 1, 1, tzinfo=NEW_YORK), dt.datetime(2026, 1, 1, tzinfo=UTC))
        ),
        "mixes time zones",
    ),
    "time-zone": (frame(objects(dt.time(1, tzinfo=UTC))), "'x'"),
    "two-missing": (frame(objects("a", None, np.nan)), "missing values in several ways"),
    "numpy-scalars": (frame(objects(np.int64(1))), "int64"),
    "timestamps": (frame(objects(pd.Timestamp("2026-01-01"))), "Timestamp"),
    "sets": (frame(objects({1}, {2})), "set"),
    "complex-objects": (frame(objects(1j)), "complex"),
    "own-class": (frame(objects(Path("a"))), "'x'"),
    "dicts-of-other-keys": (frame(objects({"a": 1}, {"b": 1})), "json.dumps"),
    "dicts-empty": (frame(objects({}, {})), "'x'"),
    "tuples-in-lists": (frame(objects([(1, 2)])), "changed"),
    "list-int-float": (frame(objects([1, 2.5])), "changed"),
    "list-mixed": (frame(objects([1, "a"])), "'x'"),
    "arrays-2d": (frame(objects(np.zeros((2, 2)))), "'x'"),
    "arrays-of-types": (frame(objects(np.array([1]), np.array([1.5]))), "'x'"),
    "huge-ints": (frame(objects(2**70)), "64 bits"),
    "surrogates": (frame(objects("\ud800")), "'x'"),
    "complex": (frame(np.array([1j])), "complex"),
    "sparse": (frame(pd.arrays.SparseArray([0, 1])), "sparse.to_dense"),
    "category-of-ints": (frame(pd.Categorical([1, 2])), "rename_categories"),
    "category-of-dates": (frame(pd.Categorical([dt.date(2026, 1, 1)])), "category"),
    "category-of-intervals": (frame(pd.cut(pd.Series([1, 2]), 2)), "category"),
    "category-empty": (frame(pd.Categorical([None])), "category"),
    "duplicate-names": (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns named 'a'"),
    "case-names": (pd.DataFrame({"a": [1], "A": [2]}), "SQL cannot tell apart"),
    "int-names": (pd.DataFrame([[1, 2]]), "0, which is no string"),
    "mixed-names": (pd.DataFrame({"a": [1], 1: [2]}), "1, which is no string"),
    "date-names": (pd.DataFrame({dt.date(2026, 1, 1): [1]}), "no string"),
    "tuple-names": (pd.DataFrame({("a", "b"): [1]}), "no string"),
    "rows-without-columns": (pd.DataFrame(index=[1, 2]), "2 rows and no columns"),
    "odd-label": (frame([1]).rename_axis(columns=1.5), "columns named 1.5"),
    "int-index-name": (frame([1], index=pd.Index([1], name=0)), "index named 0"),
    "attrs": (None, "attrs"),
}


def round_trip(value, root):
    manager, place = ParquetIOManager(), make_place(root)
    store(manager, value, target(place))
    return manager.read([source(place)], pd.DataFrame, None)


@pytest.mark.parametrize("name", KEPT)
def test_a_frame_comes_back_as_it_went_in(name, tmp_path):
    """Values, dtypes, index, names and attributes are those that were written."""
    before = KEPT[name]

    after = round_trip(before, tmp_path)

    pd.testing.assert_frame_equal(after, before, check_freq=True)
    assert list(map(type, after.to_numpy().ravel())) == list(map(type, before.to_numpy().ravel()))


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_change_is_refused_by_name(name, tmp_path):
    """The error names the column, or what else does not fit, and nothing is stored."""
    value, words = REFUSED[name]
    if name == "attrs":
        value = frame([1])
        value.attrs = {"a": object()}

    with pytest.raises(OutputError, match=r"flights.*") as error:
        round_trip(value, tmp_path)

    assert words in str(error.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_attrs_come_back(tmp_path):
    """What a frame carries along is kept where JSON can hold it."""
    before = frame([1])
    before.attrs = {"unit": "km", "n": [1, 2]}

    assert round_trip(before, tmp_path).attrs == {"unit": "km", "n": [1, 2]}


def test_a_large_ordered_category_keeps_its_order(tmp_path):
    """Categories that do not fit into one dictionary page keep order and unused ones."""
    names = [f"c{number:07d}" for number in range(200_000)][::-1]
    before = frame(pd.Categorical.from_codes(np.arange(150_000), names, ordered=True))

    pd.testing.assert_frame_equal(round_trip(before, tmp_path), before)


def test_writing_leaves_the_frame_alone(tmp_path):
    """Neither values nor labels of what the function returned are touched."""
    before = KEPT["multi-index-objects"]
    copy = before.copy(deep=True)

    round_trip(before, tmp_path)

    pd.testing.assert_frame_equal(before, copy)
