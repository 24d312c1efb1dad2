"""Partitions that are listed where they are declared."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any

from assetkit.definitions.keytable import check_keys
from assetkit.definitions.names import invalid
from assetkit.definitions.roster import KeyIndex, Roster
from assetkit.definitions.scheme import (
    NO_DYNAMIC_KEYS,
    DynamicKeys,
    PartitionsDefinition,
    check_dimension,
    check_now,
)
from assetkit.definitions.zones import When
from assetkit.errors import InvalidSelection
from assetkit.records import PartitionKey

_SHOWN = 5
_KEPT_IN_JSON = 1_000


class StaticPartitions(PartitionsDefinition):
    """One partition per key; *keys* are texts, in the order in which they are listed.

    Refused are what cannot be folder names (empty, ``.``, ``..``, more than 200
    bytes when percent-encoded) and keys that differ only in case or in how
    Unicode writes them. An ordinal is a place in the list: keys added at its end
    leave all others where they are.

    >>> regions = StaticPartitions(["us", "eu"], dimension="region")
    >>> list(regions.keys())
    ['us', 'eu']
    """

    _keys: tuple[str, ...]
    _dimension: str
    _index: KeyIndex

    def __init__(self, keys: Iterable[str], *, dimension: str = "partition") -> None:
        if isinstance(keys, str) or not isinstance(keys, Iterable):
            raise invalid("StaticPartitions", "keys", keys, "a list of texts, such as ['us', 'eu']")
        self._set("_dimension", check_dimension(dimension, owner="StaticPartitions"))
        self._set("_keys", tuple(keys))
        if not self._keys:
            raise invalid("StaticPartitions", "keys", (), "at least one key")
        self._set("_index", KeyIndex(self._keys))
        self._index.hashes = check_keys(self._keys, owner="StaticPartitions")

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (self._dimension,)

    @property
    def layout(self) -> str:
        return f"static {len(self._keys)} {self._hash}"

    @property
    def meaning(self) -> str:
        return "static"

    def keeps_ordinals(self, layout: str) -> bool:
        """Say whether *layout* is that of a list that this one begins with."""
        kind, _, rest = layout.partition(" ")
        count, _, digest = rest.partition(" ")
        if kind != "static" or not count.isdigit() or int(count) > len(self._keys):
            return False
        return digest == self._hash_of_first(int(count))

    def universe(self, now: datetime, dynamic: DynamicKeys = NO_DYNAMIC_KEYS) -> Roster:
        check_now(now)
        return self._roster

    def window(self, key: PartitionKey) -> None:
        self._roster.position(key)

    def key_at(self, when: When) -> PartitionKey:
        raise InvalidSelection(f"{self!r} has no windows of time, so no key is that of {when}.")

    def describe(self) -> str:
        return f"{len(self._keys):,} keys: {self._shown(', ', '')}"

    def __repr__(self) -> str:
        named = "" if self._dimension == "partition" else f", dimension={self._dimension!r}"
        return f"StaticPartitions([{self._shown(', ', chr(39))}]{named})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StaticPartitions):
            return NotImplemented
        return self is other or (self._dimension == other._dimension and self._keys == other._keys)

    def __hash__(self) -> int:
        return hash((self._dimension, self._hash))

    def __getstate__(self) -> dict[str, Any]:
        return {"keys": self._keys, "dimension": self._dimension}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set("_keys", state["keys"])
        self._set("_dimension", state["dimension"])
        self._set("_index", KeyIndex(self._keys))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"StaticPartitions are frozen: {name} cannot be set.")

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @cached_property
    def _roster(self) -> Roster:
        return Roster(definition=self, keys=self._keys, index=self._index)

    @cached_property
    def _hash(self) -> str:
        return self._hash_of_first(len(self._keys))

    def _hash_of_first(self, count: int) -> str:
        return blake2b(self._index.hashes[:count].tobytes(), digest_size=8).hexdigest()

    def facts(self) -> dict[str, Any]:
        return {
            "kind": "static",
            "dimension": self._dimension,
            "keys": {
                "count": len(self._keys),
                "first": self._keys[:_KEPT_IN_JSON],
                "hash": self._hash,
            },
        }

    def _shown(self, comma: str, mark: str) -> str:
        shown = comma.join(f"{mark}{key}{mark}" for key in self._keys[:_SHOWN])
        left_out = len(self._keys) - _SHOWN
        return f"{shown}, and {left_out:,} more" if left_out > 0 else shown
