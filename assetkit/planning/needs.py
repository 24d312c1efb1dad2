"""What has to run so that slots get newer data; worked out once for all promises that share it.

Rule 1: slots whose data is newer than asked for need nothing. The others are to run, where
they may, and need as much of what they read.
Rule 2: a need is the same for all promises that ask for the same slots, and for data newer than
some time between the same two data times that there are. So thousands of promises that fall due
at once, over one graph, take as long as the graph is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np

from assetkit.columns import Flags, Ints
from assetkit.planning.datatimes import ALWAYS, NEVER
from assetkit.planning.ranges import covered
from assetkit.planning.scope import fan_of, joins_single_slots
from assetkit.planning.survey import Survey, needed_edges
from assetkit.records import AssetKey


@dataclass(frozen=True, slots=True, eq=False)
class Need:
    """What some slots of one asset need: ``runs`` of its own (None: none), and those ``above``.

    ``best`` is the data time that all of it leads to, ``seconds`` how long the longest way of
    runs takes.
    """

    asset: AssetKey
    runs: Flags | None
    above: tuple[Need, ...] = ()
    best: int = NEVER
    seconds: float = 0.0


def union_of(needs: Iterable[Need]) -> dict[AssetKey, Flags]:
    """Return all slots that are to run for some needs, by asset."""
    runs: dict[AssetKey, Flags] = {}
    left, seen = list(needs), set[int]()
    while left:
        need = left.pop()
        if id(need) in seen or need.runs is None:
            continue
        seen.add(id(need))
        known = runs.get(need.asset)
        runs[need.asset] = need.runs if known is None else known | need.runs
        left += need.above
    return runs


class _Ask(NamedTuple):
    """Slots of an asset that are asked for; ``must``: what is missing of them is needed, too."""

    asset: AssetKey
    slots: Flags
    must: bool


_Place: TypeAlias = tuple[AssetKey, bytes, bool, int]


@dataclass(slots=True)
class _Open:
    """A need under way: which slots run, and what is asked of what they read."""

    runs: Flags | None
    above: list[tuple[_Place, _Ask]] = field(default_factory=list)


class Needs:
    """The needs of a survey. *runnable* tells which slots may run, *seconds* how long some take."""

    def __init__(
        self,
        survey: Survey,
        runnable: Callable[[AssetKey], Flags],
        seconds: Callable[[AssetKey, int], float],
    ) -> None:
        self._survey, self._runnable, self._seconds = survey, runnable, seconds
        self._found: dict[_Place, Need] = {}

    def of(self, key: AssetKey, least: int) -> Need:
        """Return what has to run so that all of an asset's data gets newer than *least*."""
        root = _Ask(key, self._survey.every(key), must=False)
        rank = int(np.searchsorted(self._limits, least, side="right"))
        place, found = _place_of(root, rank), self._found
        pending, opened = [(place, root)], dict[_Place, _Open]()
        while pending:
            here, ask = pending[-1]
            if here not in found:
                if here not in opened:
                    opened[here] = self._open(ask, least, rank)
                missing = [one for one in opened[here].above if one[0] not in found]
                if missing:
                    pending += missing
                    continue
                found[here] = self._close(ask, opened.pop(here))
            pending.pop()
        return found[place]

    @cached_property
    def _limits(self) -> Ints:
        """All data times that there are, in order: between two of them all asks are alike."""
        limits = [times.limit for times in self._survey.times.values()]
        return np.unique(np.concatenate(limits)) if limits else np.empty(0, dtype=np.int64)

    def _open(self, ask: _Ask, least: int, rank: int) -> _Open:
        survey, key = self._survey, ask.asset
        old = ask.slots & (survey.times[key].limit <= least)
        if ask.must:
            old |= ask.slots & ~survey.present(key)
        runs = old & self._runnable(key) if old.any() else old
        if not runs.any():
            return _Open(None)
        universes, positions = survey.world.universes, np.flatnonzero(runs).astype(np.int64)
        asks = [
            _Ask(
                edge.upstream,
                survey.every(edge.upstream)
                if joins_single_slots(edge, universes)
                else covered(fan_of(edge, positions, universes), len(universes[edge.upstream])),
                must=edge.input.need == "all",
            )
            for edge in needed_edges(key, survey.world)
        ]
        return _Open(runs, [(_place_of(one, rank), one) for one in asks])

    def _close(self, ask: _Ask, opened: _Open) -> Need:
        """Return a need all of whose own needs are found."""
        survey, times = self._survey, self._survey.times[ask.asset]
        left = ask.slots if opened.runs is None else ask.slots & ~opened.runs
        rest = times.limit[left]
        best = int(rest.min()) if len(rest) else ALWAYS
        if ask.must and len(rest) and (left & ~survey.present(ask.asset)).any():
            best = NEVER  # what needs all of it cannot be made
        if times.reach is not None and ask.slots.any():
            best = min(best, int(times.reach[ask.slots].max()))
        if opened.runs is None:
            return Need(ask.asset, None, best=best)
        above = tuple(self._found[place] for place, _ in opened.above)
        longest = max((need.seconds for need in above), default=0.0)
        return Need(
            ask.asset,
            opened.runs,
            above,
            best=min([best, *(need.best for need in above)]),
            seconds=longest + self._seconds(ask.asset, int(np.count_nonzero(opened.runs))),
        )


def _place_of(ask: _Ask, rank: int) -> _Place:
    return (ask.asset, ask.slots.tobytes(), ask.must, rank)
