"""Approvals in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import RLock

from assetkit.catalog.approvals import ApprovalRecord, ApprovalStatus
from assetkit.records import AssetKey


class MemoryApprovals:
    """The `ApprovalLog` of a catalog in memory."""

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._records: list[ApprovalRecord] = []

    def ask(self, asked: Sequence[ApprovalRecord]) -> None:
        """Write requests down; one of the same run and slot is replaced."""
        with self._lock:
            replaced = {(one.run_id, one.asset, one.partition) for one in asked}
            self._records = [
                one
                for one in self._records
                if (one.run_id, one.asset, one.partition) not in replaced
            ]
            self._records += asked

    def decide(self, decided: ApprovalRecord) -> None:
        """Write a decision down, for all requests about the same that still wait."""
        with self._lock:
            self._records = [
                replace(
                    one,
                    status=decided.status,
                    decided_at=decided.decided_at,
                    decided_by=decided.decided_by,
                    note=decided.note,
                )
                if one.status is ApprovalStatus.AWAITING and one.is_about(decided)
                else one
                for one in self._records
            ]

    def find(self, *, run_id: str | None = None, unspent: bool = False) -> Sequence[ApprovalRecord]:
        """Return requests, oldest first: all, or those of a run, or those that count."""
        with self._lock:
            found = [
                one
                for one in self._records
                if run_id in (None, one.run_id) and not (unspent and one.spent)
            ]
        return sorted(found, key=lambda one: (one.asked_at, one.asset, one.partition or ""))

    def spend(self, asset: AssetKey, partition: str | None) -> None:
        """Let what was asked or decided about a slot count no longer."""
        with self._lock:
            self._records = [
                replace(one, spent=True)
                if (one.asset, one.partition) == (asset, partition)
                else one
                for one in self._records
            ]
