"""What is published of one asset while a run goes on: as it was at first, then as steps end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from assetkit.columns import (
    NO_TIME,
    Flags,
    Ints,
    SlotColumns,
    Words,
    join_version,
    slot_hashes,
    split_version,
)
from assetkit.definitions.keys import slot_folder
from assetkit.definitions.universe import Universe
from assetkit.io.base import Place, Source
from assetkit.records import AssetKey, InputUse

_NAMED = 64
"""Up to so many versions are recorded one by one; of more, only their digest."""

_KEPT_SOURCES = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class PublishedSlots:
    """The versions of one asset's slots, by position of its universe."""

    def __init__(
        self, asset: AssetKey, universe: Universe, columns: SlotColumns, place: Place
    ) -> None:
        size = len(universe)
        self.asset, self.universe, self._place = asset, universe, place
        self._columns = columns
        self.row: Ints = np.full(size, -1, dtype=np.int64)
        self.present: Flags = np.zeros(size, dtype=np.bool_)
        self.changed: Flags = np.zeros(size, dtype=np.bool_)
        self._hashes: Words = np.zeros(size, dtype=np.uint64)
        self._data_time: Ints = np.full(size, NO_TIME, dtype=np.int64)
        self._new: dict[int, str] = {}
        self._sources: dict[int, Source] = {}
        if len(columns):
            self._take_in(columns)

    def _take_in(self, columns: SlotColumns) -> None:
        positions = self.universe.positions(columns.ordinal)
        rows = np.flatnonzero(positions >= 0)
        positions = positions[rows]
        self.row[positions] = rows
        self.present[positions] = True
        self._data_time[positions] = columns.data_time[rows]
        if columns.detailed:
            self._hashes[positions] = slot_hashes(
                self.universe.stable_ids(positions),
                columns.version_hi[rows],
                columns.version_lo[rows],
            )

    def version_of(self, position: int) -> str | None:
        """Return the data version of a slot; None where nothing is published."""
        if position in self._new:
            return self._new[position]
        row = self.row[position]
        if row < 0 or not self._columns.detailed:
            return None
        return join_version(self._columns.version_hi[row], self._columns.version_lo[row])

    def publish(self, position: int, version: str, data_time: datetime | None) -> None:
        """Note that a step made a slot."""
        if version != self.version_of(position):
            self.changed[position] = True
        one = np.array([position], dtype=np.int64)
        hi, lo = split_version(version)
        self._hashes[position] = slot_hashes(
            self.universe.stable_ids(one),
            np.array([hi], dtype=np.uint64),
            np.array([lo], dtype=np.uint64),
        )[0]
        self.present[position] = True
        self._data_time[position] = NO_TIME if data_time is None else _microseconds(data_time)
        self._new[position] = version
        self._sources.pop(position, None)

    def source(self, position: int) -> Source:
        """Return where a slot lies and which version is there."""
        found = self._sources.get(position)
        if found is None:
            parts = self.universe.parts(position)
            found = Source(
                asset=self.asset,
                partition_key=self.universe.key(position),
                dimensions=parts,
                place=self._place,
                folder=slot_folder(self.asset, parts),
                data_version=self.version_of(position),
            )
            if len(self._sources) < _KEPT_SOURCES:
                self._sources[position] = found
        return found

    def use_of(self, positions: Ints) -> InputUse:
        """Return what consuming these slots, all of them published, amounts to."""
        versions: tuple[tuple[str | None, str], ...] = ()
        if len(positions) <= _NAMED:
            texts = self.universe.texts(positions)
            versions = tuple(
                (text, self.version_of(position) or "")
                for text, position in zip(texts, positions.tolist(), strict=True)
            )
        return InputUse(
            asset=self.asset,
            digest=self.digest_of(positions),
            count=len(positions),
            versions=versions,
        )

    def digest_of(self, positions: Ints) -> int:
        """Return the digest of these slots' versions."""
        return int(self._hashes[positions].sum(dtype=np.uint64))

    def oldest_data_time(self, positions: Ints) -> int:
        """Return the oldest known data time in microseconds since 1970; `NO_TIME` without one."""
        times = self._data_time[positions]
        known = times[times != NO_TIME]
        return int(known.min()) if len(known) else NO_TIME

    def read_seq(self, position: int) -> int | None:
        """Return the sequence number that was known when a slot's inputs were read; None: never."""
        row = self.row[position]
        return None if row < 0 else int(self._columns.read_seq[row])

    def changed_since(self, seq: int, positions: Ints) -> Ints:
        """Return which of *positions* have a version newer than a sequence number."""
        newer = self.changed[positions]
        rows = self.row[positions]
        if len(self._columns):
            newer = newer | ((rows >= 0) & (self._columns.ver_seq[rows] > seq))
        return positions[newer | ((rows < 0) & self.present[positions])]


def time_of(microseconds: int) -> datetime | None:
    """Return a column's time as a datetime in UTC; None for `NO_TIME`."""
    return None if microseconds == NO_TIME else _EPOCH + microseconds * _MICROSECOND


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
