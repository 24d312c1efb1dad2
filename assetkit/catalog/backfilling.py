"""Backfills in the catalog file: written down, written anew, listed."""

from __future__ import annotations

import json

from assetkit.catalog.store import Transaction
from assetkit.catalog.times import from_micros, known_time, to_micros
from assetkit.records import BackfillRecord, RunStatus


def write(transaction: Transaction, backfill: BackfillRecord) -> int:
    """Write a backfill down in the place of what is there of its id; return its ``seq``."""
    found = read(transaction, backfill.backfill_id)
    seq = found[0].seq if found else transaction.next_seq()
    transaction.write("forget_backfill", backfill_id=backfill.backfill_id)
    transaction.write(
        "insert_backfill",
        backfill_id=backfill.backfill_id,
        created_at=to_micros(backfill.created_at),
        targets=list(backfill.targets),
        request=json.dumps(dict(backfill.request)),
        slots=backfill.slots,
        status=backfill.status.value,
        runs=list(backfill.runs),
        ended_at=to_micros(backfill.ended_at),
        message=backfill.message,
        seq=seq,
    )
    return seq


def read(transaction: Transaction, backfill_id: str | None) -> list[BackfillRecord]:
    """Return the backfills, newest first; the one of an id, where one is given."""
    return [
        BackfillRecord(
            backfill_id=name,
            created_at=known_time(created_at),
            targets=tuple(targets),
            request=json.loads(request),
            slots=slots,
            status=RunStatus(status),
            runs=tuple(runs),
            ended_at=from_micros(ended_at),
            message=message,
            seq=seq,
        )
        for (
            name,
            created_at,
            targets,
            request,
            slots,
            status,
            runs,
            ended_at,
            message,
            seq,
        ) in transaction.rows("backfills", backfill_id=backfill_id)
    ]
