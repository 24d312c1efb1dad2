"""The tables that a catalog hands out: the columns of each, the same in all implementations.

Times are in UTC, durations in seconds; what is not known is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

_TEXT: pa.DataType = pa.string()
_INT: pa.DataType = pa.int64()
_FLOAT: pa.DataType = pa.float64()
_FLAG: pa.DataType = pa.bool_()
_TIME: pa.DataType = pa.timestamp("us", tz="UTC")
_TEXTS: pa.DataType = pa.list_(pa.string())
_INTS: pa.DataType = pa.list_(pa.int64())
_WORDS: pa.DataType = pa.list_(pa.uint64())

RUNS = pa.schema(
    {
        "run_id": _TEXT,
        "status": _TEXT,
        "origin": _TEXT,
        "started_at": _TIME,
        "ended_at": _TIME,
        "duration": _FLOAT,
        "targets": _TEXTS,
        "steps": _INT,
        "tags": _TEXT,
        "message": _TEXT,
        "host": _TEXT,
        "pid": _INT,
        "command": _TEXT,
        "heartbeat_at": _TIME,
    }
)
"""One row per run; ``steps`` is how many were planned, ``tags`` a JSON object,
``duration`` null while it runs."""

EVENTS = pa.schema(
    {
        "time": _TIME,
        "asset": _TEXT,
        "partition": _TEXT,
        "event": _TEXT,
        "attempt": _INT,
        "duration": _FLOAT,
        "reason": _TEXT,
        "error_type": _TEXT,
        "message": _TEXT,
        "traceback": _TEXT,
        "log": _TEXT,
    }
)
"""One row per ended step and per failed attempt: ``event`` is the outcome of the step, or
``attempt failed``; ``attempt`` is the number of the attempt, or how many a step took."""

HISTORY = pa.schema(
    {
        "asset": _TEXT,
        "partition": _TEXT,
        "ordinal": _INT,
        "outcome": _TEXT,
        "run_id": _TEXT,
        "data_version": _TEXT,
        "materialized_at": _TIME,
        "data_time": _TIME,
        "rows": _INT,
        "bytes": _INT,
        "duration": _FLOAT,
        "attempt": _INT,
        "partial": _FLAG,
        "code": _TEXT,
        "metadata": _TEXT,
    }
)
"""One row per materialization: ``outcome`` is ``materialized``, ``unchanged`` or ``deleted``
(a tombstone: when it was deleted, and what of), ``code`` the code version, ``metadata`` JSON."""

STATUS = pa.schema(
    {
        "asset": _TEXT,
        "slots": _INT,
        "rows": _INT,
        "bytes": _INT,
        "materialized_at": _TIME,
        "data_time": _TIME,
        "partial": _INT,
        "failing": _INT,
        "failed_checks": _INT,
        "warnings": _INT,
        "metadata": _TEXT,
    }
)
"""One row per asset known, by key: how many slots are published, their rows and bytes, the newest
times, how many of them are partial, how many slots failed since they last succeeded, how many
checks of error severity and of lesser severity did not pass at the last look, and the metadata of
the newest slot as JSON."""

CHECKS = pa.schema(
    {
        "asset": _TEXT,
        "partition": _TEXT,
        "ordinal": _INT,
        "check": _TEXT,
        "passed": _FLAG,
        "severity": _TEXT,
        "blocking": _FLAG,
        "description": _TEXT,
        "checked_at": _TIME,
        "run_id": _TEXT,
        "metadata": _TEXT,
    }
)
"""One row per result of a check, by asset and ordinal; ``metadata`` is JSON."""

TABLES: dict[str, pa.Schema] = {
    "runs": RUNS,
    "events": EVENTS,
    "history": HISTORY,
    "status": STATUS,
    "checks": CHECKS,
    "assets": pa.schema(
        {
            "asset": _TEXT,
            "layout": _TEXT,
            "universe": _TEXT,
            "definition": _TEXT,
            "universe_seq": _INT,
        }
    ),
    "materializations": pa.schema(
        [
            *HISTORY,
            *pa.schema(
                {
                    "current": _FLAG,
                    "seq": _INT,
                    "ver_seq": _INT,
                    "read_seq": _INT,
                    "inputs": _TEXTS,
                    "digests": _WORDS,
                    "counts": _INTS,
                    "location": _TEXT,
                    "size": _INT,
                    "mtime_ns": _INT,
                    "inode": _INT,
                    "etag": _TEXT,
                    "schema": _TEXT,
                }
            ),
        ]
    ),
    "attempts": pa.schema(
        {
            "asset": _TEXT,
            "partition": _TEXT,
            "ordinal": _INT,
            "run_id": _TEXT,
            "attempt": _INT,
            "fingerprint": _TEXT,
            "error_type": _TEXT,
            "message": _TEXT,
            "traceback": _TEXT,
            "failed_at": _TIME,
            "duration": _FLOAT,
            "open": _FLAG,
        }
    ),
    "steps": pa.schema(
        {
            "run_id": _TEXT,
            "asset": _TEXT,
            "partition": _TEXT,
            "ordinal": _INT,
            "outcome": _TEXT,
            "ended_at": _TIME,
            "duration": _FLOAT,
            "attempts": _INT,
            "reason": _TEXT,
            "log": _TEXT,
        }
    ),
    "leases": pa.schema(
        {
            "asset": _TEXT,
            "lo": _INT,
            "hi": _INT,
            "run_id": _TEXT,
            "fence": _INT,
        }
    ),
    "observations": pa.schema(
        {
            "asset": _TEXT,
            "partition": _TEXT,
            "ordinal": _INT,
            "data_version": _TEXT,
            "observed_at": _TIME,
            "data_time": _TIME,
            "metadata": _TEXT,
        }
    ),
    "partitions": pa.schema(
        {
            "name": _TEXT,
            "ordinal": _INT,
            "key": _TEXT,
            "present": _FLAG,
        }
    ),
}
"""The columns of each table by its name."""

EXPORT = (
    "assets",
    "materializations",
    "attempts",
    "steps",
    "runs",
    "leases",
    "observations",
    "partitions",
    "checks",
)
"""All that is known, as tables of plain names; rows in the order of their first columns,
materializations, attempts and checks as they were written."""


def as_frame(table: pa.Table, name: str) -> pa.Table:
    """Return the columns of one of `TABLES`, in its types."""
    schema = TABLES[name]
    columns = [_as_type(table[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _as_type(column: pa.ChunkedArray[Any], kind: pa.DataType) -> pa.ChunkedArray[Any]:
    """Return a column in another type; moments as they stand in the file without a cast,
    for which Arrow's functions would be loaded.
    """
    if column.type == kind:
        return column
    if kind == _TIME and column.type == _INT:
        chunks = [chunk.view(kind) for chunk in column.chunks]
        # The stubs know only types that are written out.
        moments: pa.ChunkedArray[Any] = pa.chunked_array(chunks, type=kind)  # type: ignore[call-overload]
        return moments
    return column.cast(kind)


def from_rows(rows: Sequence[Mapping[str, Any]], name: str) -> pa.Table:
    """Return rows as one of `TABLES`."""
    return pa.Table.from_pylist(list(rows), schema=TABLES[name])
