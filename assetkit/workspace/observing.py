"""Look at what others make, and write down what is new: once in each plan.

Rule 1: what is there is a published slot like any other, at its own location; so runs,
loads and plans need not know that nobody here made it.
Rule 2: what is gone is deleted from the catalog, never from where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import uuid4

import numpy as np

from assetkit.catalog.base import Commit
from assetkit.columns import NO_TIME, Ints, SlotColumns, join_version
from assetkit.definitions.asset import AssetDef
from assetkit.definitions.outside import Outside
from assetkit.errors import AssetkitError, InputError
from assetkit.io.base import Source
from assetkit.planning.planner import Situation
from assetkit.records import AssetKey, Basis, Materialization, partition_text, slot_name
from assetkit.workspace.core import Core
from assetkit.workspace.places import sources_of
from assetkit.workspace.recording import record_definitions

OBSERVED = "observed"
"""Stands for a run where nothing ran: others made the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What lies in one slot: its version, and what else could be seen of it."""

    version: str
    data_time: datetime | None = None
    bytes: int | None = None
    location: str | None = None


def observe_outside(core: Core, situation: Situation) -> bool:
    """Look at all external assets of a situation; return whether anything had to be written."""
    found: list[Materialization] = []
    gone: dict[AssetKey, Ints] = {}
    for key, asset in situation.graph.assets.items():
        if asset.outside is not None:
            new, lost = _compare(key, asset.outside, situation, core)
            found += new
            if len(lost):
                gone[key] = lost
    if not found and not gone:
        return False
    core.announce()
    record_definitions(core, situation)
    for key, ordinals in gone.items():
        core.catalog.delete_slots(key, ordinals, situation.now)
    if found:
        core.catalog.commit(
            Commit(
                commit_id=f"observe-{uuid4().hex}",
                run_id=OBSERVED,
                fence=0,
                materializations=tuple(found),
                read_seqs=(0,) * len(found),
            )
        )
    return True


def _compare(
    key: AssetKey, outside: Outside, situation: Situation, core: Core
) -> tuple[list[Materialization], Ints]:
    """Return the slots that differ from what the catalog knows, and the ordinals of those gone."""
    universe, columns = situation.universes[key], situation.state.columns(key)
    positions = np.arange(len(universe), dtype=np.int64)
    ordinals = universe.ordinals(positions)
    sources = sources_of(key, universe, positions, core.place)
    known = _Known(columns, situation.bases[key], situation)
    new, there = [], np.zeros(len(positions), dtype=np.bool_)
    for position, sighting in enumerate(_look(outside, sources, situation.graph.assets[key])):
        ordinal = int(ordinals[position])
        if sighting is None:
            continue
        there[position] = True
        if not known.is_same(ordinal, sighting):
            new.append(_materialization(sources[position], ordinal, sighting, situation))
    recorded = np.intersect1d(columns.ordinal, ordinals)
    return new, np.setdiff1d(recorded, ordinals[there]).astype(np.int64)


class _Known:
    """What the catalog knows of one external asset."""

    def __init__(self, columns: SlotColumns, basis: Basis, situation: Situation) -> None:
        self._columns, self._basis, self._bases = columns, basis, situation.state.bases
        self._rows = {ordinal: row for row, ordinal in enumerate(columns.ordinal.tolist())}

    def is_same(self, ordinal: int, sighting: Sighting) -> bool:
        row = self._rows.get(ordinal)
        if row is None or self._bases[int(self._columns.basis[row])] != self._basis:
            return False
        columns = self._columns
        if join_version(columns.version_hi[row], columns.version_lo[row]) != sighting.version:
            return False
        then = int(columns.data_time[row])
        return then == (NO_TIME if sighting.data_time is None else _micros(sighting.data_time))


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _look(
    outside: Outside, sources: Sequence[Source], asset: AssetDef
) -> Iterator[Sighting | None]:
    files = import_module("assetkit.io.external").ExternalFiles(outside.path)
    whole: Any = None
    if outside.observe is not None and not outside.by_partition:
        whole = _asked(outside, (), asset, sources[0] if sources else None)
    for source in sources:
        location = None if outside.path is None else files.pattern_of(source)
        if outside.observe is None:
            yield _listed(location or "")
            continue
        said = whole
        if outside.by_partition:
            said = _asked(outside, (source.partition_key,), asset, source)
        yield None if said is None else _told(said, location, asset)


def _listed(pattern: str) -> Sighting | None:
    listing = import_module("assetkit.io.listing")
    try:
        files = listing.list_files(pattern)
    except OSError as error:
        raise InputError(f"{pattern} cannot be listed: {error}") from error
    if not files:
        return None
    times = [file.at for file in files if file.at is not None]
    return Sighting(
        version=listing.version_of(files, pattern),
        data_time=_whole_micros(max(times)) if times else None,
        bytes=sum(file.size for file in files),
        location=pattern,
    )


def _whole_micros(moment: datetime) -> datetime:
    return datetime.fromtimestamp(_micros(moment) / 1_000_000, UTC)


def _asked(
    outside: Outside, arguments: tuple[Any, ...], asset: AssetDef, source: Source | None
) -> Any:
    try:
        return outside.observe(*arguments) if outside.observe is not None else None
    except AssetkitError:
        raise
    except Exception as error:
        where = slot_name(asset.key, source.partition_key if source else None)
        raise InputError(
            f"External asset {where} ({asset.source}) could not be observed: "
            f"{type(error).__name__}: {error}"
        ) from error


def _told(said: Any, location: str | None, asset: AssetDef) -> Sighting:
    """Take apart what ``observe`` returned: a version, or a version and a time."""
    version, data_time = said if isinstance(said, tuple) and len(said) == 2 else (said, None)
    if data_time is not None and (not isinstance(data_time, datetime) or data_time.tzinfo is None):
        raise InputError(
            f"External asset {asset.key!r} ({asset.source}): observe returned the data time "
            f"{data_time!r}. Return a datetime with a time zone, or the version alone."
        )
    text = f"observed\x1f{asset.key}\x1f{version}"
    return Sighting(
        version=hashlib.sha256(text.encode()).hexdigest()[:32],
        data_time=None if data_time is None else data_time.astimezone(UTC),
        location=location,
    )


def _materialization(
    source: Source, ordinal: int, sighting: Sighting, situation: Situation
) -> Materialization:
    return Materialization(
        asset=source.asset,
        partition=partition_text(source.partition_key),
        ordinal=ordinal,
        run_id=OBSERVED,
        data_version=sighting.version,
        basis=situation.bases[source.asset],
        inputs=(),
        materialized_at=situation.now,
        data_time=sighting.data_time,
        bytes=sighting.bytes,
        location=sighting.location,
    )
