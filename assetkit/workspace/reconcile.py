"""Hold the catalog against the files, so that every command heals what a crash left behind.

Rule 1: the file says what it is. A whole file with our record that the catalog
does not know was published just before a crash: it is adopted.
Rule 2: a file that is gone, or has no record of ours, is no data of this slot:
the slot counts as missing and the plan says why.
Rule 3: looking costs one `stat` a slot, so only so many are looked at; beyond
that `Workspace.verify` does it when asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from assetkit.columns import Flags, Ints, SlotColumns
from assetkit.errors import DataChanged
from assetkit.execution.provenance import materialization_from_record
from assetkit.io.base import Place, Source, StagedIOManager, is_staged
from assetkit.planning.planner import Situation
from assetkit.planning.state import CatalogState
from assetkit.records import AssetKey, FileSignature, Materialization, partition_text
from assetkit.workspace.places import sources_of

_NONE: Final = np.empty(0, dtype=np.int64)
LOOK_AT_MOST = 20_000
"""Slots looked at in one plan; about 4 microseconds each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a look at the files found: slots to adopt, and ordinals whose data is gone, by asset."""

    adopt: tuple[Materialization, ...]
    gone: Mapping[AssetKey, Ints]


class Looks:
    """What was found of assets so far, for callers that look again and again: an asset of which
    the catalog says what it said then is not looked at until `forget`.
    """

    def __init__(self) -> None:
        self._found: dict[AssetKey, tuple[object, Ints]] = {}

    def forget(self) -> None:
        """Look at all files again."""
        self._found.clear()

    def lost(self, key: AssetKey, said: object) -> Ints | None:
        """Return which data of an asset was gone, where the catalog says what it said then."""
        then, lost = self._found.get(key, (None, None))
        return lost if then == said else None

    def keep(self, key: AssetKey, said: object, lost: Ints) -> None:
        """Remember what was found."""
        self._found[key] = said, lost


def _said(key: AssetKey, size: int, state: CatalogState) -> object:
    """Return what differs once the catalog says something else of an asset's files."""
    gist = state.gist(key)
    if gist.slots == 1:
        return size, gist, state.first(key, "size"), state.first(key, "mtime_ns")
    columns = state.columns(key)
    return size, *(one.tobytes() for one in (columns.ordinal, columns.size, columns.mtime_ns))


def look_at_files(
    situation: Situation,
    io_managers: Mapping[AssetKey, Any],
    place: Place,
    looks: Looks | None = None,
) -> Findings:
    """Compare the files of all slots of some assets with what the catalog says of them.

    *looks*: what earlier calls found, and this one.
    """
    adopt: list[Materialization] = []
    gone: dict[AssetKey, Ints] = {}
    left = LOOK_AT_MOST
    for key, manager in io_managers.items():
        gist, size = situation.state.gist(key), len(situation.universes[key])
        if not is_staged(manager) or size > left or (gist.slots and not gist.detailed):
            continue
        left -= size
        if size == gist.slots == 1 and situation.state.first(key, "size") <= 0:
            continue  # a result without a file
        said = None if looks is None else _said(key, size, situation.state)
        lost = None if looks is None else looks.lost(key, said)
        if lost is None:
            found, lost = _look_at_asset(key, situation, manager, place)
            adopt += found
            if looks is not None and not found:
                looks.keep(key, said, lost)
        if len(lost) and len(lost := _of_today(key, lost, situation)):
            gone[key] = lost
    return Findings(adopt=tuple(adopt), gone=gone)


def _of_today(key: AssetKey, ordinals: Ints, situation: Situation) -> Ints:
    """Return the slots made under today's definition: others may lie elsewhere, and are stale."""
    columns, today = situation.state.columns(key), situation.bases[key].definition
    bases = columns.basis[_rows(columns, ordinals)]
    known = {one: situation.state.bases.get(one) for one in set(bases.tolist())}
    same = [basis is None or basis.definition == today for basis in map(known.get, bases.tolist())]
    return ordinals[np.array(same, dtype=np.bool_)]


def _look_at_asset(
    key: AssetKey, situation: Situation, manager: StagedIOManager, place: Place
) -> tuple[list[Materialization], Ints]:
    universe, state = situation.universes[key], situation.state
    positions = np.arange(len(universe), dtype=np.int64)
    sources = sources_of(key, universe, positions, place)
    seen, count = manager.signatures(sources), state.gist(key).slots
    if len(seen) == count == 1 and _is_same(seen[0], key, state):
        return [], _NONE
    if not count and not any(seen):
        return [], _NONE
    columns = state.columns(key)
    rows = _rows(columns, universe.ordinals(positions))
    odd = _unlike(seen, rows, columns)
    adopt: list[Materialization] = []
    lost: list[int] = []
    ordinals = universe.ordinals(positions)
    for position in np.flatnonzero(odd).tolist():
        record = None if seen[position] is None else _found(manager, sources[position])
        if record is not None:
            adopt.append(replace(record, ordinal=int(ordinals[position])))
        elif rows[position] >= 0:
            lost.append(int(ordinals[position]))
    return adopt, np.array(lost, dtype=np.int64)


def _is_same(seen: FileSignature | None, key: AssetKey, state: CatalogState) -> bool:
    """Return whether the file of a single slot is the one that the catalog knows."""
    if seen is None:
        return False
    return seen.size == state.first(key, "size") and seen.mtime_ns == state.first(key, "mtime_ns")


def _rows(columns: SlotColumns, ordinals: Ints) -> Ints:
    if not len(columns):
        return np.full(len(ordinals), -1, dtype=np.int64)
    rows = np.minimum(np.searchsorted(columns.ordinal, ordinals), len(columns) - 1)
    return np.where(columns.ordinal[rows] == ordinals, rows, -1).astype(np.int64)


def _unlike(seen: Sequence[FileSignature | None], rows: Ints, columns: SlotColumns) -> Flags:
    """Return the slots whose file is not the one that the catalog knows."""
    size = np.array([s.size if s else -1 for s in seen], dtype=np.int64)
    mtime = np.array([s.mtime_ns if s else -1 for s in seen], dtype=np.int64)
    known = rows >= 0
    # A slot without a file of its own (a result of None) is known by a size of zero or less.
    fileless = np.zeros(len(rows), dtype=np.bool_)
    fileless[known] = columns.size[rows[known]] <= 0
    same = np.zeros(len(rows), dtype=np.bool_)
    same[known] = (columns.size[rows[known]] == size[known]) & (
        columns.mtime_ns[rows[known]] == mtime[known]
    )
    unlike: Flags = np.where(known, ~same & ~fileless, size >= 0)
    return unlike


def _found(manager: StagedIOManager, source: Source) -> Materialization | None:
    """Return what a file says of itself, where it is whole, ours, and of this very slot."""
    try:
        stored = manager.find(source)
    except DataChanged:
        return None
    if stored is None or stored.record is None:
        return None
    found = materialization_from_record(stored)
    if found is None or found.asset != source.asset:
        return None
    return found if found.partition == partition_text(source.partition_key) else None


def without(columns: SlotColumns, ordinals: Ints) -> SlotColumns:
    """Return columns without some slots."""
    return columns.take(~np.isin(columns.ordinal, ordinals))
