"""Objects that are no tables: pickles, JSON and memory."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from assetkit.errors import DataChanged, InputError, OutputError
from assetkit.io import JSONIOManager, MemoryIOManager, PickleIOManager
from tests.storage.places import make_place, source, store, target


@pytest.fixture
def place(tmp_path):
    """Return an empty place."""
    return make_place(tmp_path)


class Armed:
    """Unpickling it would call something."""

    def __reduce__(self):
        return (pytest.fail, ("code of a foreign pickle was run",))


@pytest.mark.parametrize("make", [PickleIOManager, JSONIOManager, MemoryIOManager])
def test_several_objects_are_given_by_key(make, place):
    """A dict by default, a list or an iterator where the annotation says so."""
    manager = make()
    for key in ("d1", "d2"):
        store(manager, [key], target(place, key))
    slots = [source(place, key, with_dimensions=True) for key in ("d1", "d2")]

    assert manager.read(slots, None, None) == {"d1": ["d1"], "d2": ["d2"]}
    assert manager.read(slots[:1], None, None) == {"d1": ["d1"]}
    assert manager.read(slots, list[object], None) == [["d1"], ["d2"]]
    assert list(manager.read(slots, Iterator[object], None)) == [["d1"], ["d2"]]
    assert manager.read([source(place, "d1")], list, None) == ["d1"]


@pytest.mark.parametrize("make", [PickleIOManager, MemoryIOManager])
def test_tables_among_objects_load_as_tables(make, place):
    """A pickled frame is loaded as whatever a table can be."""
    manager = make()
    for number, key in enumerate(("d1", "d2")):
        store(manager, pd.DataFrame({"n": [number]}), target(place, key))
    slots = [source(place, key, with_dimensions=True) for key in ("d1", "d2")]

    assert manager.read(slots, pd.DataFrame, None)["date"].tolist() == ["d1", "d2"]
    assert manager.read(slots, pa.Table, ["n"]).column_names == ["n"]
    assert manager.read([source(place, "d1")], pa.Table, None).num_rows == 1


@pytest.mark.parametrize("make", [PickleIOManager, MemoryIOManager])
def test_frames_that_no_file_of_columns_can_keep_are_kept_whole(make, place):
    """Mixed objects and odd names are no matter for a pickle."""
    manager, odd = make(), pd.DataFrame({0: [1, "a", {2}]})

    store(manager, odd, target(place))

    pd.testing.assert_frame_equal(manager.read([source(place)], pd.DataFrame, None), odd)
    with pytest.raises(InputError, match="flights cannot be loaded"):
        manager.read([source(place)], pa.Table, None)


def test_a_pickle_of_another_hand_is_not_opened(place):
    """What differs from its record is refused before any of its code could run."""
    manager = PickleIOManager()
    store(manager, {"a": 1}, target(place))
    file = Path(place.data) / "flights/value.pickle"
    file.write_bytes(__import__("pickle").dumps(Armed()))

    with pytest.raises(DataChanged, match=r"flights.*Another hand changed it"):
        manager.read([source(place)], None, None)
    assert manager.find(source(place)).record is None

    (Path(place.data) / "flights/value.pickle.assetkit.json").unlink()
    with pytest.raises(DataChanged):
        manager.read([source(place)], None, None)


def test_what_cannot_be_pickled_is_refused(place):
    """With the type's name, and nothing left behind."""
    with pytest.raises(OutputError, match=r"What flights returned is a generator"):
        PickleIOManager().write((n for n in range(3)), target(place))

    assert [path for path in place.private.rglob("*") if path.is_file()] == []


def test_lambdas_and_local_classes_are_pickled_by_value(place):
    """What plain pickle cannot name is still stored."""
    manager = PickleIOManager()

    store(manager, {"f": lambda n: n + 1}, target(place))

    assert manager.read([source(place)], None, None)["f"](1) == 2


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param({1: "a"}, "has the key 1", id="int-key"),
        pytest.param({"a": [(1, 2)]}, r"result['a'][0] is a tuple", id="tuple"),
        pytest.param({"a": float("nan")}, "JSON", id="nan"),
        pytest.param({"a": {1, 2}}, "set", id="set"),
        pytest.param(pd.DataFrame({"a": [1]}), "DataFrame", id="frame"),
        pytest.param("\ud800", "JSON", id="surrogate"),
    ],
)
def test_json_refuses_what_would_come_back_changed(value, words, place):
    """The message says where in the value."""
    with pytest.raises(OutputError) as error:
        JSONIOManager().write(value, target(place))

    assert words in str(error.value)


@pytest.mark.parametrize("value", [None, True, 1, -(10**30), 1.5, "é\n", [], {}, {"a": [{}]}])
def test_json_keeps_plain_values(value, place):
    """They come back equal and of the same type."""
    manager = JSONIOManager()
    store(manager, value, target(place))

    found = manager.read([source(place)], None, None)

    assert (type(found), found) == (type(value), value)


def test_memory_keeps_what_cannot_be_pickled(place):
    """As the object itself, without a version, so that each run counts as a change."""
    manager, value = MemoryIOManager(), (n for n in ())
    del value
    thing = type("Local", (), {})()

    written = store(manager, {"thing": thing}, target(place))

    assert written.data_version is None
    assert manager.read([source(place)], None, None)["thing"] is thing
