"""What every IO manager promises: write aside, publish in one step, find, read, delete."""

import threading

import numpy as np
import pandas as pd
import pytest

from assetkit.errors import DataMissing, MissingExtra
from assetkit.io import (
    JSONIOManager,
    MemoryIOManager,
    ParquetIOManager,
    PickleIOManager,
    StagedIOManager,
)
from assetkit.io.csv import CSVIOManager
from assetkit.io.duckdb_tables import DuckDBIOManager
from assetkit.io.table_slots import TableSlots
from tests.storage.places import make_place, source, store, target


def frame(number):
    return pd.DataFrame({"n": [number]})


def delta():
    """Return a manager of Delta tables, where its package is installed."""
    return pytest.importorskip("assetkit.io.delta", exc_type=MissingExtra).DeltaIOManager()


def iceberg():
    """Return a manager of Iceberg tables, where its package is installed."""
    return pytest.importorskip("assetkit.io.iceberg", exc_type=MissingExtra).IcebergIOManager()


MANAGERS = {
    "parquet": (ParquetIOManager, frame),
    "csv": (CSVIOManager, frame),
    "duckdb": (DuckDBIOManager, frame),
    "delta": (delta, frame),
    "iceberg": (iceberg, frame),
    "pickle": (PickleIOManager, lambda number: {"fitted": {number}}),
    "json": (JSONIOManager, lambda number: {"n": [number, "é", None, 1.5]}),
    "memory-tables": (MemoryIOManager, frame),
    "memory-objects": (MemoryIOManager, lambda number: {"fitted": {number}}),
}


@pytest.fixture(params=MANAGERS)
def kind(request):
    """Return a manager and what makes values for it."""
    make, values = MANAGERS[request.param]
    return make(), values


@pytest.fixture
def place(tmp_path):
    """Return an empty place."""
    return make_place(tmp_path)


def same(one, other):
    return one.equals(other) if isinstance(one, pd.DataFrame) else one == other


def files(place):
    return sorted(
        path.relative_to(place.data).as_posix()
        for path in (place.private.parent / "data").rglob("*")
        if path.is_file()
    )


def test_it_is_a_staged_manager(kind):
    """The extras are there, so that checks can look before anyone else."""
    assert isinstance(kind[0], StagedIOManager)


def test_what_was_published_is_read(kind, place):
    """A value comes back equal, with the version under which it was stored."""
    manager, values = kind

    written = store(manager, values(1), target(place, "d1"))

    loaded = manager.read_with_versions([source(place, "d1")], None, None)
    assert same(loaded.value, values(1))
    assert loaded.versions == (written.data_version,)
    assert len(written.data_version) == 32
    assert (written.staged, written.unchanged) == (None, False)
    assert written.signature == manager.signatures([source(place, "d1")])[0]


def test_what_is_staged_is_seen_by_nobody(kind, place):
    """Before `publish`, and after `discard`, the old value is there."""
    manager, values = kind
    store(manager, values(1), target(place))

    written = manager.write(values(2), target(place, run_id="run-2"))

    assert same(manager.read([source(place)], None, None), values(1))
    manager.discard(written)
    manager.discard(written)
    assert same(manager.read([source(place)], None, None), values(1))
    assert [path for path in place.private.rglob("*.tmp*") if path.is_file()] == []


def test_writing_again_replaces(kind, place):
    """The new value is read, its version and signature are others."""
    manager, values = kind
    first = store(manager, values(1), target(place))

    second = store(manager, values(2), target(place))

    assert same(manager.read([source(place)], None, None), values(2))
    assert second.data_version != first.data_version
    assert second.signature != first.signature
    assert not second.unchanged


def test_the_same_content_is_left_alone(kind, place):
    """What lies there keeps its signature; the version is the same, and the new run is noted."""
    manager, values = kind
    first = store(manager, values(1), target(place))

    again = target(place, run_id="run-2", provenance={"code": "c2"})
    second = store(manager, values(1), again)

    assert second.unchanged
    assert (second.data_version, second.signature) == (first.data_version, first.signature)
    assert manager.find(source(place)).record["code"] == "c2"


def test_content_that_changes_and_changes_back_has_its_own_record(kind, place):
    """What was noted for an older file of the same content does not count for a newer one."""
    manager, values = kind
    for number, value in enumerate((1, 1, 2, 1)):
        slot = target(place, run_id=f"run-{number}", provenance={"code": f"c{number}"})
        store(manager, values(value), slot)

        assert manager.find(source(place)).record["code"] == f"c{number}"


def test_an_overriding_version_is_kept(kind, place):
    """A data version that the author gave stands for the content."""
    manager, values = kind
    own = {"data_version": "ab" * 16}

    written = store(manager, values(1), target(place, provenance=own))

    assert written.data_version == "ab" * 16
    assert manager.read_with_versions([source(place)], None, None).versions == ("ab" * 16,)


def test_the_record_travels_with_the_data(kind, place):
    """`find` says what lies there without the catalog; nothing there is None."""
    manager, values = kind
    provenance = {"code": "c1", "inputs": [["a", None, "f" * 32]], "é": {"n": 1.5}}

    assert manager.find(source(place, "d1")) is None
    written = store(manager, values(1), target(place, "d1", provenance=provenance))

    stored = manager.find(source(place, "d1"))
    assert {key: stored.record[key] for key in provenance} == provenance
    assert stored.record["asset"] == "flights"
    assert stored.record["partition"] == {"date": "d1"}
    assert stored.record["run_id"] == "run-1"
    assert stored.record["data_version"] == written.data_version
    assert (stored.rows, stored.bytes) == (written.rows, written.bytes)
    assert stored.signature == written.signature


def test_all_slots_are_found(kind, place):
    """Each with its key and record, in order; other assets and other layouts are none."""
    manager, values = kind
    for key in ("d2", "d1", "a b%2Fé"):
        encoded = {"a b%2Fé": "a%20b%252F%C3%A9"}.get(key, key)
        store(manager, values(1), target(place, key, folder=f"flights/date={encoded}"))
    store(manager, values(1), target(place, asset="other", folder="other"))

    found = manager.find_all(place, "flights", ["date"])

    assert sorted(stored.source.partition_key for stored in found) == ["a b%2Fé", "d1", "d2"]
    assert all(stored.record["asset"] == "flights" for stored in found)
    assert len(manager.find_all(place, "other", [])) == 1
    assert manager.find_all(place, "nothing", ["date"]) == []


def test_deleting_leaves_nothing(kind, place):
    """No file and no empty folder; deleting again is no error; others stay."""
    manager, values = kind
    for key in ("d1", "d2"):
        store(manager, values(1), target(place, key))

    manager.delete(target(place, "d1"))
    manager.delete(target(place, "d1"))

    assert manager.find(source(place, "d1")) is None
    assert manager.signatures([source(place, "d1")]) == [None]
    assert same(manager.read([source(place, "d2")], None, None), values(1))
    manager.delete(target(place, "d2"))
    assert manager.find_all(place, "flights", ["date"]) == []
    assert isinstance(manager, TableSlots) or files(place) == []


def test_what_is_not_there_is_told_by_name(kind, place):
    """The message has slot and command."""
    manager, _ = kind

    with pytest.raises(DataMissing, match=r"flights@d1.*assetkit materialize flights@d1"):
        manager.read([source(place, "d1")], None, None)


def test_publishers_do_not_tear_each_other(kind, place):
    """Whoever is last, one whole value lies there, with its own record."""
    manager, values = kind
    start = threading.Barrier(4)
    turns = 1 if isinstance(manager, TableSlots) else 5

    def publish(number):
        start.wait()
        for turn in range(turns):
            slot = target(place, run_id=f"run-{number}-{turn}", provenance={"by": number})
            store(manager, values(number), slot)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    by = manager.find(source(place)).record["by"]
    assert same(manager.read([source(place)], None, None), values(by))


@pytest.mark.parametrize("make", [MemoryIOManager, PickleIOManager])
def test_objects_are_not_shared_with_their_maker(make, place):
    """What the function does to its result afterwards changes nothing that was stored."""
    manager, value = make(), {"a": [1]}
    store(manager, value, target(place, "d1"))
    table = pd.DataFrame({"n": np.array([1, 2])})
    store(manager, table, target(place, "d2"))

    value["a"].append(2)
    table.loc[0, "n"] = 99

    assert manager.read([source(place, "d1")], dict, None) == {"a": [1]}
    assert manager.read([source(place, "d2")], pd.DataFrame, None)["n"].tolist() == [1, 2]
