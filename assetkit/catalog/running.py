"""Runs in the catalog file: begun, alive, asked to stop, ended, listed."""

from __future__ import annotations

import json
from collections.abc import Container
from datetime import datetime
from importlib import import_module

import pyarrow as pa

from assetkit.catalog import frames
from assetkit.catalog.claims import Mortals
from assetkit.catalog.ids import Ids
from assetkit.catalog.leasing import Leases
from assetkit.catalog.liveness import is_alive
from assetkit.catalog.pace import KEPT
from assetkit.catalog.store import Transaction
from assetkit.catalog.times import to_micros
from assetkit.records import RunRecord, RunStatus


def start(transaction: Transaction, ids: Ids, mortals: Mortals, run: RunRecord) -> None:
    """Write a run down; again, where its id is there."""
    known, new = transaction.rows("run_number", run_id=run.run_id)[0]
    ids.learn_run(run.run_id, known or new)
    transaction.write(
        "start_run" if known else "insert_run",
        run_no=known or new,
        run_id=run.run_id,
        status=run.status.value,
        origin=run.origin,
        started_at=to_micros(run.started_at),
        ended_at=None if run.ended_at is None else to_micros(run.ended_at),
        targets=list(run.targets),
        steps=run.steps,
        tags=json.dumps(dict(run.tags)),
        message=run.message,
        host=run.owner.host,
        pid=run.owner.pid,
        command=run.owner.command,
        process_started=run.owner.started,
        guarded=is_alive(mortals.guard(run.run_id)),
    )


def beat(transaction: Transaction, run_id: str, now: datetime) -> bool:
    """Keep a heartbeat; return whether the run is asked to stop, or was taken for lost."""
    transaction.write("beat", run_id=run_id, now=to_micros(now))
    rows = transaction.rows("run_state", run_id=run_id)
    return bool(rows and (rows[0][2] or rows[0][1] == RunStatus.LOST))


def ask_cancel(transaction: Transaction, run_id: str, dead: Container[str]) -> bool:
    """Ask a run to stop; return False where it is not running."""
    rows = transaction.rows("run_state", run_id=run_id)
    if not rows or rows[0][1] != RunStatus.RUNNING or run_id in dead:
        return False
    transaction.write("ask_cancel", run_no=rows[0][0])
    return True


def finish(
    transaction: Transaction, run_no: int, status: RunStatus, ended_at: datetime, message: str
) -> None:
    """Write the end of a run down, and what it says of the pace of its assets."""
    transaction.write(
        "finish_run",
        run_no=run_no,
        status=status.value,
        ended_at=to_micros(ended_at),
        message=message,
    )
    transaction.is_last = True
    transaction.write("keep_paces", run_no=run_no, kept=KEPT)


def list_runs(
    transaction: Transaction, leases: Leases, limit: int | None, run_id: str | None
) -> pa.Table:
    """Return runs, newest first; those whose process is gone as lost."""
    table = transaction.connection.table("runs", limit=limit, run_id=run_id)
    if dead := leases.dead_runs():
        pc = import_module("pyarrow.compute")
        # Only then, as arrays of Python's values load pandas.
        lost = pc.is_in(table["run_id"], value_set=pa.array(sorted(dead), pa.string()))
        status = pc.if_else(lost, RunStatus.LOST.value, table["status"])
        table = table.set_column(table.schema.get_field_index("status"), "status", status)
    return frames.as_frame(table, "runs")
