"""The approvals port of a catalog: which steps wait for a person, and what was decided.

Rule 1: a decision is about a slot as it would be made: it holds for its fingerprint, in
whichever run that is made, and for nothing else.
Rule 2: a decision is used once: when the slot is made, or its refusal is noted, it is spent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from assetkit.records import AssetKey


class ApprovalStatus(StrEnum):
    """Where a request stands."""

    AWAITING = "awaiting_approval"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRecord:
    """A step of a run that a person must approve. ``spent``: it counts no longer."""

    run_id: str
    asset: AssetKey
    partition: str | None
    fingerprint: str
    asked_at: datetime
    status: ApprovalStatus = ApprovalStatus.AWAITING
    decided_at: datetime | None = None
    decided_by: str = ""
    note: str = ""
    spent: bool = False

    def is_about(self, other: ApprovalRecord) -> bool:
        """Return whether both are about the same slot, made in the same way of the same inputs."""
        return (self.asset, self.partition, self.fingerprint) == (
            other.asset,
            other.partition,
            other.fingerprint,
        )


class ApprovalLog(Protocol):
    """What waits for a person, and what was decided."""

    def ask(self, asked: Sequence[ApprovalRecord]) -> None:
        """Write requests down; one of the same run and slot is replaced."""
        ...

    def decide(self, decided: ApprovalRecord) -> None:
        """Write a decision down, for all requests about the same that still wait."""
        ...

    def find(self, *, run_id: str | None = None, unspent: bool = False) -> Sequence[ApprovalRecord]:
        """Return requests, oldest first: all, or those of a run, or those that count."""
        ...

    def spend(self, asset: AssetKey, partition: str | None) -> None:
        """Let what was asked or decided about a slot count no longer."""
        ...
