"""Many slots as few ranges, written as a selection that stands for them.

Slots of several dimensions are boxes: ``date=2026-01-01..2026-01-31,region=us (31)``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from assetkit.columns import Ints, Words, slot_hashes
from assetkit.definitions.grid import Grid
from assetkit.definitions.universe import Universe
from assetkit.display.ranges import range_text, runs_of
from assetkit.records import partition_text


class KeyRange(NamedTuple):
    """Neighbouring slots: the first and last key as text, and how many they are."""

    first: str | None
    last: str | None
    size: int


def key_ranges(universe: Universe, positions: Ints) -> list[KeyRange]:
    """Return sorted positions as ranges of neighbours; keys are made for their ends only."""
    return [
        KeyRange(partition_text(universe.key(lo)), partition_text(universe.key(hi)), hi - lo + 1)
        for lo, hi in runs_of(positions)
    ]


def ranges_text(universe: Universe, positions: Ints, *, limit: int = 4) -> str:
    """Write sorted positions as at most *limit* ranges, and how many slots are left out."""
    if isinstance(universe, Grid):
        return _boxes_text(universe, positions, limit)
    return range_text(positions, lambda at: partition_text(universe.key(at)), limit=limit)


class _Box(NamedTuple):
    """Slots that share what they have below the leading dimension, over neighbours of that."""

    first: int
    last: int
    below: Ints
    size: int


def _boxes_text(grid: Grid, positions: Ints, limit: int) -> str:
    boxes = _boxes(grid, positions)
    shown = [_box_text(grid, box) for box in boxes[:limit]]
    left_out = sum(box.size for box in boxes[limit:])
    text = "; ".join(shown)
    return f"{text} and {left_out:,} more" if left_out else text


def _boxes(grid: Grid, positions: Ints) -> list[_Box]:
    """Group slots by the leading dimension, and neighbours that have the same below it."""
    if not len(positions):
        return []
    size = int(np.prod([grid.sizes[place] for place in grid.order[1:]], dtype=np.int64))
    lead, below = np.divmod(positions, size)
    heads = np.flatnonzero(np.diff(lead, prepend=-1))
    tails = np.append(heads[1:], len(positions))
    marks = _marks(below, heads)
    new = np.append(True, (np.diff(lead[heads]) != 1) | (np.diff(marks.view(np.int64)) != 0))
    firsts = np.flatnonzero(new)
    lasts = np.append(firsts[1:], len(heads)) - 1
    return [
        _Box(
            int(lead[heads[a]]),
            int(lead[heads[b]]),
            below[heads[a] : tails[a]],
            int(tails[b] - heads[a]),
        )
        for a, b in zip(firsts.tolist(), lasts.tolist(), strict=True)
    ]


def _marks(below: Ints, heads: Ints) -> Words:
    """Return a number per group that tells what is below it apart."""
    words = below.astype(np.uint64)
    with np.errstate(over="ignore"):
        sums: Words = np.add.reduceat(slot_hashes(words, words, words), heads)
    return sums


def _box_text(grid: Grid, box: _Box) -> str:
    """Write a box as the selection by dimension that stands for it."""
    chosen = {grid.order[0]: np.arange(box.first, box.last + 1)}
    rest, whole = box.below, 1
    for place in reversed(grid.order[1:]):
        rest, own = np.divmod(rest, grid.sizes[place])
        chosen[place] = np.unique(own)
        whole *= len(chosen[place])
    if whole != len(box.below):
        chosen = {grid.order[0]: chosen[grid.order[0]]}
    parts = [
        f"{grid.dimensions[place]}={_keys_text(grid, place, chosen[place])}"
        for place in sorted(chosen)
        if place == grid.order[0] or len(chosen[place]) < grid.sizes[place]
    ]
    count = f" ({box.size:,})" if box.size > 1 else ""
    partly = "" if whole == len(box.below) else " in part"
    return f"{','.join(parts)}{partly}{count}"


def _keys_text(grid: Grid, place: int, chosen: Ints) -> str:
    axis = grid.axes[place]
    texts = []
    for lo, hi in runs_of(chosen):
        ends = (axis.key(lo),) if lo == hi else (axis.key(lo), axis.key(hi))
        texts.append("..".join(ends))
    return ",".join(texts)
