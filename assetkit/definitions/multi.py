"""Partitions of several dimensions.

Rule 1: a key has one part per dimension, in the order of definition.
Rule 2: slots are ordered by the leading dimension, the first that grows (by
time or by call), then by the others as defined; so old slots stay together
and new ones come last.
Rule 3: an ordinal is a number with one digit per dimension, the leading one
first. The other digits have room for all that their dimension may ever hold,
so that ordinals stay while dimensions grow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from assetkit.definitions.dynamic import CAPACITY, DynamicPartitions
from assetkit.definitions.grid import Axis, Grid
from assetkit.definitions.keys import split_key_text
from assetkit.definitions.names import invalid
from assetkit.definitions.roster import Roster
from assetkit.definitions.scheme import (
    NO_DYNAMIC_KEYS,
    DynamicKeys,
    PartitionsDefinition,
    check_dimension,
)
from assetkit.definitions.static import StaticPartitions
from assetkit.definitions.timeline import Timeline
from assetkit.definitions.timepartitions import TimePartitions
from assetkit.definitions.universe import TimeWindow, Universe
from assetkit.definitions.zones import When, utc_now
from assetkit.errors import InvalidArgument, InvalidSelection
from assetkit.records import PartitionKey

_MOST = 2**62


class MultiPartitions(PartitionsDefinition):
    """One partition per combination of the keys of several *dimensions*.

    A key is a tuple in the order of definition, and reads ``2026-01-31|us`` as
    text.

    >>> from assetkit.definitions.periods import DailyPartitions
    >>> sales = MultiPartitions(
    ...     date=DailyPartitions("2013-01-01", end="2013-01-03"),
    ...     region=StaticPartitions(["us", "eu"]),
    ... )
    >>> [str(key) for key in sales.keys()]
    ['2013-01-01|us', '2013-01-01|eu', '2013-01-02|us', '2013-01-02|eu']
    """

    def __init__(self, **dimensions: PartitionsDefinition) -> None:
        for name, part in dimensions.items():
            check_dimension(name, owner="MultiPartitions")
            if not isinstance(part, TimePartitions | StaticPartitions | DynamicPartitions):
                allowed = "a definition of one dimension, such as DailyPartitions('2026-01-01')"
                raise invalid("MultiPartitions", name, part, allowed)
        if len(dimensions) < 2:
            raise InvalidArgument(
                f"MultiPartitions has {len(dimensions)} dimensions, but needs two or more, as in "
                "MultiPartitions(date=DailyPartitions(...), region=StaticPartitions([...]))."
            )
        self._set("_parts", tuple(dimensions.items()))
        self._set("_order", _significance(tuple(dimensions.values())))
        self._set("_radices", self._checked_radices())

    _parts: tuple[tuple[str, PartitionsDefinition], ...]
    _order: tuple[int, ...]
    _radices: tuple[int, ...]

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self._parts)

    @property
    def by_dimension(self) -> Mapping[str, PartitionsDefinition]:
        """The definition of each dimension."""
        return dict(self._parts)

    @property
    def layout(self) -> str:
        parts = "; ".join(f"{name}: {part.layout}" for name, part in self._parts)
        return f"multi {self._radices} {parts}"

    @property
    def meaning(self) -> str:
        return "; ".join(f"{name}: {part.meaning}" for name, part in self._parts)

    def universe(self, now: datetime, dynamic: DynamicKeys = NO_DYNAMIC_KEYS) -> Grid:
        axes = tuple(_axis(part.universe(now, dynamic)) for _, part in self._parts)
        return Grid(
            definition=self,
            axes=axes,
            sizes=tuple(len(axis) for axis in axes),
            order=self._order,
            radices=self._radices,
        )

    def window(self, key: PartitionKey) -> TimeWindow | None:
        """Return the time that a key covers: that of its first dimension by time."""
        found = None
        for part, (_, definition) in zip(self._split(key), self._parts, strict=True):
            window = definition.window(part)
            found = found or window
        return found

    def key_at(self, when: When) -> PartitionKey:
        raise InvalidSelection(
            f"{self!r} has many keys at {when}. Ask the dimension by time: "
            "definition.by_dimension['date'].key_at(...)."
        )

    def describe(self) -> str:
        return " by ".join(f"{name}: {part.describe()}" for name, part in self._parts)

    def __repr__(self) -> str:
        return f"MultiPartitions({', '.join(f'{name}={part!r}' for name, part in self._parts)})"

    def __eq__(self, other: object) -> bool:
        return self._parts == other._parts if isinstance(other, MultiPartitions) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts)

    def __getstate__(self) -> dict[str, Any]:
        return dict(self._parts)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set.")

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def facts(self) -> dict[str, Any]:
        return {"kind": "multi", "dimensions": {name: part.facts() for name, part in self._parts}}

    def _split(self, key: PartitionKey) -> tuple[str, ...]:
        found = key if isinstance(key, tuple) else tuple(split_key_text(key))
        if len(found) != len(self._parts):
            raise self.universe(utc_now()).unknown(key)
        return found

    def _checked_radices(self) -> tuple[int, ...]:
        """Return how many values each dimension's digit has, by dimension."""
        radices = tuple(_capacity(part) for _, part in self._parts)
        most = 1
        for place in self._order:
            most *= radices[place]
        if most > _MOST:
            raise InvalidArgument(
                f"{self!r} has more combinations than can be numbered: {most:.1e} over all time. "
                "Use fewer dimensions, or coarser ones."
            )
        return radices


def _axis(universe: Universe) -> Axis:
    if isinstance(universe, Timeline | Roster):
        return universe
    raise TypeError(f"{universe!r} cannot be one dimension of several")


def _significance(parts: tuple[PartitionsDefinition, ...]) -> tuple[int, ...]:
    """Return the dimensions by significance: the leading one, then the others as defined."""
    growing = [place for place, part in enumerate(parts) if not isinstance(part, StaticPartitions)]
    lead = growing[0] if growing else 0
    return (lead, *(place for place in range(len(parts)) if place != lead))


def _capacity(part: PartitionsDefinition) -> int:
    if isinstance(part, TimePartitions):
        return part.numbering.capacity
    return part.count() if isinstance(part, StaticPartitions) else CAPACITY
