"""Sums, counts and maxima over the upstream slots of many downstream slots at once.

Each function takes a `Fan` and one column over all upstream positions, and
returns one value per downstream slot, without a Python loop over slots.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assetkit.columns import Flags, Ints, Words
from assetkit.definitions.universe import Fan

T = TypeVar("T", bound=np.generic)


def covered(fan: Fan, size: int) -> Flags:
    """Return which of *size* upstream positions any of the downstream slots needs."""
    if fan.indices is not None:
        hit = np.zeros(size, dtype=np.bool_)
        hit[fan.indices[_flat(fan)]] = True
        return hit
    steps = np.zeros(size + 1, dtype=np.int64)
    some = fan.lo < fan.hi
    np.add.at(steps, fan.lo[some], 1)
    np.add.at(steps, fan.hi[some], -1)
    hit_counts: Flags = np.cumsum(steps[:-1]) > 0
    return hit_counts


def count_true(fan: Fan, flags: Flags) -> Ints:
    """Return how many of each slot's upstream positions are flagged."""
    sums = np.zeros(len(_gathered(fan, flags)) + 1, dtype=np.int64)
    np.cumsum(_gathered(fan, flags), out=sums[1:])
    return sums[fan.hi] - sums[fan.lo]


def sum_words(fan: Fan, words: Words) -> Words:
    """Return the sum mod 2**64 of each slot's upstream words: a digest from slot hashes."""
    column = _gathered(fan, words)
    sums = np.zeros(len(column) + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        np.cumsum(column, out=sums[1:])
        return sums[fan.hi] - sums[fan.lo]


def max_ints(fan: Fan, column: Ints, *, empty: int = -1) -> Ints:
    """Return the maximum of each slot's upstream values; *empty* where it has no upstream slot."""
    values = _gathered(fan, column)
    lengths = fan.hi - fan.lo
    result = np.full(len(fan.lo), empty, dtype=np.int64)
    some = np.flatnonzero(lengths > 0)
    if not len(some):
        return result
    lo, hi = fan.lo[some], fan.hi[some]
    longest = int(lengths[some].max())
    if longest == 1:
        result[some] = values[lo]
    elif np.all(lo[1:] >= hi[:-1]):
        result[some] = _maxima_of_disjoint(values, lo, hi)
    elif (lo == lo[0]).all() and (hi == hi[0]).all():
        result[some] = values[lo[0] : hi[0]].max()
    else:
        result[some] = _maxima_by_doubling(values, lo, hi)
    return result


def subset(fan: Fan, rows: Ints | Flags) -> Fan:
    """Return the fan of some of its downstream slots."""
    late = None if fan.late is None else fan.late[rows]
    return Fan(fan.lo[rows], fan.hi[rows], fan.indices, late)


def _gathered(fan: Fan, column: NDArray[T]) -> NDArray[T]:
    return column if fan.indices is None else column[fan.indices]


def _flat(fan: Fan) -> Ints:
    """Return the places in ``indices`` that the slots of *fan* use."""
    lengths = fan.hi - fan.lo
    starts = np.repeat(fan.lo - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    return starts + np.arange(int(lengths.sum()), dtype=np.int64)


def _maxima_of_disjoint(values: Ints, lo: Ints, hi: Ints) -> Ints:
    bounds = np.empty(2 * len(lo), dtype=np.int64)
    bounds[0::2], bounds[1::2] = lo, hi
    # `reduceat` refuses an index past the end, which the last slot's end may be.
    padded = np.append(values, np.iinfo(np.int64).min)
    maxima: Ints = np.maximum.reduceat(padded, bounds)[0::2]
    return maxima


def _maxima_by_doubling(values: Ints, lo: Ints, hi: Ints) -> Ints:
    """Cover each range by two overlapping ones of a power of two, level by level."""
    levels = np.frexp((hi - lo).astype(np.float64))[1] - 1
    result = np.empty(len(lo), dtype=np.int64)
    table = values
    for level in range(int(levels.max()) + 1):
        rows = np.flatnonzero(levels == level)
        if len(rows):
            width = 1 << level
            result[rows] = np.maximum(table[lo[rows]], table[hi[rows] - width])
        half = 1 << level
        if len(table) <= half:
            break
        table = np.maximum(table[:-half], table[half:])
    return result
