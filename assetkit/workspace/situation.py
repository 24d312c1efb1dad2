"""Put the definitions and what the catalog knows together: what a plan is made from.

Rule 1: reading writes nothing. Where a definition's layout changed since the
catalog last saw it, ordinals are translated here, and written at the next run.
Rule 2: each round reads one snapshot; the planner says which details it missed,
and the next round reads a new snapshot with them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from assetkit.catalog.base import AssetRow, Catalog, Snapshot
from assetkit.columns import Ints, SlotColumns
from assetkit.definitions.asset import AssetDef
from assetkit.definitions.codeversion import CodeVersion, code_versions
from assetkit.definitions.universe import Universe, Unpartitioned
from assetkit.graph.graph import AssetGraph
from assetkit.planning.basis import definition_facts, make_basis
from assetkit.planning.data import PlanData
from assetkit.planning.planner import Situation
from assetkit.planning.state import CatalogState, Failure, Lease
from assetkit.records import AssetKey, Basis

JUST_NOW = int(np.iinfo(np.int64).max)
"""Stands for the sequence number of a change that no write has recorded yet."""

UNPARTITIONED_LAYOUT = "unpartitioned"
_REMEMBERED_CODES = 5


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
) -> Situation:
    """Read the catalog once, and see it under today's definitions."""
    graph = definitions.graph
    snapshot = catalog.snapshot(tuple(graph.assets), detail=tuple(sorted(detail)))
    universes = {
        key: universe_of(asset, now, snapshot.dynamic) for key, asset in graph.assets.items()
    }
    state = _state_of(graph, snapshot, universes, catalog)
    return Situation(
        graph=graph,
        universes=universes,
        bases=definitions.bases,
        state=state,
        now=now,
        config=definitions.config,
        code=definitions.code,
    )


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


def extent_of(asset: AssetDef) -> str:
    """Return what decides which partitions of an asset exist, apart from the time."""
    return UNPARTITIONED_LAYOUT if asset.partitions is None else asset.partitions.universe_id


def _state_of(
    graph: AssetGraph,
    snapshot: Snapshot,
    universes: Mapping[AssetKey, Universe],
    catalog: Catalog,
) -> CatalogState:
    moved = {
        key: translation(key, universes[key], catalog)
        for key, row in snapshot.assets.items()
        if key in graph.assets and row.layout != layout_of(graph.assets[key])
    }
    slots = {
        key: _translated(columns, moved[key]) if key in moved else columns
        for key, columns in snapshot.slots.items()
    }
    kept, orphans = {}, {}
    for key, columns in slots.items():
        kept[key], orphans[key] = _without_orphans(columns)
    return CatalogState(
        seq=snapshot.seq,
        slots=kept,
        bases=snapshot.bases,
        universe_seq={
            key: row.universe_seq if row.universe == extent_of(graph.assets[key]) else JUST_NOW
            for key, row in snapshot.assets.items()
            if key in graph.assets
        },
        failures=_failures(snapshot, moved),
        leases=_leases(snapshot),
        orphans={key: count for key, count in orphans.items() if count},
        estimates=snapshot.estimates,
        code_parts={key: _codes(row) for key, row in snapshot.assets.items()},
    )


def translation(key: AssetKey, universe: Universe, catalog: Catalog) -> Callable[[Ints], Ints]:
    """Return what turns an asset's stored ordinals into those of today's layout.

    A slot whose key is no key today gets a negative ordinal: it is an orphan.
    """
    old, texts = catalog.slot_keys(key)
    new = universe.ordinals_of_texts(texts)
    new = np.where(new >= 0, new, -1 - np.arange(len(new)))

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


def _without_orphans(columns: SlotColumns) -> tuple[SlotColumns, int]:
    orphans = int(np.searchsorted(columns.ordinal, 0))
    if not orphans:
        return columns, 0
    return columns.take(np.arange(orphans, len(columns), dtype=np.int64)), orphans


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


def asset_rows(plan: PlanData | Situation, known: Mapping[AssetKey, AssetRow]) -> list[AssetRow]:
    """Return what the catalog is to remember of the definitions: those that it does not know so."""
    rows = []
    for key, asset in plan.graph.assets.items():
        row = AssetRow(
            asset=key,
            layout=layout_of(asset),
            universe=extent_of(asset),
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
    return json.dumps(
        {
            **facts,
            "dimensions": list(plan.universes[key].dimensions),
            "upstreams": [edge.upstream for edge in plan.graph.edges[key]],
            "group": asset.group,
            "kind": asset.kind,
            "description": asset.description,
            "source": str(asset.source),
            "codes": dict(list(codes.items())[-_REMEMBERED_CODES:]),
        },
        sort_keys=False,
        default=str,
    )
