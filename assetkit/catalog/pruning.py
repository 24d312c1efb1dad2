"""Old history of the catalog file: what counts as such, and its removal.

Rule 1: what is published, a failure that still counts, the newest row of each slot and of each
check, and every run that something left refers to are no history.
Rule 2: names of runs keep their numbers while anybody may know them: the newest run stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from assetkit.catalog.base import OLD_KINDS
from assetkit.catalog.store import Transaction
from assetkit.catalog.times import to_micros


def prune(transaction: Transaction, before: datetime, *, dry_run: bool) -> Mapping[str, int]:
    """Return how much is older than *before*, by kind; remove it unless *dry_run*."""
    at = to_micros(before)
    found = {}
    for kind in OLD_KINDS:
        found[kind] = int(transaction.rows(f"old_{kind}", at=at)[0][0])
        if found[kind] and not dry_run:
            transaction.write(f"forget_old_{kind}", at=at)
    return found
