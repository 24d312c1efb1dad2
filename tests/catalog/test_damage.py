"""Files that are damaged, foreign, newer or gone: what is said, and what is kept."""

import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from random import Random
from shutil import copytree

import duckdb
import pytest

from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.catalog.sql import migrations
from assetkit.errors import CatalogCorrupt, CatalogError, CatalogLocked, CatalogTooNew
from assetkit.faultpoints import arm
from tests.catalog.records import commit, made


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Make a catalog of 30 slots, some of them in the file and some in its WAL."""
    folder = tmp_path_factory.mktemp("whole")
    catalog = DuckDBCatalog(folder / "catalog.duckdb")
    for i in range(30):
        catalog.commit(commit(made(ordinal=i), commit_id=str(i)))
    return folder


@pytest.fixture
def path(tmp_path):
    return tmp_path / "catalog" / "catalog.duckdb"


@pytest.fixture
def catalog(path, whole):
    """Return a copy of the whole catalog, for one test to damage."""
    copytree(whole, path.parent)
    return DuckDBCatalog(path, wait=5)


def wal_of(path):
    return path.with_name("catalog.duckdb.wal")


def each_use(catalog):
    """Return one call that reads and one that writes."""
    return (
        lambda: catalog.snapshot(["a"]),
        lambda: catalog.commit(commit(made(ordinal=99), commit_id="late")),
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(Random(1).randbytes(20_000), id="noise"),
        pytest.param(b"SQLite format 3\0" + bytes(20_000), id="another-database"),
        pytest.param(b"hello", id="text"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_file_that_is_no_catalog(catalog, path, content):
    """The message says that the data are whole, and how to make the catalog again."""
    path.write_bytes(content)

    for use in each_use(catalog):
        with pytest.raises(CatalogCorrupt, match=r"data files are whole.*assetkit catalog rebuild"):
            use()
    assert path.read_bytes() == content


@pytest.mark.parametrize("size", [100, 4_096, 12_288, 50_000, 300_000])
def test_a_truncated_file(catalog, path, size):
    """A file cut short anywhere is refused."""
    path.write_bytes(path.read_bytes()[:size])

    for use in each_use(catalog):
        with pytest.raises(CatalogCorrupt, match="assetkit catalog rebuild"):
            use()


def test_flipped_bits_are_never_silently_wrong(catalog, path):
    """A bit flipped anywhere is either in unused space, or refused."""
    whole, wal, random = path.read_bytes(), wal_of(path).read_bytes(), Random(3)
    refused = 0
    for _ in range(12):
        damaged = bytearray(whole)
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        wal_of(path).write_bytes(wal)
        try:
            assert len(catalog.snapshot(["a"]).slots["a"]) == 30
        except CatalogCorrupt:
            refused += 1

    assert refused


def test_a_damaged_wal_can_be_set_aside(catalog, path):
    """The message names the command; what the file itself holds is then there again."""
    wal = wal_of(path)
    content = bytearray(wal.read_bytes())
    content[content.index(b"k026") + 1] ^= 0xFF
    wal.write_bytes(content)

    for use in each_use(catalog):
        with pytest.raises(CatalogCorrupt) as caught:
            use()
    message = str(caught.value)
    command = message[message.index("`mv ") + 1 :].partition("`")[0]
    subprocess.run(command.split(), check=True)

    assert wal.with_name(command.rpartition("/")[2]).exists()
    assert 0 < len(catalog.snapshot(["a"]).slots["a"]) < 30


def test_a_torn_wal_loses_only_its_end(catalog, path):
    """A power cut in the middle of a write leaves all commits before it."""
    wal = wal_of(path)
    wal.write_bytes(wal.read_bytes()[:-50])

    assert catalog.slot_keys("a")[0].tolist() == list(range(29))
    catalog.commit(commit(made(ordinal=29), commit_id="again"))
    assert len(catalog.slot_keys("a")[0]) == 30


def test_a_copy_from_before_the_checkpoint_is_kept(catalog, path):
    """A copy lies beside the catalog, and is one itself."""
    path.write_bytes(b"hello")
    copy = path.with_name("catalog.duckdb.before")

    with pytest.raises(CatalogCorrupt, match=str(copy)):
        catalog.snapshot(["a"])
    assert len(DuckDBCatalog(copy).slot_keys("a")[0]) > 20


def test_a_deleted_catalog_begins_anew(catalog, path):
    """What is gone is empty; the WAL that was left does not get into the new one."""
    path.unlink()

    assert catalog.snapshot(["a"]).assets == {}
    catalog.commit(commit(made(ordinal=7), commit_id="0"))
    assert catalog.slot_keys("a")[0].tolist() == [7]
    assert next(catalog.published("a")).basis == made().basis


def test_another_program_s_database(path):
    """A DuckDB file with other tables is left alone."""
    path.parent.mkdir()
    with duckdb.connect(path) as other:
        other.execute("create table mine (a integer)")

    for use in each_use(DuckDBCatalog(path)):
        with pytest.raises(CatalogCorrupt, match="no catalog: it has other tables"):
            use()


def test_a_catalog_of_a_newer_version(catalog, path):
    """A format that is not known is neither read nor written."""
    with duckdb.connect(path) as other:
        other.execute("update meta set format = 99")

    for use in each_use(catalog):
        with pytest.raises(CatalogTooNew, match=r"format 99.*upgrade assetkit"):
            use()


def test_a_file_without_tables_is_migrated(path):
    """An empty database, as an interrupted hand leaves it, becomes a catalog."""
    path.parent.mkdir()
    duckdb.connect(path).close()
    catalog = DuckDBCatalog(path)

    assert catalog.snapshot(["a"]).seq == 0
    catalog.commit(commit(made()))
    with duckdb.connect(path, read_only=True) as other:
        assert other.execute("select format from meta").fetchall() == [(len(migrations()),)]


def test_a_catalog_open_elsewhere(catalog, path):
    """A program that keeps the file open is named; nothing is lost, and all is well after."""
    program = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    child.stdout.readline()
    for use in each_use(catalog):
        with pytest.raises(CatalogLocked, match=f"PID {child.pid}"):
            use()
    child.kill()
    child.communicate()

    assert len(catalog.slot_keys("a")[0]) == 30


@contextmanager
def full_disk(size):
    """Let no file grow beyond *size* bytes inside the block."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_loses_nothing(catalog, path):
    """A write that finds no room is refused as a whole, and works once there is some."""
    room = wal_of(path).stat().st_size + 200
    with full_disk(room), pytest.raises(CatalogError, match="full"):
        catalog.commit(commit(made(ordinal=30), commit_id="late"))

    assert len(catalog.slot_keys("a")[0]) == 30
    catalog.commit(commit(made(ordinal=30), commit_id="late"))
    assert len(DuckDBCatalog(path).slot_keys("a")[0]) == 31


def test_an_error_in_a_transaction_undoes_it(catalog):
    """Whatever is raised inside, nothing of it is kept, and the catalog goes on."""

    def interrupted():
        with catalog.transaction() as (transaction, ids, _):
            ids.ensure_assets(["half"])
            transaction.next_seq()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert "half" not in catalog.snapshot(["half"]).assets
    assert catalog.snapshot([]).seq == 30
    catalog.commit(commit(made("half"), commit_id="whole"))
    assert len(catalog.slot_keys("half")[0]) == 1


def test_an_error_before_the_first_query_leaves_nothing_open(catalog):
    """A transaction that failed at its very beginning does not stand in the way of the next."""
    late = commit(made(ordinal=30), commit_id="late")
    arm("catalog.begun:1:full")
    with pytest.raises(OSError, match="No space"):
        catalog.commit(late)

    catalog.commit(late)

    assert len(catalog.slot_keys("a")[0]) == 31
