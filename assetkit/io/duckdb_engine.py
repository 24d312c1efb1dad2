"""A DuckDB of its own for a query: it spills into a folder that goes with it, and sees nothing
of the program, nor of the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

_SETTINGS: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
}


@contextmanager
def connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection inside the block."""
    with TemporaryDirectory(prefix="assetkit-sql-") as folder:
        settings = {**_SETTINGS, "temp_directory": folder}
        with duckdb.connect(config=settings) as connection:
            yield connection
