"""Datasets as DuckDB relations; loaded by name, where an annotation asks for one."""

from __future__ import annotations

import threading
from typing import Any

import duckdb

_connections = threading.local()


def relation(dataset: Any) -> duckdb.DuckDBPyRelation:
    """Return a relation over a dataset: columns and rows are picked while reading.

    In the main thread it belongs to DuckDB's default connection, so that
    ``duckdb.sql("select ... from flights")`` finds it by the parameter's name.
    Another thread has a connection of its own, which all its relations share.
    """
    found: duckdb.DuckDBPyRelation = _connection().from_arrow(dataset)
    return found


def _connection() -> Any:
    if threading.current_thread() is threading.main_thread():
        return duckdb.default_connection()
    if not hasattr(_connections, "own"):
        _connections.own = duckdb.connect()
    return _connections.own
