"""Decide about an asset without partitions that reads others without: the same rules, one slot.

What `verdicts` says of columns, said of numbers: a column of one slot costs as much as one
of a thousand, and projects of thousands of assets have little else.
"""

from __future__ import annotations

from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assetkit.columns import MIXED, Flags, Gist, Words
from assetkit.graph.graph import Edge
from assetkit.planning.comparing import BASIS_PARTS, can_compare, differs, hashes_of
from assetkit.planning.model import VERDICTS, AssetPlan, Cause
from assetkit.planning.scope import joins_single_slots
from assetkit.planning.world import Ledger, World, known_of
from assetkit.records import AssetKey, Verdict

T = TypeVar("T", bound=np.generic)


def decide_single(key: AssetKey, world: World, ledger: Ledger) -> AssetPlan | None:
    """Return the verdict of an asset's only slot; None where it takes more than this to tell."""
    if not _is_simple(key, world):
        return None
    gist, asset = world.state.gist(key), world.graph.assets[key]
    present = gist.slots > 0 and known_of(key, world, ledger).newest is not None
    if gist.slots and not (present and gist.basis != MIXED):
        return None
    causes = _changes_of_basis(key, gist, world) if present else []
    promised: list[Cause] = []
    blocked = False
    for place, edge in enumerate(world.graph.edges[key]):
        upstream = known_of(edge.upstream, world, ledger)
        there = upstream.newest is not None or upstream.runs
        blocked |= not there and edge.input.need != "optional"
        if upstream.runs:
            promised.append(Cause("upstream", upstream=edge.upstream))
        if present and _read_otherwise(place, edge, gist, world, ledger):
            causes.append(Cause("input", upstream=edge.upstream))
    needs = not present or bool(causes) or bool(promised)
    if asset.kind == "external" or (present and not asset.rebuildable):
        needs = False
    run = needs and not blocked
    verdict = _verdict(present=present, needs=needs, blocked=blocked, partial=gist.partial)
    decided = ledger.decided[key]
    decided.run, decided.runs = _flag(run), run
    table = (*causes, *promised)[:64]
    return AssetPlan(
        asset=key,
        positions=world.scope[key],
        verdict=_code(verdict),
        causes=_bits(len(table)),
        cause_table=table,
        run=decided.run,
        maybe=_flag(run and present and not causes),
    )


def _is_simple(key: AssetKey, world: World) -> bool:
    """Return whether nothing about an asset takes columns, or a look at runs and failures."""
    state, universes = world.state, world.universes
    if universes[key].dimensions or not len(world.scope[key]) or key in world.request.forced:
        return False
    if key in state.leases or (world.request.automatic and (key, 0) in state.failures):
        return False
    return all(
        joins_single_slots(edge, universes) and edge.input.grace is None
        for edge in world.graph.edges[key]
    )


def _changes_of_basis(key: AssetKey, gist: Gist, world: World) -> list[Cause]:
    recorded, now = world.state.bases[gist.basis], world.bases[key]
    if recorded == now:
        return []
    return [Cause(part) for part in BASIS_PARTS if differs(recorded, now, part)]


def _read_otherwise(place: int, edge: Edge, gist: Gist, world: World, ledger: Ledger) -> bool:
    """Return whether the published slot was made of another version of an input than is there."""
    state, above = world.state, world.state.gist(edge.upstream)
    newest = above.newest if above.slots else -1
    if max(newest, state.universe_seq.get(edge.upstream, 0)) <= gist.read:
        return False
    upstream = known_of(edge.upstream, world, ledger)
    if upstream.runs and upstream.newest is None:
        return False  # it is made anew before anything is compared
    if not can_compare(edge, world, ledger):
        return False
    if state.bases[gist.basis].inputs != world.bases[edge.downstream].inputs:
        return False
    recorded = state.columns(edge.downstream).digests[0, place]
    return bool(recorded != hashes_of(edge.upstream, world, ledger)[0])


def _verdict(*, present: bool, needs: bool, blocked: bool, partial: bool) -> Verdict:
    if blocked and needs:
        return Verdict.BLOCKED
    if not present:
        return Verdict.MISSING
    if partial:
        return Verdict.PARTIAL
    return Verdict.STALE if needs else Verdict.FRESH


@cache
def _flag(is_set: bool) -> Flags:  # noqa: FBT001  the only thing that it is about
    return _shared(np.array([is_set], dtype=np.bool_))


@cache
def _code(verdict: Verdict) -> NDArray[np.int8]:
    return _shared(np.array([VERDICTS.index(verdict)], dtype=np.int8))


@cache
def _bits(causes: int) -> Words:
    return _shared(np.array([(1 << causes) - 1], dtype=np.uint64))


def _shared(column: NDArray[T]) -> NDArray[T]:
    column.setflags(write=False)
    return column
