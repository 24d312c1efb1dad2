"""One process at a time: who waits, for how long, and what the ones in vain are told."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.catalog.lock import FileLock
from assetkit.errors import CatalogError, CatalogLocked
from tests.catalog.records import commit, made

PROJECT = Path(__file__).parents[2]

HOLDER = """
import sys
from pathlib import Path
from assetkit.catalog.lock import FileLock
sys.argv = ["/usr/bin/assetkit", "materialize", "--token=secret"]
with FileLock(Path(sys.stdin.readline().strip()), wait=1).held():
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    """Hold the lock of a catalog in another process; closing its stdin lets go."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    child.stdin.write(f"{tmp_path / 'catalog.lock'}\n")
    child.stdin.flush()
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()


def test_the_holder_is_named(holder, tmp_path):
    """After the wait, the error says which process on which host runs what; no secrets."""
    catalog = DuckDBCatalog(tmp_path / "catalog.duckdb", wait=0.05)

    with pytest.raises(CatalogLocked) as caught:
        catalog.commit(commit(made()))

    message = str(caught.value)
    assert f"process {holder.pid} on {socket.gethostname()} (assetkit materialize)" in message
    assert "0.05 s" in message
    assert "secret" not in message


def test_a_waiting_process_gets_its_turn(holder, tmp_path):
    """Who waits goes on as soon as the holder lets go."""
    catalog = DuckDBCatalog(tmp_path / "catalog.duckdb", wait=60)
    waiting = threading.Thread(target=lambda: catalog.commit(commit(made())))
    waiting.start()
    holder.stdin.close()
    waiting.join()

    assert catalog.slot_keys("a")[0].tolist() == [0]


def test_a_killed_holder_holds_nothing(holder, tmp_path):
    """The kernel drops the lock with its process."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()

    DuckDBCatalog(tmp_path / "catalog.duckdb", wait=0).commit(commit(made()))


def test_a_place_given_up_blocks_nobody(holder, tmp_path):
    """Who waited in vain keeps no place in the queue."""
    with pytest.raises(CatalogLocked), FileLock(tmp_path / "catalog.lock", wait=0.01).held():
        pass
    holder.stdin.close()
    holder.wait()

    with FileLock(tmp_path / "catalog.lock", wait=60).held():
        pass


def test_threads_take_turns(tmp_path):
    """Catalogs on one file in several threads lose nothing."""
    path = tmp_path / "catalog.duckdb"

    def work(number):
        catalog = DuckDBCatalog(path)
        for i in range(5):
            catalog.commit(commit(made(ordinal=10 * number + i), commit_id=f"{number}-{i}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert DuckDBCatalog(path).snapshot(["a"]).seq == 20
    assert len(DuckDBCatalog(path).slot_keys("a")[0]) == 20


def test_two_names_of_one_file_share_its_lock(tmp_path):
    """A catalog is known by its real path."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    linked = DuckDBCatalog(tmp_path / "link" / "catalog.duckdb")

    assert linked.path == DuckDBCatalog(tmp_path / "real" / "catalog.duckdb").path


def test_two_catalogs_in_turn(tmp_path):
    """One process may use any number of catalogs."""
    first = DuckDBCatalog(tmp_path / "1" / "catalog.duckdb")
    second = DuckDBCatalog(tmp_path / "2" / "catalog.duckdb")
    for i in range(3):
        first.commit(commit(made(ordinal=i), commit_id=str(i)))
        second.commit(commit(made("b", ordinal=i), commit_id=str(i)))

    assert first.snapshot(["a", "b"]).slots.keys() == {"a"}
    assert second.snapshot(["a", "b"]).slots.keys() == {"b"}


def _commit_in_child(path):
    DuckDBCatalog(path).commit(commit(made(ordinal=1), commit_id="child"))


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_child_starts_over(tmp_path):
    """A fork takes neither the parent's DuckDB nor its locks."""
    path = tmp_path / "catalog.duckdb"
    catalog = DuckDBCatalog(path, wait=20)
    catalog.commit(commit(made(ordinal=0), commit_id="parent"))
    child = multiprocessing.get_context("fork").Process(target=_commit_in_child, args=(path,))
    child.start()
    child.join(120)

    assert child.exitcode == 0
    assert catalog.slot_keys("a")[0].tolist() == [0, 1]


def test_a_folder_that_may_not_be_written(tmp_path, as_nobody):
    """What is there can be read; a write names the path and what to do."""
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    catalog = DuckDBCatalog(folder / "catalog.duckdb")
    catalog.commit(commit(made()))
    with as_nobody(folder):
        assert catalog.slot_keys("a")[0].tolist() == [0]
        with pytest.raises(CatalogError, match=r"catalog\.duckdb.*ASSETKIT_WORKSPACE"):
            catalog.commit(commit(made(ordinal=1), commit_id="c2"))
        with pytest.raises(CatalogError, match="ASSETKIT_WORKSPACE"):
            DuckDBCatalog(folder / "new" / "catalog.duckdb").commit(commit(made()))
        with pytest.raises(CatalogError, match="ASSETKIT_WORKSPACE"):
            DuckDBCatalog(folder / "other.duckdb").commit(commit(made()))

    assert catalog.commit(commit(made(ordinal=1), commit_id="c2")).seq == 2


def test_the_lock_file_says_who_held_it(tmp_path):
    """Whoever looks at the lock file finds the last holder."""
    DuckDBCatalog(tmp_path / "catalog.duckdb").commit(commit(made()))

    assert f'"pid": {os.getpid()}' in (tmp_path / "catalog.lock").read_text()
