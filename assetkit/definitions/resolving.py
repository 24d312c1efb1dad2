"""Upstream keys as an author names them, as slots that exist and slots that are yet to come.

Unlike a selection by a user, what lies before the start, after the end or is
excluded is left out here without an error: there is nothing to wait for.
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from assetkit.columns import Ints, empty_ints
from assetkit.definitions.grid import Grid
from assetkit.definitions.keys import split_key_text
from assetkit.definitions.roster import Roster
from assetkit.definitions.selecting import select
from assetkit.definitions.timeline import Timeline
from assetkit.definitions.universe import Universe
from assetkit.errors import InvalidSelection


class Named(NamedTuple):
    """Slots that were named: the sorted positions of those that exist; *late*: some do not yet."""

    positions: Ints
    late: bool


def resolve(universe: Universe, named: Any) -> Named:
    """Return the slots that *named* stands for: a key, a list, a range, a dict by dimension.

    None: no slots. Raises `UnknownPartition` for what can never be a key.
    """
    if named is None:
        return Named(empty_ints(), late=False)
    if isinstance(named, list | set | frozenset) or (
        isinstance(named, tuple) and not isinstance(universe, Grid)
    ):
        return _union([resolve(universe, one) for one in named])
    if isinstance(universe, Timeline) and isinstance(named, str | date):
        return _resolve_time(universe, str(named))
    if isinstance(universe, Grid):
        return _resolve_grid(universe, named)
    if isinstance(universe, Roster):
        return Named(select(universe, named), late=False)
    raise InvalidSelection(f"{named!r} names no partition: the upstream has none.")


def _resolve_time(timeline: Timeline, text: str) -> Named:
    first, dots, last = text.partition("..")
    spans = [timeline.definition.shape.span(end) for end in ((first, last) if dots else (text,))]
    if text == "all" or text.startswith("latest") or None in spans:
        return Named(select(timeline, text), late=False)
    lo = timeline.starting_in(spans[0])[0]  # type: ignore[arg-type]
    hi = timeline.starting_in(spans[-1])[1]  # type: ignore[arg-type]
    if lo == hi and not dots and not timeline.may_lack(text):
        raise timeline.unknown(text)
    size = len(timeline)
    positions = np.arange(min(lo, size), max(min(hi, size), min(lo, size)), dtype=np.int64)
    return Named(positions, late=min(hi, timeline.limit) > max(lo, size))


def _resolve_grid(grid: Grid, named: Any) -> Named:
    if isinstance(named, str) and "=" not in named and len(split_key_text(named)) == len(grid.axes):
        named = split_key_text(named)
    if isinstance(named, tuple) and len(named) == len(grid.axes):
        named = dict(zip(grid.dimensions, named, strict=True))
    if not isinstance(named, Dict) or set(named) - set(grid.dimensions):
        return Named(select(grid, named), late=False)
    own = [
        resolve(axis, named.get(name, "all"))
        for name, axis in zip(grid.dimensions, grid.axes, strict=True)
    ]
    late = any(one.late for one in own) and all(one.late or len(one.positions) for one in own)
    return Named(grid.product([one.positions for one in own]), late=late)


def _union(parts: list[Named]) -> Named:
    if not parts:
        return Named(empty_ints(), late=False)
    positions = np.unique(np.concatenate([part.positions for part in parts]))
    return Named(positions, late=any(part.late for part in parts))
