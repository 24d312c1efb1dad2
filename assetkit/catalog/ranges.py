"""Ranges of ordinals: how leases are kept and compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assetkit.columns import Flags, Ints


def ranges_of(ordinals: Ints) -> list[tuple[int, int]]:
    """Return sorted *ordinals* as ranges ``(lo, hi)``, *hi* not included.

    >>> ranges_of(np.array([1, 2, 3, 7]))
    [(1, 4), (7, 8)]
    """
    if not len(ordinals):
        return []
    first, last = int(ordinals[0]), int(ordinals[-1])
    if last - first == len(ordinals) - 1:
        return [(first, last + 1)]
    breaks = np.flatnonzero(np.diff(ordinals) != 1)
    starts = ordinals[np.concatenate(([0], breaks + 1))]
    ends = ordinals[np.concatenate((breaks, [len(ordinals) - 1]))] + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def in_ranges(ordinals: Ints, ranges: Sequence[tuple[int, int]]) -> Flags:
    """Return which of *ordinals* lie in one of *ranges*, which do not overlap.

    >>> in_ranges(np.array([1, 4, 7]), [(7, 8), (1, 4)]).tolist()
    [True, False, True]
    """
    if not ranges or not len(ordinals):
        return np.zeros(len(ordinals), dtype=np.bool_)
    bounds = np.array(sorted(ranges), dtype=np.int64)
    place = np.searchsorted(bounds[:, 0], ordinals, side="right") - 1
    inside: Flags = (place >= 0) & (ordinals < bounds[place, 1])
    return inside
