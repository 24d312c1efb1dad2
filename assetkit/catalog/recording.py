"""How a commit is written: one transaction, harmless to repeat, refused where a lease was lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
import pyarrow as pa

from assetkit.catalog import checking
from assetkit.catalog.arrays import column, to_numpy
from assetkit.catalog.base import Commit, Receipt
from assetkit.catalog.fencing import Fences, admitted, read_seqs_of, receipt_for, still_open
from assetkit.catalog.ids import AssetId, Ids
from assetkit.catalog.leasing import Leases
from assetkit.catalog.rows import Numbers, attempt_table, materialization_table, step_table
from assetkit.catalog.store import Transaction
from assetkit.records import AssetKey

_RECEIPTS_KEPT = 10_000


def record(transaction: Transaction, ids: Ids, leases: Leases, commit: Commit) -> Receipt:
    """Write a commit down, or return the receipt of the first time it was."""
    run_no = ids.runs([commit.run_id])[commit.run_id]
    state = dict(transaction.rows("commit_state", commit_id=commit.commit_id, run_no=run_no))
    if state["receipts"]:
        return _earlier_receipt(transaction, commit.commit_id)
    assets = ids.ensure_assets(_assets_of(commit))
    fences = Fences(
        leases=leases.of_others(commit.run_id) if state["leases"] else {},
        run=state["fenced"],
        assets={key: asset.fenced for key, asset in assets.items()},
    )
    admit = admitted(commit, fences)
    receipt = receipt_for(
        commit, admit, previous_seq=transaction.previous_seq, seq=transaction.next_seq()
    )
    numbers = _numbers(ids, commit, assets)
    made = list(compress(commit.materializations, admit))
    if made:
        read_seqs = list(compress(read_seqs_of(commit, receipt), admit))
        table = materialization_table(made, numbers, seq=receipt.seq, read_seqs=read_seqs)
        _publish(transaction, table, is_failing=bool(state["failing"]))
    _write_down(transaction, commit, numbers, still_open(commit, admit))
    _keep_receipt(transaction, commit.commit_id, receipt)
    return receipt


def _assets_of(commit: Commit) -> Iterable[AssetKey]:
    for group in (commit.materializations, commit.failures, commit.steps, commit.checks):
        yield from (one.asset for one in group)


def _earlier_receipt(transaction: Transaction, commit_id: str) -> Receipt:
    previous_seq, seq, refused = transaction.rows("receipt", commit_id=commit_id)[0]
    slots = tuple((asset, ordinal) for asset, ordinal in json.loads(refused))
    return Receipt(previous_seq=previous_seq, seq=seq, refused=slots)


def _numbers(ids: Ids, commit: Commit, assets: Mapping[AssetKey, AssetId]) -> Numbers:
    groups = (commit.materializations, commit.failures, commit.steps, commit.checks)
    run_ids = dict.fromkeys(one.run_id for group in groups for one in group)
    return Numbers(
        assets={key: asset.number for key, asset in assets.items()},
        runs=ids.runs([commit.run_id, *run_ids]),
        bases=ids.bases([one.basis for one in commit.materializations]),
    )


def _publish(transaction: Transaction, table: pa.Table, *, is_failing: bool) -> None:
    """Make the rows of *table* the published versions of their slots."""
    span = _span(table)
    with transaction.connection.lent(incoming=table):
        published = transaction.rows("published_versions", **span)
        if published:
            transaction.write("supersede", **span)
        if is_failing:
            transaction.write("close_attempts")
    kept = _kept_ver_seqs(table, published)
    if kept is not None:
        table = table.set_column(table.schema.get_field_index("ver_seq"), "ver_seq", kept)
    transaction.append("materialization", table)


def _span(table: pa.Table) -> dict[str, int]:
    """Return the bounds within which DuckDB need look for the slots of *table*."""
    assets, ordinals = to_numpy(table["asset_id"], np.int32), to_numpy(table["ordinal"], np.int64)
    return {
        "first": int(assets.min()),
        "last": int(assets.max()),
        "lo": int(ordinals.min()),
        "hi": int(ordinals.max()),
    }


def _kept_ver_seqs(
    table: pa.Table, published: Sequence[tuple[int, int, int, int, int]]
) -> pa.Array[Any] | None:
    """Return the column ``ver_seq`` where the data version of a slot is the published one."""
    if not published:
        return None
    before = {(asset, ordinal): (hi, lo, seq) for asset, ordinal, hi, lo, seq in published}
    columns = ("asset_id", "ordinal", "version_hi", "version_lo", "ver_seq")
    rows = zip(*(table[name].to_pylist() for name in columns), strict=True)
    return column([_ver_seq(row, before) for row in rows], pa.int64())


def _ver_seq(row: Sequence[Any], before: Mapping[tuple[int, int], tuple[int, int, int]]) -> int:
    asset, ordinal, hi, lo, new = row
    was_hi, was_lo, seq = before.get((asset, ordinal), (-1, -1, new))
    return seq if (hi, lo) == (was_hi, was_lo) else int(new)


def _write_down(
    transaction: Transaction, commit: Commit, numbers: Numbers, opened: Sequence[bool]
) -> None:
    """Write the failed attempts, the checks and the ended steps of a commit."""
    if commit.failures:
        transaction.append("attempt", attempt_table(commit.failures, numbers, opened))
    if commit.checks:
        checking.insert(transaction, commit.checks, numbers.assets, numbers.runs)
    if commit.steps:
        transaction.append("step", step_table(commit.steps, numbers))


def _keep_receipt(transaction: Transaction, commit_id: str, receipt: Receipt) -> None:
    transaction.write(
        "insert_receipt",
        commit_id=commit_id,
        previous_seq=receipt.previous_seq,
        seq=receipt.seq,
        refused=json.dumps(receipt.refused),
    )
    if receipt.seq % _RECEIPTS_KEPT == 0:
        transaction.write("forget_receipts", seq=receipt.seq - _RECEIPTS_KEPT)
