"""What decisions depend on, and what is known of assets while others are decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from assetkit.columns import Flags, Ints, Words
from assetkit.definitions.universe import Universe
from assetkit.graph.graph import AssetGraph
from assetkit.planning.request import Request
from assetkit.planning.scope import Scope
from assetkit.planning.state import CatalogState
from assetkit.records import AssetKey, Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that a decision may depend on. ``wanted`` is what of ``scope`` was asked for."""

    graph: AssetGraph
    universes: Mapping[AssetKey, Universe]
    bases: Mapping[AssetKey, Basis]
    state: CatalogState
    request: Request
    wanted: Scope
    scope: Scope
    now: datetime


@dataclass(slots=True)
class Decided:
    """What is known of one asset while others are decided: flags by position of its universe.

    ``newest`` is the highest ``ver_seq`` of its slots where all of them, and no others, are
    published. ``at_rest``: all are fresh, and nothing upstream is newer than they are.
    """

    row: Ints
    run: Flags
    hashes: Words | None = None
    newest: int | None = None
    at_rest: bool = False

    @property
    def present(self) -> Flags:
        """Which slots are published."""
        return self.row >= 0


@dataclass(frozen=True, slots=True)
class Resting:
    """Columns of so many fresh slots; shared by all assets that have as many."""

    verdict: NDArray[np.int8]
    causes: Words
    run: Flags


@dataclass(slots=True)
class Ledger:
    """What has been decided so far, and which assets' details were missed on the way."""

    decided: dict[AssetKey, Decided] = field(default_factory=dict)
    wants_detail: set[AssetKey] = field(default_factory=set)
    layouts: dict[int, tuple[Ints, Ints]] = field(default_factory=dict)
    resting: dict[int, Resting] = field(default_factory=dict)

    def layout(self, universe: Universe) -> tuple[Ints, Ints]:
        """Return all positions of a universe and their ordinals; shared, not to be changed."""
        if id(universe) not in self.layouts:
            positions = np.arange(len(universe), dtype=np.int64)
            self.layouts[id(universe)] = (positions, universe.ordinals(positions))
        return self.layouts[id(universe)]


def known_of(key: AssetKey, world: World, ledger: Ledger) -> Decided:
    """Return (and remember) where an asset's slots are in its columns; nothing runs yet."""
    if key not in ledger.decided:
        row, columns = rows_of(key, world, ledger), world.state.columns(key)
        decided = Decided(row=row, run=np.zeros(len(row), dtype=np.bool_))
        if len(row) and row is ledger.layout(world.universes[key])[0]:
            decided.newest = int(columns.ver_seq.max())
        ledger.decided[key] = decided
    return ledger.decided[key]


def rows_of(key: AssetKey, world: World, ledger: Ledger) -> Ints:
    """Return the row of each position in the asset's columns, -1 where it is not published."""
    universe, known = world.universes[key], world.state.columns(key).ordinal
    size = len(universe)
    if not len(known) or not size:
        return np.full(size, -1, dtype=np.int64)
    positions, ordinals = ledger.layout(universe)
    if len(known) == size and bool((known == ordinals).all()):
        return positions
    if int(known[-1] - known[0]) + 1 == len(known):
        offsets: Ints = ordinals - known[0]
        offsets[(offsets < 0) | (offsets >= len(known))] = -1
        return offsets
    rows = np.minimum(np.searchsorted(known, ordinals), len(known) - 1).astype(np.int64)
    rows[known[rows] != ordinals] = -1
    return rows
