"""Make the catalog again from the files: their own records say what they are.

Rule 1: the old catalog is set aside, never deleted, and only once the new one is whole.
Rule 2: what no file of data can know (dynamic partitions, backfills, results of None) is
taken over from the old catalog, or from its copy, where either can still be read; else
dynamic partitions come from their journal, and the others are lost.
Rule 3: no other run may be under way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assetkit.catalog.base import Catalog, Commit
from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.catalog.faults import copy_of
from assetkit.errors import CatalogError, DataChanged, WorkspaceError
from assetkit.execution.provenance import materialization_from_record
from assetkit.io.base import Place, Source
from assetkit.io.placing import is_remote
from assetkit.io.remote_places import in_parallel, slots_in, source_at
from assetkit.io.staged import StagedFiles
from assetkit.io.table_slots import TableSlots
from assetkit.records import AssetKey, AssetRow, Materialization, RunStatus
from assetkit.workspace.core import Core
from assetkit.workspace.journal import Members, told

_AT_ONCE = 1000
_UNKNOWN = "unknown"
"""The layout of an asset whose definition was not at hand: the next plan finds keys by text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a folder of data says of one asset."""

    made: tuple[Materialization, ...]
    dimensions: tuple[str, ...]
    io_manager: str


def rebuild(core: Core) -> int:
    """Make the catalog again; return how many slots it knows. See `Workspace.rebuild_catalog`."""
    catalog = core.catalog
    if not isinstance(catalog, DuckDBCatalog):
        raise WorkspaceError(
            f"{catalog!r} is no catalog in a file, so it cannot be made again from the files."
        )
    old = _readable(catalog)
    _refuse_while_running(old)
    new = DuckDBCatalog(catalog.path.with_name("catalog-new.duckdb"))
    new.discard()
    found = find_everything(core)
    rows = {} if old is None else {row.asset: row for row in old.asset_rows()}
    _write_members(new, _members(old, core))
    if old is not None:
        found = {**found, **_with_fileless(old, rows, found)}
        for backfill in reversed(old.backfills()):
            new.write_backfill(backfill)
    _write(new, found, rows)
    catalog.become(new)
    return sum(len(one.made) for one in found.values())


def _readable(catalog: DuckDBCatalog) -> DuckDBCatalog | None:
    """Return the catalog as it is, or its copy; None where neither can be read."""
    for path in (catalog.path, copy_of(catalog.path)):
        found = DuckDBCatalog(path)
        with suppress(CatalogError):
            if path.exists():
                found.export()
                return found
    return None


def _refuse_while_running(old: Catalog | None) -> None:
    if old is None:
        return
    runs = old.runs(limit=100).to_pylist()
    live = [run for run in runs if run["status"] == RunStatus.RUNNING]
    if live:
        raise CatalogError(
            f"Run {live[0]['run_id']} of process {live[0]['pid']} on {live[0]['host']} is under "
            f"way. Wait for it, or stop it, then rebuild the catalog."
        )


def find_everything(core: Core) -> dict[AssetKey, Found]:
    """Return what lies in the data folder, by asset; files that are damaged or foreign are left."""
    managers = {
        manager.filename: (name, manager)
        for name, manager in core.io_managers.items()
        if isinstance(manager, StagedFiles) and not isinstance(manager, TableSlots)
    }
    by_asset: dict[AssetKey, list[tuple[Materialization, tuple[str, ...], str]]] = {}
    slots = list(_slots(core.place, frozenset(managers)))

    def look(slot: tuple[str, str]) -> Materialization | None:
        return _made(managers[slot[1]][1], source_at(core.place, slot[0]))

    # A store takes long to answer, and answers many at once; a disk is faster one by one.
    looked = in_parallel(look, slots) if is_remote(core.place) else map(look, slots)
    for (folder, filename), made in zip(slots, looked, strict=True):
        if made is not None:
            dimensions = tuple(name for name, _ in source_at(core.place, folder).dimensions)
            by_asset.setdefault(made.asset, []).append((made, dimensions, managers[filename][0]))
    return {
        asset: Found(
            # Until the next plan knows better, keys are in the order of their texts.
            made=tuple(sorted((made for made, _, _ in rows), key=lambda one: one.partition or "")),
            dimensions=rows[0][1],
            io_manager=rows[0][2],
        )
        for asset, rows in by_asset.items()
    }


def _slots(place: Place, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield (folder relative to the data folder, file name) of what may be a slot."""
    if is_remote(place):
        yield from slots_in(place, names)
        return
    data = Path(place.data)
    for folder, _, files in os.walk(data):
        for name in names.intersection(files):
            yield Path(folder).relative_to(data).as_posix(), name


def _made(manager: StagedFiles, source: Source) -> Materialization | None:
    try:
        stored = manager.find(source)
    except DataChanged:
        return None
    made = None if stored is None else materialization_from_record(stored)
    if made is None or made.asset != source.asset:
        return None
    text = None if source.partition_key is None else str(source.partition_key)
    return made if made.partition == text else None


def _members(old: DuckDBCatalog | None, core: Core) -> Members:
    """Return the dynamic partitions that the old catalog knew, or else the journal."""
    if old is None:
        return told(core.place.private)
    sets: dict[str, dict[str, bool]] = {}
    for row in old.export()["partitions"].to_pylist():
        sets.setdefault(row["name"], {})[row["key"]] = row["present"]
    return sets


def _write_members(new: DuckDBCatalog, members: Members) -> None:
    """Write sets down, also what was removed of them: each key keeps its number."""
    for name, keys in members.items():
        new.change_partitions(name, add=list(keys))
        new.change_partitions(name, remove=[key for key, there in keys.items() if not there])


def _with_fileless(
    old: DuckDBCatalog, rows: Mapping[AssetKey, AssetRow], found: Mapping[AssetKey, Found]
) -> dict[AssetKey, Found]:
    """Return the assets with results that have no file, such as None; with those added."""
    more = {}
    for asset, row in rows.items():
        one = found.get(asset) or Found(made=(), dimensions=(), io_manager="parquet")
        there = {made.partition for made in one.made}
        fileless = tuple(
            made
            for made in old.published(asset)
            if made.signature is None and made.partition not in there
        )
        if fileless:
            more[row.asset] = replace(one, made=(*one.made, *fileless))
    return more


def _write(
    new: DuckDBCatalog, found: Mapping[AssetKey, Found], rows: Mapping[AssetKey, AssetRow]
) -> None:
    described = [rows.get(asset) or _row(asset, one) for asset, one in found.items()]
    described += [row for asset, row in rows.items() if asset not in found]
    new.describe([replace(row, layout=_UNKNOWN, universe=_UNKNOWN) for row in described])
    for one in found.values():
        # Numbers are given out anew: the next plan finds each slot by its key.
        _commit(new, [replace(made, ordinal=i) for i, made in enumerate(one.made)])


def _row(asset: AssetKey, found: Found) -> AssetRow:
    definition: dict[str, Any] = {
        "dimensions": list(found.dimensions),
        "io_manager": found.io_manager,
        "upstreams": [use.asset for use in found.made[0].inputs],
    }
    return AssetRow(
        asset=asset, layout=_UNKNOWN, universe=_UNKNOWN, definition=json.dumps(definition)
    )


def _commit(new: DuckDBCatalog, made: Sequence[Materialization]) -> None:
    for first in range(0, len(made), _AT_ONCE):
        group = tuple(made[first : first + _AT_ONCE])
        commit = Commit(
            commit_id=f"rebuilt-{group[0].asset}-{first}",
            run_id=group[0].run_id,
            fence=0,
            materializations=group,
            read_seqs=(0,) * len(group),
        )
        new.commit(commit)
