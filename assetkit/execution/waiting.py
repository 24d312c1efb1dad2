"""Who waits for whom: the steps of a plan as one graph of integers, built once.

Rule 1: nodes ``0 .. slots-1`` are the slots to build, in plan order. What follows
are barriers, each standing for a set of nodes that others wait for.
Rule 2: the number of arcs grows with the number of slots, never with its square:
slots that need the same range share a barrier, and long ranges that overlap are
put together from the nodes of a binary tree.
Rule 3: everything is arithmetic on arrays; no loop here runs once per slot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from assetkit.columns import Flags, Ints, empty_ints
from assetkit.definitions.asset import AssetDef
from assetkit.definitions.universe import Fan
from assetkit.graph.graph import Edge
from assetkit.planning.data import PlanData
from assetkit.planning.grace import waived
from assetkit.planning.ranges import subset
from assetkit.planning.scope import fan_of
from assetkit.records import AssetKey

_DENSE = 8
"""Up to so many arcs per node, ranges are written out one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingGraph:
    """Which nodes wait for a node, as arrays.

    ``waits`` counts what each node waits for. The dependents of node ``n`` are
    ``targets[offsets[n]:offsets[n + 1]]``; ``~t`` stands for a slot ``t`` that
    only waits for the end of ``n``, however it ends. ``calls`` numbers the calls
    that slots belong to; slots of one call start together. None: each is its own.
    """

    slots: int
    waits: Ints
    offsets: Ints
    targets: Ints
    calls: Ints | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTable:
    """Which slot each step of a plan builds: steps are numbered through, in plan order.

    ``positions`` and ``maybe`` have an entry for each asset with something to
    build; ``first`` is the number of its first step, ``fans`` say per input what
    its slots need, and ``waived`` which of them wait no longer for what is late.
    """

    count: int
    first: Mapping[AssetKey, int]
    positions: Mapping[AssetKey, Ints]
    maybe: Mapping[AssetKey, Flags]
    fans: Mapping[AssetKey, tuple[Fan, ...]]
    waived: Mapping[AssetKey, tuple[Flags | None, ...]]


def number_steps(plan: PlanData) -> StepTable:
    """Number the slots that a plan builds, or may have to."""
    first: dict[AssetKey, int] = {}
    positions: dict[AssetKey, Ints] = {}
    maybe: dict[AssetKey, Flags] = {}
    fans: dict[AssetKey, tuple[Fan, ...]] = {}
    late: dict[AssetKey, tuple[Flags | None, ...]] = {}
    count = 0
    for part in plan.assets:
        rows = np.flatnonzero(part.run | part.maybe)
        if not len(rows):
            continue
        first[part.asset] = count
        positions[part.asset] = part.positions[rows]
        maybe[part.asset] = part.maybe[rows]
        fans[part.asset] = tuple(
            fan_of(edge, positions[part.asset], plan.universes)
            for edge in plan.graph.edges[part.asset]
        )
        late[part.asset] = tuple(
            waived(edge, positions[part.asset], fan, plan.universes, plan.now)
            for edge, fan in zip(plan.graph.edges[part.asset], fans[part.asset], strict=True)
        )
        count += len(rows)
    return StepTable(
        count=count, first=first, positions=positions, maybe=maybe, fans=fans, waived=late
    )


def build_waiting(plan: PlanData, steps: StepTable) -> WaitingGraph:
    """Build the graph of what the steps of a plan wait for."""
    calls = _number_calls(plan.graph.assets, steps)
    arcs = _Arcs(steps.count)
    for asset in steps.first:
        inputs = zip(plan.graph.edges[asset], steps.fans[asset], steps.waived[asset], strict=True)
        for edge, fan, late in inputs:
            if edge.upstream in steps.first:
                _connect(edge, fan, late, steps, _Builder(calls, arcs))
    return arcs.graph(calls)


def _number_calls(assets: Mapping[AssetKey, AssetDef], steps: StepTable) -> Ints | None:
    """Return the call of each slot: the number of its first slot, chunk by chunk."""
    sizes = {asset: assets[asset].backfill.size for asset in steps.first}
    groups = _groups(assets, steps)
    if not groups and all(size == 1 for size in sizes.values()):
        return None
    calls = np.arange(steps.count, dtype=np.int64)
    for asset, size in sizes.items():
        first, count = steps.first[asset], len(steps.positions[asset])
        rows = np.arange(count, dtype=np.int64)
        calls[first : first + count] = first + rows - rows % (size or count)
    for group in groups:
        _join_calls(calls, group, sizes[group[0]], steps)
    return calls


def _groups(assets: Mapping[AssetKey, AssetDef], steps: StepTable) -> list[list[AssetKey]]:
    """Return the assets to build that one function makes, where it makes several of them."""
    groups: dict[tuple[AssetKey, ...], list[AssetKey]] = {}
    for asset in steps.first:
        if (together := assets[asset].together) is not None:
            groups.setdefault(tuple(together.outputs.values()), []).append(asset)
    return [group for group in groups.values() if len(group) > 1]


def _join_calls(calls: Ints, group: Sequence[AssetKey], size: int | None, steps: StepTable) -> None:
    """Let the slots of a group share calls, by partition: a call is named by its first slot."""
    positions = np.concatenate([steps.positions[asset] for asset in group])
    slots = np.concatenate(
        [
            steps.first[asset] + np.arange(len(steps.positions[asset]), dtype=np.int64)
            for asset in group
        ]
    )
    kinds, rank = np.unique(positions, return_inverse=True)
    chunk = rank.reshape(-1) // (size or len(kinds))
    first = np.full(int(chunk.max()) + 1, steps.count, dtype=np.int64)
    np.minimum.at(first, chunk, slots)
    calls[slots] = first[chunk]


class _Builder(NamedTuple):
    """What the graph is built with: the calls that slots belong to, and the arcs so far."""

    calls: Ints | None
    arcs: _Arcs


def _connect(edge: Edge, fan: Fan, late: Flags | None, steps: StepTable, builder: _Builder) -> None:
    """Add what the slots of one edge's downstream wait for: those with waived inputs softly."""
    places = np.arange(len(fan.lo), dtype=np.int64)
    soft = edge.input.need != "all"
    if soft or late is None or not late.any():
        _connect_rows(edge, fan, places, steps, builder, soft=soft)
        return
    for rows, softly in ((places[~late], False), (places[late], True)):
        _connect_rows(edge, subset(fan, rows), rows, steps, builder, soft=softly)


def _connect_rows(
    edge: Edge, fan: Fan, places: Ints, steps: StepTable, builder: _Builder, *, soft: bool
) -> None:
    """Add what some slots of one edge's downstream wait for.

    Of its own asset, a slot waits for what lies before its call: the slots of one
    call are made together.
    """
    calls, arcs = builder
    rows = steps.first[edge.downstream] + places
    starts = rows if calls is None else calls[rows]
    itself = edge.upstream == edge.downstream
    planned = steps.positions[edge.upstream]
    base = steps.first[edge.upstream]
    if fan.indices is not None:
        sources, picked = _gathered(fan, planned)
        sources += base
        if itself:
            before = sources < starts[picked]
            sources, picked = sources[before], picked[before]
        arcs.add_pairs(sources, rows[picked], soft=soft)
        return
    lo = base + np.searchsorted(planned, fan.lo).astype(np.int64)
    hi = base + np.searchsorted(planned, fan.hi).astype(np.int64)
    arcs.add_ranges(lo, np.minimum(hi, starts) if itself else hi, rows, soft=soft)


def _gathered(fan: Fan, planned: Ints) -> tuple[Ints, Ints]:
    """Return (index among the planned upstream slots, row) for each pair of a gathering fan."""
    places, rows = _spell_out(fan.lo, fan.hi, np.arange(len(fan.lo), dtype=np.int64))
    wanted = empty_ints() if fan.indices is None else fan.indices[places]
    found = np.minimum(np.searchsorted(planned, wanted), len(planned) - 1).astype(np.int64)
    hit = planned[found] == wanted
    return found[hit], rows[hit]


def _spell_out(lo: Ints, hi: Ints, targets: Ints) -> tuple[Ints, Ints]:
    """Return each number of each range, and beside it the range's target."""
    widths = np.maximum(hi - lo, 0)
    before = np.cumsum(widths) - widths
    numbers = np.arange(int(widths.sum()), dtype=np.int64) + np.repeat(lo - before, widths)
    return numbers, np.repeat(targets, widths)


class _Arcs:
    """Collects arcs between nodes, and makes barriers where they save many."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._nodes = slots
        self._sources: list[Ints] = [empty_ints()]
        self._targets: list[Ints] = [empty_ints()]

    def graph(self, calls: Ints | None) -> WaitingGraph:
        """Return what was collected, ordered by source."""
        sources, targets = np.concatenate(self._sources), np.concatenate(self._targets)
        order = np.argsort(sources, kind="stable")
        targets = targets[order]
        nodes = np.where(targets < 0, ~targets, targets)
        offsets = np.zeros(self._nodes + 1, dtype=np.int64)
        np.cumsum(np.bincount(sources, minlength=self._nodes), out=offsets[1:])
        return WaitingGraph(
            slots=self._slots,
            waits=np.bincount(nodes, minlength=self._nodes).astype(np.int64),
            offsets=offsets,
            targets=targets,
            calls=calls,
        )

    def add_pairs(self, sources: Ints, targets: Ints, *, soft: bool) -> None:
        """Let each slot of *targets* wait for the node beside it."""
        self._sources.append(sources)
        self._targets.append(~targets if soft else targets)

    def add_ranges(self, lo: Ints, hi: Ints, rows: Ints, *, soft: bool) -> None:
        """Let each slot of *rows* wait for the nodes ``lo .. hi-1`` beside it."""
        if len(rows) == 1:
            sources = np.arange(lo[0], max(lo[0], hi[0]), dtype=np.int64)
            self.add_pairs(sources, np.full(len(sources), rows[0]), soft=soft)
            return
        some = hi > lo
        lo, hi, rows = lo[some], hi[some], rows[some]
        if not len(rows):
            return
        names, picked, group, sizes = np.unique(
            lo * (self._slots + 1) + hi, return_index=True, return_inverse=True, return_counts=True
        )
        shared = (sizes > 1) & (hi[picked] - lo[picked] > 1)
        alone = ~shared[group]
        self._add_each(lo[alone], hi[alone], ~rows[alone] if soft else rows[alone])
        if not shared.any():
            return
        barriers = np.full(len(names), -1, dtype=np.int64)
        barriers[shared] = self._new_barriers(int(shared.sum()))
        self._add_each(lo[picked][shared], hi[picked][shared], barriers[shared])
        members = rows[~alone]
        self._sources.append(barriers[group[~alone]])
        self._targets.append(~members if soft else members)

    def _add_each(self, lo: Ints, hi: Ints, targets: Ints) -> None:
        if not len(targets):
            return
        span = int(hi.max() - lo.min())
        if int((hi - lo).sum()) > _DENSE * (span + len(targets)):
            self._add_by_tree(lo, hi, targets)
            return
        sources, targets = _spell_out(lo, hi, targets)
        self._sources.append(sources)
        self._targets.append(targets)

    def _add_by_tree(self, lo: Ints, hi: Ints, targets: Ints) -> None:
        """Put ranges together from a binary tree: node ``i`` stands for ``2i`` and ``2i+1``.

        The leaves ``size .. 2*size-1`` are the nodes of the span itself.
        """
        start = int(lo.min())
        size = int(hi.max()) - start
        inner = self._new_barriers(size)
        nodes = np.concatenate([inner, start + np.arange(size, dtype=np.int64)])
        children = np.arange(2, 2 * size, dtype=np.int64)
        self._sources.append(nodes[children])
        self._targets.append(nodes[children // 2])
        left, right = lo - start + size, hi - start + size
        while (open_ := left < right).any():
            odd = open_ & (left % 2 == 1)
            self._sources.append(nodes[left[odd]])
            self._targets.append(targets[odd])
            left = left + odd
            odd = open_ & (right % 2 == 1)
            right = right - odd
            self._sources.append(nodes[right[odd]])
            self._targets.append(targets[odd])
            left, right = left // 2, right // 2

    def _new_barriers(self, count: int) -> Ints:
        first = self._nodes
        self._nodes += count
        return np.arange(first, self._nodes, dtype=np.int64)
