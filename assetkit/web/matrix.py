"""Partitions of several dimensions as a matrix: one dimension across, one down.

Rule 1: of further dimensions one key each may be chosen; otherwise a cell shows the worst
of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assetkit.columns import Flags, Ints
from assetkit.definitions.grid import Grid as Product
from assetkit.web.grid import Grid, GridRow, heads_of, left_of, pieces_of
from assetkit.web.states import STATES, SlotStates

MOST_ROWS = 300
MOST_COLUMNS = 500
MOST_CHOICES = 200
"""Beyond so many keys of a dimension none is offered to be chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A dimension that is no axis, with its keys, and the one that is looked at, if any."""

    dimension: str
    keys: Sequence[str]
    chosen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """How a matrix is asked for: dimensions by name, and keys of others; empty: as it comes."""

    across: str = ""
    down: str = ""
    fixed: Mapping[str, str]


def matrix_of(states: SlotStates, universe: Product, asked: Axes) -> tuple[Grid, list[Choice]]:
    """Lay the slots of an asset out as a matrix; also return what else may be chosen."""
    names = universe.dimensions
    across = names.index(asked.across) if asked.across in names else 0
    down = names.index(asked.down) if asked.down in names else int(across == 0)
    if down == across:
        down = int(across == 0)
    own = universe.split(states.positions)
    choices, kept = _choices(universe, own, asked.fixed, {across, down})
    columns, at = np.unique(own[across][kept], return_inverse=True)
    lines, line = np.unique(own[down][kept], return_inverse=True)
    shape = (len(lines), len(columns))
    state, attempt = np.full(shape, -1, dtype=np.int8), np.zeros(shape, dtype=np.int8)
    np.maximum.at(state, (line, at), states.state[kept])
    np.maximum.at(attempt, (line, at), states.attempt[kept])
    fresh = np.zeros(shape, dtype=np.bool_)
    np.logical_or.at(fresh, (line, at), states.state[kept] == STATES.index("fresh"))
    mixed: Flags = fresh & (state > STATES.index("fresh"))
    keys = [str(text) for text in universe.axes[across].texts(columns[-MOST_COLUMNS:])]
    labels = [str(text) for text in universe.axes[down].texts(lines[:MOST_ROWS])]
    last = slice(-MOST_COLUMNS, None)
    rows = [
        GridRow(
            label=label,
            start=0,
            pieces=[
                one
                for one in pieces_of(state[n, last], attempt[n, last], keys, 0, mixed[n, last])
                if one.state
            ],
            keys=keys,
        )
        for n, label in enumerate(labels)
    ]
    grid = Grid(
        rows=rows,
        columns=len(keys),
        heads=heads_of(keys),
        left=left_of(labels),
        across=names[across],
        down=names[down],
        axes=names,
        fixed=",".join(f"{one.dimension}={one.chosen}" for one in choices if one.chosen),
        left_out=_left_out(len(lines), len(columns)),
    )
    return grid, choices


def _left_out(lines: int, columns: int) -> str:
    words = []
    if lines > MOST_ROWS:
        words.append(f"the first {MOST_ROWS:,} rows of {lines:,}")
    if columns > MOST_COLUMNS:
        words.append(f"the last {MOST_COLUMNS:,} columns of {columns:,}")
    return " and ".join(words)


def _choices(
    universe: Product, own: Sequence[Ints], fixed: Mapping[str, str], axes: set[int]
) -> tuple[list[Choice], Flags]:
    """Return what may be chosen of other dimensions, and which slots are then shown."""
    kept = np.ones(len(own[0]), dtype=np.bool_)
    choices = []
    for place, name in enumerate(universe.dimensions):
        axis = universe.axes[place]
        if place in axes or len(axis) > MOST_CHOICES:
            continue
        keys = [str(text) for text in axis.texts(np.arange(len(axis), dtype=np.int64))]
        chosen = fixed.get(name, "")
        if chosen in keys:
            kept &= own[place] == keys.index(chosen)
        choices.append(Choice(dimension=name, keys=keys, chosen=chosen if chosen in keys else ""))
    return choices, kept
