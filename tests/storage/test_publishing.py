"""A published file is whole, durable and never written to, whatever happens on the way."""

import gc
import json
import os
import stat
import sys
import threading
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit.errors import StorageError
from assetkit.io import ParquetIOManager
from assetkit.io.content import content_version
from assetkit.io.footer import read_record
from assetkit.io.sweep import sweep_staging
from tests.storage.places import make_place, source, store, target

OLD = pd.DataFrame({"n": [1, 2, 3]})
NEW = pd.DataFrame({"n": [4, 5]})


@pytest.fixture
def place(tmp_path):
    """Return an empty place."""
    return make_place(tmp_path)


def file_of(place, key=None):
    return Path(place.data) / "flights" / ("" if key is None else f"date={key}") / "part.parquet"


def staged_files(place):
    return [path for path in (place.private / "staging").rglob("*") if path.is_file()]


def assert_whole(path):
    assert read_record(path)["data_version"] == content_version(pq.ParquetFile(path).read())


def test_the_file_lies_where_any_reader_finds_it(place):
    """Hive folders, one file per partition, nothing else in the data folder."""
    for key in ("d1", "d2"):
        store(ParquetIOManager(), OLD, target(place, key))

    files = [path for path in Path(place.data).rglob("*") if path.is_file()]

    assert sorted(files) == [file_of(place, "d1"), file_of(place, "d2")]
    found = duckdb.sql(
        f"select date, sum(n) from '{place.data}/**/*.parquet' group by 1 order by 1"
    )
    assert found.fetchall() == [("d1", 6), ("d2", 6)]
    assert pd.read_parquet(file_of(place, "d1")).equals(OLD)


def test_the_record_is_in_the_footer(place):
    """One key of canonical JSON, which any reader can read, says what these bytes are."""
    provenance = {"inputs": [{"asset": "a", "digest": "f" * 32}], "materialized_at": "2026-01-01"}
    written = store(ParquetIOManager(), OLD, target(place, "d1", provenance=provenance))

    text = pq.read_metadata(file_of(place, "d1")).metadata[b"assetkit"].decode()
    record = json.loads(text)

    assert text == json.dumps(record, sort_keys=True, separators=(",", ":"))
    assert record["data_version"] == written.data_version == content_version(pa.table(OLD))
    assert record["rows"] == 3
    assert record["inputs"] == provenance["inputs"]
    assert record["schema"] == '[["n","int64"]]' == written.schema
    assert read_record(file_of(place, "d1")) == record


@pytest.mark.parametrize("size", [0, 100, 10_000, 100_000])
def test_records_of_any_size_are_found(size, place):
    """Also where the footer is larger than what is read at first."""
    store(ParquetIOManager(), OLD, target(place, provenance={"long": "é" * size}))

    assert read_record(file_of(place))["long"] == "é" * size


def test_a_file_of_another_hand_has_no_record(place):
    """It is found, but nothing is known of it."""
    file_of(place).parent.mkdir(parents=True)
    pq.write_table(pa.table({"n": [1]}), file_of(place))

    stored = ParquetIOManager().find(source(place))

    assert stored.record is None
    assert stored.bytes == file_of(place).stat().st_size


def test_the_same_content_changes_no_byte(place):
    """Neither the file nor its time; not even where another run wrote it in other batches."""
    manager = ParquetIOManager()
    store(manager, OLD, target(place))
    before = (file_of(place).read_bytes(), file_of(place).stat())

    pieces = iter([OLD.iloc[:1], OLD.iloc[1:]])
    again = store(manager, pieces, target(place, run_id="run-2", provenance={"code": "c9"}))

    assert again.unchanged
    assert (file_of(place).read_bytes(), file_of(place).stat()) == before
    assert manager.find(source(place)).record["code"] == "c9"


def test_the_same_values_as_another_kind_of_column_are_published(place):
    """A version is about values, but a category must not come back as text."""
    manager = ParquetIOManager()
    text = pd.DataFrame({"s": ["a", "b"]})
    first = store(manager, text, target(place))

    second = store(manager, text.astype("category"), target(place))

    assert second.data_version == first.data_version
    assert not second.unchanged
    assert manager.read([source(place)], None, None)["s"].dtype == "category"


# --------------------------------------------------------------------------- never half a file


def failing(after, error):
    for number in range(after):
        yield pd.DataFrame({"n": [number]})
    raise error


ERRORS = [ValueError("user code"), KeyboardInterrupt(), SystemExit(1), OSError("user's disk")]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_error_half_way_leaves_the_old_file(after, error, place):
    """The user's own error comes out, nothing staged remains, the old version stays."""
    manager = ParquetIOManager()
    store(manager, OLD, target(place))

    with pytest.raises(type(error)) as caught:
        manager.write(failing(after, error), target(place, run_id="run-2"))

    assert caught.value is error
    gc.collect()
    assert staged_files(place) == []
    assert manager.read([source(place)], None, None).equals(OLD)


def test_a_writer_that_is_dropped_publishes_nothing(place):
    """A staged result that nobody publishes is garbage, not data."""
    manager = ParquetIOManager()
    store(manager, OLD, target(place))

    manager.write(NEW, target(place, run_id="run-2"))
    gc.collect()

    assert manager.read([source(place)], None, None).equals(OLD)
    assert sweep_staging(place, lambda run: run == "run-1") == 1
    assert staged_files(place) == []


def test_the_published_file_is_never_written_to(place, tmp_path):
    """A link to the old version keeps its bytes through every way to write the slot."""
    manager = ParquetIOManager()
    store(manager, OLD, target(place))
    link = tmp_path / "old"
    os.link(file_of(place), link)
    before = link.read_bytes()
    opened = []
    watch_opens(str(file_of(place)), opened)

    store(manager, NEW, target(place))
    manager.discard(manager.write(OLD, target(place)))
    with pytest.raises(ValueError, match="user code"):
        manager.write(failing(2, ValueError("user code")), target(place))
    manager.delete(target(place))

    assert link.read_bytes() == before
    assert [mode for mode in opened if mode not in {"r", "rb"}] == []


watched: dict[str, list[str]] = {}


def watch_opens(path, modes):
    """Note how *path* is opened from now on (audit hooks cannot be removed)."""
    if not watched:
        sys.addaudithook(_note_open)
    watched[path] = modes


def _note_open(event, arguments):
    if event != "open" or not isinstance(arguments[0], str | os.PathLike):
        return
    path, mode, flags = arguments
    if os.fspath(path) in watched:
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        watched[os.fspath(path)].append((mode or "flags") if writes else "r")


def test_files_are_durable_before_they_are_seen(place, monkeypatch):
    """Content first, then the name, then the folder and every new folder above it."""
    calls = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(handle):
        path = Path(f"/proc/self/fd/{handle}").readlink()
        calls.append(("sync", "staged" if path.suffix == ".tmp" else path.name))
        real_sync(handle)

    def replace(staged, final):
        real_replace(staged, final)
        calls.append(("replace", Path(final).name))

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)

    store(ParquetIOManager(), OLD, target(place, "d1"))

    assert calls == [
        ("sync", "staged"),
        ("replace", "part.parquet"),
        ("sync", "date=d1"),
        ("sync", "flights"),
        ("sync", "data"),
    ]


def test_files_published_together_are_durable_together(place, monkeypatch):
    """All contents, then all names, then each folder once: the new ones, and what holds them."""
    manager, calls = ParquetIOManager(), []
    targets = [target(place, key) for key in ("d1", "d2", "d3")]
    staged = [(manager.write(OLD, one), one) for one in targets]
    real_sync = os.fsync

    def sync(handle):
        calls.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        real_sync(handle)

    monkeypatch.setattr(os, "fsync", sync)

    manager.publish_all(staged)

    assert all(name.endswith(".tmp") for name in calls[:3])
    assert sorted(calls[3:]) == ["data", "date=d1", "date=d2", "date=d3", "flights"]


def test_what_is_there_already_does_not_wait_for_the_disk(place, monkeypatch):
    """Content that the catalog knows to be published is not synced again."""
    manager = ParquetIOManager()
    made = store(manager, OLD, target(place, "d1"))
    again = target(place, "d1", published=made.data_version)
    calls = []
    monkeypatch.setattr(os, "fsync", calls.append)

    assert store(manager, OLD, again).unchanged
    assert not calls


def test_a_slot_that_cannot_be_published_keeps_back_no_other(place):
    """Its error stands in its place, and nothing stays staged."""
    manager = ParquetIOManager()
    targets = [target(place, key) for key in ("d1", "d2", "d3")]
    staged = [(manager.write(OLD, one), one) for one in targets]
    manager.path_of(targets[0]).parent.parent.mkdir(parents=True)
    manager.path_of(targets[1]).parent.write_text("in the way")

    first, second, third = manager.publish_all(staged)

    assert (first.rows, third.rows) == (3, 3)
    assert isinstance(second, StorageError)
    assert "d2" in str(second)
    assert not any(written.staged.exists() for written, _ in staged)


def test_what_an_io_manager_does_in_its_own_way_is_not_passed_over():
    """A subclass that writes or publishes otherwise is asked for each slot."""

    class Told(ParquetIOManager):
        def publish(self, written, target):
            return super().publish(written, target)

        def write(self, value, target):
            return super().write(value, target)

    assert ParquetIOManager().publishes_together
    assert ParquetIOManager().writes_later
    assert not Told().publishes_together
    assert not Told().writes_later


def test_readers_see_only_whole_partitions_at_any_moment(place):
    """While partitions are published and replaced, globs list them and nothing else."""
    manager = ParquetIOManager()
    for key in ("d1", "d2"):
        store(manager, OLD, target(place, key))
    stop, seen = threading.Event(), set()

    def watch():
        while not stop.is_set():
            seen.update(os.path.relpath(f, place.data) for f in ds.dataset(place.data).files)
            with duckdb.connect() as connection:
                listed = connection.sql(f"select file from glob('{place.data}/**')").fetchall()
            seen.update(os.path.relpath(file, place.data) for (file,) in listed)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(40):
        frame = pd.DataFrame({"n": range(number + 1)})
        written = manager.write(frame, target(place, "d1"))
        seen.update(os.path.relpath(p, place.data) for p in Path(place.data).rglob("*.*"))
        manager.publish(written, target(place, "d1"))
    stop.set()
    watcher.join()

    assert seen == {"flights/date=d1/part.parquet", "flights/date=d2/part.parquet"}


# -------------------------------------------------------------------------------- surroundings


def test_a_folder_that_cannot_be_written_is_told(place, monkeypatch):
    """The system's reason, the slot and the path; what was published stays."""
    manager = ParquetIOManager()
    store(manager, OLD, target(place))

    def refuse(self, final):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(StorageError, match=r"publish flights at .*No space left.*untouched"):
            store(manager, NEW, target(place))

    assert staged_files(place) == []
    assert manager.read([source(place)], None, None).equals(OLD)


def test_a_staging_folder_that_is_a_file_is_told(place):
    """Not a bare traceback of the system."""
    place.private.mkdir()
    (place.private / "staging").write_text("")

    with pytest.raises(StorageError, match="Cannot write flights at"):
        ParquetIOManager().write(OLD, target(place))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_while_writing_is_told(place, monkeypatch):
    """The error of the system becomes ours, and the staged file goes."""
    manager = ParquetIOManager()
    real = pa.OSFile
    monkeypatch.setattr(pa, "OSFile", lambda path, mode: real("/dev/full", mode))

    with pytest.raises(StorageError, match=r"Cannot write flights at .*[Nn]o space left"):
        manager.write(OLD, target(place))

    assert staged_files(place) == []


@pytest.mark.parametrize("folder", ["../x", "a/../../x", "/x", "a//b", "."])
def test_no_name_leads_out_of_the_data_folder(folder, place):
    """A folder that is not inside is refused, for reading and writing."""
    manager = ParquetIOManager()

    for act in (
        lambda: manager.write(OLD, target(place, folder=folder)),
        lambda: manager.delete(target(place, folder=folder)),
        lambda: manager.find(source(place, folder=folder)),
    ):
        with pytest.raises(StorageError, match="outside"):
            act()


def test_an_object_store_is_refused(place):
    """This manager stores local files, and says so."""
    remote = target(place.__class__(data="s3://bucket/lake", private=place.private))

    with pytest.raises(StorageError, match=r"s3://bucket/lake.*local"):
        ParquetIOManager().write(OLD, remote)


def test_new_files_have_the_rights_of_the_users_umask(place):
    """A published file is as readable as any other that the user makes."""
    before = os.umask(0o022)
    try:
        store(ParquetIOManager(), OLD, target(place))
    finally:
        os.umask(before)

    assert stat.S_IMODE(file_of(place).stat().st_mode) == 0o644


# ------------------------------------------------------------------------------------- history


def test_replaced_files_are_kept_as_links(place):
    """As many as asked for, the newest ones, whole."""
    manager = ParquetIOManager(keep=2)
    for number in range(5):
        store(manager, pd.DataFrame({"n": [number]}), target(place, "d1"))

    kept = sorted((place.private / "versions/flights/date=d1").iterdir())

    assert [pq.ParquetFile(path).read()["n"].to_pylist() for path in kept] == [[2], [3]]
    manager.delete(target(place, "d1"))
    kept = sorted((place.private / "versions/flights/date=d1").iterdir())
    assert [pq.ParquetFile(path).read()["n"].to_pylist() for path in kept] == [[3], [4]]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(0, 3)),
        st.tuples(st.just("fail"), st.integers(0, 2)),
        st.tuples(st.just("leave"), st.integers(0, 3)),
        st.tuples(st.just("delete"), st.just(0)),
        st.tuples(st.just("sweep"), st.just(0)),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=40)
@given(steps=STEPS)
def test_any_sequence_of_steps_leaves_the_last_published_version(steps, tmp_path_factory):
    """Failures, leavings, deletions and sweeps in any order: files and records agree."""
    place = make_place(tmp_path_factory.mktemp("steps"))
    manager, expected = ParquetIOManager(), None
    for step, number in steps:
        frame = pd.DataFrame({"n": range(number)})
        if step == "publish":
            store(manager, frame, target(place, "d1"))
            expected = frame
        elif step == "fail":
            with pytest.raises(ValueError, match="user"):
                manager.write(failing(number, ValueError("user")), target(place, "d1"))
        elif step == "leave":
            manager.write(frame, target(place, "d1", run_id="dead"))
        elif step == "delete":
            manager.delete(target(place, "d1"))
            expected = None
        else:
            sweep_staging(place, lambda run: False)

    stored = manager.find(source(place, "d1"))
    assert (stored is None) == (expected is None)
    if expected is not None:
        assert_whole(file_of(place, "d1"))
        assert manager.read([source(place, "d1")], None, None).equals(expected)


def test_what_is_written_later_is_what_is_written_at_once(place):
    """A small table is hashed first and a stream while it is written: one version, one content."""
    manager, table = ParquetIOManager(), pa.table({"n": [1.5, None, float("nan")]})
    later = manager.write_later(table, target(place, "d1"))()
    at_once = manager.write(iter([table]), target(place, "d2"))

    assert (later.rows, later.data_version) == (at_once.rows, at_once.data_version)
    assert read_record(later.staged)["nan"] == read_record(at_once.staged)["nan"] == ["n"]


def test_small_tables_keep_dictionaries_for_texts_only(place):
    """A few numbers take less room as they are."""
    table = pa.table({"n": range(100), "x": [0.5] * 100, "name": ["a", "b"] * 50})
    written = ParquetIOManager().write(table, target(place, "d1"))

    columns = pq.read_metadata(written.staged).row_group(0)
    encodings = {columns.column(n).path_in_schema: columns.column(n).encodings for n in range(3)}
    assert "RLE_DICTIONARY" in encodings["name"]
    assert "RLE_DICTIONARY" not in (*encodings["n"], *encodings["x"])
