"""What planning reads: slots as NumPy columns, and all that goes with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assetkit.catalog.base import FailedSlot, Snapshot
from assetkit.catalog.failing import Trouble, failed_slots
from assetkit.catalog.ids import Ids, basis_of
from assetkit.catalog.leasing import Leases
from assetkit.catalog.pace import Pace
from assetkit.catalog.rows import DIGEST_COLUMNS, observation_of
from assetkit.catalog.sql import queries
from assetkit.catalog.store import Transaction
from assetkit.columns import Ints, SlotColumns, Words
from assetkit.records import AssetKey, Basis, Estimate, Observation

_DETAIL = ("version_hi", "version_lo", "size", "mtime_ns", "inode")


def read_snapshot(
    transaction: Transaction,
    ids: Ids,
    leases: Leases,
    assets: Sequence[AssetKey],
    detail: Sequence[AssetKey],
) -> Snapshot:
    """Return what planning needs of *assets*; versions and digests of those in *detail*."""
    width, failing, leased, observed, paced, dynamic = transaction.rows("gist")[0]
    wanted, in_detail = set(assets) | set(detail), set(detail)
    known = {key: one for key, one in ids.all_assets().items() if key in wanted}
    names = {one.number: key for key, one in known.items()}
    detailed = {number for number, key in names.items() if key in in_detail}
    slots = {
        **_slots(transaction, names.keys() - detailed, width=None),
        **_slots(transaction, detailed, width=width),
    }
    held = leases.living() if leased else []
    return Snapshot(
        seq=transaction.seq,
        assets={key: one.row for key, one in known.items()},
        slots={names[number]: columns for number, columns in slots.items()},
        bases=_bases(transaction, slots.values()),
        failures=_failures(transaction, names) if failing else (),
        leases=tuple(lease for lease in held if lease.asset in wanted),
        observations=_observations(transaction, names) if observed else (),
        estimates=_estimates(transaction, names) if paced else {},
        dynamic=_dynamic(transaction) if dynamic else {},
    )


def _slots(
    transaction: Transaction, numbers: Iterable[int], *, width: int | None
) -> dict[int, SlotColumns]:
    """Return the published slots of each asset; *width*: how many digests, None without detail."""
    wanted = sorted(numbers)
    if not wanted:
        return {}
    text = queries()["snapshot"].format(
        detail="" if width is None else "".join(f", {name}" for name in _detail_columns(width)),
        some=""
        if len(wanted) == wanted[-1] - wanted[0] + 1
        else " and asset_id in (select unnest($assets))",
    )
    values = {"first": wanted[0], "last": wanted[-1]}
    chosen = {"assets": wanted} if "$assets" in text else {}
    table = transaction.connection.arrow(text, **values, **chosen)
    return _split(_columns(table, width), table["asset_id"].to_numpy(), wanted)


def _detail_columns(width: int) -> tuple[str, ...]:
    own = tuple(f"digest_{i}" for i in range(min(width, DIGEST_COLUMNS)))
    return (*_DETAIL, *own, "digests") if width > DIGEST_COLUMNS else (*_DETAIL, *own)


def _columns(table: pa.Table, width: int | None) -> SlotColumns:
    """Return a table as columns, its rows in their order."""
    columns: dict[str, Any] = {
        "ordinal": table["ordinal"].to_numpy(),
        "ver_seq": table["ver_seq"].to_numpy(),
        "read_seq": table["read_seq"].to_numpy(),
        "basis": table["basis_id"].to_numpy(),
        "partial": table["partial"].to_numpy(),
        "data_time": table["data_time"].to_numpy(),
        "materialized_at": table["materialized_at"].to_numpy(),
    }
    if width is None:
        return SlotColumns(**columns)
    detail = {name: table[name].to_numpy() for name in _DETAIL}
    return SlotColumns(**columns, **detail, detailed=True, digests=_digests(table, width))


def _digests(table: pa.Table, width: int) -> Words:
    digests = np.zeros((len(table), width), dtype=np.uint64, order="F")
    for i in range(min(width, DIGEST_COLUMNS)):
        digests[:, i] = table[f"digest_{i}"].to_numpy()
    if width > DIGEST_COLUMNS:
        lists = table["digests"].combine_chunks()
        lengths = pc.list_value_length(lists).fill_null(0).to_numpy()
        rows = np.repeat(np.arange(len(table)), lengths)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        digests[rows, DIGEST_COLUMNS + places] = pc.list_flatten(lists).to_numpy()
    return digests


def _split(columns: SlotColumns, owners: Ints, wanted: Sequence[int]) -> dict[int, SlotColumns]:
    """Return the columns of each asset, each by ordinal."""
    if not _is_sorted(owners, columns.ordinal):
        order = np.lexsort((columns.ordinal, owners))
        columns, owners = columns.take(order), owners[order]
    starts = np.searchsorted(owners, wanted, side="left")
    ends = np.searchsorted(owners, wanted, side="right")
    return {
        number: _between(columns, int(start), int(end))
        for number, start, end in zip(wanted, starts, ends, strict=True)
    }


def _is_sorted(owners: Ints, ordinals: Ints) -> bool:
    same = owners[1:] == owners[:-1]
    return bool(np.all((owners[1:] > owners[:-1]) | (same & (ordinals[1:] > ordinals[:-1]))))


def _between(columns: SlotColumns, start: int, end: int) -> SlotColumns:
    rows = slice(start, end)
    parts = {
        name: getattr(columns, name)[rows]
        for name in SlotColumns.__dataclass_fields__
        if name != "detailed"
    }
    return SlotColumns(**parts, detailed=columns.detailed)


def _bases(transaction: Transaction, slots: Iterable[SlotColumns]) -> dict[int, Basis]:
    """Return the bases that slots refer to."""
    used: set[int] = set()
    for columns in slots:
        if len(columns):
            first, last = int(columns.basis.min()), int(columns.basis.max())
            is_one = first == last
            used.update([first] if is_one else np.unique(columns.basis).tolist())
    rows = transaction.rows("bases", ids=list(used)) if used else []
    return {row[0]: basis_of(row) for row in rows}


def _failures(transaction: Transaction, names: Mapping[int, AssetKey]) -> tuple[FailedSlot, ...]:
    rows = transaction.rows("open_attempts", assets=list(names))
    return failed_slots(Trouble(names[number], *rest) for number, *rest in rows)


def _observations(
    transaction: Transaction, names: Mapping[int, AssetKey]
) -> tuple[Observation, ...]:
    rows = transaction.rows("observations", assets=list(names))
    return tuple(observation_of(row, names[row[0]]) for row in rows)


def _estimates(transaction: Transaction, names: Mapping[int, AssetKey]) -> dict[AssetKey, Estimate]:
    rows = transaction.rows("paces", assets=list(names))
    return {names[row[0]]: Pace(*map(tuple, row[1:])).estimate() for row in rows}


def _dynamic(transaction: Transaction) -> dict[str, tuple[tuple[int, str], ...]]:
    sets: dict[str, list[tuple[int, str]]] = {}
    for name, ordinal, key in transaction.rows("dynamic"):
        sets.setdefault(name, []).append((ordinal, key))
    return {name: tuple(members) for name, members in sets.items()}
