"""A mapping per dimension, and their combinations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.fans import Axis, product, taken
from assetkit.definitions.grid import Grid
from assetkit.definitions.mapping import AllPartitions, Definition, Identity, Mapping
from assetkit.definitions.multi import MultiPartitions
from assetkit.definitions.scheme import PartitionsDefinition
from assetkit.definitions.universe import Fan, Universe, Unpartitioned
from assetkit.errors import did_you_mean


@dataclass(frozen=True, slots=True)
class ByDimension(Mapping):
    """For each upstream dimension named, its own mapping from the downstream dimension.

    That is the one of the same name, or the only one. Upstream dimensions that
    are not named get the slots of the same name where both sides have it, else all.
    """

    pairs: tuple[tuple[str, Mapping], ...]

    @property
    def name(self) -> str:
        return f"by_dimension({', '.join(f'{name}={one.name}' for name, one in self.pairs)})"

    @property
    def reads_past(self) -> bool:
        return any(mapping.reads_past for _, mapping in self.pairs)

    def upstream_of(self, positions: Ints, downstream: Universe, upstream: Universe) -> Fan:
        ours, theirs = _axes(downstream), _axes(upstream)
        own = _split(positions, downstream)
        axes = []
        for name in _by_significance(upstream):
            ours_name, mapping = self._edge(name, tuple(ours), tuple(theirs))
            fan = _fan(mapping, ours.get(ours_name), theirs[name])
            places = own.get(ours_name, np.zeros(len(positions), dtype=np.int64))
            axes.append(Axis(len(theirs[name]), taken(fan, places)))
        return product(axes)

    def misfit(self, downstream: Definition, upstream: Definition) -> str | None:
        if upstream is None:
            return f"{self.name} needs an upstream with partitions"
        ours, theirs = _definitions(downstream), _definitions(upstream)
        for name, _ in self.pairs:
            if name not in theirs and not (len(theirs) == 1 and name in ours):
                hint = did_you_mean(name, theirs, what="dimensions")
                return f"the upstream has no dimension {name!r}. {hint}"
        for name in theirs:
            ours_name, mapping = self._edge(name, tuple(ours), tuple(theirs))
            problem = mapping.misfit(ours.get(ours_name), theirs[name])
            if problem:
                return f"in the dimension {name!r}, {problem}"
        return None

    def _edge(
        self, name: str, ours: tuple[str, ...], theirs: tuple[str, ...]
    ) -> tuple[str, Mapping]:
        """Return the downstream dimension of an upstream one, and the mapping between them."""
        given = dict(self.pairs)
        if name in given:
            only = ours[0] if len(ours) == 1 else ""
            return (name if name in ours else only), given[name]
        if len(theirs) == 1 and len(given) == 1:
            return next(iter(given.items()))
        return (name, Identity()) if name in ours else ("", AllPartitions())


def _axes(universe: Universe) -> dict[str, Universe]:
    if isinstance(universe, Grid):
        return dict(zip(universe.dimensions, universe.axes, strict=True))
    return dict.fromkeys(universe.dimensions, universe)


def _split(positions: Ints, universe: Universe) -> dict[str, Ints]:
    """Return the positions by dimension."""
    if isinstance(universe, Grid):
        return dict(zip(universe.dimensions, universe.split(positions), strict=True))
    return dict.fromkeys(universe.dimensions, positions)


def _by_significance(universe: Universe) -> tuple[str, ...]:
    if isinstance(universe, Grid):
        return tuple(universe.dimensions[place] for place in universe.order)
    return universe.dimensions


def _fan(mapping: Mapping, downstream: Universe | None, upstream: Universe) -> Fan:
    """Return what each position of one downstream dimension needs of an upstream one."""
    source: Any = Unpartitioned() if downstream is None else downstream
    everything = np.arange(len(source), dtype=np.int64)
    return mapping.upstream_of(everything, source, upstream)


def _definitions(definition: Definition) -> dict[str, PartitionsDefinition]:
    if isinstance(definition, MultiPartitions):
        return dict(definition.by_dimension)
    return {} if definition is None else {definition.dimensions[0]: definition}
