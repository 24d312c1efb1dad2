"""The catalog file: transactions on it, migrations, checkpoints.

Rule 1: `catalog.lock` is held for the whole of each transaction, also to read.
Rule 2: a file that is not there reads as empty, and is made by the first write.
Rule 3: a checkpoint rewrites the file in place, so a copy is made before; torn by
a power cut, the file is damaged, and says so.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from assetkit.catalog.engine import SINCE_2, Connection, attached
from assetkit.catalog.faults import copy_of, explain_fault, no_catalog, too_new, wal_of
from assetkit.catalog.lock import FileLock
from assetkit.catalog.sql import migrations
from assetkit.errors import CatalogError
from assetkit.faultpoints import reach

if TYPE_CHECKING:
    import pyarrow as pa

# Attaching replays the WAL: 0.2 ms a write (0.8 in DuckDB 1.5) and 1 ms a thousand rows. A
# checkpoint takes 5 ms and more, by the size of what it touches; that of a small catalog comes
# earlier where only the thread waits for it that writes beside the steps of a run.
_WRITES_A_CHECKPOINT = 12 if SINCE_2 else 8
_WRITES_BESIDE_STEPS = 6
_WAL_A_CHECKPOINT = 4 << 20
_WAL_LEFT_BEHIND = 256 << 10
_WAL_BESIDE_STEPS = 128 << 10
_SMALL = 4 << 20
_COPY_EVERY = 600.0


class Transaction:
    """What one transaction sees and does; made by `Store.transaction`.

    ``seq`` and ``fence`` are those of the catalog, or those that the transaction
    took. ``connection`` is where tables are read and lent; ``is_last``: little is
    to follow soon; ``beside_steps``: a run goes on meanwhile. A write that did nothing
    leaves no trace.
    """

    def __init__(
        self, connection: Connection, *, identity: str, seq: int, fence: int, writes: int
    ) -> None:
        self.connection = connection
        self.identity, self.seq, self.fence, self.writes = identity, seq, fence, writes
        self.previous_seq = seq
        self.changed = False
        self.is_last = self.beside_steps = False

    def rows(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Run a named query that reads."""
        return self.connection.rows(name, **values)

    def write(self, name: str, /, **values: Any) -> None:
        """Run a named query that writes."""
        self.changed = True
        self.connection.rows(name, **values)

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows to a table."""
        self.changed = True
        self.connection.append(name, rows)

    def next_seq(self) -> int:
        """Take the next number of the sequence; the same one throughout a transaction."""
        self.seq = self.previous_seq + 1
        self.changed = True
        return self.seq

    def next_fence(self) -> int:
        """Take a new fencing number."""
        self.fence += 1
        self.changed = True
        return self.fence


class Store:
    """A catalog file; *wait* is how many seconds to wait for other processes."""

    def __init__(self, path: Path, *, wait: float) -> None:
        self.path = Path(os.path.realpath(path))
        self._lock = FileLock(self.path.with_suffix(".lock"), wait=wait)
        self._shared = threading.local()

    def exists(self) -> bool:
        """Return whether there is a catalog; raises `CatalogError` where that cannot be told."""
        try:
            return self.path.exists()
        except OSError as error:
            raise self._unusable(error) from error

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[Transaction]:
        """Do what is in the block as one transaction; it is undone where the block raises.

        Raises:
            CatalogLocked: another process holds the catalog.
            CatalogTooNew: a newer assetkit or DuckDB wrote it.
            CatalogCorrupt: it is damaged, or no catalog.
            CatalogError: the disk is full, or rights are missing.
        """
        shared: Transaction | None = getattr(self._shared, "transaction", None)
        try:
            if read_only and shared is not None:
                yield shared
                return
            with self._reading() if read_only else self._writing() as transaction:
                yield transaction
        except duckdb.Error as error:
            raise explain_fault(error, self.path) from error

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let what this thread reads inside the block be read in one transaction."""
        with self.transaction(read_only=True) as transaction:
            outer = getattr(self._shared, "transaction", None)
            self._shared.transaction = transaction
            try:
                yield
            finally:
                self._shared.transaction = outer

    def become(self, other: Store) -> None:
        """Put another catalog in this one's place, in one rename; this one is set aside."""
        with self._lock.held():
            with other._lock.held(), attached(str(other.path)) as connection:
                connection.execute("CHECKPOINT known")
            suffix = f".replaced-{time.time_ns() // 1_000_000}"
            for path in (wal_of(self.path), wal_of(copy_of(self.path)), copy_of(self.path)):
                if path.exists():
                    path.replace(path.with_name(path.name + suffix))
            if self.path.exists():
                # A link and then one rename: at no moment is there no catalog.
                os.link(self.path, self.path.with_name(self.path.name + suffix))
            other.path.replace(self.path)
            wal_of(other.path).unlink(missing_ok=True)
            _sync(self.path.parent)
        other.discard()

    def discard(self) -> None:
        """Remove the file, and all that lies beside it for its sake."""
        for path in (self.path, copy_of(self.path)):
            for each in (path, wal_of(path)):
                each.unlink(missing_ok=True)
        self.path.with_suffix(".lock").unlink(missing_ok=True)

    def _unusable(self, error: OSError) -> CatalogError:
        return CatalogError(
            f"The catalog {self.path} cannot be used: {error}. Check the rights of its folder, or "
            f"choose another workspace: Workspace(...) or ASSETKIT_WORKSPACE."
        )

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        if not self.exists():
            with attached(":memory:") as connection:
                yield _migrated(connection, self.path)
            return
        with self._lock.held():
            with attached(str(self.path), "read") as connection:
                if (transaction := _find(connection, self.path)) is not None:
                    yield transaction
                    return
            with attached(str(self.path)) as connection:
                yield _migrated(connection, self.path)

    @contextmanager
    def _writing(self) -> Iterator[Transaction]:
        self._make_folder()
        with self._lock.held():
            if not self.exists():
                self._create()
            with attached(str(self.path)) as connection:
                transaction = _migrated(connection, self.path)
                connection.execute("BEGIN")
                reach("catalog.begun")
                yield transaction
                is_due = self._is_checkpoint_due(transaction)
                _end(transaction, writes=0 if is_due else transaction.writes + 1)
            if is_due:
                self._checkpoint()

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    def _create(self) -> None:
        """Make an empty catalog, in one rename, so that a crash leaves none that is half made.

        The WAL of a catalog that was deleted is set aside: it would not fit the new one.
        """
        wal, new = wal_of(self.path), self.path.with_name(self.path.name + ".new")
        if wal.exists():
            wal.replace(wal.with_name(f"{wal.name}.orphan-{wal.stat().st_mtime:.0f}"))
        for leftover in (new, wal_of(new)):
            leftover.unlink(missing_ok=True)
        with attached(str(new), "create") as connection:
            _migrated(connection, new)
            connection.execute("CHECKPOINT known")
        wal_of(new).unlink(missing_ok=True)
        new.replace(self.path)
        _sync(self.path.parent)

    def _is_checkpoint_due(self, transaction: Transaction) -> bool:
        if not transaction.changed:
            return False
        writes, wal, size = transaction.writes + 1, _size(wal_of(self.path)), _size(self.path)
        if transaction.beside_steps and size <= _SMALL:
            return writes >= _WRITES_BESIDE_STEPS or wal > _WAL_BESIDE_STEPS
        if writes >= _WRITES_A_CHECKPOINT:
            return True
        if transaction.is_last:
            return wal > _WAL_LEFT_BEHIND
        return wal > max(_WAL_A_CHECKPOINT, size // 8)

    def _checkpoint(self) -> None:
        """Move the WAL into the file; what was committed is safe without, so no failure counts."""
        with suppress(duckdb.Error, OSError):
            self._copy()
            reach("catalog.copied")
            with attached(str(self.path)) as connection:
                connection.execute("CHECKPOINT known")
            reach("catalog.checkpointed")

    def _copy(self) -> None:
        """Copy the file and its WAL; a large one every ten minutes only, as what an older copy
        does not know is found again in the data files.
        """
        copy = copy_of(self.path)
        if _size(self.path) > _SMALL and copy.exists() and _age(copy) < _COPY_EVERY:
            return
        for source, target in ((self.path, copy), (wal_of(self.path), wal_of(copy))):
            new = target.with_name(target.name + ".new")
            shutil.copyfile(source, new)
            with new.open("rb") as file:
                os.fsync(file.fileno())
            new.replace(target)


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _age(path: Path) -> float:
    """Return for how many seconds a file has not changed."""
    return time.time() - path.stat().st_mtime


def _find(connection: Connection, path: Path) -> Transaction | None:
    """Return a transaction on an attached catalog; None where migrations are missing.

    Raises:
        CatalogTooNew: it went through more migrations than there are.
        CatalogCorrupt: it is no catalog.
    """
    try:
        found = connection.rows("meta")
    except duckdb.CatalogException:
        if connection.rows("foreign_tables"):
            raise no_catalog(path) from None
        return None
    format_, identity, seq, fence, writes = found[0]
    if format_ > len(migrations()):
        raise too_new(path, format_, len(migrations()))
    if format_ < len(migrations()):
        return None
    return _begin(connection, identity, seq, fence, writes)


def _begin(connection: Connection, identity: str, seq: int, fence: int, writes: int) -> Transaction:
    return Transaction(connection, identity=identity, seq=seq, fence=fence, writes=writes)


def _migrated(connection: Connection, path: Path) -> Transaction:
    """Bring an attached catalog to the newest format, in one transaction."""
    transaction = _find(connection, path)
    if transaction is not None:
        return transaction
    missing = migrations()[_format(connection) :]
    connection.execute("BEGIN")
    for text in missing:
        connection.execute(text)
    connection.rows("set_format", format=len(migrations()))
    connection.execute("COMMIT")
    return _begin(connection, *connection.rows("meta")[0][1:])


def _format(connection: Connection) -> int:
    try:
        return int(connection.rows("meta")[0][0])
    except duckdb.CatalogException:
        return 0


def _end(transaction: Transaction, *, writes: int) -> None:
    if not transaction.changed:
        transaction.connection.execute("ROLLBACK")
        return
    transaction.write("set_meta", seq=transaction.seq, fence=transaction.fence, writes=writes)
    reach("catalog.committing")
    transaction.connection.execute("COMMIT")
    reach("catalog.committed")
