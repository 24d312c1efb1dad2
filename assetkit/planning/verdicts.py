"""Decide, for all slots of one asset at once, whether they are to be built and why.

Rule 1: the verdict is the first that matches of: blocked, running, quarantined,
missing, partial, stale, fresh.
Rule 2: nothing is decided by time stamps. An input changed where the digest of
the versions there now differs from the one recorded; the sequence numbers only
say where digests need not be compared.
Rule 3: that an upstream will run is a promise, not a change: a slot whose only
cause that is, is a ``maybe``; the runner asks again once the upstream is done.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assetkit.columns import Flags, Ints, fingerprint
from assetkit.definitions.asset import AssetDef
from assetkit.definitions.universe import Fan
from assetkit.graph.graph import Edge
from assetkit.planning.comparing import (
    BASIS_PARTS,
    can_compare,
    differs,
    hashes_of,
    is_detailed,
)
from assetkit.planning.grace import waived
from assetkit.planning.model import VERDICTS, AssetPlan, Cause
from assetkit.planning.ranges import count_true, max_ints, subset, sum_words
from assetkit.planning.resting import at_rest
from assetkit.planning.scope import fan_of
from assetkit.planning.single import decide_single
from assetkit.planning.world import Ledger, World, known_of, rows_of
from assetkit.records import AssetKey, Verdict

_CODE = {verdict: np.int8(place) for place, verdict in enumerate(VERDICTS)}


@dataclass(slots=True)
class _Slots:
    """The slots of one asset under decision; columns by place in ``positions``."""

    asset: AssetDef
    positions: Ints
    row: Ints
    blocked: Flags
    causes: list[tuple[Cause, Flags]]
    promised: list[tuple[Cause, Flags]]

    @property
    def present(self) -> Flags:
        return self.row >= 0


def decide(key: AssetKey, world: World, ledger: Ledger) -> AssetPlan:
    """Return the verdicts of an asset's slots in scope; its upstreams are decided already."""
    decided = known_of(key, world, ledger)
    positions = world.scope[key]
    if (quiet := at_rest(key, positions, world, ledger)) is not None:
        return quiet
    if (single := decide_single(key, world, ledger)) is not None:
        return single
    slots = _Slots(
        asset=world.graph.assets[key],
        positions=positions,
        row=decided.row[positions],
        blocked=np.zeros(len(positions), dtype=np.bool_),
        causes=[],
        promised=[],
    )
    _compare_bases(slots, world)
    if key in world.request.forced:
        slots.causes.insert(0, (Cause("forced"), _forced(slots, world)))
    edges = world.graph.edges[key]
    for place, edge in enumerate(edges):
        if edge.upstream != key:
            _follow(slots, edge, place, world, ledger)
    for place, edge in enumerate(edges):
        if edge.upstream == key:
            _follow_itself(slots, edge, place, world, ledger)
    return _conclude(slots, world, ledger)


def _forced(slots: _Slots, world: World) -> Flags:
    """Return which slots to build whatever their state: those asked for, if not built since."""
    key, since = slots.asset.key, world.request.forced_since
    hit = np.zeros(len(slots.positions), dtype=np.bool_)
    if key not in world.request.forced:
        return hit
    hit[np.searchsorted(slots.positions, world.wanted.get(key, slots.positions))] = True
    if since is not None:
        present = slots.present
        read = world.state.columns(key).read_seq[slots.row[present]]
        hit[present] &= read < since
    return hit


def _compare_bases(slots: _Slots, world: World) -> None:
    """Find the slots whose recorded basis differs from today's, part by part."""
    now = world.bases[slots.asset.key]
    present = slots.present
    recorded = world.state.columns(slots.asset.key).basis[slots.row[present]]
    if not len(recorded):
        return
    ids = np.unique(recorded) if (recorded != recorded[0]).any() else recorded[:1]
    for part in BASIS_PARTS:
        unlike = [number for number in ids if differs(world.state.bases[int(number)], now, part)]
        if not unlike:
            continue
        hit = np.zeros(len(slots.positions), dtype=np.bool_)
        hit[present] = np.isin(recorded, unlike)
        slots.causes.append((Cause(part), hit))


def _follow(slots: _Slots, edge: Edge, place: int, world: World, ledger: Ledger) -> None:
    """See what one upstream asset means for the slots: blocked, about to change, or changed."""
    upstream = known_of(edge.upstream, world, ledger)
    present = slots.present
    there = upstream.present | upstream.run
    running = upstream.runs
    if there.all() and not running and present.all() and not _newer(slots, edge, world):
        return
    fan = fan_of(edge, slots.positions, world.universes)
    late = waived(edge, slots.positions, fan, world.universes, world.now)
    lacks = _lacks(edge, fan, there)
    slots.blocked |= lacks if late is None else lacks & ~late
    if running:
        hit = count_true(fan, upstream.run) > 0
        slots.promised.append((Cause("upstream", upstream=edge.upstream), hit))
    _note_changed(slots, edge, place, fan, world, ledger)


def _newer(slots: _Slots, edge: Edge, world: World) -> bool:
    """Return whether anything upstream may have changed since any of the slots read it."""
    read = world.state.columns(slots.asset.key).read_seq[slots.row[slots.present]]
    if not len(read):
        return False
    above = world.state.gist(edge.upstream)
    newest = above.newest if above.slots else -1
    return max(newest, world.state.universe_seq.get(edge.upstream, 0)) > int(read.min())


def _lacks(edge: Edge, fan: Fan, there: Flags) -> Flags:
    """Return which slots lack a needed upstream slot that will not be there either."""
    wanted = fan.hi - fan.lo
    have = wanted if there.all() else count_true(fan, there)
    need = edge.input.need
    if need == "all":
        late = fan.late if fan.late is not None else np.zeros(len(wanted), dtype=np.bool_)
        return (have < wanted) | late
    if need == "optional":
        return np.zeros(len(wanted), dtype=np.bool_)
    least = 1 if need == "any" else int(need)
    lacking: Flags = have < np.minimum(wanted, least)
    return lacking


def _note_changed(
    slots: _Slots, edge: Edge, place: int, fan: Fan, world: World, ledger: Ledger
) -> None:
    """Find the published slots whose input has other content now than when they were made."""
    rows = np.flatnonzero(_suspicious(slots, edge, fan, world, ledger))
    if not len(rows):
        return
    upstream = known_of(edge.upstream, world, ledger)
    awaited = upstream.run & ~upstream.present
    if awaited.any():
        rows = rows[count_true(subset(fan, rows), awaited) == 0]
    if not can_compare(edge, world, ledger):
        return
    rows = rows[_same_inputs(slots, rows, world)]
    hit = np.zeros(len(slots.positions), dtype=np.bool_)
    hit[rows] = _unlike(slots, place, fan, rows, world, ledger)
    if hit.any():
        slots.causes.append((Cause("input", upstream=edge.upstream), hit))


def read_otherwise(
    key: AssetKey, place: int, positions: Ints, world: World, ledger: Ledger
) -> Flags:
    """Return which of some published slots read an input (given by place) as it is no more."""
    asset, edge = world.graph.assets[key], world.graph.edges[key][place]
    row = known_of(key, world, ledger).row[positions]
    slots = _Slots(asset, positions, row, np.zeros(len(row), dtype=np.bool_), [], [])
    hit = np.zeros(len(positions), dtype=np.bool_)
    if not _newer(slots, edge, world):
        return hit
    fan = fan_of(edge, positions, world.universes)
    rows = np.flatnonzero(_suspicious(slots, edge, fan, world, ledger))
    if not len(rows) or not can_compare(edge, world, ledger):
        return hit
    hit[rows] = True
    rows = rows[_same_inputs(slots, rows, world)]
    hit[rows] = _unlike(slots, place, fan, rows, world, ledger)
    return hit


def _unlike(slots: _Slots, place: int, fan: Fan, rows: Ints, world: World, ledger: Ledger) -> Flags:
    """Return which of some slots have another digest of an input on record than there is now."""
    upstream = world.graph.edges[slots.asset.key][place].upstream
    expected = sum_words(subset(fan, rows), hashes_of(upstream, world, ledger))
    recorded = world.state.columns(slots.asset.key).digests[slots.row[rows], place]
    unlike: Flags = recorded != expected
    return unlike


def _same_inputs(slots: _Slots, rows: Ints, world: World) -> Flags:
    """Return which of the slots were made with today's inputs, so that digests can be compared.

    The others are stale by definition anyway.
    """
    recorded = world.state.columns(slots.asset.key).basis[slots.row[rows]]
    inputs = world.bases[slots.asset.key].inputs
    alike = [n for n in np.unique(recorded) if world.state.bases[int(n)].inputs == inputs]
    return np.isin(recorded, alike)


def _suspicious(slots: _Slots, edge: Edge, fan: Fan, world: World, ledger: Ledger) -> Flags:
    """Return the slots with upstream versions that came after they read them."""
    present = slots.present
    hit = np.zeros(len(present), dtype=np.bool_)
    if not present.any() or not _newer(slots, edge, world):
        return hit
    rows = slots.row[present]
    read = world.state.columns(slots.asset.key).read_seq[rows]
    if world.state.universe_seq.get(edge.upstream, 0) > int(read.min()):
        hit[present] = world.state.universe_seq[edge.upstream] > read
    versions = world.state.columns(edge.upstream).ver_seq
    if len(versions):
        where = rows_of(edge.upstream, world, ledger)
        by_position = np.where(where >= 0, versions[where], -1)
        hit[present] |= max_ints(subset(fan, present), by_position) > read
    return hit


def _follow_itself(slots: _Slots, edge: Edge, place: int, world: World, ledger: Ledger) -> None:
    """Follow a dependency on the asset's own earlier slots, in order."""
    own = known_of(edge.upstream, world, ledger)
    fan = fan_of(edge, slots.positions, world.universes)
    _note_changed(slots, edge, place, fan, world, ledger)
    needs = _needs(slots)
    hit = np.zeros(len(slots.positions), dtype=np.bool_)
    if not needs.any() and own.present.all():
        return
    run, there = own.run.copy(), own.present.copy()
    optional = edge.input.need != "all"
    for place_in_scope, position in enumerate(slots.positions):
        upstream = fan.slots_of(place_in_scope)
        slots.blocked[place_in_scope] |= not optional and not there[upstream].all()
        hit[place_in_scope] = run[upstream].any()
        run[position] = (needs[place_in_scope] or hit[place_in_scope]) and not slots.blocked[
            place_in_scope
        ]
        there[position] |= run[position]
    slots.promised.append((Cause("upstream", upstream=edge.upstream), hit))


def _needs(slots: _Slots) -> Flags:
    """Return the slots that there is any reason to build."""
    needs: Flags = ~slots.present
    for _cause, hit in (*slots.causes, *slots.promised):
        needs = needs | hit
    return needs


def _conclude(slots: _Slots, world: World, ledger: Ledger) -> AssetPlan:
    """Put together what was found: the verdict of each slot, and whether it runs."""
    key, columns = slots.asset.key, world.state.columns(slots.asset.key)
    needs = _needs(slots)
    if slots.asset.kind == "external":
        needs[:] = False
    elif not slots.asset.rebuildable:
        needs &= ~slots.present | _forced(slots, world)
    sure = ~slots.present
    for _cause, hit in slots.causes:
        sure = sure | hit
    partial = np.zeros(len(needs), dtype=np.bool_)
    if len(columns) and columns.partial.any():
        partial[slots.present] = columns.partial[slots.row[slots.present]]
    quarantined = _quarantined(key, slots.positions, needs, world, ledger)
    run = needs & ~slots.blocked & ~quarantined
    verdict = np.full(len(needs), _CODE[Verdict.FRESH], dtype=np.int8)
    verdict[needs] = _CODE[Verdict.STALE]
    verdict[partial] = _CODE[Verdict.PARTIAL]
    verdict[~slots.present] = _CODE[Verdict.MISSING]
    verdict[quarantined] = _CODE[Verdict.QUARANTINED]
    verdict[leased(key, slots.positions, world) & needs] = _CODE[Verdict.RUNNING]
    verdict[slots.blocked & needs] = _CODE[Verdict.BLOCKED]
    ledger.decided[key].will_run(slots.positions, run)
    table = [(cause, hit) for cause, hit in (*slots.causes, *slots.promised) if hit.any()]
    return AssetPlan(
        asset=key,
        positions=slots.positions,
        verdict=verdict,
        causes=_pack(table, len(needs)),
        cause_table=tuple(cause for cause, _hit in table[:64]),
        run=run,
        maybe=run & ~sure,
    )


def _pack(table: list[tuple[Cause, Flags]], size: int) -> NDArray[np.uint64]:
    bits = np.zeros(size, dtype=np.uint64)
    for place, (_cause, hit) in enumerate(table[:64]):
        bits[hit] |= np.uint64(1 << place)
    return bits


def leased(key: AssetKey, positions: Ints, world: World) -> Flags:
    """Return the slots that a live run of someone else holds."""
    held = np.zeros(len(positions), dtype=np.bool_)
    leases = world.state.leases.get(key, ())
    if leases:
        ordinals = world.universes[key].ordinals(positions)
        for lease in leases:
            held |= (ordinals >= lease.lo) & (ordinals < lease.hi)
    return held


def given_up(key: AssetKey, positions: Ints, world: World, ledger: Ledger) -> Flags:
    """Return the slots that automation would not try again as things are."""
    every = np.ones(len(positions), dtype=np.bool_)
    return _quarantined(key, positions, every, world, ledger)


def _quarantined(
    key: AssetKey, positions: Ints, needs: Flags, world: World, ledger: Ledger
) -> Flags:
    """Return the slots that failed as often as they may with today's very fingerprint."""
    hit = np.zeros(len(positions), dtype=np.bool_)
    request = world.request
    if not request.automatic or key in request.tried_anew or not world.state.failures:
        return hit
    retry = world.graph.assets[key].retry
    allowed = 1 + (retry.max_retries if retry else 0)
    ordinals = world.universes[key].ordinals(positions)
    for (asset, ordinal), failure in world.state.failures.items():
        if asset != key or failure.count < allowed:
            continue
        for place in np.flatnonzero((ordinals == ordinal) & needs):
            print_now = fingerprint_now(key, positions[place : place + 1], world, ledger)
            hit[place] = print_now == failure.fingerprint
    return hit


def fingerprint_now(key: AssetKey, position: Ints, world: World, ledger: Ledger) -> str:
    """Return the fingerprint that an attempt at one slot would have now."""
    digests = []
    for edge in world.graph.edges[key]:
        if not is_detailed(edge.upstream, world):
            ledger.wants_detail.add(edge.upstream)
            return ""
        words = hashes_of(edge.upstream, world, ledger)
        digests.append(int(sum_words(fan_of(edge, position, world.universes), words)[0]))
    return fingerprint(world.bases[key], digests)
