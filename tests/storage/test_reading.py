"""A read is of one version of each file, or says why not."""

import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from assetkit.errors import DataChanged, DataMissing
from assetkit.io import JSONIOManager, MemoryIOManager, ParquetIOManager, PickleIOManager
from assetkit.io.sweep import sweep_pins, sweep_staging
from tests.storage.places import make_place, source, store, target


@pytest.fixture
def place(tmp_path):
    """Return an empty place."""
    return make_place(tmp_path)


def numbered(number):
    """Return a frame that says of each row to which version it belongs, and how many there are."""
    rows = 1000 + number % 7
    return pd.DataFrame({"version": np.full(rows, number), "rows": np.full(rows, rows)})


LAZY: dict[Any, Any] = {
    ds.Dataset: lambda v: v.to_table(),
    pa.RecordBatchReader: lambda v: v.read_all(),
    duckdb.DuckDBPyRelation: lambda v: v.to_arrow_table(),
    pl.LazyFrame: lambda v: v.collect().to_arrow(),
    Iterator[pa.Table]: pa.concat_tables,
}
EAGER: dict[Any, Any] = {pa.Table: lambda v: v, pd.DataFrame: pa.Table.from_pandas}


@pytest.mark.parametrize("load_as", LAZY, ids=str)
def test_what_is_lazy_stays_as_it_was(load_as, place):
    """Replaced, deleted and swept while it lives, it still gives the rows of its beginning."""
    manager = ParquetIOManager()
    for key in ("d1", "d2"):
        store(manager, numbered(1), target(place, key))
    slots = [source(place, "d1"), source(place, "d2")]

    loaded = manager.read_with_versions(slots, load_as, None)
    store(manager, numbered(2), target(place, "d1"))
    manager.delete(target(place, "d2"))
    sweep_pins(place)
    found = LAZY[load_as](loaded.value)

    assert set(found["version"].to_pylist()) == {1}
    assert found.num_rows == 2 * len(numbered(1))
    assert len(set(loaded.versions)) == 1


@pytest.mark.parametrize("load_as", LAZY, ids=str)
def test_pins_go_with_what_needed_them(load_as, place):
    """When the value is gone, so are its links."""
    manager = ParquetIOManager()
    store(manager, numbered(1), target(place))

    value = manager.read([source(place)], load_as, None)
    LAZY[load_as](value)
    del value
    gc.collect()

    assert list(place.private.glob("pins/*/*/*.parquet")) == []


@pytest.mark.parametrize("load_as", LAZY | EAGER, ids=str)
def test_no_read_mixes_versions_while_a_writer_replaces(load_as, place):
    """Every read is of one version: its rows, its count, and the version that is reported."""
    manager, versions = ParquetIOManager(), {}
    for number in range(8):
        versions[number] = manager.write(numbered(number), target(place))
    contents = {written.data_version: number for number, written in versions.items()}
    store(manager, numbered(0), target(place))
    stop = threading.Event()

    def replace():
        number = 0
        while not stop.is_set():
            number = (number + 1) % 8
            store(manager, numbered(number), target(place))

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for _ in range(60):
            loaded = manager.read_with_versions([source(place)], load_as, None)
            found = {**LAZY, **EAGER}[load_as](loaded.value)
            assert set(found["version"].to_pylist()) == {contents[loaded.versions[0]]}
            assert set(found["rows"].to_pylist()) == {found.num_rows}
    finally:
        stop.set()
        writer.join()


DAMAGE = {
    "truncated": lambda content: content[: len(content) // 2],
    "without-end": lambda content: content[:-1],
    "empty": lambda content: b"",
    "noise": lambda content: b"noise" * 100,
    "footer-of-noise": lambda content: content[:-60] + bytes(52) + content[-8:],
    "length-of-noise": lambda content: content[:-8] + b"\xff\xff\xff\x7fPAR1",
    "data-of-noise": lambda content: b"PAR1" + bytes(200) + content[204:],
}


@pytest.mark.parametrize(
    ("damage", "load_as"),
    [
        (damage, load_as)
        for damage in DAMAGE
        for load_as in (pd.DataFrame, pa.Table, ds.Dataset)
        if (damage, load_as) != ("data-of-noise", ds.Dataset)
    ],  # which reads the data later
)
def test_a_damaged_file_is_told_by_name(damage, load_as, place):
    """Slot, path and what to do; never a bare error of the reader."""
    manager = ParquetIOManager()
    store(manager, pd.DataFrame({"n": range(500)}), target(place, "d1"))
    path = Path(place.data) / "flights/date=d1/part.parquet"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))

    with pytest.raises(DataChanged, match=r"flights@d1.*part\.parquet.*assetkit materialize"):
        manager.read([source(place, "d1")], load_as, None)


@pytest.mark.parametrize("damage", ["truncated", "empty", "noise"])
def test_a_damaged_file_is_found_as_unknown(damage, place):
    """It is there, but it has no record; a new version replaces it as any other."""
    manager = ParquetIOManager()
    store(manager, pd.DataFrame({"n": [1]}), target(place, "d1"))
    path = Path(place.data) / "flights/date=d1/part.parquet"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))

    with pytest.raises(DataChanged):
        manager.find(source(place, "d1"))
    assert [stored.record for stored in manager.find_all(place, "flights", ["date"])] == [None]
    assert not store(manager, pd.DataFrame({"n": [1]}), target(place, "d1")).unchanged
    assert manager.read([source(place, "d1")], None, None)["n"].tolist() == [1]


@pytest.mark.parametrize(
    "load_as",
    [pd.DataFrame, pa.Table, ds.Dataset, Iterator[pd.DataFrame], dict[str, pd.DataFrame], Path],
    ids=str,
)
def test_a_missing_file_is_told_by_name(load_as, place):
    """Whatever is asked for, the message names the one slot that is not there."""
    manager = ParquetIOManager()
    store(manager, pd.DataFrame({"n": [1]}), target(place, "d1"))

    with pytest.raises(DataMissing, match=r"flights@d2.*assetkit materialize flights@d2"):
        manager.read([source(place, "d1"), source(place, "d2")], load_as, None)


def test_what_is_lazy_in_memory_stays_as_it_was(place):
    """An iterator over values in memory gives those of its beginning."""
    manager = MemoryIOManager()
    for key in ("d1", "d2"):
        store(manager, numbered(1), target(place, key))

    found = manager.read([source(place, "d1"), source(place, "d2")], Iterator[pa.Table], None)
    store(manager, numbered(2), target(place, "d2"))

    assert {number for table in found for number in table["version"].to_pylist()} == {1}


@pytest.mark.parametrize("load_as", [Path, list[Path], dict[str, Path], str], ids=str)
def test_paths_come_with_the_versions_that_lie_there(load_as, place):
    """What a function will read by itself is recorded as it is now."""
    manager = ParquetIOManager()
    written = store(manager, numbered(1), target(place))

    loaded = manager.read_with_versions([source(place, data_version="0" * 32)], load_as, None)

    assert loaded.versions == (written.data_version,)


def test_a_changed_file_reports_the_version_that_was_read(place):
    """A file that another hand put there is read; that it is another is for the caller to see."""
    manager = ParquetIOManager()
    first = store(manager, pd.DataFrame({"n": [1]}), target(place))
    expected = source(place, data_version=first.data_version)
    second = store(manager, pd.DataFrame({"n": [2]}), target(place))

    assert manager.read_with_versions([expected], None, None).versions == (second.data_version,)
    pd.DataFrame({"n": [3]}).to_parquet(Path(place.data) / "flights/part.parquet")
    loaded = manager.read_with_versions([expected], None, None)
    assert (loaded.value["n"].tolist(), loaded.versions) == ([3], (None,))


def test_adopted_data_is_read_where_it_lies(place, tmp_path):
    """A location overrides the folder, relative to the data folder or absolute."""
    pd.DataFrame({"n": [1]}).to_parquet(tmp_path / "mine.parquet")
    manager = ParquetIOManager()

    for location in (str(tmp_path / "mine.parquet"), "../mine.parquet"):
        slot = source(place, location=location)
        assert manager.read([slot], None, None)["n"].tolist() == [1]
        assert manager.find(slot).record is None
        assert manager.read([slot], Path, None).samefile(tmp_path / "mine.parquet")
        several = source(place, location=location, with_dimensions=True)
        assert manager.read([several], Path, None).samefile(tmp_path)


# ------------------------------------------------------------------------------------ leavings


def test_the_sweep_takes_leavings_of_dead_runs_only(place):
    """Files of a live run, of other makers and outside the folder stay."""
    manager = ParquetIOManager()
    live = manager.write(pd.DataFrame({"n": [1]}), target(place, run_id="live"))
    dead = manager.write(pd.DataFrame({"n": [1]}), target(place, run_id="dead"))
    other = place.private / "staging" / "note.txt"
    other.write_text("mine")
    outside = place.private / "outside"
    outside.mkdir()
    (place.private / "staging" / "link").symlink_to(outside)

    assert sweep_staging(place, lambda run: run == "live") == 1

    assert (live.staged.exists(), dead.staged.exists()) == (True, False)
    assert other.exists()
    assert outside.exists()
    assert sweep_staging(place, lambda run: run == "live") == 0


def test_pins_of_dead_processes_are_swept(place):
    """A child that died with pins leaves them to the next sweep; the living keep theirs."""
    manager = ParquetIOManager()
    store(manager, numbered(1), target(place))
    mine = manager.read([source(place)], ds.Dataset, None)
    (session,) = (place.private / "pins").iterdir()
    dead = place.private / "pins" / "dead"
    (dead / "0").mkdir(parents=True)
    (dead / "lock").touch()
    os.link(next(Path(place.data).rglob("*.parquet")), dead / "0/0.parquet")

    assert sweep_pins(place) == 1

    assert (session.exists(), dead.exists()) == (True, False)
    assert mine.count_rows() == len(numbered(1))


def test_sweeping_an_empty_place_does_nothing(place):
    """No folder is made by looking."""
    assert (sweep_staging(place, lambda run: False), sweep_pins(place)) == (0, 0)
    assert not place.private.exists()


@pytest.mark.parametrize("manager", [PickleIOManager(), JSONIOManager()], ids=["pickle", "json"])
def test_a_record_that_fits_no_content_counts_as_unknown(manager, place):
    """What a crash between two files leaves is made again."""
    store(manager, {"a": 1}, target(place))
    record = next(Path(place.data).rglob("*.assetkit.json"))
    old = record.read_bytes()
    store(manager, {"a": 2}, target(place))
    record.write_bytes(old)

    assert manager.find(source(place)).record is None
    with pytest.raises(DataChanged):
        manager.read([source(place)], None, None)
    store(manager, {"a": 2}, target(place))
    assert manager.read([source(place)], None, None) == {"a": 2}
