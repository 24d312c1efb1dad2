"""What automation would launch now: one pure evaluation of the state; nothing keeps a cursor.

Rule 1: an asset with a policy asks for slots of its own (`candidates`), a promise for what
keeps it (`promises`). Assets without a policy run as part of what needs them, as when that
is materialized by hand; those with one only when it agrees.
Rule 2: what is asked for is planned as any request is, with its slots pinned, so that the plan
can be applied as it stands. What would not run after all is taken out again.
Rule 3: every slot that is to be built and is not launched has a decision that says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from assetkit.columns import Flags, VersionColumns
from assetkit.definitions.policies import AutoMaterializePolicy
from assetkit.display.ranges import range_text, runs_of
from assetkit.planning.candidates import (
    Candidates,
    Note,
    candidates_of,
    code_words,
    refusal_of,
)
from assetkit.planning.decisions import Decision, Outcome
from assetkit.planning.freshness import Freshness
from assetkit.planning.model import AssetPlan
from assetkit.planning.needs import Need, union_of
from assetkit.planning.planner import Draft, Situation, make_plan
from assetkit.planning.promises import Promises
from assetkit.planning.ranges import covered
from assetkit.planning.request import Request
from assetkit.planning.scope import fan_of
from assetkit.planning.summary import summarize
from assetkit.planning.survey import Survey, declared_only, needed_edges, survey
from assetkit.planning.text import why_text
from assetkit.records import AssetKey, partition_text

_UNDECLARED = AutoMaterializePolicy()
_NO_HISTORIES: Mapping[AssetKey, VersionColumns] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Automation:
    """What automation would launch at one moment, and why nothing else.

    ``draft`` is not final where it misses details, and nothing is where
    ``wants_history`` names assets. ``wake_at`` is when time alone may change a
    decision or a status next, None where only an event can.
    """

    draft: Draft
    decisions: tuple[Decision, ...]
    statuses: tuple[Freshness, ...]
    wake_at: datetime | None
    wants_history: frozenset[AssetKey] = frozenset()


@dataclass(slots=True)
class _Wish:
    """Slots of one asset, the one that asks, that are to run, and what they need to run before."""

    need: Need
    reason: str = ""
    forced: Flags | None = None

    @property
    def asker(self) -> AssetKey:
        return self.need.asset


def automate(
    situation: Situation,
    *,
    horizon: timedelta = timedelta(0),
    histories: Mapping[AssetKey, VersionColumns] = _NO_HISTORIES,
) -> Automation:
    """Return what automation would launch now.

    *horizon*: promises that fall due so much later count as due, for callers that
    do not come back in time. *histories* are those that an earlier call missed.
    """
    holds = situation.state.holds
    seen = survey(situation, histories, {})
    notes: list[Note] = []
    promised = _promised_wishes(seen, notes, horizon)
    if promised:
        seen = _with_promised(seen, promised, histories)
    wishes = [*_own_wishes(seen, notes), *promised]
    notes += _held_notes(holds, seen)
    draft = _settle(wishes, seen, notes, holds)
    decisions = _decisions(draft, wishes, seen, notes)
    missed = draft.wants_detail | seen.ledger.wants_detail
    plan = replace(draft.plan, decisions=decisions)
    return Automation(
        draft=Draft(plan, frozenset(missed)),
        decisions=decisions,
        statuses=tuple(seen.statuses.values()),
        wake_at=_wake_at(seen, decisions),
        wants_history=frozenset(seen.past.wanted),
    )


def _with_promised(
    seen: Survey, promised: Iterable[_Wish], histories: Mapping[AssetKey, VersionColumns]
) -> Survey:
    """Look again, knowing what runs for promises: what is eager downstream follows at once."""
    again = survey(seen.situation, histories, union_of(wish.need for wish in promised))
    again.past.wanted.update(seen.past.wanted)
    again.ledger.wants_detail |= seen.ledger.wants_detail
    # Promises are judged by what is there, whatever is going to run.
    vars(again).update(times=seen.times, statuses=seen.statuses)
    return again


def _own_wishes(seen: Survey, notes: list[Note]) -> list[_Wish]:
    wishes = []
    for key, asset in seen.world.graph.assets.items():
        policy = seen.policy_of(key)
        if policy is None or policy.on not in ("change", "missing") or asset.kind == "external":
            continue
        if seen.ledger.decided[key].at_rest and key not in seen.forced:
            continue
        found = candidates_of(key, policy, seen)
        notes += found.notes
        if found.slots.any():
            wishes.append(_with_pulls(found, seen))
    return wishes


def _with_pulls(found: Candidates, seen: Survey) -> _Wish:
    """Add what runs as part of it: stale assets upstream without a policy of their own."""
    slots = {found.asset: found.slots}
    front = [found.asset]
    while front:
        key = front.pop()
        rows = np.flatnonzero(slots[key]).astype(np.int64)
        for edge in needed_edges(key, seen.world):
            upstream = edge.upstream
            part = seen.parts[upstream]
            if not part.run.any() or seen.policy_of(upstream) is not None:
                continue
            needed = covered(fan_of(edge, rows, seen.world.universes), len(part.run))
            pulled = part.run & needed & ~declared_only(part) & ~seen.held(upstream)
            before = slots.get(upstream)
            both = pulled if before is None else before | pulled
            if both.any() and (before is None or (both != before).any()):
                slots[upstream] = both
                front.append(upstream)
    own = slots.pop(found.asset)
    above = tuple(Need(key, runs) for key, runs in slots.items())
    need = Need(found.asset, own, above)
    return _Wish(need, forced=found.forced if found.forced.any() else None)


def _promised_wishes(seen: Survey, notes: list[Note], horizon: timedelta) -> list[_Wish]:
    if not seen.statuses:
        return []
    promises, wishes = Promises(seen, horizon), []
    for key, status in seen.statuses.items():
        demand, policy, every = promises.demand_of(status), seen.policy_of(key), seen.every(key)
        need = demand.need
        if need is not None and policy is not None and policy.when is not None:
            refusal = refusal_of(key, policy, every if need.runs is None else need.runs, seen)
            if refusal:
                notes.append(Note(key, Outcome.REFUSED, refusal, every))
                continue
        if need is not None:
            wishes.append(_Wish(need, demand.reason))
        elif demand.outcome is not Outcome.FRESH:
            notes.append(Note(key, demand.outcome, demand.reason, every, demand.due))
    return wishes


def _held_notes(holds: Mapping[AssetKey, str], seen: Survey) -> Iterable[Note]:
    """Say of each asset that is to be left alone why it is."""
    for key, words in holds.items():
        if key in seen.world.graph.assets:
            yield Note(key, Outcome.HELD, words, seen.every(key))


def _settle(
    wishes: list[_Wish], seen: Survey, notes: list[Note], holds: Iterable[AssetKey]
) -> Draft:
    """Plan what is wished for, without what is held, would be too much, or would not run at all."""
    banned: set[AssetKey] = set(holds)
    kept: dict[AssetKey, Flags] = {}
    while True:
        pinned, forced = _pinned(wishes, banned, seen)
        for key, allowed in kept.items():
            if key in pinned:
                pinned[key] = pinned[key] & allowed
        draft = _plan_of(pinned, forced, seen)
        parts = {part.asset: part for part in draft.plan.assets}
        changed = False
        for key, part in parts.items():
            many = int(np.count_nonzero(part.run))
            most = (seen.policy_of(key) or _UNDECLARED).max_partitions
            if many > most:
                banned.add(key)
                notes.append(_too_many(key, part, most, seen))
                changed = True
            elif key not in pinned:  # another output of a function that runs anyway
                continue
            elif (narrowed := _narrowed(key, part, pinned[key], forced, seen)) is not None:
                kept[key] = narrowed
                changed = True
        if not changed:
            return draft


def _pinned(
    wishes: Iterable[_Wish], banned: set[AssetKey], seen: Survey
) -> tuple[dict[AssetKey, Flags], frozenset[AssetKey]]:
    """Return the slots to plan, and the roots to run although they are fresh."""
    slots: dict[AssetKey, Flags] = {}
    forced: set[AssetKey] = set()
    for key, flags in union_of(one.need for one in wishes if one.asker not in banned).items():
        if key in banned:
            continue
        slots[key] = flags
        if seen.is_root(key) and (flags & seen.present(key) & ~_stale(key, seen)).any():
            forced.add(key)
    return slots, frozenset(forced)


def _stale(key: AssetKey, seen: Survey) -> Flags:
    """Return the slots that would run without being forced to."""
    part = seen.parts[key]
    if (seen.policy_of(key) or _UNDECLARED).on_code_change == "run":
        return part.run
    return part.run & ~declared_only(part)


def _plan_of(pinned: Mapping[AssetKey, Flags], forced: frozenset[AssetKey], seen: Survey) -> Draft:
    world = seen.world
    wanted = {}
    for key in world.graph.assets:
        if key in pinned and pinned[key].any():
            positions = np.flatnonzero(pinned[key]).astype(np.int64)
            ordinals = np.sort(world.universes[key].ordinals(positions))
            wanted[key] = tuple((first, last + 1) for first, last in runs_of(ordinals))
    request = Request(
        targets=tuple(wanted),
        slots=wanted,
        upstream=False,
        forced=frozenset(key for key in forced if key in wanted),
        automatic=True,
    )
    return make_plan(seen.situation, request)


def _narrowed(
    key: AssetKey, part: AssetPlan, pinned: Flags, forced: frozenset[AssetKey], seen: Survey
) -> Flags | None:
    """Return the slots that are left of an asset's where some would not or must not run."""
    policy = seen.policy_of(key)
    runs = part.run
    if (policy or _UNDECLARED).on_code_change != "run" and key not in forced:
        runs = runs & ~declared_only(part)
    if runs.all():
        return None
    left = np.zeros(len(pinned), dtype=np.bool_)
    left[part.positions[runs]] = True
    return left


def _too_many(key: AssetKey, part: AssetPlan, most: int, seen: Survey) -> Note:
    slots = np.zeros(len(seen.positions(key)), dtype=np.bool_)
    slots[part.positions[part.run]] = True
    count = int(np.count_nonzero(slots))
    words = (
        f"{count:,} partitions at once, more than max_partitions={most:,}: waits for a person "
        f"(assetkit materialize -s {key})"
    )
    return Note(key, Outcome.TOO_MANY, words, slots)


def _decisions(
    draft: Draft, wishes: list[_Wish], seen: Survey, notes: list[Note]
) -> tuple[Decision, ...]:
    """Return what is launched and what is not, by asset in graph order."""
    told: dict[AssetKey, list[Decision]] = {}
    reasons = {wish.asker: wish.reason for wish in wishes}
    paced = {key for wish in wishes if wish.forced is not None for key in (wish.asker,)}
    plan = draft.plan
    launched = {part.asset: part for part in plan.assets if part.run.any()}
    lines = summarize(tuple(launched.values()), plan.universes, plan.snapshot).assets
    for line in lines:
        why = why_text(line)
        if why == "forced":
            why = "due by its cadence" if line.asset in paced else "its data is too old"
        words = ", ".join(dict.fromkeys(filter(None, (reasons.get(line.asset, ""), why))))
        told[line.asset] = [
            Decision(
                asset=line.asset,
                outcome=Outcome.LAUNCH,
                reason=words,
                partitions=line.partitions,
                slots=line.run + line.maybe,
            )
        ]
    for note in notes:
        # A promise that holds is no news of what is launched all the same.
        if (
            note.asset not in launched
            or note.outcome is not Outcome.NOT_DUE
            or not note.slots.all()
        ):
            told.setdefault(note.asset, []).append(_decision_of(note, seen))
    for wish in wishes:
        if wish.asker not in told:
            told[wish.asker] = [_waiting(wish, seen)]
    for key in seen.world.graph.assets:
        policy = seen.policy_of(key)
        if key not in told and policy is not None and policy.on != "never":
            told[key] = [_resting(key, policy, seen)]
    return tuple(one for key in seen.world.graph.assets for one in told.get(key, ()))


def _resting(key: AssetKey, policy: AutoMaterializePolicy, seen: Survey) -> Decision:
    """Return the decision for what nobody asks for: it is up to date, or no promise needs it."""
    count = int(np.count_nonzero(seen.parts[key].run))
    if policy.on != "freshness" or not count:
        return Decision(asset=key, outcome=Outcome.FRESH, reason="nothing to do")
    words = "no promise here or downstream needs it now (FreshnessPolicy)"
    return Decision(asset=key, outcome=Outcome.NOT_DUE, reason=words, slots=count)


def _decision_of(note: Note, seen: Survey) -> Decision:
    universe, ranges = seen.world.universes[note.asset], ""
    count = int(np.count_nonzero(note.slots))
    if universe.dimensions and count < len(universe):
        positions = np.flatnonzero(note.slots)
        ranges = range_text(positions, lambda at: partition_text(universe.key(at)))
    return Decision(
        asset=note.asset,
        outcome=note.outcome,
        reason=note.reason,
        partitions=ranges,
        slots=count,
        due=note.due,
    )


def _waiting(wish: _Wish, seen: Survey) -> Decision:
    """Return the decision for what was asked for and is not run: its inputs do not come."""
    key, runs = wish.asker, wish.need.runs
    part = seen.parts[key]
    if runs is not None and (declared_only(part) & runs).any():
        words, outcome = code_words(seen.policy_of(key)), Outcome.CODE_CHANGED
    else:
        names = [edge.upstream for edge in needed_edges(key, seen.world)]
        late = [name for name in names if seen.parts[name].run.any()]
        words = f"waits for {', '.join(late or names) or 'its inputs'}, not to be built now"
        outcome = Outcome.WAITING
    count = 0 if runs is None else int(np.count_nonzero(runs))
    return Decision(asset=key, outcome=outcome, reason=words, slots=count)


def _wake_at(seen: Survey, decisions: Iterable[Decision]) -> datetime | None:
    """Return the next moment at which a window ends, a decision is due or a status changes."""
    now = seen.world.now
    windows = {universe.more_at for universe in seen.world.universes.values()}
    moments = [datetime.fromtimestamp(at, UTC) for at in windows if at is not None]
    moments += [one.due for one in decisions if one.due is not None]
    moments += [one.changes_at for one in seen.statuses.values() if one.changes_at is not None]
    return min((at for at in moments if at > now), default=None)
