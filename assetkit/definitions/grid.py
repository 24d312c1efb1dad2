"""The combinations of several dimensions that exist at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from assetkit.columns import Flags, Ints, Words
from assetkit.definitions.keys import split_key_text
from assetkit.definitions.roster import Roster
from assetkit.definitions.selecting import select
from assetkit.definitions.timeline import Timeline
from assetkit.definitions.universe import TimeWindow
from assetkit.errors import UnknownPartition
from assetkit.records import MultiPartitionKey, PartitionKey

Axis: TypeAlias = Timeline | Roster


class GridDefinition(Protocol):
    """What a grid asks of its definition."""

    @property
    def dimensions(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grid:
    """All combinations of the positions of *axes*; a `Universe`.

    ``axes``, ``sizes`` (how many keys a dimension has now) and ``radices`` (how
    many values its digit of an ordinal has) are by dimension; ``order`` lists
    dimensions by significance.
    """

    definition: GridDefinition
    axes: tuple[Axis, ...]
    sizes: tuple[int, ...]
    order: tuple[int, ...]
    radices: tuple[int, ...]

    @property
    def dimensions(self) -> tuple[str, ...]:
        return self.definition.dimensions

    @property
    def zone(self) -> None:
        return None

    @property
    def lead(self) -> Axis:
        """The most significant dimension."""
        return self.axes[self.order[0]]

    def __len__(self) -> int:
        return int(np.prod(self.sizes, dtype=np.int64))

    def key(self, position: int) -> MultiPartitionKey:
        return MultiPartitionKey(part for _, part in self.parts(position))

    def texts(self, positions: Ints) -> list[str]:
        columns = []
        for axis, own in zip(self.axes, self.split(positions), strict=True):
            unique, places = np.unique(own, return_inverse=True)
            texts = axis.texts(unique)
            columns.append([texts[place] for place in places.tolist()])
        return [str(MultiPartitionKey(parts)) for parts in zip(*columns, strict=True)]

    def parts(self, position: int) -> tuple[tuple[str, str], ...]:
        own = _digits_of(position, self.order, self.sizes)
        keys = [axis.key(at) for axis, at in zip(self.axes, own, strict=True)]
        return tuple(zip(self.dimensions, keys, strict=True))

    def window(self, position: int) -> TimeWindow | None:
        place = self._time
        if place is None:
            return None
        return self.axes[place].window(_digits_of(position, self.order, self.sizes)[place])

    def ends(self, positions: Ints) -> Ints | None:
        place = self._time
        return None if place is None else self.axes[place].ends(self.split(positions)[place])

    def begins(self, positions: Ints) -> Ints | None:
        place = self._time
        return None if place is None else self.axes[place].begins(self.split(positions)[place])

    @property
    def more_at(self) -> int | None:
        moments = [axis.more_at for axis in self.axes if axis.more_at is not None]
        return min(moments, default=None)

    def ordinals(self, positions: Ints) -> Ints:
        own = self.split(positions)
        return self._joined([axis.ordinals(at) for axis, at in zip(self.axes, own, strict=True)])

    def positions(self, ordinals: Ints) -> Ints:
        digits = _digits(ordinals, self.order, self.radices)
        own = [axis.positions(digit) for axis, digit in zip(self.axes, digits, strict=True)]
        return np.where(_all_found(own), self.joined(own), -1)

    def ordinals_of_texts(self, texts: Sequence[str | None]) -> Ints:
        split = [split_key_text(text) for text in texts]
        fits = np.array([len(parts) == len(self.axes) for parts in split], dtype=np.bool_)
        columns = zip(
            *(p if ok else [None] * len(self.axes) for p, ok in zip(split, fits, strict=True)),
            strict=True,
        )
        own = [axis.ordinals_of_texts(c) for axis, c in zip(self.axes, columns, strict=False)]
        if not own:
            return np.empty(0, dtype=np.int64)
        return np.where(_all_found(own) & fits, self._joined(own), -1)

    def stable_ids(self, positions: Ints) -> Words:
        ids = np.zeros(len(positions), dtype=np.uint64)
        with np.errstate(over="ignore"):
            for name, axis, at in zip(
                self.dimensions, self.axes, self.split(positions), strict=True
            ):
                salt = np.uint64(int.from_bytes(name.encode()[:8].ljust(8, b"\0"), "little") | 1)
                mixed = (axis.stable_ids(at) ^ (ids >> np.uint64(31))) * salt
                ids = (ids * np.uint64(0x9E3779B97F4A7C15)) ^ mixed ^ (mixed >> np.uint64(29))
        return ids

    def position(self, key: PartitionKey | None) -> int:
        found = self.find(key)
        if found < 0:
            raise self.unknown(key)
        return found

    def find(self, key: PartitionKey | None) -> int:
        """Return where a key (or its text) is, -1 where it is not."""
        parts = key if isinstance(key, tuple) else split_key_text(key)
        if len(parts) != len(self.axes):
            return -1
        own = [axis.find(part) for axis, part in zip(self.axes, parts, strict=True)]
        if min(own) < 0:
            return -1
        position = 0
        for place in self.order:
            position = position * self.sizes[place] + own[place]
        return position

    def select(self, selection: Any) -> Ints:
        return select(self, selection)

    def stretch(self, text: str) -> tuple[int, int] | None:
        return None

    def range_end(self, text: str) -> tuple[int, int]:
        raise self.unknown(text)

    def newest(self, count: int) -> Ints:
        """Return the slots of the newest windows, or else of the newest keys that were added."""
        place = self.order[0] if self._time is None else self._time
        return self.by_dimension({self.dimensions[place]: f"latest:{count}"})

    def by_dimension(self, selections: Mapping[str, Any]) -> Ints:
        own = [
            axis.select(selections.get(name, "all"))
            for name, axis in zip(self.dimensions, self.axes, strict=True)
        ]
        return self.product(own)

    def product(self, own: Sequence[Ints]) -> Ints:
        """Return the sorted positions of all combinations of positions by dimension."""
        total = np.zeros(1, dtype=np.int64)
        for place in self.order:
            total = (total[:, None] * self.sizes[place] + own[place][None, :]).ravel()
        return total

    def split(self, positions: Ints) -> list[Ints]:
        """Return the positions by dimension."""
        return _digits(positions, self.order, self.sizes)

    def joined(self, own: Sequence[Ints]) -> Ints:
        """Return the positions of slots given by dimension."""
        total = np.zeros(len(own[0]), dtype=np.int64)
        for place in self.order:
            total = total * self.sizes[place] + own[place]
        return total

    def unknown(self, key: object) -> UnknownPartition:
        """Return the error for a key that does not exist: which of its parts is wrong."""
        parts = key if isinstance(key, tuple) else split_key_text(str(key))
        if len(parts) != len(self.axes):
            example = str(self.key(0)) if len(self) else "|".join(self.dimensions)
            return UnknownPartition(
                f"{self.definition!r} has no partition {str(key)!r}: a key has "
                f"{len(self.axes)} parts ({', '.join(self.dimensions)}), as in {example!r}."
            )
        for name, axis, part in zip(self.dimensions, self.axes, parts, strict=True):
            if axis.find(part) < 0:
                return UnknownPartition(f"In the dimension {name!r}, {axis.unknown(part)}")
        return UnknownPartition(f"{self.definition!r} has no partition {str(key)!r}.")

    @property
    def _time(self) -> int | None:
        """The first dimension by time."""
        places = (place for place, axis in enumerate(self.axes) if isinstance(axis, Timeline))
        return next(places, None)

    def _joined(self, ordinals: Sequence[Ints]) -> Ints:
        total = np.zeros(len(ordinals[0]), dtype=np.int64)
        for place in self.order:
            total = total * self.radices[place] + ordinals[place]
        return total


def _digits(numbers: Ints, order: tuple[int, ...], radices: tuple[int, ...]) -> list[Ints]:
    """Split numbers into digits, by dimension; the leading digit has no bound."""
    digits: list[Ints] = [numbers] * len(order)
    rest = numbers
    for place in reversed(order[1:]):
        rest, digits[place] = np.divmod(rest, max(radices[place], 1))
    digits[order[0]] = rest
    return digits


def _digits_of(number: int, order: tuple[int, ...], radices: tuple[int, ...]) -> list[int]:
    """Do the same for one number."""
    digits = [0] * len(order)
    for place in reversed(order[1:]):
        number, digits[place] = divmod(number, max(radices[place], 1))
    digits[order[0]] = number
    return digits


def _all_found(own: Sequence[Ints]) -> Flags:
    return np.asarray(np.logical_and.reduce([at >= 0 for at in own]), dtype=np.bool_)
