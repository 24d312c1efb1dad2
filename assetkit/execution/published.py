"""What is published of one asset while a run goes on: as it was at first, then as steps end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from assetkit.columns import (
    NO_TIME,
    Flags,
    Ints,
    SlotColumns,
    Words,
    join_version,
    slot_hash,
    slot_hashes,
    split_version,
)
from assetkit.definitions.universe import Universe
from assetkit.execution.naming import AT_ONCE, SlotNames
from assetkit.io.base import Place, Source
from assetkit.records import AssetKey, InputUse

NAMED = 64
"""Up to so many versions are recorded one by one; of more, only their digest."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class PublishedSlots:
    """The versions of one asset's slots, by position of its universe.

    *places* are where slots lie, by their depth.
    """

    def __init__(
        self, asset: AssetKey, universe: Universe, columns: SlotColumns, places: Sequence[Place]
    ) -> None:
        size = len(universe)
        self.asset, self.universe, self._places = asset, universe, places
        self.names = SlotNames(asset, universe)
        self._columns = columns
        self._rows: Ints | None = None
        self.present: Flags = np.zeros(size, dtype=np.bool_)
        self._absent = size
        self._hashes: Words = np.zeros(size, dtype=np.uint64)
        self._data_time: Ints = np.full(size, NO_TIME, dtype=np.int64)
        self._new: dict[int, str] = {}
        self._changed: set[int] = set()
        self._sources: dict[int, Source] = {}
        self._stable_ids: Words | None = None
        if len(columns):
            self._take_in(columns)

    def _take_in(self, columns: SlotColumns) -> None:
        positions = self.universe.positions(columns.ordinal)
        rows = np.flatnonzero(positions >= 0)
        positions = positions[rows]
        self._rows = np.full(len(self.present), -1, dtype=np.int64)
        self._rows[positions] = rows
        self.present[positions] = True
        self._absent -= len(positions)
        self._data_time[positions] = columns.data_time[rows]
        if columns.detailed:
            self._hashes[positions] = slot_hashes(
                self.universe.stable_ids(positions),
                columns.version_hi[rows],
                columns.version_lo[rows],
            )

    @property
    def complete(self) -> bool:
        """True where every slot is published."""
        return not self._absent

    def version_of(self, position: int) -> str | None:
        """Return the data version of a slot; None where nothing is published."""
        if position in self._new:
            return self._new[position]
        row = -1 if self._rows is None else self._rows[position]
        if row < 0 or not self._columns.detailed:
            return None
        return join_version(self._columns.version_hi[row], self._columns.version_lo[row])

    def publish(self, position: int, version: str, data_time: datetime | None) -> None:
        """Note that a step made a slot."""
        if version != self.version_of(position):
            self._changed.add(position)
        self._hashes[position] = slot_hash(self._stable_id(position), *split_version(version))
        self._absent -= not self.present[position]
        self.present[position] = True
        self._data_time[position] = NO_TIME if data_time is None else _microseconds(data_time)
        self._new[position] = version
        self._sources.pop(position, None)

    def source(self, position: int) -> Source:
        """Return where a slot lies and which version is there."""
        found = self._sources.get(position)
        if found is None:
            found = Source(
                asset=self.asset,
                partition_key=self.names.key(position),
                dimensions=self.names.parts(position),
                place=self._places[self._depth_of(position)],
                folder=self.names.folder(position),
                data_version=self.version_of(position),
            )
            if len(self._sources) < AT_ONCE:
                self._sources[position] = found
        return found

    def _depth_of(self, position: int) -> int:
        """Return whose a slot is: 0 the workspace itself, 1 its base, and so on."""
        if position in self._new or self._rows is None or not len(self._columns.depth):
            return 0
        return int(self._columns.depth[self._rows[position]])

    def stable_ids(self, positions: Ints) -> tuple[int, ...]:
        """Return the numbers that tell these slots apart."""
        if len(positions) == 1:
            return (self._stable_id(int(positions[0])),)
        return tuple(self.universe.stable_ids(positions).tolist())

    def _stable_id(self, position: int) -> int:
        if len(self.present) > AT_ONCE:
            return int(self.universe.stable_ids(np.array([position], dtype=np.int64))[0])
        if self._stable_ids is None:
            every = np.arange(len(self.present), dtype=np.int64)
            self._stable_ids = self.universe.stable_ids(every)
        return int(self._stable_ids[position])

    def use_of(self, positions: Ints, digest: int) -> InputUse:
        """Return what consuming these slots, all of them published, amounts to."""
        versions: tuple[tuple[str | None, str], ...] = ()
        if len(positions) <= NAMED:
            versions = tuple(
                (text, self.version_of(position) or "")
                for text, position in zip(
                    self.names.texts(positions), positions.tolist(), strict=True
                )
            )
        return InputUse(asset=self.asset, digest=digest, count=len(positions), versions=versions)

    def digest_of(self, positions: Ints) -> int:
        """Return the digest of these slots' versions."""
        if len(positions) == 1:
            return int(self._hashes[positions[0]])
        return int(self._hashes[positions].sum(dtype=np.uint64))

    def oldest_data_time(self, positions: Ints) -> int:
        """Return up to when slots reflect the world, in microseconds since 1970; `NO_TIME`: ever.

        Windows known to their ends reach up to the last of these, however long ago they were made.
        """
        if len(positions) == 1:
            return int(self._data_time[positions[0]])
        times = self._data_time[positions]
        ends = self.universe.ends(positions) if len(positions) else None
        known = times[(times != NO_TIME) & (True if ends is None else times < ends)]
        if ends is None or len(known):
            return int(known.min()) if len(known) else NO_TIME
        is_all = self.universe.more_at is None and positions[-1] == len(self.universe) - 1
        return NO_TIME if is_all else int(ends.max())

    def read_seq(self, position: int) -> int | None:
        """Return the sequence number that was known when a slot's inputs were read; None: never."""
        row = -1 if self._rows is None else self._rows[position]
        return None if row < 0 else int(self._columns.read_seq[row])

    def digest_read(self, position: int, place: int) -> int | None:
        """Return the digest of what a slot read of one of its inputs; None where unknown."""
        row = -1 if self._rows is None else self._rows[position]
        known = row >= 0 and self._columns.detailed and place < self._columns.digests.shape[1]
        return int(self._columns.digests[row, place]) if known else None

    def basis_of(self, position: int) -> int:
        """Return the number of the basis that a slot was made on; -1 where there is no slot."""
        row = -1 if self._rows is None else self._rows[position]
        return -1 if row < 0 else int(self._columns.basis[row])

    def changed_since(self, seq: int, positions: Ints) -> list[int]:
        """Return which of *positions* have a version newer than a sequence number."""
        rows = None if self._rows is None else self._rows[positions]
        return [
            position
            for place, position in enumerate(positions.tolist())
            if position in self._changed
            or (rows is not None and rows[place] >= 0 and self._columns.ver_seq[rows[place]] > seq)
        ]


def time_of(microseconds: int) -> datetime | None:
    """Return a column's time as a datetime in UTC; None for `NO_TIME`."""
    return None if microseconds == NO_TIME else _EPOCH + microseconds * _MICROSECOND


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
