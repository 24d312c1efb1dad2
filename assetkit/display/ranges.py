"""Many partitions as few ranges: ``2013-01-01..2013-03-31 (90)``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from assetkit.columns import Ints


def runs_of(positions: Ints) -> list[tuple[int, int]]:
    """Split sorted positions into runs without a gap; each as its first and last.

    >>> runs_of(np.array([0, 1, 2, 7, 9, 10]))
    [(0, 2), (7, 7), (9, 10)]
    """
    if len(positions) == 0:
        return []
    cuts = np.flatnonzero(np.diff(positions) != 1)
    first = positions[np.concatenate(([0], cuts + 1))]
    last = positions[np.concatenate((cuts, [len(positions) - 1]))]
    return list(zip(first.tolist(), last.tolist(), strict=True))


def range_text(positions: Ints, key_text: Callable[[int], str | None], *, limit: int = 4) -> str:
    """Write sorted positions as ranges of keys; beyond *limit* ranges only how many are left out.

    >>> range_text(np.array([0, 1, 2, 7]), "day-{}".format)
    'day-0..day-2 (3), day-7'
    """
    runs = runs_of(positions)
    named = [(key_text(lo) or "", key_text(hi) or "", hi - lo + 1) for lo, hi in runs[:limit]]
    left_out = sum(hi - lo + 1 for lo, hi in runs[limit:])
    return join_ranges(named, left_out=left_out)


def join_ranges(ranges: Sequence[tuple[str, str, int]], *, left_out: int = 0) -> str:
    """Write ranges given as first key, last key and count; *left_out* more are only counted.

    >>> join_ranges([("a", "a", 1), ("c", "d", 2)], left_out=5)
    'a, c, d and 5 more'
    """
    texts = []
    for first, last, count in ranges:
        if count == 1:
            texts.append(first)
        elif count == 2:
            texts += [first, last]
        else:
            texts.append(f"{first}..{last} ({count:,})")
    text = ", ".join(texts)
    return f"{text} and {left_out:,} more" if left_out else text
