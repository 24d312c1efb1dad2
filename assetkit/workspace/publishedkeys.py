"""Selections among published slots: by their keys, as no definition need be at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.keys import split_key_text
from assetkit.definitions.selecting import select
from assetkit.definitions.timekeys import KeyShape, read_span
from assetkit.errors import UnknownPartition, did_you_mean
from assetkit.records import AssetKey, MultiPartitionKey, slot_name

_KEYS = ("static", "dynamic")
"""Kinds of partitions whose keys are no windows of time, however they read."""
_UNITS = {7: "M", 10: "D", 13: "h", 16: "m", 19: "s"}
_MONTH = len("2026-01")
_MOST_COMPARED = 1000
_UNREAD = np.iinfo(np.int64).min


@dataclass(frozen=True, kw_only=True)
class PublishedKeys:
    """The keys of what is published of an asset, in partition order; `select` reads them.

    ``facts`` are those of the partitions definition; empty where the catalog knows none.
    """

    asset: AssetKey
    dimensions: tuple[str, ...]
    texts: Sequence[str | None]
    facts: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def places(self) -> dict[str | None, int]:
        """Where each key is."""
        return {text: place for place, text in enumerate(self.texts)}

    @cached_property
    def zone(self) -> ZoneInfo | None:
        """The time zone of the windows, None where they are none."""
        named = self.facts.get("timezone")
        return None if named is None else ZoneInfo(named)

    @cached_property
    def walls(self) -> Ints | None:
        """The first wall time of each window, None where the keys are no windows of time."""
        if len(self.dimensions) != 1 or self.facts.get("kind") in _KEYS:
            return None
        walls = _walls(self.texts)
        return None if (walls == _UNREAD).all() else walls

    def find(self, key: Any) -> int:
        """Return where a key is, -1 where it is not published."""
        return self.places.get(_text(key), -1)

    def stretch(self, text: str) -> tuple[int, int] | None:
        """Return the places (first, end) of the windows that start in a date, month or year."""
        span = read_span(text)
        if self.walls is None or span is None:
            return None
        inside = np.flatnonzero((self.walls >= span.first) & (self.walls < span.end))
        return (int(inside[0]), int(inside[-1]) + 1) if len(inside) else None

    def range_end(self, text: str) -> tuple[int, int]:
        """Return the places (first, end) of one end of a range, which need not be published."""
        place = self.find(text)
        if place >= 0:
            return place, place + 1
        span = read_span(text)
        if self.walls is None or span is None:
            raise self.unknown(text)
        later = np.flatnonzero(self.walls >= span.first)
        sooner = np.flatnonzero((self.walls < span.end) & (self.walls != _UNREAD))
        first = int(later[0]) if len(later) else len(self)
        return first, int(sooner[-1]) + 1 if len(sooner) else 0

    def newest(self, count: int) -> Ints:
        """Return the newest windows, or what stands last; of several dimensions, one's of time."""
        if len(self.dimensions) == 1:
            return np.arange(max(len(self) - count, 0), len(self), dtype=np.int64)
        timed = [name for name in self.dimensions if self._axis(name).walls is not None]
        return self.by_dimension({(timed or self.dimensions)[0]: f"latest:{count}"})

    def by_dimension(self, selections: Mapping[str, Any]) -> Ints:
        """Return the places of a selection per dimension."""
        if len(self.dimensions) == 1:
            return select(self, selections.get(self.dimensions[0], "all"))
        hit = np.ones(len(self), dtype=np.bool_)
        for name, selection in selections.items():
            axis = self._axis(name)
            chosen = {axis.texts[place] for place in select(axis, selection).tolist()}
            hit &= np.array([key in chosen for key in self._keys_of(name)], dtype=np.bool_)
        return np.flatnonzero(hit).astype(np.int64)

    def unknown(self, key: object) -> UnknownPartition:
        """Return the error for a key that is not published."""
        wanted, known = _text(key), [text for text in self.texts if text]
        near = [text for text in known if text[:_MONTH] == wanted[:_MONTH]] or known
        hint = did_you_mean(wanted, near[-_MOST_COMPARED:], what="partitions")
        slot = slot_name(self.asset, wanted)
        return UnknownPartition(f"{slot} is not materialized. {hint or 'None is.'}")

    def _axis(self, name: str) -> PublishedKeys:
        """Return the keys of one of several dimensions, in their order: those of time sort so."""
        known = dict.fromkeys(key for key in self._keys_of(name) if key is not None)
        facts = self.facts.get("dimensions", {}).get(name, {})
        return PublishedKeys(
            asset=f"{self.asset} ({name})",
            dimensions=(name,),
            texts=list(known) if facts.get("kind") in _KEYS else sorted(known),
            facts=facts,
        )

    def _keys_of(self, name: str) -> list[str | None]:
        """Return each slot's key of a dimension, None for what has other dimensions."""
        place = self.dimensions.index(name)
        split = (split_key_text(text) for text in self.texts)
        return [parts[place] if len(parts) == len(self.dimensions) else None for parts in split]


def _text(key: object) -> str:
    return str(MultiPartitionKey(key)) if isinstance(key, tuple) else str(key)


def _walls(texts: Sequence[str | None]) -> Ints:
    """Return the wall times that keys show, `_UNREAD` where one shows none."""
    walls = np.full(len(texts), _UNREAD, dtype=np.int64)
    unit = _UNITS.get(len(texts[0] or "")) if texts else None
    if unit is not None:
        places, plain = KeyShape(unit).read_plain(texts)  # type: ignore[arg-type]
        walls[places] = plain
    for place in np.flatnonzero(walls == _UNREAD).tolist():
        span = read_span(texts[place] or "")
        walls[place] = _UNREAD if span is None else span.first
    return walls
