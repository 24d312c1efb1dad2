"""Up to when data reflects the world: data time, followed through the graph.

Rule 1: a root's data is of when it was made (or of its ``Output(data_time=)``), a source's of
what was observed; a source that tells no time is as new as the look at it.
Rule 2: a derived slot's data is as old as its oldest needed input. While it has read an input
as that is now, it moves on with it; afterwards it stays where it was.
Rule 3: a slot made after its window had ended covers the window.
Rule 4: several windows reach up to the first gap: a slot that is missing, or incomplete.
Rule 5: a definition by time that has ended, and is all there, holds nothing back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np

from assetkit.columns import NO_TIME, Flags, Ints
from assetkit.definitions.universe import Fan, Universe
from assetkit.graph.graph import Edge
from assetkit.planning.past import Past
from assetkit.planning.ranges import max_ints
from assetkit.planning.scope import fan_of
from assetkit.planning.verdicts import read_otherwise
from assetkit.planning.world import Ledger, World, known_of
from assetkit.records import AssetKey

ALWAYS = int(np.iinfo(np.int64).max)
"""The data time of what no time makes older."""

NEVER = -ALWAYS
"""The data time of what was never made."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SlotTimes:
    """The data times of an asset's slots, in microseconds since 1970 UTC, by position.

    A set of slots reflects the world up to the smaller of its least ``limit``
    and its greatest ``reach`` (None: they have no windows, so that nothing limits it).
    """

    limit: Ints
    reach: Ints | None

    def whole(self) -> int:
        """Return the data time of all slots together."""
        if not len(self.limit):
            return ALWAYS
        least = int(self.limit[0] if len(self.limit) == 1 else self.limit.min())
        return least if self.reach is None else min(least, int(self.reach.max()))

    def of(self, fan: Fan, present: Flags | None) -> Ints:
        """Return the data time of each set of slots; *present*: only those that are there count."""
        limit = self.limit if present is None else np.where(present, self.limit, ALWAYS)
        least = -max_ints(fan, -limit, empty=-ALWAYS)
        if self.reach is None:
            return least
        return np.minimum(least, max_ints(fan, self.reach, empty=ALWAYS))


Times: TypeAlias = Mapping[AssetKey, SlotTimes]


def micros(moment: datetime) -> int:
    """Return a moment in microseconds since 1970 UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_at(time: int) -> datetime:
    """Return the moment of a data time that is one."""
    return _EPOCH + timedelta(microseconds=time)


@dataclass(frozen=True, slots=True)
class Ground:
    """What data times are found from; ``past`` tells of versions that are replaced by now.

    ``singles`` are the data times of assets of one slot that are at rest, as far as found.
    """

    world: World
    ledger: Ledger
    past: Past
    singles: dict[AssetKey, int] = field(default_factory=dict)
    _ends: dict[int, Ints | None] = field(default_factory=dict)
    _covering: dict[int, SlotTimes] = field(default_factory=dict)

    def ends_of(self, universe: Universe) -> Ints | None:
        """Return the ends of all windows of a universe; None where it has none."""
        if id(universe) not in self._ends:
            self._ends[id(universe)] = universe.ends(self.ledger.layout(universe).positions)
        return self._ends[id(universe)]

    def covering(self, universe: Universe, ends: Ints) -> SlotTimes:
        """Return the data times of an asset all of whose windows are known to their ends."""
        if id(universe) not in self._covering:
            limit = np.full(len(ends), ALWAYS, dtype=np.int64)
            self._covering[id(universe)] = SlotTimes(limit, _reach(universe, ends))
        return self._covering[id(universe)]


def data_times(ground: Ground) -> dict[AssetKey, SlotTimes]:
    """Return the data times of all slots of all assets, as of the world's now."""
    times: dict[AssetKey, SlotTimes] = {}
    for key in ground.world.graph.assets:
        times[key] = _times_of(key, ground, times)
    return times


def _times_of(key: AssetKey, ground: Ground, times: Times) -> SlotTimes:
    if (single := _single(key, ground)) is not None:
        return single
    world, ledger = ground.world, ground.ledger
    universe, row = world.universes[key], known_of(key, world, ledger).row
    present = row >= 0
    ends = ground.ends_of(universe)
    if ends is not None and ledger.decided[key].newest is not None:
        whole = ground.covering(universe, ends)
        if bool((world.state.columns(key).data_time >= ends).all()):
            return whole
    recorded = np.full(len(row), NEVER, dtype=np.int64)
    recorded[present] = _recorded(key, row[present], world)
    if ends is None:
        open_slots = np.flatnonzero(present)
        recorded[open_slots] = _through(key, open_slots, recorded[open_slots], ground, times)
        return SlotTimes(recorded, None)
    covered = _covered(key, row, recorded, ends, world)
    open_slots = np.flatnonzero(present & ~covered)
    limit = np.where(covered, ALWAYS, recorded)
    if len(open_slots):
        limit[open_slots] = _through(key, open_slots, recorded[open_slots], ground, times)
    absent = np.flatnonzero(~present)
    if len(absent):
        limit[absent] = universe.begins(absent)
    return SlotTimes(limit, _reach(universe, ends))


def _single(key: AssetKey, ground: Ground) -> SlotTimes | None:
    """Return the data time of one fresh slot that reads single slots; None for all others.

    What thousands of assets without partitions come down to, without arrays.
    """
    world, singles = ground.world, ground.singles
    if not ground.ledger.decided[key].at_rest or world.universes[key].dimensions:
        return None
    time = world.state.first(key, "data_time")
    if time == NO_TIME:
        is_source = world.graph.assets[key].kind == "external"
        time = micros(world.now) if is_source else world.state.first(key, "materialized_at")
    oldest = ALWAYS
    is_derived = False
    for edge in world.graph.edges[key]:
        if edge.upstream not in singles:
            return None
        if edge.input.need != "optional":
            is_derived = True
            oldest = min(oldest, singles[edge.upstream])
    limit = singles[key] = max(time, oldest) if is_derived else time
    return SlotTimes(np.array([limit], dtype=np.int64), None)


def _recorded(key: AssetKey, rows: Ints, world: World) -> Ints:
    columns = world.state.columns(key)
    known = columns.data_time[rows]
    if world.graph.assets[key].kind == "external":
        return np.where(known == NO_TIME, micros(world.now), known)
    return np.where(known == NO_TIME, columns.materialized_at[rows], known)


def _covered(key: AssetKey, row: Ints, recorded: Ints, ends: Ints, world: World) -> Flags:
    """Return which windows are known to their very end (rule 3)."""
    present = row >= 0
    if world.graph.assets[key].kind == "external":
        over: Flags = present & (ends <= micros(world.now))
        return over
    covered = present & (recorded >= ends)
    if covered.all():
        return covered
    made_at = world.state.columns(key).materialized_at
    covered[present] |= made_at[row[present]] >= ends[present]
    return covered


def _reach(universe: Universe, ends: Ints) -> Ints:
    if universe.more_at is not None or not len(ends):
        return ends
    return np.where(ends == ends.max(), ALWAYS, ends)


def _through(key: AssetKey, positions: Ints, recorded: Ints, ground: Ground, times: Times) -> Ints:
    """Return the data times of published slots as their inputs stand now (rule 2)."""
    world, ledger = ground.world, ground.ledger
    edges = [
        (place, edge)
        for place, edge in enumerate(world.graph.edges[key])
        if edge.upstream != key and edge.input.need != "optional"
    ]
    if not edges or not len(positions):
        return recorded
    oldest = np.full(len(positions), ALWAYS, dtype=np.int64)
    for place, edge in edges:
        fan = fan_of(edge, positions, world.universes)
        via = times[edge.upstream].of(fan, _counted(edge, world, ledger))
        behind = read_otherwise(key, place, positions, world, ledger)
        if behind.any():
            rows = np.flatnonzero(behind)
            via[rows] = _once_known(key, edge, positions[rows], ground)
        oldest = np.minimum(oldest, via)
    return np.maximum(recorded, oldest)


def _once_known(key: AssetKey, edge: Edge, positions: Ints, ground: Ground) -> Ints:
    """Return up to when what some slots read of an input, now replaced, was right."""
    row = known_of(key, ground.world, ground.ledger).row[positions]
    read = ground.world.state.columns(key).read_seq[row]
    known = [
        ground.past.known_until(edge, position, seq)
        for position, seq in zip(positions.tolist(), read.tolist(), strict=True)
    ]
    return np.array(known, dtype=np.int64)


def _counted(edge: Edge, world: World, ledger: Ledger) -> Flags | None:
    """Return which upstream slots an input counts: those that are there, where it need not all."""
    if edge.input.need == "all":
        return None
    return known_of(edge.upstream, world, ledger).present
