"""Partitions that come and go by call: their keys are kept in the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np

from assetkit.columns import Ints
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

CAPACITY = 2**26
"""How many dynamic keys one set may ever have where it is one dimension of several."""


@dataclass(frozen=True, repr=False)
class DynamicPartitions(PartitionsDefinition):
    """One partition per key of the set *name*, which the workspace keeps.

    ``workspace.add_partitions(name, [...])`` and ``remove_partitions`` change
    the set; all assets with partitions of that name share it. A key keeps its
    ordinal, also when it is removed and added again.
    """

    name: str
    _: KW_ONLY
    dimension: str = "partition"

    def __post_init__(self) -> None:
        name: Any = self.name
        if not isinstance(name, str) or not name.strip():
            raise invalid("DynamicPartitions", "name", name, "a text that is not empty")
        check_dimension(self.dimension, owner="DynamicPartitions")

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (self.dimension,)

    @property
    def layout(self) -> str:
        return f"dynamic {self.name}"

    @property
    def meaning(self) -> str:
        return "dynamic"

    def universe(self, now: datetime, dynamic: DynamicKeys = NO_DYNAMIC_KEYS) -> Roster:
        check_now(now)
        keys, ordinals, index = _columns(dynamic.get(self.name, ()))
        return Roster(definition=self, keys=keys, index=index, given=ordinals)

    def window(self, key: PartitionKey) -> None:
        return None

    def key_at(self, when: When) -> PartitionKey:
        raise InvalidSelection(f"{self!r} has no windows of time, so no key is that of {when}.")

    def describe(self) -> str:
        return f"the keys of {self.name!r}, added and removed by call"

    def __repr__(self) -> str:
        named = "" if self.dimension == "partition" else f", dimension={self.dimension!r}"
        return f"DynamicPartitions({self.name!r}{named})"

    def facts(self) -> dict[str, Any]:
        return {"kind": "dynamic", "name": self.name, "dimension": self.dimension}


@lru_cache(maxsize=16)
def _columns(known: tuple[tuple[int, str], ...]) -> tuple[Sequence[str], Ints, KeyIndex]:
    ordered = sorted(known)
    keys = tuple(key for _, key in ordered)
    return keys, np.array([ordinal for ordinal, _ in ordered], dtype=np.int64), KeyIndex(keys)
