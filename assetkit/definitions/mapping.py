"""Mappings of whole universes: which upstream slots each downstream slot needs.

Rule 1: a mapping is a value; what it needs of time and keys it asks of the two
universes, for all slots at once.
Rule 2: what lies before an upstream's start, after its end, or is excluded there
is not waited for. What belongs to it and has not ended yet is late.
Rule 3: the way back is the way there, turned around: no mapping can disagree
with its inverse.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.fans import fed, first_ones, one_each, same_for_all
from assetkit.definitions.grid import Grid
from assetkit.definitions.multi import MultiPartitions
from assetkit.definitions.roster import Roster
from assetkit.definitions.scheme import PartitionsDefinition
from assetkit.definitions.sharing import nothing_shared
from assetkit.definitions.timeline import Timeline
from assetkit.definitions.timepartitions import TimePartitions
from assetkit.definitions.universe import Fan, Universe

Definition = PartitionsDefinition | None


class Mapping(ABC):
    """Says which upstream slots a downstream slot needs; a `PartitionMapping`."""

    __slots__ = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """How the mapping is written; part of the fingerprint."""

    @abstractmethod
    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        """Return the upstream slots of each of the sorted downstream *positions*."""

    def downstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Ints:
        """Return the sorted downstream positions that any of the upstream *positions* feeds."""
        everything = np.arange(len(downstream), dtype=np.int64)
        fan = self.upstream_of(everything, downstream, upstream)
        return np.flatnonzero(fed(fan, positions, len(upstream)))

    def misfit(self, downstream: Definition, upstream: Definition) -> str | None:
        """Return why the mapping makes no sense between two definitions, None where it does."""
        return None

    @property
    def reads_past(self) -> bool:
        """Whether each slot only needs slots before its own: fit for an asset that reads itself."""
        return False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Identity(Mapping):
    """The slot of the same key; of windows, the one of the same time."""

    @property
    def name(self) -> str:
        return "identity()"

    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        if _same(downstream, upstream):
            return Fan(positions, positions + 1)
        if isinstance(downstream, Timeline) and isinstance(upstream, Timeline):
            return _same_windows(positions, downstream, upstream)
        ordinals = upstream.ordinals_of_texts(downstream.texts(positions))
        found = np.where(ordinals >= 0, upstream.positions(ordinals), -1)
        late = (ordinals >= 0) & (found < 0)
        return one_each(found, late=late if late.any() else None)

    def misfit(self, downstream: Definition, upstream: Definition) -> str | None:
        if downstream is None or upstream is None:
            return "identity() needs partitions on both sides; leave the mapping out"
        if len(downstream.dimensions) != len(upstream.dimensions):
            return (
                "identity() needs the same dimensions on both sides; name what happens to each "
                "with by_dimension(...)"
            )
        if not isinstance(downstream, TimePartitions) or not isinstance(upstream, TimePartitions):
            return nothing_shared(downstream, upstream)
        if downstream.pattern == upstream.pattern and downstream.timezone == upstream.timezone:
            return nothing_shared(downstream, upstream)
        return (
            "identity() needs windows of the same length and zone; without a mapping, each "
            "window gets those that overlap it"
        )


@dataclass(frozen=True, slots=True)
class AllPartitions(Mapping):
    """All upstream slots that exist; the one slot of an unpartitioned upstream."""

    @property
    def name(self) -> str:
        return "all_partitions()"

    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        return first_ones(len(positions), len(upstream))


@dataclass(frozen=True, slots=True)
class Overlapping(Mapping):
    """Every upstream window that overlaps the downstream one."""

    @property
    def name(self) -> str:
        return "overlapping()"

    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        if _same(downstream, upstream):
            return Fan(positions, positions + 1)
        down, up = _timelines(self, downstream, upstream)
        lo = up.kept_before(np.maximum(up.ticks.before(down.starts(positions) + 1) - 1, 0))
        return up.present(lo, up.started_before(down.stops(positions)))

    def misfit(self, downstream: Definition, upstream: Definition) -> str | None:
        if isinstance(downstream, TimePartitions) and isinstance(upstream, TimePartitions):
            return nothing_shared(downstream, upstream)
        return _needs_time(self.name, downstream, upstream)


@dataclass(frozen=True, slots=True)
class Latest(Mapping):
    """The newest *n* upstream windows that exist, or the keys that were added last."""

    n: int = 1

    @property
    def name(self) -> str:
        return f"latest({self.n})"

    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        return same_for_all(len(positions), _named(upstream).newest(self.n))

    def misfit(self, downstream: Definition, upstream: Definition) -> str | None:
        return None if upstream is not None else f"{self.name} needs an upstream with partitions"


@dataclass(frozen=True, slots=True)
class AsOf(Mapping):
    """The newest upstream window that ended before the downstream one did."""

    @property
    def name(self) -> str:
        return "as_of()"

    @property
    def reads_past(self) -> bool:
        return True

    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        down, up = _timelines(self, downstream, upstream)
        stopped = np.clip(up.ticks.before(down.stops(positions)) - 1, 0, up.last)
        hi = up.kept_before(stopped)
        return up.present(np.maximum(hi - 1, 0), hi)

    def misfit(self, downstream: Definition, upstream: Definition) -> str | None:
        return _needs_time(self.name, downstream, upstream)


@dataclass(frozen=True, slots=True)
class Window(Mapping):
    """Upstream windows *start* to *end* (both included), counted from the last that overlaps."""

    start: int
    end: int

    @property
    def name(self) -> str:
        return f"window(start={self.start}, end={self.end})"

    @property
    def reads_past(self) -> bool:
        return self.end < 0

    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        down, up = _timelines(self, downstream, upstream)
        if _same(down, up):
            lo, hi = positions + self.start, positions + (self.end + 1)
            return up.present(np.maximum(lo, 0), np.maximum(hi, 0))
        started = up.ticks.before(down.stops(positions))
        origin = up.kept_before(started)
        here = started > 0
        lo = np.where(here, np.maximum(origin - 1 + self.start, 0), 0)
        hi = np.where(here, np.maximum(origin + self.end, 0), 0)
        return up.present(lo, np.maximum(lo, hi))

    def misfit(self, downstream: Definition, upstream: Definition) -> str | None:
        return _needs_time(self.name, downstream, upstream)


def _same(downstream: Universe, upstream: Universe) -> bool:
    if downstream is upstream:
        return True
    ours, theirs = getattr(downstream, "definition", None), getattr(upstream, "definition", None)
    return ours is not None and ours == theirs and len(downstream) == len(upstream)


def _same_windows(positions: Ints, down: Timeline, up: Timeline) -> Fan:
    """Return the upstream windows that begin and end with the downstream ones."""
    starts, stops = down.starts(positions), down.stops(positions)
    index = np.minimum(up.ticks.before(starts), len(up.ticks) - 2)
    match = (up.ticks.moments(index) == starts) & (up.ticks.moments(index + 1) == stops)
    match &= ~np.isin(index, up.excluded)
    lo = up.kept_before(index)
    return up.present(lo, lo + match)


def _timelines(
    mapping: Mapping, downstream: Universe, upstream: Universe
) -> tuple[Timeline, Timeline]:
    if isinstance(downstream, Timeline) and isinstance(upstream, Timeline):
        return downstream, upstream
    raise TypeError(f"{mapping.name} needs windows of time on both sides")


def _named(universe: Universe) -> Timeline | Roster | Grid:
    if isinstance(universe, Timeline | Roster | Grid):
        return universe
    raise TypeError("the upstream has no partitions")


def _time_dimension(definition: PartitionsDefinition) -> str:
    """Return the dimension that a mapping of windows can only mean."""
    if isinstance(definition, MultiPartitions):
        by_time = [n for n, d in definition.by_dimension.items() if isinstance(d, TimePartitions)]
        return by_time[0] if by_time else definition.dimensions[0]
    return definition.dimensions[0]


def _needs_time(name: str, downstream: Definition, upstream: Definition) -> str | None:
    for side, definition in (("downstream", downstream), ("upstream", upstream)):
        if isinstance(definition, TimePartitions):
            continue
        if definition is not None and len(definition.dimensions) > 1:
            return (
                f"{name} needs windows of time on both sides, and the {side} has several "
                f"dimensions; say of which: by_dimension({_time_dimension(definition)}={name})"
            )
        return f"{name} needs windows of time on both sides, and the {side} has none"
    return None
