"""Changes to what is known, other than by a run's results; and what is read slot by slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from assetkit.catalog import frames
from assetkit.catalog.arrays import to_arrow, to_numpy
from assetkit.catalog.base import NewKey
from assetkit.catalog.changes import key_taken, orphan_ordinals, unknown_asset, with_orphans
from assetkit.catalog.ids import AssetId, Ids, basis_of
from assetkit.catalog.rows import materialization_of, observation_table
from assetkit.catalog.store import Transaction
from assetkit.catalog.times import to_micros
from assetkit.columns import Ints
from assetkit.records import AssetKey, AssetRow, Materialization, Observation


def differs(row: AssetRow, known: AssetId) -> bool:
    """Return whether a description says something new; a layout is `rebase`'s to change."""
    return (row.universe, row.definition) != (known.row.universe, known.row.definition)


def describe(transaction: Transaction, ids: Ids, rows: Sequence[AssetRow]) -> dict[AssetKey, int]:
    """Write descriptions down; return each asset's ``universe_seq``."""
    known = ids.assets(row.asset for row in rows)
    seq = transaction.next_seq()
    changed = [
        _described(row, known[row.asset], seq)
        for row in rows
        if row.asset in known and differs(row, known[row.asset])
    ]
    if changed:
        transaction.write("delete_assets", assets=[one.number for one in changed])
        ids.write_assets(changed)
    new = [replace(row, universe_seq=seq) for row in rows if row.asset not in known]
    added = ids.add_assets(new) if new else {}
    known |= {one.row.asset: one for one in changed} | added
    return {row.asset: known[row.asset].row.universe_seq for row in rows}


def _described(row: AssetRow, known: AssetId, seq: int) -> AssetId:
    universe_seq = known.row.universe_seq if row.universe == known.row.universe else seq
    return replace(known, row=replace(row, layout=known.row.layout, universe_seq=universe_seq))


def rebase(transaction: Transaction, ids: Ids, row: AssetRow, ordinals: Mapping[int, int]) -> None:
    """Take a new layout; leases under the old one are dropped, and their fences void."""
    asset = ids.ensure_assets([row.asset])[row.asset]
    number = asset.number
    published = [found[0] for found in transaction.rows("slot_ordinals", asset=number)]
    moves = with_orphans(published, ordinals)
    if moves:
        table = pa.table({"old": list(moves), "new": list(moves.values())})
        with transaction.connection.lent(incoming=table):
            for name in ("move_slots", "move_attempts", "move_observations", "move_checks"):
                transaction.write(name, asset=number)
    transaction.write("drop_leases", asset=number)
    seq = transaction.next_seq()
    taken = replace(row, universe_seq=seq)
    transaction.write("delete_assets", assets=[number])
    ids.write_assets([AssetId(number, taken, transaction.fence)])


def observe(transaction: Transaction, ids: Ids, observations: Sequence[Observation]) -> None:
    """Keep the newest observation of each slot."""
    if not observations:
        return
    newest = list({(one.asset, one.ordinal): one for one in observations}.values())
    assets = ids.ensure_assets(one.asset for one in newest)
    numbers = {key: one.number for key, one in assets.items()}
    with transaction.connection.lent(incoming=observation_table(newest, numbers)):
        transaction.write("forget_observations")
        transaction.write("insert_observations")
    transaction.next_seq()


def delete_slots(
    transaction: Transaction, ids: Ids, asset: AssetKey, ordinals: Ints | None, at: datetime
) -> int:
    """Take slots out of what is published; the asset's ``universe_seq`` tells dependents."""
    known = ids.assets([asset])
    if asset not in known:
        return 0
    number = known[asset].number
    table = transaction.connection.table("slot_ordinals", asset=number)
    found = to_numpy(table["ordinal"], np.int64)
    gone = found if ordinals is None else found[np.isin(found, ordinals)]
    if not len(gone):
        return 0
    seq = transaction.next_seq()
    with transaction.connection.lent(incoming=pa.table({"ordinal": pa.array(gone)})):
        transaction.write("entomb", asset=number, seq=seq, at=to_micros(at))
        transaction.write("unpublish", asset=number)
    transaction.write("touch_universe", asset=number, seq=seq)
    ids.forget_assets()
    return len(gone)


def rename_asset(transaction: Transaction, ids: Ids, old: AssetKey, new: AssetKey) -> None:
    """Give an asset another key, also where others read it.

    Raises:
        UnknownAsset: the catalog knows no *old*.
        CatalogError: there is data under *new*.
    """
    known = ids.assets([old, new])
    if old not in known:
        raise unknown_asset(old, ids.all_assets())
    if new in known:
        if transaction.rows("slot_count", asset=known[new].number)[0][0]:
            raise key_taken(old, new)
        transaction.write("delete_assets", assets=[known[new].number])
    transaction.write("rename_asset", asset=known[old].number, new=new)
    transaction.write("move_locations", asset=known[old].number, old=old, new=new)
    transaction.write("rename_inputs", old=old, new=new)
    transaction.next_seq()


def rename_slots(
    transaction: Transaction, ids: Ids, asset: AssetKey, keys: Sequence[NewKey]
) -> None:
    """Give published slots other keys, and ordinals that make the next plan look for those.

    Raises:
        UnknownAsset: the catalog does not know the asset.
    """
    known = ids.assets([asset])
    if asset not in known:
        raise unknown_asset(asset, ids.all_assets())
    if not keys:
        return
    number = known[asset].number
    taken = [row[0] for row in transaction.rows("all_ordinals", asset=number)]
    seq = transaction.next_seq()
    table = pa.table(
        {
            "old": [one.ordinal for one in keys],
            "new": orphan_ordinals(taken, len(keys)),
            "key": [one.partition for one in keys],
            "location": pa.array([one.location for one in keys], pa.string()),
        }
    )
    with transaction.connection.lent(incoming=table):
        transaction.write("rename_slots", asset=number, seq=seq)
        transaction.write("rename_checks", asset=number)
    transaction.write("touch_universe", asset=number, seq=seq)
    ids.forget_assets()


def change_partitions(
    transaction: Transaction, name: str, add: Sequence[str], remove: Sequence[str]
) -> tuple[str, ...]:
    """Add and remove keys; an ordinal belongs to its key for ever."""
    before = {key: present for key, _, present in transaction.rows("dynamic_of", name=name)}
    rows = dict(before)
    without_effect = []
    for key, present in [*((key, True) for key in add), *((key, False) for key in remove)]:
        if rows.get(key, False) is present:
            without_effect.append(key)
        else:
            rows[key] = present
    new = [key for key in rows if key not in before]
    if new:
        ordinals = range(len(before), len(rows))
        with transaction.connection.lent(incoming=pa.table({"ordinal": ordinals, "key": new})):
            transaction.write("insert_dynamic", name=name)
    moved = {key: now for key, now in rows.items() if before.get(key, True) is not now}
    if moved:
        table = pa.table({"key": list(moved), "present": list(moved.values())})
        with transaction.connection.lent(incoming=table):
            transaction.write("set_present", name=name)
    if transaction.changed:
        transaction.next_seq()
    return tuple(without_effect)


def published(
    transaction: Transaction, ids: Ids, asset: AssetKey, ordinals: Ints | None
) -> list[Materialization]:
    """Return the published slots of an asset, by ordinal."""
    known = ids.assets([asset])
    if asset not in known or (ordinals is not None and not len(ordinals)):
        return []
    bounds = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)
    lo, hi = bounds if ordinals is None else (ordinals.min(), ordinals.max())
    table = transaction.connection.table(
        "published", asset=known[asset].number, lo=int(lo), hi=int(hi)
    )
    if ordinals is not None:
        chosen = np.isin(to_numpy(table["ordinal"], np.int64), ordinals)
        if not chosen.all():
            table = table.take(to_arrow(np.flatnonzero(chosen)))
    used = list(set(table["basis_id"].to_pylist()))
    bases = {row[0]: basis_of(row) for row in transaction.rows("bases", ids=used)}
    return [materialization_of(row, asset, bases[row["basis_id"]]) for row in table.to_pylist()]


def export(transaction: Transaction) -> dict[str, pa.Table]:
    """Return all that is known as the tables that `frames.EXPORT` names."""
    tables = {name: transaction.connection.table(f"export_{name}") for name in frames.EXPORT}
    return {name: frames.as_frame(table, name) for name, table in tables.items()}
