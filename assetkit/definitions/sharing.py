"""Whether two definitions have partitions in common; without any, a mapping gives nothing, ever."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import numpy as np

from assetkit.definitions.multi import MultiPartitions
from assetkit.definitions.scheme import PartitionsDefinition
from assetkit.definitions.static import StaticPartitions
from assetkit.definitions.timepartitions import TimePartitions

ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Which keys can be does not depend on the time, only which of them exist by then."""

_BLOCK = 10_000


def nothing_shared(one: PartitionsDefinition, other: PartitionsDefinition) -> str | None:
    """Return why no partition of one definition can be one of the other; None: some can.

    Of dynamic partitions that cannot be told.
    """
    if one == other:
        return None
    if isinstance(one, MultiPartitions) and isinstance(other, MultiPartitions):
        return _in_dimensions(one, other)
    if isinstance(one, TimePartitions) and isinstance(other, TimePartitions):
        apart = _ends_before(one, other) or _ends_before(other, one)
        return "their windows have no time in common" if apart else None
    if isinstance(other, StaticPartitions):
        one, other = other, one
    if isinstance(one, StaticPartitions) and isinstance(other, StaticPartitions | TimePartitions):
        return None if _has_any(other, one) else "they have no key in common"
    return None


def _in_dimensions(one: MultiPartitions, other: MultiPartitions) -> str | None:
    pairs = zip(one.by_dimension.items(), other.by_dimension.values(), strict=False)
    for (name, ours), theirs in pairs:
        if problem := nothing_shared(ours, theirs):
            return f"in the dimension {name!r}, {problem}"
    return None


def _ends_before(one: TimePartitions, other: TimePartitions) -> bool:
    end, start = (cast(datetime | None, when) for when in (one.end, other.start))
    return end is not None and start is not None and end <= start


def _has_any(definition: PartitionsDefinition, keys: StaticPartitions) -> bool:
    universe, every = definition.universe(ANY_TIME), keys.universe(ANY_TIME)
    for start in range(0, len(every), _BLOCK):
        some = np.arange(start, min(start + _BLOCK, len(every)), dtype=np.int64)
        if (universe.ordinals_of_texts(every.texts(some)) >= 0).any():
            return True
    return False
