"""Many partitions at once are read as each alone would be."""

import datetime as dt
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assetkit.errors import DataChanged, DataMissing, InputError
from assetkit.io import ParquetIOManager
from tests.storage.places import make_place, source, store, target

KEYS = [f"d{number:02d}" for number in range(20)]
TIME = np.datetime64("2026-01-01T05:06:07.123456", "us")


@pytest.fixture
def place(tmp_path):
    """Return an empty place."""
    return make_place(tmp_path)


def slots(place, **changes):
    return [source(place, key, **changes) for key in KEYS]


def of_all_types(number):
    """Return a frame with a column of each simple type, with gaps and extremes."""
    floats = [np.nan, -0.0, np.inf, float(number)]
    return pd.DataFrame(
        {
            "i8": np.array([-128, 127, 0, number], "int8"),
            "i64": np.array([-(2**63), 2**63 - 1, 0, number], "int64"),
            "u8": np.array([0, 255, 1, number], "uint8"),
            "u64": np.array([0, 2**64 - 1, 1, number], "uint64"),
            "f4": np.array(floats, "float32"),
            "f8": floats,
            "b": [True, False, True, False],
            "nullable": pd.array([True, None, False, None], "boolean"),
            "int": pd.array([1, None, 2**60, number], "Int64"),
            "s": ["a", None, "", f"é{number}"],
            "o": pd.Series(["a", None, "", "\0"], dtype=object),
            "us": np.array([TIME, "NaT", "0001-01-01", "9999-12-31"], "datetime64[us]"),
            "ms": pd.Series([TIME] * 4).astype("datetime64[ms]"),
            "ns": pd.Series([TIME] * 4).astype("datetime64[ns]"),
            "z": pd.date_range("2026-03-29", periods=4, freq="h", tz="Europe/Berlin").as_unit("us"),
            "day": pd.Series([dt.date(2026, 1, 1), None, dt.date(1, 1, 1)] * 2, dtype=object)[:4],
            'odd "name"': [1, 2, 3, 4],
        }
    )


SPECIAL = {
    "simple": of_all_types,
    "category": lambda n: pd.DataFrame({"x": pd.Categorical(["a", "b"], ["b", "a"])}),
    "seconds": lambda n: pd.DataFrame({"x": pd.Series([TIME]).astype("datetime64[s]")}),
    "lists": lambda n: pd.DataFrame({"x": pd.Series([[n], []], dtype=object)}),
    "index": lambda n: pd.DataFrame({"x": [n]}, index=pd.Index(["a"], name="k")),
    "positions": lambda n: pd.DataFrame({"x": [n]}, index=[n + 1]),
    "drift": lambda n: pd.DataFrame({"x": [n] if n % 2 else [n + 0.5]}),
    "no-rows": lambda n: pd.DataFrame({"x": np.arange(n % 2)}),
    "no-columns": lambda n: pd.DataFrame({"x": [1]}) if n else pd.DataFrame(),
}


@pytest.mark.parametrize("columns", [None, ["x"]], ids=["all", "one"])
@pytest.mark.parametrize("name", SPECIAL)
def test_many_are_as_one_by_one(name, columns, place):
    """The same rows, types, dimensions and versions, whichever way is taken."""
    if columns and name == "simple":
        columns = ["z", 'odd "name"']
    manager = ParquetIOManager()
    for number, key in enumerate(KEYS):
        store(manager, SPECIAL[name](number), target(place, key))
    two = [slots(place, with_dimensions=True)[n : n + 2] for n in range(0, 20, 2)]

    many = manager.read_with_versions(slots(place, with_dimensions=True), pa.Table, columns)
    few = [manager.read_with_versions(part, pa.Table, columns) for part in two]

    table = pa.concat_tables([part.value for part in few], promote_options="permissive")
    assert many.value.equals(table.cast(many.value.schema))
    assert many.versions == tuple(version for part in few for version in part.versions)


def test_all_types_come_back_to_pandas(place):
    """Frame by frame what was stored, one after another."""
    manager = ParquetIOManager()
    frames = [of_all_types(number) for number in range(len(KEYS))]
    for key, frame in zip(KEYS, frames, strict=True):
        store(manager, frame, target(place, key))

    found = manager.read(slots(place), pd.DataFrame, None)

    pd.testing.assert_frame_equal(found, pd.concat(frames, ignore_index=True))


@pytest.mark.parametrize("folder", ["a[b]", "a*", "a?", "a'b", 'a"b', "a{b}"])
def test_folders_with_odd_names(folder, tmp_path):
    """What a glob or SQL would read otherwise is only a name here."""
    place, manager = make_place(tmp_path / folder), ParquetIOManager()
    for number, key in enumerate(KEYS):
        store(manager, pd.DataFrame({"n": [number]}), target(place, key))

    assert manager.read(slots(place), pd.DataFrame, None)["n"].tolist() == list(range(20))


def test_one_bad_file_among_many_is_named(place):
    """Missing or damaged, the message names the slot; a column that is nowhere, the nearest."""
    manager = ParquetIOManager()
    for number, key in enumerate(KEYS):
        store(manager, pd.DataFrame({"number": [number]}), target(place, key))
    path = Path(place.data) / "flights/date=d07/part.parquet"

    with pytest.raises(InputError, match=r"no column 'numbr'\. Did you mean number"):
        manager.read(slots(place), pd.DataFrame, ["numbr"])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataChanged, match="flights@d07"):
        manager.read(slots(place), pd.DataFrame, None)
    path.unlink()
    with pytest.raises(DataMissing, match="flights@d07"):
        manager.read(slots(place), pd.DataFrame, None)


def test_no_read_of_many_mixes_versions_of_a_file(place):
    """While one file is replaced again and again, its rows are of the version reported."""
    manager, versions = ParquetIOManager(), {}
    for key in KEYS:
        store(manager, pd.DataFrame({"n": [0] * 100}), target(place, key))
    frames = [pd.DataFrame({"n": [number] * (100 + number)}) for number in range(7)]
    for number, frame in enumerate(frames):
        versions[manager.write(frame, target(place)).data_version] = number
    stop = threading.Event()

    def replace():
        number = 0
        while not stop.is_set():
            number = (number + 1) % 7
            store(manager, frames[number], target(place, "d07"))

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for _ in range(40):
            loaded = manager.read_with_versions(
                slots(place, with_dimensions=True), pd.DataFrame, None
            )
            rows = loaded.value.loc[loaded.value["date"] == "d07", "n"]
            number = versions[loaded.versions[7]]
            assert rows.tolist() == [number] * (100 + number)
            assert len(loaded.value) == 19 * 100 + len(rows)
    finally:
        stop.set()
        writer.join()
