"""Put the definitions and what the catalog knows together: what a plan is made from.

Rule 1: reading writes nothing. Where a definition's layout changed since the
catalog last saw it, ordinals are translated here, and written at the next run.
Rule 2: each round reads one snapshot; the planner says which details it missed,
and the next round reads a new snapshot with them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from assetkit.catalog.base import Catalog, Snapshot
from assetkit.columns import Ints, SlotColumns, SlotTable
from assetkit.definitions.asset import AssetDef
from assetkit.definitions.codeversion import CodeVersion, code_versions
from assetkit.definitions.dynamic import DynamicPartitions
from assetkit.definitions.scheme import DynamicKeys
from assetkit.definitions.universe import Universe, Unpartitioned
from assetkit.graph.graph import AssetGraph
from assetkit.planning.basis import definition_facts, make_basis
from assetkit.planning.data import PlanData
from assetkit.planning.planner import Situation
from assetkit.planning.state import CatalogState, Failure, Lease
from assetkit.records import AssetKey, AssetRow, Basis
from assetkit.workspace.decoding import Decoded
from assetkit.workspace.holds import holds_in

JUST_NOW = int(np.iinfo(np.int64).max)
"""Stands for the sequence number of a change that no write has recorded yet."""

UNPARTITIONED_LAYOUT = "unpartitioned"
FORMERLY = "formerly"
"""Under this, a description keeps the earlier names of an asset that was renamed."""
_REMEMBERED_CODES = 5
_encode = json.JSONEncoder(default=str).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """What the definitions say by themselves, before the catalog is read."""

    graph: AssetGraph
    bases: Mapping[AssetKey, Basis]
    code: Mapping[AssetKey, CodeVersion]
    config: Mapping[AssetKey, Mapping[str, Any]]


def describe_graph(graph: AssetGraph, config: Mapping[AssetKey, Mapping[str, Any]]) -> Definitions:
    """Fingerprint all assets of a graph with the configuration that they would get."""
    code = code_versions(graph.assets.values())
    bases = {
        key: make_basis(asset, graph.edges[key], code=code[key].value, config=config.get(key))
        for key, asset in graph.assets.items()
    }
    return Definitions(graph=graph, bases=bases, code=code, config=config)


def read_situation(
    definitions: Definitions,
    catalog: Catalog,
    now: datetime,
    *,
    detail: frozenset[AssetKey] = frozenset(),
    members: DynamicKeys | None = None,
) -> Situation:
    """Read the catalog once, and see it under today's definitions.

    *members* are the dynamic partitions that there are (None: as the catalog says).
    """
    graph = definitions.graph
    snapshot = catalog.snapshot(tuple(graph.assets), detail=tuple(sorted(detail)))
    members = snapshot.dynamic if members is None else members
    universes = universes_of(graph, now, members)
    state = _state_of(graph, snapshot, universes, catalog, members)
    return Situation(
        graph=graph,
        universes=universes,
        bases=definitions.bases,
        state=state,
        now=now,
        config=definitions.config,
        code=definitions.code,
    )


def universes_of(
    graph: AssetGraph, now: datetime, dynamic: DynamicKeys
) -> dict[AssetKey, Universe]:
    """Return the partitions of all assets; those with one definition share one universe."""
    made: dict[int, Universe] = {}
    for asset in graph.assets.values():
        if id(asset.partitions) not in made:
            made[id(asset.partitions)] = universe_of(asset, now, dynamic)
    return {key: made[id(asset.partitions)] for key, asset in graph.assets.items()}


def universe_of(
    asset: AssetDef, now: datetime, dynamic: Mapping[str, tuple[tuple[int, str], ...]]
) -> Universe:
    """Return the partitions of an asset that exist at *now*."""
    if asset.partitions is None:
        return Unpartitioned()
    universe: Universe = asset.partitions.universe(now, dynamic)
    return universe


def layout_of(asset: AssetDef) -> str:
    """Return how an asset's ordinals are assigned."""
    return UNPARTITIONED_LAYOUT if asset.partitions is None else asset.partitions.layout


def keeps_ordinals(asset: AssetDef, layout: str) -> bool:
    """Return whether ordinals given out under an earlier layout are valid today."""
    if asset.partitions is None:
        return layout == UNPARTITIONED_LAYOUT
    return bool(asset.partitions.keeps_ordinals(layout))


def extent_of(asset: AssetDef, dynamic: DynamicKeys) -> str:
    """Return what decides which partitions of an asset exist, apart from the time."""
    if asset.partitions is None:
        return UNPARTITIONED_LAYOUT
    sets = dynamic_names(asset.partitions)
    if not sets:
        return str(asset.partitions.universe_id)
    digest = hashlib.blake2b(asset.partitions.universe_id.encode(), digest_size=8)
    for name in sets:
        members = [ordinal for ordinal, _ in dynamic.get(name, ())]
        digest.update(np.array(members, dtype=np.int64).tobytes() + b";")
    return digest.hexdigest()


def dynamic_names(partitions: Any) -> tuple[str, ...]:
    """Return the names of the dynamic sets that a definition refers to."""
    if isinstance(partitions, DynamicPartitions):
        return (partitions.name,)
    parts = getattr(partitions, "by_dimension", {}).values()
    return tuple(name for part in parts for name in dynamic_names(part))


def _renumbered(asset: AssetDef, stored: DynamicKeys, members: DynamicKeys) -> bool:
    """Return whether a catalog numbers dynamic partitions otherwise than they are seen."""
    return any(
        name in stored and stored[name] != members.get(name)
        for name in dynamic_names(asset.partitions)
    )


def _state_of(
    graph: AssetGraph,
    snapshot: Snapshot,
    universes: Mapping[AssetKey, Universe],
    catalog: Catalog,
    members: DynamicKeys,
) -> CatalogState:
    moved = {
        key: translation(key, universes[key], catalog) for key in _moved(graph, snapshot, members)
    }
    slots, orphans = _slots_today(snapshot, universes, moved, catalog)
    extents = _extents(graph, members)
    return CatalogState(
        seq=snapshot.seq,
        slots=slots,
        bases=snapshot.bases,
        universe_seq={
            key: row.universe_seq if row.universe == extents[key] else JUST_NOW
            for key, row in snapshot.assets.items()
            if key in graph.assets
        },
        failures=_failures(snapshot, moved),
        leases=_leases(snapshot),
        orphans=orphans,
        extents=extents,
        moved=frozenset(moved),
        estimates=snapshot.estimates,
        rows=snapshot.assets,
        code_parts=Decoded(snapshot.assets, _codes),
        holds={asset: str(hold) for asset, hold in holds_in(snapshot.holds).items()},
    )


def _moved(graph: AssetGraph, snapshot: Snapshot, members: DynamicKeys) -> Iterator[AssetKey]:
    """Yield the assets whose ordinals the catalog has under another layout."""
    kept: dict[tuple[int, str], bool] = {}
    for key, row in snapshot.assets.items():
        asset = graph.assets.get(key)
        if asset is None:
            continue
        place = (id(asset.partitions), row.layout)
        if place not in kept:
            kept[place] = keeps_ordinals(asset, row.layout) and not _renumbered(
                asset, snapshot.dynamic, members
            )
        if not kept[place]:
            yield key


def _slots_today(
    snapshot: Snapshot,
    universes: Mapping[AssetKey, Universe],
    moved: dict[AssetKey, Callable[[Ints], Ints]],
    catalog: Catalog,
) -> tuple[SlotTable, dict[AssetKey, tuple[str, ...]]]:
    """Return the slots under today's layouts, and the texts of those that have no place there."""
    slots = SlotTable.of(snapshot.slots)
    spans = {one: _span(universe) for one, universe in _distinct(universes).items()}
    changed, orphans = {}, {}
    for key in slots:
        gist, universe, translate = slots.gist(key), universes.get(key), moved.get(key)
        if not gist.slots or universe is None:
            continue
        if translate is None and gist.first < 0:
            # What once became an orphan may be a partition again.
            translate = moved[key] = translation(key, universe, catalog)
        if translate is None and _is_inside(gist.first, gist.last, spans[id(universe)]):
            continue
        columns = slots[key]
        lost = orphaned(columns.ordinal, universe, translate)
        if len(lost):
            orphans[key] = texts_of(key, lost, catalog)
        if translate is not None:
            changed[key] = _kept(_translated(columns, translate))
    return slots.but(changed) if changed else slots, orphans


def _distinct(universes: Mapping[AssetKey, Universe]) -> dict[int, Universe]:
    return {id(universe): universe for universe in universes.values()}


def _extents(graph: AssetGraph, dynamic: DynamicKeys) -> dict[AssetKey, str]:
    """Return the extents of all assets; those of one definition are worked out once."""
    made: dict[int, str] = {}
    for asset in graph.assets.values():
        if id(asset.partitions) not in made:
            made[id(asset.partitions)] = extent_of(asset, dynamic)
    return {key: made[id(asset.partitions)] for key, asset in graph.assets.items()}


def translation(key: AssetKey, universe: Universe, catalog: Catalog) -> Callable[[Ints], Ints]:
    """Return what turns an asset's stored ordinals into those of today's layout.

    A slot whose key is no key today gets a negative ordinal: it is an orphan.
    """
    old, texts = catalog.slot_keys(key)
    new = universe.ordinals_of_texts(texts)
    taken = np.isin(new, new[old >= 0]) & (old < 0)
    new = np.where((new >= 0) & ~taken, new, -1 - np.arange(len(new)))

    def translate(ordinals: Ints) -> Ints:
        places = np.minimum(np.searchsorted(old, ordinals), max(len(old) - 1, 0))
        if not len(old):
            return np.full(len(ordinals), -1, dtype=np.int64)
        found = old[places] == ordinals
        result: Ints = np.where(found, new[places], -1).astype(np.int64)
        return result

    return translate


def _translated(columns: SlotColumns, translate: Callable[[Ints], Ints]) -> SlotColumns:
    moved = replace(columns, ordinal=translate(columns.ordinal))
    return moved.take(np.argsort(moved.ordinal, kind="stable").astype(np.int64))


def _kept(columns: SlotColumns) -> SlotColumns:
    """Return columns without the slots that today's layout has no place for."""
    orphans = int(np.searchsorted(columns.ordinal, 0))
    if not orphans:
        return columns
    return columns.take(np.arange(orphans, len(columns), dtype=np.int64))


def orphaned(
    stored: Ints, universe: Universe | None, translate: Callable[[Ints], Ints] | None = None
) -> Ints:
    """Return which stored ordinals are of no partition that exists today."""
    if universe is None or not len(stored):
        return stored[:0]
    if translate is None and _is_inside(int(stored[0]), int(stored[-1]), _span(universe)):
        return stored[:0]
    today = stored if translate is None else translate(stored)
    inside = np.zeros(len(stored), dtype=np.bool_)
    valid = today >= 0
    inside[valid] = universe.positions(today[valid]) >= 0
    return stored[~inside]


def _span(universe: Universe) -> tuple[int, int] | None:
    """Return the first and the last ordinal of a universe that has all between; None: of others."""
    size = len(universe)
    if not size:
        return None
    first, last = universe.ordinals(np.array([0, size - 1], dtype=np.int64)).tolist()
    return (first, last) if last - first + 1 == size else None


def _is_inside(first: int, last: int, span: tuple[int, int] | None) -> bool:
    return span is not None and span[0] <= first and last <= span[1]


def texts_of(key: AssetKey, ordinals: Ints, catalog: Catalog) -> tuple[str, ...]:
    """Return the key texts of some published slots, sorted; empty for the one without a key."""
    stored, texts = catalog.slot_keys(key)
    places = np.flatnonzero(np.isin(stored, ordinals))
    return tuple(sorted(texts[place] or "" for place in places.tolist()))


def _failures(
    snapshot: Snapshot, moved: Mapping[AssetKey, Callable[[Ints], Ints]]
) -> dict[tuple[AssetKey, int], Failure]:
    failures = {}
    for failed in snapshot.failures:
        ordinal = failed.ordinal
        if failed.asset in moved:
            ordinal = int(moved[failed.asset](np.array([ordinal], dtype=np.int64))[0])
        failures[failed.asset, ordinal] = Failure(
            fingerprint=failed.fingerprint,
            count=failed.count,
            run_id=failed.run_id,
            error_type=failed.error_type,
            message=failed.message,
            failed_at=failed.failed_at,
        )
    return failures


def _leases(snapshot: Snapshot) -> dict[AssetKey, tuple[Lease, ...]]:
    leases: dict[AssetKey, tuple[Lease, ...]] = {}
    for row in snapshot.leases:
        lease = Lease(lo=row.lo, hi=row.hi, run_id=row.run_id, owner=row.owner)
        leases[row.asset] = (*leases.get(row.asset, ()), lease)
    return leases


def _codes(row: AssetRow) -> dict[str, dict[str, str]]:
    codes: dict[str, dict[str, str]] = json.loads(row.definition).get("codes", {})
    return codes


def _former_names(old: AssetRow | None) -> dict[str, list[str]]:
    names = json.loads(old.definition).get(FORMERLY) if old else None
    return {FORMERLY: names} if names else {}


def asset_rows(plan: PlanData | Situation, known: Mapping[AssetKey, AssetRow]) -> list[AssetRow]:
    """Return what the catalog is to remember of the definitions: those that it does not know so."""
    state = plan.state if isinstance(plan, Situation) else plan.snapshot
    rows = []
    for key, asset in plan.graph.assets.items():
        row = AssetRow(
            asset=key,
            layout=layout_of(asset),
            universe=state.extents[key],
            definition=_definition_json(key, plan, known.get(key)),
        )
        old = known.get(key)
        if old is None or replace(old, universe_seq=0) != row:
            rows.append(row)
    return rows


def _definition_json(key: AssetKey, plan: PlanData | Situation, old: AssetRow | None) -> str:
    """Describe a definition for people, for loading by name, and for saying what changed.

    The parts of the newest few code versions are kept, so that a slot made by
    an older one can be told what changed since.
    """
    asset = plan.graph.assets[key]
    codes = _codes(old) if old else {}
    now = plan.code[key]
    codes.pop(now.value, None)
    codes[now.value] = {name: part.hash for name, part in now.parts.items()}
    facts = definition_facts(asset, plan.graph.edges[key])
    return _encode(
        {
            **facts,
            "dimensions": list(plan.universes[key].dimensions),
            "upstreams": [edge.upstream for edge in plan.graph.edges[key]],
            "group": asset.group,
            "kind": asset.kind,
            **({} if asset.query is None else {"query": asset.query}),
            "description": asset.description,
            "source": str(asset.source),
            "codes": dict(list(codes.items())[-_REMEMBERED_CODES:]),
            **_former_names(old),
        }
    )
