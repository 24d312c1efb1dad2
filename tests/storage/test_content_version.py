"""The data version depends on content, and on nothing else."""

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit.io.content import ContentHasher, content_version

INT32 = pa.int32()


def version_of(array):
    return content_version(pa.table({"x": array}))


def in_pieces(table, size):
    hasher = ContentHasher(table.schema)
    for start in range(0, max(table.num_rows, 1), size):
        hasher.update(table.slice(start, size))
    return hasher.digest()


def garbage_under_nulls(array, mask):
    """Return an array whose masked values are null but still in its buffers."""
    bits = np.packbits(~np.array(mask), bitorder="little").tobytes()
    buffers = [pa.py_buffer(bits), *array.buffers()[1:]]
    return pa.Array.from_buffers(array.type, len(array), buffers)


floats = np.array([1.0, np.nan, 2.0])
payload = floats.view("u8").copy()
payload[1] = 0xFFF8_0000_0000_1234

SAME = {
    "dictionary": (pa.array(["a", "b", "a", None]).dictionary_encode(), ["a", "b", "a", None]),
    "large-string": (pa.array(["a", "é"], pa.large_string()), ["a", "é"]),
    "string-view": (pa.array(["a", "a long text, not inlined"], pa.string_view()),
                    ["a", "a long text, not inlined"]),
    "large-binary": (pa.array([b"a"], pa.large_binary()), [b"a"]),
    "large-list": (pa.array([[1], [2, 3], None], pa.large_list(pa.int64())), [[1], [2, 3], None]),
    "list-view": (pa.array([[1], [2, 3]], pa.list_view(pa.int64())), [[1], [2, 3]]),
    "nan-payload": (payload.view("f8"), floats),
    "null-garbage": (garbage_under_nulls(pa.array([1, 9, 3]), [False, True, False]), [1, None, 3]),
    "null-text": (garbage_under_nulls(pa.array(["a", "bc"]), [False, True]), ["a", None]),
    "null-list": (pa.ListArray.from_arrays(
        [0, 1, 3], pa.array([1, 8, 9]), mask=pa.array([False, True])), [[1], None]),
    "null-struct": (pa.StructArray.from_arrays(
        [pa.array([1, 7])], ["a"], mask=pa.array([False, True])), [{"a": 1}, None]),
    "no-nulls-bitmap": (garbage_under_nulls(pa.array([1, 2]), [False, False]), [1, 2]),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_layout_does_not_count(name):
    """Two ways to lay out the same values have one version."""
    one, other = SAME[name]

    assert version_of(one) == version_of(pa.array(other))


DIFFERENT = {
    "null-zero": ([1, None], [1, 0]),
    "null-nan": (pa.array([1.0, None]), pa.array([1.0, np.nan])),
    "null-empty": (["a", None], ["a", ""]),
    "null-at-another-row": ([None, 1, 1], [1, None, 1]),
    "zero-minus-zero": ([0.0], [-0.0]),
    "text-borders": (["ab", "c"], ["a", "bc"]),
    "list-borders": ([[1, 2], [3]], [[1], [2, 3]]),
    "list-null-empty": ([[1], None], [[1], []]),
    "order": ([1, 2], [2, 1]),
    "twice": ([1, 2], [1, 2, 2]),
    "pairs": ([1, 1], [2, 2]),
    "type": (pa.array([1], INT32), pa.array([1])),
    "text-bytes": (["a"], [b"a"]),
    "unit": (pa.array([1], pa.timestamp("us")), pa.array([1], pa.timestamp("ns"))),
    "zone": (pa.array([1], pa.timestamp("us", "UTC")), pa.array([1], pa.timestamp("us"))),
    "rows-of-null": (pa.nulls(2), pa.nulls(3)),
    "struct-null": ([{"a": None}], pa.array([None], pa.struct([("a", pa.null())]))),
    "struct-names": ([{"a": 1}], [{"b": 1}]),
    "fixed-list": ([[1, 2]], pa.array([[1, 2]], pa.list_(pa.int64(), 2))),
    "empty-type": (pa.array([], INT32), pa.array([], pa.int64())),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_content_counts(name):
    """Values, nulls, types and order each change the version."""
    one, other = DIFFERENT[name]

    assert version_of(pa.array(one)) != version_of(pa.array(other))


def test_names_and_their_order_count():
    """Columns are told apart by name and place, also where their values are the same."""
    versions = {
        content_version(pa.table(columns))
        for columns in ({"a": [1], "b": [2]}, {"b": [2], "a": [1]}, {"a": [2], "b": [1]},
                        {"a": [1]}, {})
    }  # fmt: skip

    assert len(versions) == 5


def test_the_version_is_the_same_for_ever():
    """A new release must not make every file look changed."""
    table = pa.table({"n": [1, None], "f": [0.5, np.nan], "s": ["a", "é"], "b": [True, None]})

    assert content_version(table) == "a88808e0cf0598d72411f8baf63d3a82"


def nullable(strategy):
    return st.lists(st.one_of(st.none(), strategy), max_size=40)


def columns():
    numbers = st.integers(-(2**63), 2**63 - 1)
    times = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31))  # noqa: DTZ001
    return st.one_of(
        nullable(numbers).map(lambda v: pa.array(v, pa.int64())),
        nullable(st.floats()).map(lambda v: pa.array(v, pa.float64())),
        nullable(st.booleans()).map(lambda v: pa.array(v, pa.bool_())),
        nullable(st.text(max_size=5)).map(lambda v: pa.array(v, pa.string())),
        nullable(st.binary(max_size=5)).map(lambda v: pa.array(v, pa.binary())),
        nullable(st.binary(min_size=3, max_size=3)).map(lambda v: pa.array(v, pa.binary(3))),
        nullable(times).map(lambda v: pa.array(v, pa.timestamp("us"))),
        nullable(st.decimals(-999, 999, places=2)).map(lambda v: pa.array(v, pa.decimal128(5, 2))),
        nullable(nullable(numbers)).map(lambda v: pa.array(v, pa.list_(pa.int64()))),
        nullable(st.lists(numbers, min_size=2, max_size=2)).map(
            lambda v: pa.array(v, pa.list_(pa.int64(), 2))
        ),
        nullable(st.fixed_dictionaries({"a": st.one_of(st.none(), numbers), "b": st.text()})).map(
            lambda v: pa.array(v, pa.struct([("a", pa.int64()), ("b", pa.string())]))
        ),
        nullable(st.dictionaries(st.text(max_size=2), st.floats(), max_size=3)).map(
            lambda v: pa.array([x and list(x.items()) for x in v], pa.map_("str", "f8"))
        ),
        nullable(st.sampled_from(["x", "y", "z"])).map(
            lambda v: pa.array(v, pa.string()).dictionary_encode()
        ),
    )


@settings(deadline=None, max_examples=150)
@given(array=columns(), size=st.integers(1, 9), before=st.integers(0, 9))
def test_chunks_and_offsets_do_not_count(array, size, before):
    """However rows are cut into batches, and wherever in a buffer they lie."""
    table = pa.table({"x": array})
    doubled = pa.concat_arrays([array.slice(0, before), array, array])
    inside = doubled.slice(len(array.slice(0, before)), len(array))

    assert in_pieces(table, size) == content_version(table) == version_of(inside)


@settings(deadline=None, max_examples=60)
@given(array=columns())
def test_a_file_has_the_version_of_what_was_written(array):
    """Reading back what Parquet made of a table gives its version again."""
    table = pa.table({"x": array})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=7)

    assert content_version(pq.read_table(pa.BufferReader(sink.getvalue()))) == content_version(
        table
    )


def test_decimals_count_by_value_and_scale():
    """1.0 and 1.00 are of different types, 1.00 and 1.01 different values."""
    values = [decimal.Decimal(text) for text in ("1.0", "1.00", "1.01")]

    assert len({version_of(pa.array([value])) for value in values}) == 3
