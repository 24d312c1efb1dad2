"""Mappings in which an author names the upstream keys: once, by key, or by a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assetkit.columns import Ints, empty_ints
from assetkit.definitions.dynamic import DynamicPartitions
from assetkit.definitions.fans import listed, same_for_all
from assetkit.definitions.mapping import Definition, Mapping
from assetkit.definitions.multi import MultiPartitions
from assetkit.definitions.resolving import Named, resolve
from assetkit.definitions.scheme import PartitionsDefinition
from assetkit.definitions.sharing import ANY_TIME
from assetkit.definitions.timepartitions import TimePartitions
from assetkit.definitions.universe import Fan, Universe
from assetkit.errors import AssetkitError, InvalidSelection
from assetkit.records import PartitionKey, partition_text

_SHOWN = 3
_MAKERS = "assetkit.definitions.mappings"


@dataclass(frozen=True, slots=True)
class Specific(Mapping):
    """The same named upstream slots for each downstream slot."""

    keys: tuple[Any, ...]

    @property
    def name(self) -> str:
        return f"specific({list(self.keys)!r})"

    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        named = resolve(upstream, list(self.keys))
        return same_for_all(len(positions), named.positions, late=named.late)

    def misfit(self, downstream: Definition, upstream: Definition) -> str | None:
        if upstream is None:
            return f"{self.name} needs an upstream with partitions"
        return (
            f"{self.name} names none of its partitions" if _none_of(upstream, self.keys) else None
        )


@dataclass(frozen=True, slots=True)
class ByKey(Mapping):
    """Upstream keys by downstream key; a downstream key that is not listed needs nothing."""

    pairs: tuple[tuple[PartitionKey, Any], ...]

    @property
    def name(self) -> str:
        return f"by_key({dict(self.pairs)!r})"

    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        texts = [partition_text(key) for key, _ in self.pairs]
        found = downstream.positions(downstream.ordinals_of_texts(texts))
        named = {
            position: resolve(upstream, wanted)
            for position, (_, wanted) in zip(found.tolist(), self.pairs, strict=True)
            if position >= 0
        }
        return _fan_of([named.get(position) for position in positions.tolist()])

    def misfit(self, downstream: Definition, upstream: Definition) -> str | None:
        if downstream is None or upstream is None:
            return "by_key(...) needs partitions on both sides"
        keys = [partition_text(key) for key, _ in self.pairs]
        known = downstream.universe(ANY_TIME).ordinals_of_texts(keys) >= 0
        if known.any() or isinstance(downstream, DynamicPartitions | MultiPartitions):
            return None
        shown = ", ".join(map(str, keys[:_SHOWN]))
        return f"by_key(...) has none of the downstream's keys, but {shown}"


@dataclass(frozen=True, slots=True)
class OfFunction(Mapping):
    """What a function of the downstream key returns: a key, a list, a range, a dict, or None."""

    function: Callable[[Any], Any]

    @property
    def name(self) -> str:
        function = self.function
        name = getattr(function, "__qualname__", type(function).__qualname__)
        return f"{getattr(function, '__module__', '?')}.{name}"

    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        known: dict[str, Named] = {}
        rows = []
        for position in positions.tolist():
            wanted = self._wanted(downstream.key(position))
            shown = repr(wanted)
            if shown not in known:
                known[shown] = self._resolved(upstream, wanted, downstream.key(position))
            rows.append(known[shown])
        return _fan_of(rows)

    def misfit(self, downstream: Definition, upstream: Definition) -> str | None:
        if upstream is None:
            return f"the function {self.name} names partitions, and the upstream has none"
        if getattr(self.function, "__module__", "") == _MAKERS:
            made = self.function.__name__
            return f"{made} makes a mapping where it is called: write {made}(), not {made}"
        return None

    def _wanted(self, key: PartitionKey | None) -> Any:
        try:
            return self.function(key)
        except Exception as problem:
            raise InvalidSelection(
                f"The partition mapping {self._place} failed for the key {key!r}: "
                f"{type(problem).__name__}: {problem}."
            ) from problem

    def _resolved(self, upstream: Universe, wanted: Any, key: PartitionKey | None) -> Named:
        try:
            return resolve(upstream, wanted)
        except AssetkitError as problem:
            raise type(problem)(
                f"The partition mapping {self._place} returned {wanted!r} for the key {key!r}. "
                f"{problem}"
            ) from None

    @property
    def _place(self) -> str:
        code = getattr(self.function, "__code__", None)
        return f"{self.name}{f' ({code.co_filename}:{code.co_firstlineno})' if code else ''}"


def _none_of(upstream: PartitionsDefinition, keys: Sequence[Any]) -> bool:
    """Say whether keys are all out of a definition's bounds, so that they never exist."""
    if not isinstance(upstream, TimePartitions) or not all(isinstance(k, str) for k in keys):
        return False
    if any(upstream.shape.span(end) is None for key in keys for end in key.split("..")):
        return False  # words such as latest, or what is refused as no key at all
    named = resolve(upstream.universe(ANY_TIME), list(keys))
    return not named.late and not len(named.positions)


def _fan_of(rows: Sequence[Named | None]) -> Fan:
    late = np.array([row is not None and row.late for row in rows], dtype=np.bool_)
    found = [empty_ints() if row is None else row.positions for row in rows]
    return listed(found, late if late.any() else None)
