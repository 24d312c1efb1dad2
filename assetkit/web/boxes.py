"""Slots of several dimensions as few selections: ``date=2026-01-01..2026-01-31,region=de``.

Rule 1: a box is a range in each dimension, and means all combinations of these.
Rule 2: boxes go along the first dimension asked for; what stands alike in others joins them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.grid import Grid
from assetkit.display.ranges import runs_of

Box: TypeAlias = tuple[tuple[int, int], ...]
"""By dimension: the first and the last of its own positions."""


def boxes_of(own: Sequence[Ints]) -> Iterator[Box]:
    """Yield boxes that hold just these slots, given as their positions by dimension.

    >>> list(boxes_of([np.array([0, 0, 1, 1, 3]), np.array([0, 1, 0, 1, 0])]))
    [((0, 1), (0, 1)), ((3, 3), (0, 0))]
    """
    if len(own) == 1:
        yield from ((run,) for run in runs_of(np.unique(own[0])))
        return
    others, rest = np.unique(np.stack(own[1:]), axis=1, return_inverse=True)
    rest = rest.reshape(-1)
    order = np.lexsort((own[0], rest))
    at, rest = own[0][order], rest[order]
    cuts = np.flatnonzero((np.diff(at) != 1) | (np.diff(rest) != 0))
    first = np.concatenate(([0], cuts + 1)).astype(np.int64)
    last = np.concatenate((cuts, [len(at) - 1])).astype(np.int64)
    same: dict[tuple[int, int], list[int]] = {}
    for lo, hi, number in zip(
        at[first].tolist(), at[last].tolist(), rest[first].tolist(), strict=True
    ):
        same.setdefault((lo, hi), []).append(number)
    for run in sorted(same):
        yield from ((run, *box) for box in boxes_of(list(others[:, same[run]])))


def box_text(universe: Grid, box: Box, order: Sequence[int]) -> str:
    """Return the text that selects a box, whose ranges are those of dimensions in this *order*."""
    words = []
    for place, (lo, hi) in sorted(zip(order, box, strict=True)):
        axis = universe.axes[place]
        if (lo, hi) == (0, len(axis) - 1):
            continue
        first, last = axis.key(lo), axis.key(hi)
        words.append(f"{universe.dimensions[place]}={first if lo == hi else f'{first}..{last}'}")
    return ",".join(words) or "all"


def box_size(box: Box) -> int:
    """Return how many slots are in a box.

    >>> box_size(((0, 1), (2, 4)))
    6
    """
    return int(np.prod([hi - lo + 1 for lo, hi in box], dtype=np.int64))
