"""Approvals in the catalog file."""

from __future__ import annotations

from collections.abc import Sequence

from assetkit.catalog.approvals import ApprovalRecord, ApprovalStatus
from assetkit.catalog.automating import Transactions
from assetkit.catalog.store import Transaction
from assetkit.catalog.times import from_micros, known_time, to_micros
from assetkit.records import AssetKey


class DuckDBApprovals:
    """The `ApprovalLog` of a catalog file."""

    def __init__(self, transaction: Transactions) -> None:
        self._transaction = transaction

    def ask(self, asked: Sequence[ApprovalRecord]) -> None:
        """Write requests down; one of the same run and slot is replaced."""
        with self._transaction() as (transaction, _, _):
            for one in asked:
                transaction.write(
                    "forget_approval", run_id=one.run_id, asset=one.asset, partition=one.partition
                )
                _insert(transaction, one)

    def decide(self, decided: ApprovalRecord) -> None:
        """Write a decision down, for all requests about the same that still wait."""
        with self._transaction() as (transaction, _, _):
            transaction.write(
                "decide_approval",
                asset=decided.asset,
                partition=decided.partition,
                fingerprint=decided.fingerprint,
                status=decided.status.value,
                decided_at=to_micros(decided.decided_at),
                decided_by=decided.decided_by,
                note=decided.note,
            )

    def find(self, *, run_id: str | None = None, unspent: bool = False) -> Sequence[ApprovalRecord]:
        """Return requests, oldest first: all, or those of a run, or those that count."""
        with self._transaction(read_only=True) as (transaction, _, _):
            rows = transaction.rows("approvals", run_id=run_id, unspent=unspent)
        return [
            ApprovalRecord(
                run_id=run,
                asset=asset,
                partition=partition,
                fingerprint=fingerprint,
                asked_at=known_time(asked_at),
                status=ApprovalStatus(status),
                decided_at=from_micros(decided_at),
                decided_by=decided_by,
                note=note,
                spent=spent,
            )
            for (
                run,
                asset,
                partition,
                fingerprint,
                asked_at,
                status,
                decided_at,
                decided_by,
                note,
                spent,
            ) in rows
        ]

    def spend(self, asset: AssetKey, partition: str | None) -> None:
        """Let what was asked or decided about a slot count no longer."""
        with self._transaction() as (transaction, _, _):
            transaction.write("spend_approvals", asset=asset, partition=partition)


def _insert(transaction: Transaction, one: ApprovalRecord) -> None:
    transaction.write(
        "insert_approval",
        run_id=one.run_id,
        asset=one.asset,
        partition=one.partition,
        fingerprint=one.fingerprint,
        asked_at=to_micros(one.asked_at),
        status=one.status.value,
        decided_at=to_micros(one.decided_at),
        decided_by=one.decided_by,
        note=one.note,
        spent=one.spent,
    )
