"""Building blocks of mappings: fans that are the same for all rows, joined, or turned around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from assetkit.columns import Flags, Ints, empty_ints
from assetkit.definitions.universe import Fan


class Axis(NamedTuple):
    """One dimension of a product: how many positions it has, and each row's share of them."""

    size: int
    fan: Fan


def same_for_all(rows: int, chosen: Ints, *, late: bool = False) -> Fan:
    """Return a fan in which each of *rows* has the same sorted positions."""
    flags = np.full(rows, late) if late else None
    if not len(chosen) or int(chosen[-1]) - int(chosen[0]) + 1 == len(chosen):
        lo = int(chosen[0]) if len(chosen) else 0
        return Fan(_full(rows, lo), _full(rows, lo + len(chosen)), None, flags)
    return Fan(_full(rows, 0), _full(rows, len(chosen)), chosen, flags)


def first_ones(rows: int, count: int) -> Fan:
    """Return a fan in which each of *rows* has the first *count* positions."""
    return Fan(_full(rows, 0), _full(rows, count))


def one_each(found: Ints, *, late: Flags | None = None) -> Fan:
    """Return a fan in which each row has the position found, none where that is -1."""
    lo = np.maximum(found, 0)
    return Fan(lo, lo + (found >= 0), None, late)


def listed(per_row: Sequence[Ints], late: Flags | None = None) -> Fan:
    """Return a fan of the positions listed for each row."""
    lengths = np.array([len(one) for one in per_row], dtype=np.int64)
    hi = np.cumsum(lengths)
    indices = np.concatenate(per_row) if len(per_row) else empty_ints()
    return Fan(hi - lengths, hi, indices.astype(np.int64), late)


def taken(fan: Fan, rows: Ints) -> Fan:
    """Return the given rows of a fan."""
    late = None if fan.late is None else fan.late[rows]
    return Fan(fan.lo[rows], fan.hi[rows], fan.indices, late)


def fed(fan: Fan, chosen: Ints, size: int) -> Flags:
    """Return which rows have any of the *chosen* of *size* positions."""
    hits = np.zeros(size, dtype=np.int64)
    hits[chosen] = 1
    column = hits if fan.indices is None else hits[fan.indices]
    sums = np.concatenate(([0], np.cumsum(column)))
    return np.asarray(sums[fan.hi] > sums[fan.lo], dtype=np.bool_)


def product(axes: Sequence[Axis]) -> Fan:
    """Return the fan of all combinations, of dimensions in order of significance."""
    late = _any_late(axes)
    together = _contiguous(axes)
    if together is not None:
        return Fan(*together, None, late)
    rows = len(axes[0].fan.lo)
    row, total = np.arange(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    for size, fan in axes:
        lengths = (fan.hi - fan.lo)[row]
        first = np.cumsum(lengths) - lengths
        place = np.arange(int(lengths.sum()), dtype=np.int64) - np.repeat(first, lengths)
        place += np.repeat(fan.lo[row], lengths)
        own = place if fan.indices is None else fan.indices[place]
        total = np.repeat(total, lengths) * size + own
        row = np.repeat(row, lengths)
    hi = np.cumsum(np.bincount(row, minlength=rows)).astype(np.int64)
    return Fan(np.concatenate(([0], hi[:-1])) if rows else hi, hi, total, late)


def _contiguous(axes: Sequence[Axis]) -> tuple[Ints, Ints] | None:
    """Return the product as ranges of positions, where each row's is one; else None."""
    if any(fan.indices is not None for _, fan in axes):
        return None
    rows = len(axes[0].fan.lo)
    lo, hi, below = _full(rows, 0), _full(rows, 1), 1
    for size, fan in reversed(axes):
        empty = (lo >= hi) | (fan.lo >= fan.hi)
        whole = (lo == 0) & (hi == below)
        if not (empty | whole | (fan.hi - fan.lo == 1)).all():
            return None
        lo, hi = (
            np.where(empty, 0, fan.lo * below + np.where(whole, 0, lo)),
            np.where(empty, 0, np.where(whole, fan.hi * below, fan.lo * below + hi)),
        )
        below *= size
    return lo, hi


def _any_late(axes: Sequence[Axis]) -> Flags | None:
    flags = [fan.late for _, fan in axes if fan.late is not None]
    return np.logical_or.reduce(flags) if flags else None


def _full(rows: int, value: int) -> Ints:
    return np.full(rows, value, dtype=np.int64)
