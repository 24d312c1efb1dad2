"""Which slots an asset itself asks automation for, one filter after the other.

Rule 1: each filter says what it holds back, and why; nothing is dropped without a word.
Rule 2: a root that has a cadence and no windows is due when its cadence says so: nothing
else tells that the world moved on. Of windows, only those that are missing.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from assetkit.columns import Flags
from assetkit.definitions.policies import AutoMaterializePolicy
from assetkit.errors import AssetkitError
from assetkit.planning.cadence import has_cadence
from assetkit.planning.decisions import Outcome
from assetkit.planning.model import VERDICTS, AssetPlan
from assetkit.planning.survey import Survey, declared_only
from assetkit.records import AssetKey, PartitionKey, Verdict

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Note:
    """Why some slots are not launched."""

    asset: AssetKey
    outcome: Outcome
    reason: str
    slots: Flags
    due: datetime | None = None


@dataclass(slots=True)
class Candidates:
    """The slots that an asset asks for, and why it does not ask for others."""

    asset: AssetKey
    slots: Flags
    forced: Flags
    notes: list[Note] = field(default_factory=list)

    def keep(
        self, allowed: Flags, outcome: Outcome, reason: str, due: datetime | None = None
    ) -> None:
        """Hold back what is not allowed."""
        if (refused := self.slots & ~allowed).any():
            self.notes.append(Note(self.asset, outcome, reason, refused, due))
            self.slots = self.slots & allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomationContext:
    """What ``AutoMaterializePolicy(when=...)`` is told: what would be launched, and when."""

    asset: AssetKey
    now: datetime
    partitions: Sequence[PartitionKey | None]
    lag: float | None


def candidates_of(key: AssetKey, policy: AutoMaterializePolicy, survey: Survey) -> Candidates:
    """Return what an asset asks for by ``on="change"`` or ``"missing"``."""
    part = survey.parts[key]
    forced = survey.forced.get(key, np.zeros(len(part.run), dtype=np.bool_))
    found = Candidates(key, part.run | forced, forced)
    _note_verdicts(found, part, survey)
    if not found.slots.any():
        return found
    if policy.on_code_change != "run":
        found.keep(~declared_only(part) | forced, Outcome.CODE_CHANGED, code_words(policy))
    if policy.on == "missing":
        missing = part.verdict == VERDICTS.index(Verdict.MISSING)
        found.keep(missing, Outcome.OUT_OF_SCOPE, "stale; only what is missing runs by itself")
    _keep_in_scope(found, policy, survey)
    if has_cadence(policy):
        cadence = survey.cadence(key)
        due = cadence.first_of(found.slots & ~cadence.due)
        found.keep(cadence.due, Outcome.NOT_DUE, _cadence_words(policy), due)
    found.keep(~survey.held(key), Outcome.RUNNING, "another run is at it, or at what it needs")
    if found.slots.any() and policy.when is not None:
        refusal = refusal_of(key, policy, found.slots, survey)
        if refusal:
            found.keep(np.zeros(len(found.slots), dtype=np.bool_), Outcome.REFUSED, refusal)
    return found


def _note_verdicts(found: Candidates, part: AssetPlan, survey: Survey) -> None:
    for verdict, outcome, words in (
        (Verdict.BLOCKED, Outcome.WAITING, lacking_words),
        (Verdict.QUARANTINED, Outcome.QUARANTINED, quarantine_words),
    ):
        hit = part.verdict == VERDICTS.index(verdict)
        if hit.any():
            found.notes.append(Note(found.asset, outcome, words(found.asset, survey), hit))


def lacking_words(key: AssetKey, survey: Survey) -> str:
    """Say what an asset lacks of its inputs."""
    lacking = []
    for edge in survey.world.graph.edges[key]:
        part = survey.parts[edge.upstream]
        if edge.upstream != key and (~survey.present(edge.upstream) & ~part.run).any():
            lacking.append(edge.upstream)
    names = ", ".join(lacking[:_NAMED]) or "an input"
    return f"waits for {names}, which is missing and cannot be made now"


def quarantine_words(key: AssetKey, survey: Survey) -> str:
    """Say how a quarantined slot failed, and what lifts it."""
    for (asset, _ordinal), failure in survey.world.state.failures.items():
        if asset == key:
            times = "once" if failure.count == 1 else f"{failure.count:,} times"
            return (
                f"failed {times} in just this way ({failure.error_type}: {failure.message:.80}); "
                f"a change of code, config or inputs lifts it, or materialize it by hand"
            )
    return "failed as often as it may; a change of code, config or inputs lifts it"


def code_words(policy: AutoMaterializePolicy | None) -> str:
    """Say that code changed, and what is done about it."""
    if policy is not None and policy.on_code_change == "warn":
        return "warning: its code or configuration changed since; materialize or accept it by hand"
    return "its code or configuration changed, which automation is to ignore"


def _keep_in_scope(found: Candidates, policy: AutoMaterializePolicy, survey: Survey) -> None:
    if policy.partitions is None:
        return
    try:
        allowed = in_scope(found.asset, policy, survey)
    except AssetkitError as error:
        allowed = np.zeros(len(found.slots), dtype=np.bool_)
        found.keep(allowed, Outcome.REFUSED, f"partitions={policy.partitions!r} fails: {error}")
        return
    found.keep(allowed, Outcome.OUT_OF_SCOPE, f"automation may touch {policy.partitions} only")


def in_scope(key: AssetKey, policy: AutoMaterializePolicy | None, survey: Survey) -> Flags:
    """Return the slots that automation may touch.

    Raises `UnknownPartition` or `InvalidSelection` where the scope fits the asset no more.
    """
    universe = survey.world.universes[key]
    allowed = np.ones(len(universe), dtype=np.bool_)
    if policy is None or policy.partitions in (None, "all") or not universe.dimensions:
        return allowed
    if policy.partitions in ("missing", "stale"):
        return np.equal(survey.parts[key].verdict, VERDICTS.index(Verdict(policy.partitions)))
    allowed[:] = False
    allowed[universe.select(policy.partitions)] = True
    return allowed


def _cadence_words(policy: AutoMaterializePolicy) -> str:
    if policy.cron is not None:
        return f"built since the last tick of {policy.cron!r} ({policy.timezone})"
    return f"at most one build every {policy.every:g} s"


def refusal_of(key: AssetKey, policy: AutoMaterializePolicy, slots: Flags, survey: Survey) -> str:
    """Ask ``when=``; return why it refuses, empty where it agrees."""
    universe = survey.world.universes[key]
    status = survey.statuses.get(key)
    context = AutomationContext(
        asset=key,
        now=survey.world.now,
        partitions=[universe.key(position) for position in np.flatnonzero(slots).tolist()],
        lag=None if status is None else status.lag,
    )
    try:
        return "" if _ask(policy.when, context) else "when= says not now"
    except Exception as error:  # noqa: BLE001  a user's mistake must not stop the others
        return f"when= failed: {type(error).__name__}: {error}"


def _ask(when: Any, context: AutomationContext) -> bool:
    try:
        takes_one = bool(inspect.signature(when).parameters)
    except (TypeError, ValueError):  # what is built in tells no signature
        takes_one = True
    return bool(when(context) if takes_one else when())
