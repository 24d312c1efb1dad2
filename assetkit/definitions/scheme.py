"""What all partitions definitions have in common, and their keys as a sequence.

Rule 1: a definition says which partitions there can be; its `universe` at a
moment, which of them exist. Nothing here makes a list of keys.
Rule 2: definitions are values: frozen, equal when declared alike, picklable.
"""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeAlias, overload

import numpy as np

from assetkit.definitions.names import invalid
from assetkit.definitions.universe import TimeWindow, Universe
from assetkit.definitions.zones import When, utc_now
from assetkit.errors import InvalidArgument
from assetkit.records import MultiPartitionKey, PartitionKey

DynamicKeys: TypeAlias = Mapping[str, tuple[tuple[int, str], ...]]
"""Dynamic partitions by name: (ordinal, key) in the order in which they were added."""

NO_DYNAMIC_KEYS: DynamicKeys = {}
_DIMENSION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class PartitionsDefinition(ABC):
    """Says which partitions an asset has.

    Made by `DailyPartitions`, `StaticPartitions` and so on. `now` is the
    moment asked about, timezone-aware; it defaults to the current time.
    """

    @property
    @abstractmethod
    def dimensions(self) -> tuple[str, ...]:
        """Names of the dimensions: of the folder levels, and of columns that hold the keys."""

    @property
    @abstractmethod
    def layout(self) -> str:
        """How ordinals are given out; while it is the same, stored ordinals stay valid."""

    @property
    @abstractmethod
    def meaning(self) -> str:
        """What one key stands for: the zone and offsets of a window, but not which windows exist.

        Where it changes, what is published under the same keys is no longer what it says.
        """

    @abstractmethod
    def universe(self, now: datetime, dynamic: DynamicKeys = NO_DYNAMIC_KEYS) -> Universe:
        """Return the partitions that exist at *now*.

        *dynamic*: what the catalog knows of dynamic partitions. Raises
        `InvalidArgument` where *now* has no time zone.
        """

    @abstractmethod
    def describe(self) -> str:
        """Return one line for people."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return all that the definition says, as JSON values."""

    @abstractmethod
    def window(self, key: PartitionKey) -> TimeWindow | None:
        """Return the time that a key covers, also one that has not ended yet.

        A date or datetime in the place of a key is that of the window it lies in. None
        without a time dimension. Raises `UnknownPartition` where the key is none of this
        definition.
        """

    @abstractmethod
    def key_at(self, when: When) -> PartitionKey:
        """Return the key of the window that *when* lies in, also one that has not ended yet.

        What has no zone of its own is a wall time of the definition's zone.
        Raises `UnknownPartition` where no window covers it.
        """

    @property
    def universe_id(self) -> str:
        """A short hash of all that determines which partitions exist, other than the time."""
        return short_hash(self.to_json())

    def keys(self, now: datetime | None = None, *, dynamic: DynamicKeys = NO_DYNAMIC_KEYS) -> Keys:
        """Return the keys that exist, in order; a sequence that makes keys when they are read."""
        universe = self.universe(utc_now() if now is None else now, dynamic)
        return Keys(universe, range(len(universe)))

    def count(self, now: datetime | None = None, *, dynamic: DynamicKeys = NO_DYNAMIC_KEYS) -> int:
        """Return how many partitions exist."""
        return len(self.universe(utc_now() if now is None else now, dynamic))

    def keeps_ordinals(self, layout: str) -> bool:
        """Say whether ordinals given out under an earlier *layout* are valid here, too."""
        return layout == self.layout

    def to_json(self) -> str:
        """Return the definition as JSON text, for the catalog and for people."""
        return json.dumps(self.facts(), sort_keys=True)

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)


class Keys(Sequence[PartitionKey]):
    """Keys of a universe, made when they are read; a slice is another such sequence."""

    __slots__ = ("_positions", "_universe")

    def __init__(self, universe: Universe, positions: range) -> None:
        self._universe, self._positions = universe, positions

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> PartitionKey: ...
    @overload
    def __getitem__(self, index: slice) -> Keys: ...
    def __getitem__(self, index: int | slice) -> PartitionKey | Keys:
        if isinstance(index, slice):
            return Keys(self._universe, self._positions[index])
        key = self._universe.key(self._positions[index])
        if key is None:
            raise IndexError(index)
        return key

    def __iter__(self) -> Iterator[PartitionKey]:
        block = 4096
        multiple = len(self._universe.dimensions) > 1
        for start in range(0, len(self), block):
            part = self._positions[start : start + block]
            if multiple:
                yield from (self[start + i] for i in range(len(part)))
            else:
                positions = np.arange(part.start, part.stop, part.step, dtype=np.int64)
                yield from (text for text in self._universe.texts(positions) if text is not None)

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str | tuple):
            return False
        text = key if isinstance(key, str) else str(MultiPartitionKey(key))
        ordinals = self._universe.ordinals_of_texts([text])
        return int(self._universe.positions(ordinals)[0]) in self._positions

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if len(self) <= 4:
            return f"Keys({list(self)!r})"
        return f"Keys({self[0]!r}..{self[-1]!r}, {len(self):,})"


def check_dimension(name: object, *, owner: str) -> str:
    """Return the name of a dimension that is one. Raises `InvalidArgument`."""
    if not isinstance(name, str) or not _DIMENSION.match(name):
        allowed = "a name of ASCII letters, digits and '_', such as 'date'"
        raise invalid(owner, "dimension", name, allowed)
    return name


def check_now(now: object) -> datetime:
    """Return *now* where it is a datetime with a time zone. Raises `InvalidArgument`."""
    if not isinstance(now, datetime):
        raise InvalidArgument(f"now={now!r} does not do. Allowed: a datetime with a time zone.")
    if now.utcoffset() is None:
        raise InvalidArgument(
            f"now={now!r} has no time zone, so it is not known which moment is meant. "
            "Give one, as in datetime.now(timezone.utc)."
        )
    return now


def short_hash(text: str) -> str:
    """Return 16 hexadecimal digits that tell texts apart."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
