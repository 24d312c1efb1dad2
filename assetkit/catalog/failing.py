"""Slots whose newest attempts failed: the count that quarantine goes by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from assetkit.catalog.base import FailedSlot
from assetkit.catalog.times import known_time
from assetkit.records import AssetKey


class Trouble(NamedTuple):
    """A failed attempt at a slot that has not succeeded since."""

    asset: AssetKey
    ordinal: int
    partition: str | None
    fingerprint: str
    run_id: str
    error_type: str
    message: str
    failed_at: int


def failed_slots(attempts: Iterable[Trouble]) -> tuple[FailedSlot, ...]:
    """Return each slot with its newest failure, and how many in a row had its fingerprint.

    *attempts* come oldest first.
    """
    rows: dict[tuple[AssetKey, int], tuple[int, Trouble]] = {}
    for attempt in attempts:
        slot = (attempt.asset, attempt.ordinal)
        count, before = rows.get(slot, (0, attempt))
        again = before.fingerprint == attempt.fingerprint
        rows[slot] = (count + 1 if again else 1, attempt)
    return tuple(_failed_slot(count, newest) for _, (count, newest) in sorted(rows.items()))


def _failed_slot(count: int, newest: Trouble) -> FailedSlot:
    return FailedSlot(
        asset=newest.asset,
        ordinal=newest.ordinal,
        partition=newest.partition,
        fingerprint=newest.fingerprint,
        count=count,
        run_id=newest.run_id,
        error_type=newest.error_type,
        message=newest.message,
        failed_at=known_time(newest.failed_at),
    )
