"""Which partitions exist at one moment, and how slots of one asset map to slots of another.

Rule 1: at planning, each asset's existing partitions are positions 0 .. n-1, in
order (time order, definition order); an unpartitioned asset has the one position 0.
Rule 2: an ordinal tells a slot apart under one `layout` of its definition and is
what the catalog keeps; positions change as time goes by, ordinals do not.
Rule 3: everything is arithmetic on arrays; lists of keys are made only for what is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import numpy as np

from assetkit.columns import Flags, Ints, Words
from assetkit.errors import InvalidSelection, UnknownPartition
from assetkit.records import PartitionKey


class TimeWindow(NamedTuple):
    """The time that a partition covers: from *start*, up to but without *end* (timezone-aware)."""

    start: datetime
    end: datetime


class Universe(Protocol):
    """The partitions of one definition that exist at one moment; frozen."""

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the dimensions; empty for an unpartitioned asset."""
        ...

    def __len__(self) -> int: ...

    def key(self, position: int) -> PartitionKey | None:
        """Return one key; None for the slot of an unpartitioned asset."""
        ...

    def texts(self, positions: Ints) -> Sequence[str | None]:
        """Return the text of each key."""
        ...

    def parts(self, position: int) -> tuple[tuple[str, str], ...]:
        """Return (dimension, key) pairs of one slot, as in folder names."""
        ...

    def position(self, key: PartitionKey | None) -> int:
        """Return where a key (or its text) is; raise `UnknownPartition` with the nearest ones."""
        ...

    def window(self, position: int) -> TimeWindow | None:
        """Return the time that a slot covers; None without a time dimension."""
        ...

    def ends(self, positions: Ints) -> Ints | None:
        """Return the ends of windows in microseconds since 1970 UTC; None without time."""
        ...

    def begins(self, positions: Ints) -> Ints | None:
        """Return the starts of windows in microseconds since 1970 UTC; None without time."""
        ...

    @property
    def more_at(self) -> int | None:
        """The next moment (seconds since 1970 UTC) at which time alone adds a slot; None: never."""
        ...

    def ordinals(self, positions: Ints) -> Ints:
        """Return the ordinals of positions."""
        ...

    def positions(self, ordinals: Ints) -> Ints:
        """Return the positions of ordinals, -1 where a slot does not exist (now)."""
        ...

    def ordinals_of_texts(self, texts: Sequence[str | None]) -> Ints:
        """Return the ordinals of key texts, -1 where a text is no key of the definition."""
        ...

    def stable_ids(self, positions: Ints) -> Words:
        """Return numbers that tell slots apart and survive changes of the definition.

        A time window's is its start; a static key's is the hash of its text.
        """
        ...

    def select(self, selection: Any) -> Ints:
        """Return the sorted positions of a selection of keys.

        A key, a list of keys, ``"a..b"`` (both included), ``"latest"``,
        ``"latest:7"``, ``"all"``, and for several dimensions a dict of these
        by dimension, or its text (``"date=2026-01-01..2026-01-31,region=us"``).
        State selections (``"missing"``, ...) are the planner's. Raises
        `UnknownPartition` or `InvalidSelection` (a range reversed, ...).
        """
        ...


class Fan(NamedTuple):
    """For each downstream slot asked about, its upstream slots.

    Slot ``i`` has the positions ``lo[i] .. hi[i]-1`` where ``indices`` is None,
    else ``indices[lo[i]:hi[i]]``. ``late[i]``: the mapping names upstream
    windows that belong to the upstream's definition but have not ended yet
    (None: no such slot); what lies before the upstream's start is not waited for.
    """

    lo: Ints
    hi: Ints
    indices: Ints | None = None
    late: Flags | None = None

    def slots_of(self, row: int) -> Ints:
        """Return the upstream positions of one downstream slot."""
        lo, hi = int(self.lo[row]), int(self.hi[row])
        if self.indices is None:
            return np.arange(lo, hi, dtype=np.int64)
        return self.indices[lo:hi]


class PartitionMapping(Protocol):
    """Which upstream slots a downstream slot needs."""

    @property
    def name(self) -> str:
        """How the mapping is written, e.g. ``window(start=-6, end=0)``; part of the fingerprint."""
        ...

    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        """Return the upstream slots of each of the sorted downstream *positions*."""
        ...

    def downstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Ints:
        """Return the sorted downstream positions that any of the upstream *positions* feeds."""
        ...


@dataclass(frozen=True, slots=True)
class Unpartitioned:
    """The universe of an asset without partitions: one slot, whose key is None."""

    dimensions: tuple[str, ...] = ()
    more_at: int | None = None

    def __len__(self) -> int:
        return 1

    def key(self, position: int) -> None:
        return None

    def texts(self, positions: Ints) -> Sequence[str | None]:
        return [None] * len(positions)

    def parts(self, position: int) -> tuple[tuple[str, str], ...]:
        return ()

    def position(self, key: PartitionKey | None) -> int:
        if key is not None:
            raise UnknownPartition(f"There is no partition {key!r}: the asset has no partitions.")
        return 0

    def select(self, selection: Any) -> Ints:
        if selection in (None, "all"):
            return np.zeros(1, dtype=np.int64)
        raise InvalidSelection(f"The asset has no partitions, so {selection!r} selects nothing.")

    def window(self, position: int) -> None:
        return None

    def ends(self, positions: Ints) -> None:
        return None

    def begins(self, positions: Ints) -> None:
        return None

    def ordinals(self, positions: Ints) -> Ints:
        return np.zeros(len(positions), dtype=np.int64)

    def positions(self, ordinals: Ints) -> Ints:
        return np.where(ordinals == 0, 0, -1).astype(np.int64)

    def ordinals_of_texts(self, texts: Sequence[str | None]) -> Ints:
        return np.array([0 if text is None else -1 for text in texts], dtype=np.int64)

    def stable_ids(self, positions: Ints) -> Words:
        return np.zeros(len(positions), dtype=np.uint64)
