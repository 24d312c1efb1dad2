"""Slots in tables of DuckDB, Delta and Iceberg: types, schemas that change, and plain readers."""

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from assetkit.errors import DataChanged, InputError, MissingExtra, OutputError, StorageError
from assetkit.io.content import content_version
from assetkit.io.csv import CSVIOManager
from assetkit.io.duckdb_tables import DuckDBIOManager
from tests.storage.places import make_place, source, store, target

DAY = dt.date(2026, 1, 31)
PLAIN = {
    "int8": pa.array([1, None, -3], pa.int8()),
    "uint8": pa.array([1, None, 255], pa.uint8()),
    "uint32": pa.array([1, None, 2**32 - 1], pa.uint32()),
    "uint64": pa.array([1, None, 2**64 - 1], pa.uint64()),
    "float16": pa.array(np.array([1, 2, 3], np.float16)),
    "float32": pa.array([1.5, None, float("nan")], pa.float32()),
    "float64": pa.array([1.5, None, float("inf")]),
    "text": pa.array(["a", None, "é\n,\"'"]),
    "empty": pa.array(["", None, "NA"]),
    "large": pa.array(["a", None, "b"], pa.large_string()),
    "view": pa.array(["a", None, "b"], pa.string_view()),
    "bool": pa.array([True, None, False]),
    "date32": pa.array([DAY, None, dt.date(1, 1, 1)]),
    "seconds": pa.array([0, None, 5], pa.timestamp("s")),
    "micro": pa.array([0, None, 5], pa.timestamp("us")),
    "whole_nano": pa.array([0, None, 5000], pa.timestamp("ns")),
    "zone": pa.array([0, None, 5], pa.timestamp("us", "Europe/Berlin")),
    "milli_zone": pa.array([0, None, 5], pa.timestamp("ms", "UTC")),
    "time32": pa.array([1, None, 5], pa.time32("s")),
    "time64": pa.array([1, None, 5], pa.time64("us")),
    "duration": pa.array([1, None, 5], pa.duration("ns")),
    "decimal": pa.array([Decimal("1.10"), None, Decimal("-3.00")]),
    "codes": pa.array(["a", None, "b"]).dictionary_encode(),
    "numbers": pa.array([1, None, 2]).dictionary_encode(),
    "nothing": pa.nulls(3),
}
NESTED = {
    "bytes": pa.array([b"a", None, b"\x00"]),
    "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2)),
    "uuid": pa.array([b"0" * 16, None, b"1" * 16], pa.uuid()),
    "list": pa.array([[1], None, []]),
    "large_list": pa.array([["a"], None, []], pa.large_list(pa.string())),
    "pair": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
    "struct": pa.array([{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}]),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "structs": pa.array([[{"x": 1}], [], [{"x": None}]]),
}


def delta(uri=None):
    module = pytest.importorskip("assetkit.io.delta", exc_type=MissingExtra)
    return module.DeltaIOManager(uri)


def iceberg(warehouse=None):
    module = pytest.importorskip("assetkit.io.iceberg", exc_type=MissingExtra)
    return module.IcebergIOManager(warehouse)


@pytest.fixture(params=[DuckDBIOManager, delta, iceberg], ids=["duckdb", "delta", "iceberg"])
def manager(request):
    """Return a manager whose tables lie in the workspace."""
    return request.param()


@pytest.fixture
def place(tmp_path):
    """Return an empty place."""
    return make_place(tmp_path)


def rows(manager, place, *keys, load_as=pa.Table, columns=None):
    """Return what is loaded of some partitions."""
    slots = [source(place, key, with_dimensions=len(keys) > 1) for key in keys]
    return manager.read(slots, load_as, columns)


def test_types_come_back(manager, place):
    """Each column has the type and the values that were written, whatever the engine made of it."""
    table = pa.table({**PLAIN, **NESTED})

    store(manager, table, target(place, "d1"))

    found = rows(manager, place, "d1")
    assert found.schema == table.schema
    assert content_version(found) == content_version(table)


def test_csv_keeps_plain_types(place):
    """CSV has texts alone; the record beside it says what they are."""
    table = pa.table(PLAIN)
    manager = CSVIOManager()

    store(manager, table, target(place, "d1"))

    found = rows(manager, place, "d1")
    assert found.schema == table.schema
    assert content_version(found) == content_version(table)
    assert (place.private.parent / "data/flights/date=d1/part.csv").read_text().startswith('"int8"')


@pytest.mark.parametrize("name", NESTED)
def test_csv_refuses_the_rest(name, place):
    """What CSV cannot hold is told with its column, before anything is stored."""
    with pytest.raises(OutputError, match=rf"column '{name}' is .*, which CSV cannot keep"):
        CSVIOManager().write(pa.table({name: NESTED[name]}), target(place))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1], pa.timestamp("ns", "UTC")),
        pa.array([Decimal("1.1")], pa.decimal256(50, 2)),
    ],
    ids=["nanoseconds", "wide-decimals"],
)
def test_what_would_be_rounded_is_refused(manager, column, place):
    """The column is named, and what was published stays."""
    store(manager, pa.table({"n": [1]}), target(place))

    with pytest.raises(OutputError, match=r"Column 'n' is .*cannot keep|would be lost"):
        store(manager, pa.table({"n": column}), target(place, run_id="run-2"))

    assert rows(manager, place, None).to_pydict() == {"n": [1]}


def test_pandas_frames_come_back(manager, place):
    """An index and object columns, too."""
    index = pd.Index(["x", "y"], name="key")
    frame = pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "o": [DAY, None]}, index=index)

    store(manager, frame, target(place, "d1"))

    pd.testing.assert_frame_equal(rows(manager, place, "d1", load_as=None), frame)
    only = rows(manager, place, "d1", load_as=None, columns=["n"])
    pd.testing.assert_frame_equal(only, frame[["n"]])


def test_only_columns_and_partitions_asked_for_are_loaded(manager, place):
    """In the order asked for, with the partition as a column where several could be loaded."""
    for key, number in (("d1", 1), ("d2", 2), ("d3", 3)):
        table = pa.table({"a": [number], "b": ["x"], "c": [number * 10]})
        store(manager, table, target(place, key))

    found = rows(manager, place, "d3", "d1", columns=["c", "date"])

    assert found.to_pydict() == {"c": [30, 10], "date": ["d3", "d1"]}
    with pytest.raises(InputError, match=r"flights@d1 has no column 'bb'"):
        rows(manager, place, "d1", columns=["bb"])


def test_anything_can_be_loaded(manager, place):
    """Readers, datasets, relations and a partition at a time; there is no path."""
    for key, number in (("d1", 1), ("d2", 2)):
        store(manager, pa.table({"n": [number]}), target(place, key))

    def load(load_as):
        return rows(manager, place, "d1", "d2", load_as=load_as)

    assert load(pa.RecordBatchReader).read_all()["n"].to_pylist() == [1, 2]
    assert load(ds.Dataset).to_table()["n"].to_pylist() == [1, 2]
    assert load(duckdb.DuckDBPyRelation).fetchall() == [(1, "d1"), (2, "d2")]
    assert [part["n"].tolist() for part in load(Iterator[pd.DataFrame])] == [[1], [2]]
    assert load(dict[str, pa.Table])["d2"]["n"].to_pylist() == [2]
    with pytest.raises(InputError, match=r"flights@d1 is kept in a table of .* no path"):
        load(str)


def test_a_partition_replaced_before_its_turn_is_told(manager, place):
    """A loop over partitions never mixes versions without a word."""
    for key in ("d1", "d2"):
        store(manager, pa.table({"n": [1]}), target(place, key))
    parts = rows(manager, place, "d1", "d2", load_as=Iterator[pa.Table])
    next(parts)

    store(manager, pa.table({"n": [2]}), target(place, "d2"))

    with pytest.raises(DataChanged, match="flights@d2 was replaced while"):
        next(parts)


def test_columns_may_come_and_go(manager, place):
    """Each partition has its own columns; together, what is missing is null."""
    store(manager, pa.table({"n": [1], "old": ["x"]}), target(place, "d1"))
    store(manager, pa.table({"n": [2], "new": [1.5]}), target(place, "d2"))

    assert rows(manager, place, "d1").column_names == ["n", "old"]
    assert rows(manager, place, "d2").column_names == ["n", "new"]
    both = rows(manager, place, "d1", "d2")
    assert both["new"].to_pylist() == [None, 1.5]
    assert both["old"].to_pylist() == ["x", None]


def test_the_data_may_have_a_column_named_as_a_dimension(manager, place):
    """It comes back as it was; the partition gets another column in the table."""
    table = pa.table({"date": [DAY], "n": [1]})

    store(manager, table, target(place, "d1"))

    assert rows(manager, place, "d1").equals(table)


def test_no_rows_are_a_result(manager, place):
    """The schema stays, and what was there before is gone."""
    table = pa.table({"n": [1]})
    store(manager, table, target(place, "d1"))

    store(manager, table.slice(0, 0), target(place, "d1", run_id="run-2"))

    assert rows(manager, place, "d1").equals(table.slice(0, 0))


def test_streams_are_staged(manager, place):
    """A generator is written as it comes; when it fails, the old rows stay."""
    store(manager, pa.table({"n": [0]}), target(place, "d1"))

    def failing():
        yield pa.table({"n": [1]})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        manager.write(failing(), target(place, "d1"))
    assert rows(manager, place, "d1")["n"].to_pylist() == [0]

    store(manager, (pa.table({"n": [n]}) for n in range(3)), target(place, "d1"))
    assert rows(manager, place, "d1")["n"].to_pylist() == [0, 1, 2]


@pytest.mark.parametrize("later", [pa.array(["x"]), pa.array([1.5]), pa.array([2**40])])
def test_duckdb_columns_widen(later, place):
    """A type that changes in one partition leaves the values of the others as they were."""
    manager = DuckDBIOManager()
    first = pa.table({"n": pa.array([2**31 - 1], pa.int32())})
    store(manager, first, target(place, "d1"))

    store(manager, pa.table({"n": later}), target(place, "d2"))

    assert rows(manager, place, "d1").equals(first)
    assert rows(manager, place, "d2").equals(pa.table({"n": later}))


def test_a_refused_change_leaves_the_table(place):
    """A struct cannot become a number in the same column; the old rows stay readable."""
    manager = DuckDBIOManager()
    store(manager, pa.table({"n": [{"x": 1}]}), target(place, "d1"))

    with pytest.raises(OutputError, match=r"'n' of flights is BIGINT, but STRUCT"):
        store(manager, pa.table({"n": [1]}), target(place, "d2"))

    assert rows(manager, place, "d1")["n"].to_pylist() == [{"x": 1}]
    assert manager.find(source(place, "d2")) is None


def test_plain_duckdb_reads_the_tables(place, tmp_path):
    """One table per asset, prefixes as schemas, with a column per dimension."""
    file = tmp_path / "shop.duckdb"
    manager = DuckDBIOManager(file)
    store(manager, pa.table({"n": [1]}), target(place, "d1"))
    store(manager, pa.table({"n": [2]}), target(place, "it's", folder="flights/date=it%27s"))
    store(manager, pa.table({"n": [3]}), target(place, asset="sales/orders", folder="sales/orders"))

    with duckdb.connect(file, read_only=True) as connection:
        flights = connection.sql("from flights order by n").fetchall()
        assert flights == [(1, "d1"), (2, "it's")]
        assert connection.sql("from sales.orders").fetchall() == [(3,)]


def test_a_database_open_elsewhere_is_told(place, tmp_path):
    """The message says which file, and what to do."""
    file = tmp_path / "shop.duckdb"
    program = (
        f"import duckdb, sys\nc = duckdb.connect({str(file)!r})\nprint(1, flush=True)\ninput()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        with pytest.raises(StorageError, match=r"shop.duckdb cannot be opened.*Close it"):
            store(DuckDBIOManager(file), pa.table({"n": [1]}), target(place))
        other.communicate(b"\n")

    store(DuckDBIOManager(file), pa.table({"n": [1]}), target(place))


def test_plain_readers_of_open_formats(place, tmp_path):
    """Delta and Iceberg tables are what other programs know."""
    deltalake = pytest.importorskip("deltalake")
    store(delta(tmp_path / "lake"), pa.table({"n": [1]}), target(place, "d1"))
    table = deltalake.DeltaTable(tmp_path / "lake/flights")
    assert table.to_pyarrow_table().to_pydict() == {"n": [1], "date": ["d1"]}
    assert table.metadata().partition_columns == ["date"]

    catalogs = pytest.importorskip("pyiceberg.catalog.sql")
    store(iceberg(tmp_path / "ice"), pa.table({"n": [1]}), target(place, "d1"))
    catalog = catalogs.SqlCatalog("assetkit", uri=f"sqlite:///{tmp_path}/ice/catalog.db")
    table = catalog.load_table("main.flights")
    assert table.scan().to_arrow().to_pydict() == {"n": [1], "date": ["d1"]}
    assert [field.name for field in table.spec().fields] == ["date"]
    catalog.close()


def test_iceberg_refuses_gaps_that_it_loses(place):
    """Missing lists of structs would come back empty."""
    with pytest.raises(OutputError, match=r"Column 's' is .* with missing lists"):
        store(iceberg(), pa.table({"s": pa.array([[{"x": 1}], None])}), target(place))
