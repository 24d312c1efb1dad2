"""DuckDB, kept warm: one in-memory instance per process, to which a catalog file is attached
for the time of one transaction.

Rule 1: the file is attached under its lock only, and detached before the lock is let go.
Rule 2: an instance is never used after a fork, nor after an error that may have harmed it.
Rule 3: a commit that returned is done; what fails after it is no failure.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import duckdb

from assetkit.catalog.sql import queries

if TYPE_CHECKING:
    import pyarrow as pa

_OPTIONS: dict[str, str | bool | int | float | list[str]] = {
    # A file with another database's magic must not make DuckDB look for an extension.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # A Python variable must never stand in for a missing table.
    "python_enable_replacements": "false",
    # When to checkpoint is decided here, after a copy was made.
    "wal_autocheckpoint": "1TB",
}
_QUIET_DETACH = {
    True: "SET checkpoint_on_detach = 'DISABLED'",
    False: "PRAGMA disable_checkpoint_on_shutdown",
}
SINCE_2 = int(duckdb.__version__.split(".")[0]) >= 2
Mode: TypeAlias = Literal["read", "write", "create"]
_MODES: dict[Mode, str] = {
    # With a type named, DuckDB does not guess one from the content.
    "read": "TYPE duckdb, READ_ONLY",
    "write": "TYPE duckdb",
    # What both DuckDB 1.5 and 2.0 read.
    "create": "TYPE duckdb, STORAGE_VERSION 'v1.5.0'",
}


_columns: dict[str, list[str]] = {}
"""The columns of tables in their order, which is that of the migrations in every catalog."""


class Connection:
    """A connection that runs the named queries of ``queries.sql``."""

    def __init__(self, duck: duckdb.DuckDBPyConnection) -> None:
        self._duck = duck

    def rows(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        return self._duck.execute(queries()[name], values or None).fetchall()

    def table(self, name: str, /, **values: Any) -> pa.Table:
        """Run a query and return its result as Arrow."""
        return self.arrow(queries()[name], **values)

    def arrow(self, text: str, /, **values: Any) -> pa.Table:
        """Run SQL and return its result as Arrow."""
        relation: Any
        if SINCE_2:
            relation = self._duck.sql(text, params=values or None)
        else:
            # Here a relation with values would be built row by row, which takes seconds.
            relation = self._duck.execute(text, values or None)
        found: pa.Table = relation.to_arrow_table()
        return found

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows to a table; they have all of its columns, in any order."""
        table = f"known.{name}"
        if name not in _columns:
            _columns[name] = self._duck.table(table).columns
        self._duck.from_arrow(rows.select(_columns[name])).insert_into(table)

    def execute(self, text: str) -> list[tuple[Any, ...]]:
        """Run SQL that takes no values."""
        return self._duck.execute(text).fetchall()

    @contextmanager
    def lent(self, **tables: pa.Table) -> Iterator[None]:
        """Let queries see Arrow tables by name inside the block."""
        for name, table in tables.items():
            self._duck.register(name, table)
        try:
            yield
        finally:
            for name in tables:
                with suppress(duckdb.Error):
                    self._duck.unregister(name)


class _Instance:
    """The one DuckDB instance of this process; used by one thread at a time."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._duck: duckdb.DuckDBPyConnection | None = None

    def connection(self) -> duckdb.DuckDBPyConnection:
        if self._duck is None:
            self._duck = duckdb.connect(":memory:", config=_OPTIONS)
            self._duck.execute(_QUIET_DETACH[SINCE_2])
        return self._duck

    def drop(self) -> None:
        """Give the instance up, with whatever is attached to it."""
        duck, self._duck = self._duck, None
        if duck is not None:
            with suppress(duckdb.Error):
                duck.close()


_instance = _Instance()
_of_parents: list[_Instance] = []


def _start_over() -> None:
    """Take a new instance in a forked child; the parent's is kept, since closing it would hang."""
    global _instance  # noqa: PLW0603
    _of_parents.append(_instance)
    _instance = _Instance()


os.register_at_fork(after_in_child=_start_over)


@contextmanager
def attached(path: str, mode: Mode = "write") -> Iterator[Connection]:
    """Attach a database file as ``known`` inside the block; ``:memory:`` is an empty one.

    The caller holds the lock of the file. Errors are DuckDB's own.
    """
    with _instance.lock:
        duck = _instance.connection()
        try:
            duck.execute(_attach(path, mode))
        except BaseException:
            _instance.drop()
            raise
        try:
            yield Connection(duck)
        except Exception as error:
            # A transaction that has not touched the file yet would outlive it.
            with suppress(duckdb.Error):
                duck.execute("ROLLBACK")
            _leave(duck, broken=isinstance(error, _HARMFUL))
            raise
        except BaseException:
            _instance.drop()
            raise
        _leave(duck, broken=False)


_HARMFUL = (duckdb.FatalException, duckdb.InternalException)


def _leave(duck: duckdb.DuckDBPyConnection, *, broken: bool) -> None:
    """Detach the file, rolling back what was not committed."""
    try:
        if not broken:
            duck.execute("DETACH known")
            return
    except duckdb.Error:
        pass
    _instance.drop()


def release() -> None:
    """Let go of the instance; the next transaction makes another."""
    with _instance.lock:
        _instance.drop()


def _attach(path: str, mode: Mode) -> str:
    quoted = path.replace("'", "''")
    return f"ATTACH '{quoted}' AS known ({_MODES[mode]})"
