"""What decisions depend on, and what is known of assets while others are decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assetkit.columns import Flags, Gist, Ints, Words
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

    ``run`` may be shared: `will_run` changes it. ``runs``: any of them does.
    ``newest`` is the highest ``ver_seq`` of its slots where all of them, and no others, are
    published. ``at_rest``: all are fresh, and nothing upstream is newer than they are.
    """

    row: Ints
    run: Flags
    hashes: Words | None = None
    newest: int | None = None
    at_rest: bool = False
    runs: bool = False

    @property
    def present(self) -> Flags:
        """Which slots are published."""
        return self.row >= 0

    def will_run(self, positions: Ints, run: Flags) -> None:
        """Note which of the slots at some positions are going to run."""
        self.run = self.run.copy()
        self.run[positions] = run
        self.runs = bool(self.run.any())


class Layout(NamedTuple):
    """All positions of a universe and their ordinals; shared, not to be changed.

    ``idle`` flags none of them, ``every`` all. ``span``: the first and the last ordinal, where
    all between are there.
    """

    positions: Ints
    ordinals: Ints
    idle: Flags
    every: Flags
    span: tuple[int, int] | None
    has_windows: bool

    def is_all_of(self, gist: Gist) -> bool:
        """Return whether just these slots are published, as far as their gist tells."""
        return (gist.first, gist.last) == self.span and gist.slots == len(self.positions)


@dataclass(frozen=True, slots=True)
class Resting:
    """Columns of so many fresh slots; shared by all assets that have as many."""

    verdict: NDArray[np.int8]
    causes: Words
    run: Flags


@dataclass(slots=True)
class Ledger:
    """What has been decided so far, and which assets' details were missed on the way.

    ``blamed`` says whose data keeps that of assets from being newer, and in words, where asked.
    """

    decided: dict[AssetKey, Decided] = field(default_factory=dict)
    wants_detail: set[AssetKey] = field(default_factory=set)
    layouts: dict[int, Layout] = field(default_factory=dict)
    resting: dict[int, Resting] = field(default_factory=dict)
    blamed: dict[AssetKey, tuple[AssetKey, str]] = field(default_factory=dict)

    def layout(self, universe: Universe) -> Layout:
        """Return all positions of a universe and what goes with them, worked out once."""
        found = self.layouts.get(id(universe))
        if found is None:
            found = self.layouts[id(universe)] = _layout_of(universe)
        return found


def _layout_of(universe: Universe) -> Layout:
    positions = np.arange(len(universe), dtype=np.int64)
    ordinals = universe.ordinals(positions)
    idle, every = np.zeros(len(positions), dtype=np.bool_), np.ones(len(positions), dtype=np.bool_)
    for shared in (positions, idle, every):
        shared.setflags(write=False)
    is_gapless = len(ordinals) > 0 and bool((np.diff(ordinals) == 1).all())
    return Layout(
        positions=positions,
        ordinals=ordinals,
        idle=idle,
        every=every,
        span=(int(ordinals[0]), int(ordinals[-1])) if is_gapless else None,
        has_windows=universe.ends(positions[:0]) is not None,
    )


def known_of(key: AssetKey, world: World, ledger: Ledger) -> Decided:
    """Return (and remember) where an asset's slots are in its columns; nothing runs yet."""
    decided = ledger.decided.get(key)
    if decided is None:
        layout, gist = ledger.layout(world.universes[key]), world.state.gist(key)
        row = _rows(key, layout, gist, world)
        is_whole = row is layout.positions and len(row) > 0
        decided = Decided(row, layout.idle, None, gist.newest if is_whole else None)
        ledger.decided[key] = decided
    return decided


def rows_of(key: AssetKey, world: World, ledger: Ledger) -> Ints:
    """Return the row of each position in the asset's columns, -1 where it is not published."""
    return _rows(key, ledger.layout(world.universes[key]), world.state.gist(key), world)


def _rows(key: AssetKey, layout: Layout, gist: Gist, world: World) -> Ints:
    positions, ordinals, size = layout.positions, layout.ordinals, len(layout.positions)
    if not gist.slots or not size:
        return np.full(size, -1, dtype=np.int64)
    if layout.is_all_of(gist):
        return positions
    known = world.state.columns(key).ordinal
    if len(known) == size and bool((known == ordinals).all()):
        return positions
    if int(known[-1] - known[0]) + 1 == len(known):
        offsets: Ints = ordinals - known[0]
        offsets[(offsets < 0) | (offsets >= len(known))] = -1
        return offsets
    rows = np.minimum(np.searchsorted(known, ordinals), len(known) - 1).astype(np.int64)
    rows[known[rows] != ordinals] = -1
    return rows
