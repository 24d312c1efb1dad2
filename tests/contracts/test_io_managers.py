"""What every IO manager promises: the published suites over all ready managers, and one's own."""

import numpy as np
import pandas as pd
import pytest

from assetkit.errors import DataMissing, MissingExtra
from assetkit.io import (
    CSVIOManager,
    DuckDBIOManager,
    JSONIOManager,
    MemoryIOManager,
    ParquetIOManager,
    PickleIOManager,
)
from assetkit.testing import IOManagerContract, StagedIOManagerContract
from tests.storage.places import make_place, source, store, target


def delta():
    """Return a manager of Delta tables, where its package is installed."""
    return pytest.importorskip("assetkit.io.delta", exc_type=MissingExtra).DeltaIOManager()


def iceberg():
    """Return a manager of Iceberg tables, where its package is installed."""
    return pytest.importorskip("assetkit.io.iceberg", exc_type=MissingExtra).IcebergIOManager()


def fitted(number):
    """Return an object that only a pickle can hold."""
    return {"fitted": {number}}


MANAGERS = [ParquetIOManager, CSVIOManager, DuckDBIOManager, delta, iceberg]
MANAGERS += [PickleIOManager, JSONIOManager, MemoryIOManager]


class TestParquet(StagedIOManagerContract):
    """The default."""

    def make(self):
        """Return the manager."""
        return ParquetIOManager()


class TestCSV(StagedIOManagerContract):
    """Tables as text."""

    def make(self):
        """Return the manager."""
        return CSVIOManager()


class TestDuckDB(StagedIOManagerContract):
    """Tables of a DuckDB file."""

    turns = 1

    def make(self):
        """Return the manager."""
        return DuckDBIOManager()


class TestDelta(StagedIOManagerContract):
    """Delta tables."""

    turns = 1

    def make(self):
        """Return the manager."""
        return delta()


class TestIceberg(StagedIOManagerContract):
    """Iceberg tables."""

    turns = 1

    def make(self):
        """Return the manager."""
        return iceberg()


class TestPickle(StagedIOManagerContract):
    """Any object."""

    def make(self):
        """Return the manager."""
        return PickleIOManager()

    def value(self, number):
        """Return an object of its own."""
        return fitted(number)


class TestJSON(StagedIOManagerContract):
    """Plain values."""

    def make(self):
        """Return the manager."""
        return JSONIOManager()

    def value(self, number):
        """Return what JSON can hold."""
        return {"n": [number, "é", None, 1.5]}


class TestMemoryTables(StagedIOManagerContract):
    """Tables in this process."""

    in_workers = False

    def make(self):
        """Return the manager."""
        return MemoryIOManager()


class TestMemoryObjects(TestMemoryTables):
    """Objects in this process."""

    def value(self, number):
        """Return an object of its own."""
        return fitted(number)


class TextFiles:
    """A manager of one's own: three methods, no base class."""

    def path(self, slot):
        """Return the slot's file."""
        return slot.path / "text.txt"

    def write(self, value, target):
        """Write a text."""
        self.path(target).parent.mkdir(parents=True, exist_ok=True)
        self.path(target).write_text(value)

    def read(self, sources, load_as, columns):
        """Read texts, one after another."""
        return "\n".join(self.path(source).read_text() for source in sources)

    def delete(self, target):
        """Remove the file."""
        self.path(target).unlink(missing_ok=True)


class TestTextFiles(IOManagerContract):
    """One's own."""

    def make(self):
        """Return the manager."""
        return TextFiles()

    def value(self, number):
        """Return a text."""
        return f"text {number}"


class Forgetful(TextFiles):
    """Keeps one file for all partitions, and leaves it there."""

    def path(self, slot):
        """Return a file that slots share."""
        return slot.path.parents[len(slot.dimensions)] / "text.txt"

    def delete(self, target):
        """Do nothing."""


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("test_partitions_and_assets_are_kept_apart", "should be 'text 0'\nbut read"),
        ("test_deleting_removes_one_slot", r"There is nothing in d0, but read\(\) returned"),
    ],
)
def test_the_suite_finds_what_is_wrong(tmp_path, test, told):
    """A manager that mixes slots up or keeps what is deleted fails, and is told how."""

    class Broken(TestTextFiles):
        def make(self):
            return Forgetful()

    with pytest.raises(AssertionError, match=told):
        getattr(Broken(), test)(tmp_path)


@pytest.fixture
def place(tmp_path):
    """Return an empty place."""
    return make_place(tmp_path)


@pytest.mark.parametrize("make", [ParquetIOManager, CSVIOManager, PickleIOManager, JSONIOManager])
def test_deleting_leaves_no_files(make, place):
    """Neither files nor empty folders."""
    manager = make()
    value = {"n": 1} if make in (PickleIOManager, JSONIOManager) else pd.DataFrame({"n": [1]})
    for key in ("d1", "d2"):
        store(manager, value, target(place, key))
        manager.delete(target(place, key))

    assert manager.find_all(place, "flights", ["date"]) == []
    assert list((place.private.parent / "data").rglob("*")) == []


@pytest.mark.parametrize("make", MANAGERS)
def test_what_is_not_there_is_told_by_name(make, place):
    """The message has slot and command."""
    with pytest.raises(DataMissing, match=r"flights@d1.*assetkit materialize flights@d1"):
        make().read([source(place, "d1")], None, None)


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
