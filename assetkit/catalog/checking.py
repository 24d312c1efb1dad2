"""What checks found, in the catalog file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from assetkit.catalog.arrays import column
from assetkit.catalog.ids import Ids
from assetkit.catalog.metadata import to_json
from assetkit.catalog.store import Transaction
from assetkit.catalog.times import to_micros
from assetkit.records import AssetKey, CheckOutcome


def write(transaction: Transaction, ids: Ids, found: Sequence[CheckOutcome]) -> None:
    """Write down what checks found outside of a commit."""
    if not found:
        return
    known = ids.ensure_assets(one.asset for one in found)
    runs = ids.runs(list(dict.fromkeys(one.run_id for one in found)))
    insert(transaction, found, {key: one.number for key, one in known.items()}, runs)


def insert(
    transaction: Transaction,
    found: Sequence[CheckOutcome],
    assets: Mapping[AssetKey, int],
    runs: Mapping[str, int],
) -> None:
    """Add a row for each, with the numbers of their assets and runs."""
    table = pa.table(
        {
            "asset_id": column([assets[one.asset] for one in found], pa.int32()),
            "ordinal": column([one.ordinal for one in found], pa.int64()),
            "key": column([one.partition for one in found], pa.string()),
            "run_no": column([runs[one.run_id] for one in found], pa.int32()),
            "name": column([one.check for one in found], pa.string()),
            "passed": column([one.passed for one in found], pa.bool_()),
            "severity": column([one.severity for one in found], pa.string()),
            "blocking": column([one.blocking for one in found], pa.bool_()),
            "description": column([one.description for one in found], pa.string()),
            "checked_at": column([to_micros(one.checked_at) for one in found], pa.int64()),
            "metadata": column([to_json(one.metadata) for one in found], pa.string()),
        }
    )
    transaction.append("check_result", table)
