"""Up to when a version that is replaced by now was known to be right.

A slot that read an input, and was not made anew while that input was confirmed again and
again without a change, reflects the world up to the last confirmation. Once the
input changes, only the input's history tells when that was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from assetkit.columns import NO_TIME, Ints, VersionColumns
from assetkit.graph.graph import Edge
from assetkit.planning.scope import fan_of
from assetkit.planning.world import World
from assetkit.records import AssetKey

_NEVER = -int(np.iinfo(np.int64).max)
_MOST_SLOTS = 200
_MOST_STEPS = 200


@dataclass(slots=True)
class Past:
    """What the histories of assets tell; ``wanted`` names those that are missed."""

    world: World
    histories: Mapping[AssetKey, VersionColumns]
    wanted: set[AssetKey] = field(default_factory=set)
    _found: dict[tuple[AssetKey, int, int], int] = field(default_factory=dict)

    def known_until(self, edge: Edge, position: int, seq: int) -> int:
        """Return up to when what a slot read through an edge at a number of the sequence held.

        A time before all others where that cannot be told, or is not worth the search.
        """
        return self._above(edge, position, seq, -1)

    def _slot_until(self, key: AssetKey, ordinal: int, seq: int, depth: int) -> int:
        place = (key, ordinal, seq)
        if place not in self._found:
            self._found[place] = self._search(key, ordinal, seq, depth)
        return self._found[place]

    def _search(self, key: AssetKey, ordinal: int, seq: int, depth: int) -> int:
        """Return up to when the version that a slot had at a number of the sequence held."""
        if key not in self.histories:
            self.wanted.add(key)
            return _NEVER
        versions = self.histories[key]
        rows = np.flatnonzero(versions.ordinal == ordinal)
        before = rows[versions.seq[rows] <= seq]
        if not len(before) or key in self.world.state.moved or depth > _MOST_STEPS:
            return _NEVER
        same = rows[versions.ver_seq[rows] == versions.ver_seq[before[-1]]]
        return max(self._row_until(key, versions, rows, int(row), depth) for row in same.tolist())

    def _row_until(
        self, key: AssetKey, versions: VersionColumns, rows: Ints, row: int, depth: int
    ) -> int:
        time = int(versions.data_time[row])
        if self.world.graph.assets[key].kind == "external" and time == NO_TIME:
            later = rows[rows > row]
            return int(versions.materialized_at[later[0] if len(later) else row])
        if time == NO_TIME:
            time = int(versions.materialized_at[row])
        edges = [edge for edge in self.world.graph.edges[key] if edge.upstream != key]
        if not edges:
            return time
        universe = self.world.universes[key]
        position = int(universe.positions(versions.ordinal[row : row + 1])[0])
        if position < 0:
            return time
        read = int(versions.read_seq[row])
        return max(time, min(self._above(edge, position, read, depth) for edge in edges))

    def _above(self, edge: Edge, position: int, seq: int, depth: int) -> int:
        universe = self.world.universes[edge.upstream]
        fan = fan_of(edge, np.array([position], dtype=np.int64), self.world.universes)
        slots = fan.slots_of(0)
        has_windows = universe.ends(np.empty(0, dtype=np.int64)) is not None
        if has_windows or not 0 < len(slots) <= _MOST_SLOTS:
            return _NEVER  # of windows, what was recorded is right
        ordinals = universe.ordinals(slots).tolist()
        return min(self._slot_until(edge.upstream, one, seq, depth + 1) for one in ordinals)
