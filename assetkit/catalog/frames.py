"""The tables that a catalog hands out: the columns of each, the same in all implementations.

Times are in UTC, durations in seconds; what is not known is null.
"""

from __future__ import annotations

import pyarrow as pa

_TIME = pa.timestamp("us", tz="UTC")

RUNS = pa.schema(
    {
        "run_id": pa.string(),
        "status": pa.string(),
        "origin": pa.string(),
        "started_at": _TIME,
        "ended_at": _TIME,
        "duration": pa.float64(),
        "targets": pa.list_(pa.string()),
        "steps": pa.int64(),
        "tags": pa.string(),
        "message": pa.string(),
        "host": pa.string(),
        "pid": pa.int64(),
        "command": pa.string(),
        "heartbeat_at": _TIME,
    }
)
"""One row per run; ``steps`` is how many were planned, ``tags`` a JSON object,
``duration`` null while it runs."""

STEPS = pa.schema(
    {
        "time": _TIME,
        "asset": pa.string(),
        "partition": pa.string(),
        "event": pa.string(),
        "attempt": pa.int64(),
        "duration": pa.float64(),
        "reason": pa.string(),
        "error_type": pa.string(),
        "message": pa.string(),
        "traceback": pa.string(),
        "log": pa.string(),
    }
)
"""One row per ended step and per failed attempt: ``event`` is the outcome of the step, or
``attempt failed``; ``attempt`` is the number of the attempt, or how many a step took."""

HISTORY = pa.schema(
    {
        "asset": pa.string(),
        "partition": pa.string(),
        "ordinal": pa.int64(),
        "outcome": pa.string(),
        "run_id": pa.string(),
        "data_version": pa.string(),
        "materialized_at": _TIME,
        "data_time": _TIME,
        "rows": pa.int64(),
        "bytes": pa.int64(),
        "duration": pa.float64(),
        "attempt": pa.int64(),
        "partial": pa.bool_(),
        "code": pa.string(),
        "metadata": pa.string(),
    }
)
"""One row per materialization: ``outcome`` is ``materialized``, ``unchanged`` or ``deleted``
(a tombstone: when it was deleted, and what of), ``code`` the code version, ``metadata`` JSON."""

STATUS = pa.schema(
    {
        "asset": pa.string(),
        "slots": pa.int64(),
        "rows": pa.int64(),
        "bytes": pa.int64(),
        "materialized_at": _TIME,
        "data_time": _TIME,
        "partial": pa.int64(),
        "failing": pa.int64(),
    }
)
"""One row per asset known, by key: how many slots are published, their rows and bytes, the newest
times, how many of them are partial, and how many slots failed since they last succeeded."""

EXPORT = {
    "assets": pa.schema(
        {
            "asset": pa.string(),
            "layout": pa.string(),
            "universe": pa.string(),
            "definition": pa.string(),
            "universe_seq": pa.int64(),
        }
    ),
    "materializations": pa.schema(
        [
            *HISTORY,
            *pa.schema(
                {
                    "current": pa.bool_(),
                    "seq": pa.int64(),
                    "ver_seq": pa.int64(),
                    "read_seq": pa.int64(),
                    "inputs": pa.list_(pa.string()),
                    "digests": pa.list_(pa.uint64()),
                    "counts": pa.list_(pa.int64()),
                    "location": pa.string(),
                    "size": pa.int64(),
                    "mtime_ns": pa.int64(),
                    "inode": pa.int64(),
                    "etag": pa.string(),
                    "schema": pa.string(),
                }
            ),
        ]
    ),
    "attempts": pa.schema(
        {
            "asset": pa.string(),
            "partition": pa.string(),
            "ordinal": pa.int64(),
            "run_id": pa.string(),
            "attempt": pa.int64(),
            "fingerprint": pa.string(),
            "error_type": pa.string(),
            "message": pa.string(),
            "traceback": pa.string(),
            "failed_at": _TIME,
            "duration": pa.float64(),
            "open": pa.bool_(),
        }
    ),
    "steps": pa.schema(
        {
            "run_id": pa.string(),
            "asset": pa.string(),
            "partition": pa.string(),
            "ordinal": pa.int64(),
            "outcome": pa.string(),
            "ended_at": _TIME,
            "duration": pa.float64(),
            "attempts": pa.int64(),
            "reason": pa.string(),
            "log": pa.string(),
        }
    ),
    "runs": RUNS,
    "leases": pa.schema(
        {
            "asset": pa.string(),
            "lo": pa.int64(),
            "hi": pa.int64(),
            "run_id": pa.string(),
            "fence": pa.int64(),
        }
    ),
    "observations": pa.schema(
        {
            "asset": pa.string(),
            "partition": pa.string(),
            "ordinal": pa.int64(),
            "data_version": pa.string(),
            "observed_at": _TIME,
            "data_time": _TIME,
            "metadata": pa.string(),
        }
    ),
    "partitions": pa.schema(
        {
            "name": pa.string(),
            "ordinal": pa.int64(),
            "key": pa.string(),
            "present": pa.bool_(),
        }
    ),
}
"""All that is known, as tables of plain names; rows in the order of their first columns,
materializations and attempts as they were written."""
