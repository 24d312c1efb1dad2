"""Many slots as columns: the NumPy side of `records`, for planning millions at once.

Rule 1: a slot is known by (asset, ordinal); text keys appear at the edges only.
Rule 2: a data version is 128 bits, kept as two ``uint64`` columns.
Rule 3: the digest of a set of slots is the sum mod 2**64 of their hashes, so it
does not depend on order, and the digests of all windows over a million
partitions are differences of one prefix sum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assetkit.records import AssetKey, Basis

Ints: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint64]
Flags: TypeAlias = NDArray[np.bool_]

NO_TIME = np.iinfo(np.int64).min
"""Stands for an unknown time in a column of microseconds."""


def empty_ints() -> Ints:
    """Return a column of no integers."""
    return np.empty(0, dtype=np.int64)


def empty_words() -> Words:
    """Return a column of no words."""
    return np.empty(0, dtype=np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotColumns:
    """What the catalog knows of one asset's slots: parallel columns, by ascending ordinal.

    Only what is published is listed (no deleted slots). ``basis`` holds ids
    into `Snapshot.bases`. ``data_time`` and ``materialized_at`` are
    microseconds since 1970 UTC (`NO_TIME`: unknown). The ``detail`` columns
    (versions and digests) are only filled where they were asked for;
    ``digests`` has a row per slot and a column per input of its basis (zero
    where the basis has fewer). ``depth`` tells which workspace has a slot: 0
    the branch itself, 1 its base, and so on; empty where all have 0.
    """

    ordinal: Ints = field(default_factory=empty_ints)
    ver_seq: Ints = field(default_factory=empty_ints)
    read_seq: Ints = field(default_factory=empty_ints)
    basis: Ints = field(default_factory=empty_ints)
    partial: Flags = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    data_time: Ints = field(default_factory=empty_ints)
    materialized_at: Ints = field(default_factory=empty_ints)
    detailed: bool = False
    version_hi: Words = field(default_factory=empty_words)
    version_lo: Words = field(default_factory=empty_words)
    digests: Words = field(default_factory=lambda: np.empty((0, 0), dtype=np.uint64))
    size: Ints = field(default_factory=empty_ints)
    mtime_ns: Ints = field(default_factory=empty_ints)
    inode: Ints = field(default_factory=empty_ints)
    depth: Ints = field(default_factory=empty_ints)

    def __len__(self) -> int:
        return len(self.ordinal)

    def take(self, rows: Ints | Flags) -> SlotColumns:
        """Return the given rows, in that order."""
        picked = {
            name: getattr(self, name)[rows]
            for name in self.__dataclass_fields__
            if name != "detailed" and (len(getattr(self, name)) or not len(self))
        }
        return replace(self, **picked)

    @property
    def lent(self) -> SlotColumns:
        """Those slots that a base has, and the branch itself has not."""
        return self.take(self.depth > 0) if len(self.depth) else NO_SLOTS

    def over(self, base: SlotColumns) -> SlotColumns:
        """Return these slots, and those of *base* that are not among them; details as both have."""
        rest = base.take(~np.isin(base.ordinal, self.ordinal))
        if not len(rest):
            return self
        joined = {
            name: _joined(getattr(one, name), getattr(rest, name))
            for one in [replace(self, depth=_depths(self))]
            for name in self.__dataclass_fields__
            if name != "detailed"
        }
        detailed = rest.detailed and (self.detailed or not len(self))
        both = SlotColumns(**joined, detailed=detailed) if detailed else _gist(joined)
        return both.take(np.argsort(both.ordinal, kind="stable").astype(np.int64))


def _depths(columns: SlotColumns) -> Ints:
    return columns.depth if len(columns.depth) else np.zeros(len(columns), dtype=np.int64)


def _joined(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    if one.ndim == 2:  # digests: as wide as the wider of both
        width = max(one.shape[1], other.shape[1])
        one, other = (np.pad(a, ((0, 0), (0, width - a.shape[1]))) for a in (one, other))
    return np.concatenate([one, other])


def _gist(columns: Mapping[str, NDArray[Any]]) -> SlotColumns:
    """Return columns without details, of which one side has none."""
    names = ("ordinal", "ver_seq", "read_seq", "basis", "partial", "data_time", "materialized_at")
    kept: dict[str, Any] = {name: columns[name] for name in (*names, "depth")}
    return SlotColumns(**kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionColumns:
    """All that was ever published of an asset's slots: parallel columns, by ordinal, then seq.

    ``seq`` is when a row was written; rows with the same content one after another share
    their ``ver_seq``. Times as in `SlotColumns`.
    """

    ordinal: Ints
    seq: Ints
    ver_seq: Ints
    read_seq: Ints
    data_time: Ints
    materialized_at: Ints


NO_SLOTS = SlotColumns()
"""What is known of an asset of which nothing is."""

MIXED = -1
"""Stands for the basis of slots that do not all have the same one."""


class Gist(NamedTuple):
    """The slots of one asset at a glance; nothing but ``slots`` counts where there are none.

    ``first`` and ``last`` are their least and greatest ordinal, ``newest`` the greatest
    ``ver_seq``, ``read`` the least ``read_seq``, ``basis`` the one that all have, else `MIXED`;
    ``partial``: any of them is; ``detailed``: their versions and digests are there.
    """

    slots: int
    first: int = 0
    last: int = 0
    newest: int = 0
    read: int = 0
    basis: int = MIXED
    partial: bool = False
    detailed: bool = False


_NOTHING = Gist(0)


class SlotTable(Mapping[AssetKey, SlotColumns]):
    """The slots of many assets: columns by asset, cut out of one set of columns when asked for.

    Cutting takes longer than all else that most plans want to know of an asset, which
    its `gist` tells; that is worked out for all of them at once.
    """

    def __init__(self) -> None:
        self._cut: dict[AssetKey, SlotColumns] = {}
        self._places: dict[AssetKey, tuple[SlotColumns, int, int]] = {}
        self._gists: dict[AssetKey, Gist] = {}

    @classmethod
    def of(cls, slots: Mapping[AssetKey, SlotColumns]) -> SlotTable:
        """Return columns by asset as a table; what is one already as it is."""
        return slots if isinstance(slots, SlotTable) else cls().but(slots)

    def add(self, columns: SlotColumns, assets: Sequence[AssetKey], bounds: Ints) -> None:
        """Add the slots of *assets*, which lie between ``bounds[i]`` and ``bounds[i + 1]``."""
        places = bounds.tolist()
        for asset, start, end in zip(assets, places[:-1], places[1:], strict=True):
            self._places[asset] = (columns, start, end)
        some = np.flatnonzero(bounds[1:] > bounds[:-1])
        for place, gist in zip(some.tolist(), _gists(columns, bounds[:-1][some]), strict=True):
            self._gists[assets[place]] = gist

    def but(self, changed: Mapping[AssetKey, SlotColumns]) -> SlotTable:
        """Return these slots with those of some assets replaced, or added."""
        other = SlotTable()
        other._cut = {**self._cut, **changed}
        other._places = self._places
        other._gists = {key: one for key, one in self._gists.items() if key not in changed}
        return other

    def gist(self, asset: AssetKey) -> Gist:
        """Return an asset's slots at a glance; none where nothing is known of it."""
        found = self._gists.get(asset)
        if found is None:
            found = gist_of(self._cut[asset]) if asset in self._cut else _NOTHING
            self._gists[asset] = found
        return found

    def first(self, asset: AssetKey, name: str) -> int:
        """Return the number in the column *name* of an asset's first slot, of those it has."""
        if asset in self._cut:
            return int(getattr(self._cut[asset], name)[0])
        columns, start, _ = self._places[asset]
        return int(getattr(columns, name)[start])

    def __getitem__(self, asset: AssetKey) -> SlotColumns:
        if asset not in self._cut:
            columns, start, end = self._places[asset]
            self._cut[asset] = _between(columns, start, end)
        return self._cut[asset]

    def __contains__(self, asset: object) -> bool:
        return asset in self._places or asset in self._cut

    def __iter__(self) -> Iterator[AssetKey]:
        yield from self._places
        yield from (asset for asset in self._cut if asset not in self._places)

    def __len__(self) -> int:
        return len(self._places.keys() | self._cut.keys())


def gist_of(columns: SlotColumns) -> Gist:
    """Return the slots of one asset at a glance."""
    if len(columns) != 1:
        return _gists(columns, np.zeros(1, dtype=np.int64))[0] if len(columns) else _NOTHING
    ordinal = int(columns.ordinal[0])
    return Gist(
        slots=1,
        first=ordinal,
        last=ordinal,
        newest=int(columns.ver_seq[0]),
        read=int(columns.read_seq[0]),
        basis=int(columns.basis[0]),
        partial=bool(columns.partial[0]),
        detailed=columns.detailed,
    )


def _gists(columns: SlotColumns, starts: Ints) -> list[Gist]:
    """Return the gist of each run of slots; each begins at one of *starts*, the next ends it."""
    if not len(starts):
        return []
    ends = np.append(starts[1:], len(columns))
    low, high = (find.reduceat(columns.basis, starts) for find in (np.minimum, np.maximum))
    found = (
        ends - starts,
        columns.ordinal[starts],
        columns.ordinal[ends - 1],
        np.maximum.reduceat(columns.ver_seq, starts),
        np.minimum.reduceat(columns.read_seq, starts),
        np.where(low == high, low, MIXED),
        np.logical_or.reduceat(columns.partial, starts),
        np.full(len(starts), columns.detailed),
    )
    return list(map(Gist, *(column.tolist() for column in found)))


def _between(columns: SlotColumns, start: int, end: int) -> SlotColumns:
    rows = slice(start, end)
    parts = {
        name: getattr(columns, name)[rows]
        for name in SlotColumns.__dataclass_fields__
        if name != "detailed"
    }
    return SlotColumns(**parts, detailed=columns.detailed)


_MIX_1 = np.uint64(0x9E3779B97F4A7C15)
_MIX_2 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_3 = np.uint64(0x94D049BB133111EB)


def _mix(words: Words) -> Words:
    """Scramble each word (the finalizer of splitmix64)."""
    words = (words ^ (words >> np.uint64(30))) * _MIX_2
    words = (words ^ (words >> np.uint64(27))) * _MIX_3
    return words ^ (words >> np.uint64(31))


def slot_hashes(stable_ids: Words, version_hi: Words, version_lo: Words) -> Words:
    """Return one hash per (slot, data version); their sum mod 2**64 is a set's digest.

    *stable_ids* tell the slots of one asset apart and do not change when its
    definition is extended (see `Universe.stable_ids`).
    """
    with np.errstate(over="ignore"):
        words = _mix(stable_ids + _MIX_1)
        words = _mix(words + version_hi)
        return _mix(words + version_lo)


_WORD = 0xFFFF_FFFF_FFFF_FFFF


def _mix_one(word: int) -> int:
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)


def slot_hash(stable_id: int, version_hi: int, version_lo: int) -> int:
    """Return what `slot_hashes` gives for one slot; much faster for just one.

    >>> one = np.array([5], dtype=np.uint64)
    >>> slot_hash(5, 5, 5) == int(slot_hashes(one, one, one)[0])
    True
    """
    word = _mix_one((stable_id + 0x9E3779B97F4A7C15) & _WORD)
    word = _mix_one((word + version_hi) & _WORD)
    return _mix_one((word + version_lo) & _WORD)


def split_version(version: str) -> tuple[int, int]:
    """Return the two halves of a data version of 32 hexadecimal digits."""
    number = int(version, 16)
    return number >> 64, number & 0xFFFF_FFFF_FFFF_FFFF


def join_version(hi: int, lo: int) -> str:
    """Return the data version of two halves.

    >>> join_version(*split_version("0123456789abcdef0123456789abcdef"))
    '0123456789abcdef0123456789abcdef'
    """
    return f"{(int(hi) << 64) | int(lo):032x}"


def digest_of(stable_ids: Words, version_hi: Words, version_lo: Words) -> int:
    """Return the digest of a set of slots, each with the data version it has.

    >>> ids = np.array([1, 2], dtype=np.uint64)
    >>> one = digest_of(ids, ids, ids)
    >>> one == digest_of(ids[::-1], ids[::-1], ids[::-1])
    True
    """
    with np.errstate(over="ignore"):
        return int(slot_hashes(stable_ids, version_hi, version_lo).sum(dtype=np.uint64))


def fingerprint(basis: Basis, digests: Sequence[int]) -> str:
    """Return the fingerprint of a slot: its basis and the digest of each input, in order.

    >>> basis = Basis(code="c", config="", definition="d", schema="", inputs=("a",))
    >>> fingerprint(basis, [1]) == fingerprint(basis, [2])
    False
    """
    parts = (basis.code, basis.config, basis.definition, basis.schema, *basis.inputs)
    text = "\x1f".join((*parts, *(f"{digest:016x}" for digest in digests)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
