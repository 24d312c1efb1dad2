"""Tables of every kind are stored, streamed, and loaded as what an annotation asks for."""

import gc
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from assetkit.errors import InputError, OutputError
from assetkit.io import ParquetIOManager
from tests.storage.places import make_place, source, store, target

TABLE = pa.table({"n": [1, 2, 3], "s": ["a", "b", None]})
FRAME = pd.DataFrame({"n": [1, 2, 3], "s": ["a", "b", None]})


@pytest.fixture
def place(tmp_path):
    """Return an empty place."""
    return make_place(tmp_path)


def stored(value, place, **changes):
    """Return what was stored, as an Arrow table."""
    manager = ParquetIOManager()
    store(manager, value, target(place, **changes))
    return manager.read([source(place)], pa.Table, None)


def pieces(*frames):
    yield from frames


TABLES = {
    "arrow-table": lambda: TABLE,
    "arrow-batch": lambda: TABLE.to_batches()[0],
    "arrow-reader": TABLE.to_reader,
    "arrow-dataset": lambda: ds.dataset(TABLE),
    "arrow-scanner": lambda: ds.dataset(TABLE).scanner(),
    "pandas": lambda: FRAME,
    "duckdb": lambda: duckdb.connect().sql(
        "select unnest([1, 2, 3])::bigint as n, unnest(['a', 'b', null]) as s"
    ),
    "polars": lambda: pl.from_arrow(TABLE),
    "polars-lazy": lambda: pl.from_arrow(TABLE).lazy(),
    "iterator": lambda: iter([FRAME.iloc[:1], FRAME.iloc[1:].reset_index(drop=True)]),
    "generator-of-several-kinds": lambda: pieces(TABLE.slice(0, 1), FRAME.iloc[1:2], TABLE[2:]),
    "generator-with-empty-pieces": lambda: pieces(TABLE[:0], TABLE, TABLE[:0]),
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_kind_of_table_is_stored(kind, place):
    """Whatever the function returns, the same rows lie in the file."""
    after = stored(TABLES[kind](), place)

    assert after.to_pydict() == TABLE.to_pydict()


NO_TABLES = {
    "series": (pd.Series([1]), "Series", "to_frame"),
    "dict": ({"a": [1]}, "dict", "pd.DataFrame(result)"),
    "list-of-dicts": ([{"a": 1}], "list", "pd.DataFrame(result)"),
    "array": (np.zeros(3), "ndarray", "pd.DataFrame(array"),
    "polars-series": (pl.Series([1]), "Series", "to_frame"),
    "chunked-array": (pa.chunked_array([[1]]), "ChunkedArray", "pa.table"),
    "number": (7, "int", "pickle"),
    "groupby": (FRAME.groupby("n"), "DataFrameGroupBy", ".sum()"),
    "class": (pd.DataFrame, "type", "pickle"),
    "iterator-of-dicts": (iter([{"a": 1}]), "item 0", "dict"),
    "later-type": (pieces(TABLE, TABLE.set_column(0, "n", [["x"] * 3])), "item 1", "'n'"),
    "later-fraction": (pieces(TABLE, TABLE.set_column(0, "n", [[0.5] * 3])), "item 1", "'n'"),
    "later-missing": (pieces(TABLE, TABLE.select(["n"])), "item 1", "no column 's'"),
    "later-extra": (pieces(TABLE.select(["n"]), TABLE), "item 1", "'s' too much"),
    "later-index": (pieces(FRAME, FRAME.iloc[[2, 0]]), "item 1", "reset_index"),
    "interval": (
        pa.table({"i": pa.nulls(1, pa.month_day_nano_interval())}),
        "'i'",
        "Parquet cannot keep",
    ),
    "same-names": (pa.Table.from_arrays([[1], [2]], ["a", "a"]), "two columns", "'a'"),
    "no-columns": (pa.table({"a": [1]}).select([]), "1 rows and no columns", "Parquet"),
}


@pytest.mark.parametrize("kind", NO_TABLES)
def test_what_is_no_table_is_refused_with_a_fix(kind, place):
    """The message says what it was, where, and what to return instead; nothing is left."""
    value, *words = NO_TABLES[kind]

    with pytest.raises(OutputError, match="What flights returned") as error:
        stored(value, place)

    assert [word for word in words if word not in str(error.value)] == []
    assert [path for path in place.private.rglob("*") if path.suffix == ".tmp"] == []


def test_a_column_that_begins_with_nulls_gets_its_type_later(place):
    """The first piece that knows better decides, for frames and for Arrow."""
    first = pd.DataFrame({"n": [1], "s": pd.Series([None], dtype=object)})
    later = pd.DataFrame({"n": [2], "s": pd.Series(["b"], dtype=object)})

    after = stored(pieces(first, later), place)

    assert after.to_pydict() == {"n": [1, 2], "s": [None, "b"]}


def test_pieces_that_are_wider_than_the_first_are_cast(place):
    """Int32 goes into int64; an index that goes on counting is none."""
    first = FRAME.iloc[:2]
    later = FRAME.iloc[2:].astype({"n": "int32"})

    after = stored(pieces(first, later), place)

    assert after.schema.names == ["n", "s"]
    assert after["n"].to_pylist() == [1, 2, 3]


def test_an_iterator_is_streamed(place):
    """Pieces are asked for one by one and never gathered: memory stays bounded."""
    rows, alive = 1 << 18, []

    def batches():
        for number in range(24):
            alive.append(pa.total_allocated_bytes())
            yield pa.table({"n": np.full(rows, number), "x": np.zeros(rows)})

    pa.default_memory_pool().release_unused()
    gc.collect()
    before = pa.total_allocated_bytes()
    written = ParquetIOManager().write(batches(), target(place))

    assert written.rows == 24 * rows
    assert max(alive) - before < 100 << 20


def test_a_declared_schema_is_enforced(place):
    """Columns are put in order and widened; what does not fit is named."""
    schema = pa.schema([("s", pa.string()), ("n", pa.float64())])

    after = stored(FRAME, place, schema=schema)

    assert after.schema.names == ["s", "n"]
    assert after.schema.field("n").type == pa.float64()
    with pytest.raises(OutputError, match="s: is string, should be int64"):
        stored(TABLE, place, schema=pa.schema([("n", pa.int64()), ("s", pa.int64())]))


# ------------------------------------------------------------------------------------ loading


@pytest.fixture
def two_days(place):
    """Store two partitions; return a manager and their sources, as one asks for several."""
    manager = ParquetIOManager()
    for number, key in enumerate(("d1", "d2")):
        store(manager, pd.DataFrame({"n": [number, number + 10]}), target(place, key))
    return manager, [source(place, key, with_dimensions=True) for key in ("d1", "d2")]


WHOLE: dict[Any, Any] = {
    None: lambda v: v,
    Any: lambda v: v,
    pd.DataFrame: lambda v: v,
    pd.DataFrame | None: lambda v: v,
    Annotated[pd.DataFrame, "doc"]: lambda v: v,
    pa.Table: pa.Table.to_pandas,
    pa.RecordBatchReader: lambda v: v.read_all().to_pandas(),
    ds.Dataset: lambda v: v.to_table().to_pandas(),
    duckdb.DuckDBPyRelation: lambda v: v.df(),
    pl.DataFrame: lambda v: v.to_pandas(),
    pl.LazyFrame: lambda v: v.collect().to_pandas(),
}


@pytest.mark.parametrize("load_as", WHOLE, ids=str)
def test_partitions_are_loaded_as_one_table(load_as, two_days):
    """In partition order, with the partition as a column, whatever the type."""
    manager, sources = two_days

    loaded = manager.read_with_versions(sources, load_as, None)

    found = WHOLE[load_as](loaded.value)
    assert list(found.columns) == ["n", "date"]
    assert found["n"].tolist() == [0, 10, 1, 11]
    assert found["date"].tolist() == ["d1", "d1", "d2", "d2"]
    assert loaded.versions == tuple(s.record["data_version"] for s in map(manager.find, sources))


@pytest.mark.parametrize("load_as", [Iterator, Iterable, Generator], ids=str)
@pytest.mark.parametrize("frame", [pd.DataFrame, pa.Table, pl.DataFrame], ids=str)
def test_iterators_give_a_partition_at_a_time(load_as, frame, two_days):
    """Each piece is one partition's table."""
    manager, sources = two_days
    annotation = load_as[frame, None, None] if load_as is Generator else load_as[frame]

    found = list(manager.read(sources, annotation, None))

    assert [type(piece) for piece in found] == [frame, frame]
    assert [len(piece) for piece in found] == [2, 2]


def test_dicts_and_lists_give_tables_by_partition(two_days):
    """A dict is keyed by the partition's text; a list is in order."""
    manager, sources = two_days

    by_key = manager.read(sources, dict[str, pd.DataFrame], ["n"])

    assert {key: frame["n"].tolist() for key, frame in by_key.items()} == {
        "d1": [0, 10],
        "d2": [1, 11],
    }
    assert [t.num_rows for t in manager.read(sources, list[pa.Table], None)] == [2, 2]


def test_paths_lead_to_the_files(two_days, place):
    """One slot's file, the folder of what could be several, or each file."""
    manager, sources = two_days
    folder = Path(place.data) / "flights"

    assert manager.read([source(place, "d1")], Path, None) == folder / "date=d1/part.parquet"
    assert manager.read(sources, Path, None) == folder
    assert manager.read(sources[:1], str, None) == str(folder)
    assert [p.parent.name for p in manager.read(sources, list[Path], None)] == [
        "date=d1",
        "date=d2",
    ]


@pytest.mark.parametrize(
    "load_as", [pd.Series, int, dict[str, int], Iterator[int], "table", [pd.DataFrame]], ids=str
)
def test_other_types_are_refused_with_what_is_possible(load_as, two_days):
    """The message lists the types that can be asked for."""
    manager, sources = two_days

    with pytest.raises(InputError, match=r"flights@d1 and 1 more cannot.*pandas\.DataFrame"):
        manager.read(sources, load_as, None)


def test_columns_are_picked_in_the_order_asked_for(place):
    """Also the partition's own column; a name that is not there is refused with the nearest."""
    manager = ParquetIOManager()
    store(manager, pd.DataFrame({"a": [1], "b": [2], "c": [3]}), target(place, "d1"))
    slots = [source(place, "d1", with_dimensions=True)]

    for load_as in (pd.DataFrame, pa.Table, ds.Dataset, pl.LazyFrame):
        found = WHOLE[load_as](manager.read(slots, load_as, ["c", "date", "a"]))
        assert list(found.columns) == ["c", "date", "a"]
    with pytest.raises(InputError, match=r"no column 'dates'\. Did you mean date"):
        manager.read(slots, pd.DataFrame, ["dates"])


def test_a_column_of_the_dimensions_name_is_left_alone(place):
    """The table's own column counts."""
    manager = ParquetIOManager()
    store(manager, pd.DataFrame({"date": [7]}), target(place, "d1"))

    found = manager.read([source(place, "d1", with_dimensions=True)], pd.DataFrame, None)

    assert found["date"].tolist() == [7]


def test_no_partitions_are_an_empty_table(place):
    """What is optional and not there is a table without rows, not an error."""
    manager = ParquetIOManager()

    assert manager.read([], pd.DataFrame, None).empty
    assert manager.read([], pa.Table, None).num_rows == 0
    assert list(manager.read([], Iterator[pd.DataFrame], None)) == []
    assert manager.read([], dict[str, pd.DataFrame], None) == {}
    assert manager.read([], ds.Dataset, None).count_rows() == 0


def test_indexes_of_several_partitions(place):
    """Named and textual ones are kept; unnamed positions are not data."""
    manager = ParquetIOManager()
    for key, start in (("d1", 3), ("d2", 9)):
        index = pd.Index([start, start + 2])
        store(manager, pd.DataFrame({"n": [1, 2]}, index=index), target(place, key))
    slots = [source(place, "d1"), source(place, "d2")]

    assert manager.read(slots, pd.DataFrame, None).index.tolist() == [0, 1, 2, 3]
    assert manager.read(slots[:1], pd.DataFrame, None).index.tolist() == [3, 5]
    assert manager.read(slots[:1], pa.Table, None).column_names == ["n"]

    for key in ("d1", "d2"):
        frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="k"))
        store(manager, frame, target(place, key))
    assert manager.read(slots, pd.DataFrame, ["n"]).index.tolist() == ["a", "b"] * 2


def test_a_relation_can_be_queried_by_its_name(two_days):
    """Inside a function `duckdb.sql` sees the parameter, and joins relations."""
    manager, sources = two_days
    flights = manager.read(sources, duckdb.DuckDBPyRelation, None)
    other = manager.read(sources, duckdb.DuckDBPyRelation, None)  # noqa: F841, named in SQL

    found = duckdb.sql("select sum(f.n) from flights f join other o using (n, date)")

    assert found.fetchall() == [(22,)]
    assert flights.count("*").fetchall() == [(4,)]


# ------------------------------------------------------------------------------ schemas differ

DRIFTS = {
    "null-then-text": ({"x": [None]}, {"x": ["a"]}, [None, "a"]),
    "text-then-null": ({"x": ["a"]}, {"x": [None]}, ["a", None]),
    "int-then-float": ({"x": [1]}, {"x": [1.5]}, [1.0, 1.5]),
    "narrow-then-wide": ({"x": pa.array([1], "i4")}, {"x": [2**40]}, [1, 2**40]),
    "missing-column": ({"y": [1]}, {"x": [2], "y": [1]}, [None, 2]),
    "decimals": (
        {"x": pa.array(["1.5"]).cast(pa.decimal128(3, 1))},
        {"x": pa.array(["1.25"]).cast(pa.decimal128(5, 2))},
        None,
    ),
    "units": ({"x": pa.array([1], pa.timestamp("s"))}, {"x": pa.array([1], pa.timestamp("us"))},
              None),
    "dictionary-and-text": ({"x": pa.array(["a"]).dictionary_encode()}, {"x": ["b"]}, ["a", "b"]),
    "dictionaries": ({"x": pa.array(["a"]).dictionary_encode()},
                     {"x": pa.array(["b"]).cast(pa.dictionary(pa.int8(), "str"))}, ["a", "b"]),
    "large-text": ({"x": ["a"]}, {"x": pa.array(["b"], pa.large_string())}, ["a", "b"]),
    "empty-first": ({}, {"x": ["a"]}, ["a"]),
}  # fmt: skip


@pytest.mark.parametrize("load_as", [pa.Table, ds.Dataset, pd.DataFrame], ids=str)
@pytest.mark.parametrize("name", DRIFTS)
def test_schemas_that_drifted_are_read_as_one(name, load_as, place):
    """Types are widened and columns filled with nulls; no value changes."""
    first, second, expected = DRIFTS[name]
    manager = ParquetIOManager()
    store(manager, pa.table(first), target(place, "d1"))
    store(manager, pa.table(second), target(place, "d2"))

    found = manager.read([source(place, "d1"), source(place, "d2")], load_as, None)

    if load_as is pd.DataFrame:
        values = [None if pd.isna(value) else value for value in found["x"]]
    else:
        table = found.to_table() if load_as is ds.Dataset else found
        values = table["x"].to_pylist()
    assert len(values) == len(expected or [1, 2])
    assert expected is None or values == expected


@pytest.mark.parametrize("load_as", [pa.Table, ds.Dataset, pd.DataFrame], ids=str)
def test_types_that_do_not_fit_name_column_and_partitions(load_as, place):
    """Text and numbers do not turn into one another; large integers not into floats."""
    manager = ParquetIOManager()
    store(manager, pa.table({"x": [2**60 + 1]}), target(place, "d1"))
    store(manager, pa.table({"x": ["a"]}), target(place, "d2"))
    slots = [source(place, "d1"), source(place, "d2")]

    with pytest.raises(InputError, match="'x' is int64 in flights@d1 but string in flights@d2"):
        manager.read(slots, load_as, None)


def test_a_widening_that_would_lose_digits_is_refused(place):
    """An integer over 2**53 is not read as a float."""
    manager = ParquetIOManager()
    store(manager, pa.table({"x": [2**60 + 1]}), target(place, "d1"))
    store(manager, pa.table({"x": [0.5]}), target(place, "d2"))

    with pytest.raises(InputError, match="flights@d1: column 'x'"):
        manager.read([source(place, "d1"), source(place, "d2")], pa.Table, None)


def test_arrow_types_come_back(place):
    """Also those that Parquet itself widens."""
    table = pa.table(
        {
            "seconds": pa.array([1], pa.timestamp("s", "UTC")),
            "time": pa.array([1], pa.time32("s")),
            "date64": pa.array([86_400_000], pa.date64()),
            "codes": pa.array([7, 7, 8][:1]).dictionary_encode(),
            "large": pa.array(["a"], pa.large_string()).dictionary_encode(),
            "nested": pa.array([[1]], pa.list_(pa.timestamp("s"))),
            "map": pa.array([[("a", 1)]], pa.map_("str", "i4")),
            "small": pa.array([1], pa.int8()),
        }
    )

    after = stored(table, place)

    assert after.schema.equals(table.schema)
    assert after.equals(table)
