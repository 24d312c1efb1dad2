"""What planning reads: slots as NumPy columns, and all that goes with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa

from assetkit.catalog.arrays import to_numpy
from assetkit.catalog.automating import read_states
from assetkit.catalog.automation import HOLD
from assetkit.catalog.base import FailedSlot, Snapshot
from assetkit.catalog.failing import Trouble, failed_slots
from assetkit.catalog.ids import AssetId, Ids
from assetkit.catalog.leasing import Leases
from assetkit.catalog.rows import DIGEST_COLUMNS, observation_of
from assetkit.catalog.sql import queries
from assetkit.catalog.store import Transaction
from assetkit.columns import MIXED, Ints, SlotColumns, SlotTable, Words
from assetkit.records import AssetKey, Estimate, Observation

_FEW = 8
_DETAIL: dict[str, type[np.uint64 | np.int64]] = {
    "version_hi": np.uint64,
    "version_lo": np.uint64,
    "size": np.int64,
    "mtime_ns": np.int64,
    "inode": np.int64,
}


def read_snapshot(
    transaction: Transaction,
    ids: Ids,
    leases: Leases,
    assets: Sequence[AssetKey],
    detail: Sequence[AssetKey],
) -> Snapshot:
    """Return what planning needs of *assets*; versions and digests of those in *detail*."""
    gist = dict(transaction.rows("gist"))
    wanted, in_detail = set(assets) | set(detail), set(detail)
    known = _known(ids, wanted)
    names = {one.number: key for key, one in known.items()}
    detailed = {number for number, key in names.items() if key in in_detail}
    slots = SlotTable()
    _add_slots(slots, transaction, names, names.keys() - detailed, width=None)
    _add_slots(slots, transaction, names, detailed, width=gist["width"])
    held = leases.living() if gist["leases"] else []
    return Snapshot(
        seq=transaction.seq,
        assets={key: one.row for key, one in known.items()},
        slots=slots,
        bases=ids.numbered_bases(_bases_of(slots)),
        failures=_failures(transaction, names) if gist["failing"] else (),
        leases=tuple(lease for lease in held if lease.asset in wanted),
        observations=_observations(transaction, names) if gist["observations"] else (),
        estimates=_estimates(transaction, names) if gist["paces"] else {},
        dynamic=_dynamic(transaction) if gist["dynamic"] else {},
        holds=tuple(read_states(transaction, HOLD)) if gist["holds"] else (),
    )


def _known(ids: Ids, wanted: set[AssetKey]) -> dict[AssetKey, AssetId]:
    """Return those of the assets that are known; looked up one by one where they are few."""
    if len(wanted) <= _FEW:
        return ids.assets(wanted)
    return {key: one for key, one in ids.all_assets().items() if key in wanted}


def _add_slots(
    slots: SlotTable,
    transaction: Transaction,
    names: Mapping[int, AssetKey],
    numbers: Iterable[int],
    *,
    width: int | None,
) -> None:
    """Read the published slots of some assets; *width*: how many digests, None without detail."""
    wanted = sorted(numbers)
    if not wanted:
        return
    text = queries()["snapshot"].format(
        detail="" if width is None else "".join(f", {name}" for name in _detail_columns(width)),
        some=""
        if len(wanted) == wanted[-1] - wanted[0] + 1
        else " and asset_id in (select unnest($assets))",
    )
    values = {"first": wanted[0], "last": wanted[-1]}
    chosen = {"assets": wanted} if "$assets" in text else {}
    table = transaction.connection.arrow(text, **values, **chosen)
    columns, owners = _columns(table, width), to_numpy(table["asset_id"], np.int32)
    if not _is_sorted(owners, columns.ordinal):
        order = np.lexsort((columns.ordinal, owners))
        columns, owners = columns.take(order), owners[order]
    bounds = np.append(np.searchsorted(owners, wanted), len(owners))
    slots.add(columns, [names[number] for number in wanted], bounds)


def _detail_columns(width: int) -> tuple[str, ...]:
    own = tuple(f"digest_{i}" for i in range(min(width, DIGEST_COLUMNS)))
    return (*_DETAIL, *own, "digests") if width > DIGEST_COLUMNS else (*_DETAIL, *own)


def _columns(table: pa.Table, width: int | None) -> SlotColumns:
    """Return a table as columns, its rows in their order."""
    columns: dict[str, Any] = {
        "ordinal": to_numpy(table["ordinal"], np.int64),
        "ver_seq": to_numpy(table["ver_seq"], np.int64),
        "read_seq": to_numpy(table["read_seq"], np.int64),
        "basis": to_numpy(table["basis_id"], np.int64),
        "partial": to_numpy(table["partial"], np.uint8).view(np.bool_),
        "data_time": to_numpy(table["data_time"], np.int64),
        "materialized_at": to_numpy(table["materialized_at"], np.int64),
    }
    if width is None:
        return SlotColumns(**columns)
    detail = {name: to_numpy(table[name], dtype) for name, dtype in _DETAIL.items()}
    return SlotColumns(**columns, **detail, detailed=True, digests=_digests(table, width))


def _digests(table: pa.Table, width: int) -> Words:
    digests = np.zeros((len(table), width), dtype=np.uint64, order="F")
    for i in range(min(width, DIGEST_COLUMNS)):
        digests[:, i] = to_numpy(table[f"digest_{i}"], np.uint64)
    if width > DIGEST_COLUMNS:
        pc = import_module("pyarrow.compute")  # few catalogs need what takes 9 MB
        lists: Any = table["digests"]
        counted: Any = pc.list_value_length(lists)
        lengths = to_numpy(counted.fill_null(0), np.int32)
        rows = np.repeat(np.arange(len(table)), lengths)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        digests[rows, DIGEST_COLUMNS + places] = to_numpy(pc.list_flatten(lists), np.uint64)
    return digests


def _is_sorted(owners: Ints, ordinals: Ints) -> bool:
    same = owners[1:] == owners[:-1]
    return bool(np.all((owners[1:] > owners[:-1]) | (same & (ordinals[1:] > ordinals[:-1]))))


def _bases_of(slots: SlotTable) -> set[int]:
    """Return the numbers of the bases that slots refer to."""
    gists = {key: slots.gist(key) for key in slots}
    used = {gist.basis for gist in gists.values()} - {MIXED}
    for key, gist in gists.items():
        if gist.slots and gist.basis == MIXED:
            used.update(np.unique(slots[key].basis).tolist())
    return used


def _failures(transaction: Transaction, names: Mapping[int, AssetKey]) -> tuple[FailedSlot, ...]:
    rows = transaction.rows("open_attempts", assets=list(names))
    return failed_slots(Trouble(names[number], *rest) for number, *rest in rows)


def _observations(
    transaction: Transaction, names: Mapping[int, AssetKey]
) -> tuple[Observation, ...]:
    rows = transaction.rows("observations", assets=list(names))
    return tuple(observation_of(row, names[row[0]]) for row in rows)


def _estimates(transaction: Transaction, names: Mapping[int, AssetKey]) -> dict[AssetKey, Estimate]:
    return {
        names[number]: Estimate(
            count=count, seconds=seconds, seconds_p95=p95, rows=rows, bytes=size
        )
        for number, count, seconds, p95, rows, size in transaction.rows(
            "estimates", assets=list(names)
        )
    }


def _dynamic(transaction: Transaction) -> dict[str, tuple[tuple[int, str], ...]]:
    sets: dict[str, list[tuple[int, str]]] = {}
    for name, ordinal, key in transaction.rows("dynamic"):
        sets.setdefault(name, []).append((ordinal, key))
    return {name: tuple(members) for name, members in sets.items()}
