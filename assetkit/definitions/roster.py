"""Named partitions that exist at one moment: static and dynamic keys, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

import numpy as np

from assetkit.columns import Ints, Words
from assetkit.definitions.keytable import KeyDict, KeyTable, text_hashes
from assetkit.definitions.selecting import select
from assetkit.errors import UnknownPartition, did_you_mean
from assetkit.records import PartitionKey

_MOST_COMPARED = 5_000
_MANY = 100_000


class RosterDefinition(Protocol):
    """What a roster asks of its definition."""

    @property
    def dimensions(self) -> tuple[str, ...]: ...


class KeyIndex:
    """What is worked out of many keys once and when it is asked for: hashes, and where a key is."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys

    @cached_property
    def hashes(self) -> Words:
        """A hash of each key's text."""
        return text_hashes(self._keys)

    @cached_property
    def table(self) -> KeyTable | KeyDict:
        """Finds keys."""
        many = len(self._keys) > _MANY
        return KeyTable(self._keys, self.hashes) if many else KeyDict(self._keys)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Roster:
    """Keys by position; a `Universe`.

    ``given`` are their ordinals, rising; None: the positions. ``index``
    belongs to exactly these ``keys``.
    """

    definition: RosterDefinition
    keys: Sequence[str]
    index: KeyIndex
    given: Ints | None = None

    @property
    def dimensions(self) -> tuple[str, ...]:
        return self.definition.dimensions

    @property
    def zone(self) -> None:
        return None

    def __len__(self) -> int:
        return len(self.keys)

    def key(self, position: int) -> str:
        return self.keys[position]

    def texts(self, positions: Ints) -> list[str]:
        keys = self.keys
        return [keys[position] for position in positions.tolist()]

    def parts(self, position: int) -> tuple[tuple[str, str], ...]:
        return ((self.dimensions[0], self.keys[position]),)

    def window(self, position: int) -> None:
        return None

    def ends(self, positions: Ints) -> None:
        return None

    def begins(self, positions: Ints) -> None:
        return None

    @property
    def more_at(self) -> None:
        return None

    def ordinals(self, positions: Ints) -> Ints:
        return positions if self.given is None else self.given[positions]

    def positions(self, ordinals: Ints) -> Ints:
        if self.given is None:
            return np.where((ordinals >= 0) & (ordinals < len(self)), ordinals, -1)
        if not len(self.given):
            return np.full(len(ordinals), -1, dtype=np.int64)
        found = np.minimum(np.searchsorted(self.given, ordinals), len(self.given) - 1)
        return np.where(self.given[found] == ordinals, found, -1)

    def ordinals_of_texts(self, texts: Sequence[str | None]) -> Ints:
        found = self.index.table.find_all(texts)
        if self.given is None or not len(self.given):
            return found
        return np.where(found >= 0, self.given[np.maximum(found, 0)], -1)

    def stable_ids(self, positions: Ints) -> Words:
        return self.index.hashes[positions]

    def position(self, key: PartitionKey | None) -> int:
        found = self.find(key)
        if found < 0:
            raise self.unknown(key)
        return found

    def find(self, key: PartitionKey | None) -> int:
        """Return where a key is, -1 where it is not."""
        return self.index.table.find(key) if isinstance(key, str) else -1

    def select(self, selection: Any) -> Ints:
        return select(self, selection)

    def stretch(self, text: str) -> tuple[int, int] | None:
        return None

    def range_end(self, text: str) -> tuple[int, int]:
        position = self.position(text)
        return position, position + 1

    def newest(self, count: int) -> Ints:
        return np.arange(max(len(self) - count, 0), len(self), dtype=np.int64)

    def by_dimension(self, selections: Mapping[str, Any]) -> Ints:
        return select(self, selections.get(self.dimensions[0], "all"))

    def unknown(self, key: object) -> UnknownPartition:
        """Return the error for a key that does not exist, with the nearest ones."""
        near = list(islice(self.keys, _MOST_COMPARED))
        if len(self) > len(near):  # a look at all of millions of keys would take minutes
            near = [one for one in self.keys if one[:2] == str(key)[:2]][:_MOST_COMPARED] or near
        hint = did_you_mean(str(key), near, what="keys")
        return UnknownPartition(f"{self.definition!r} has no partition {str(key)!r}. {hint}")
