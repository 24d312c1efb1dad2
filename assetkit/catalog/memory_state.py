"""What the catalog in memory holds: plain Python, changed under its lock only."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from assetkit.catalog.base import LeaseRow, NewKey, Receipt
from assetkit.catalog.changes import moved_location, orphan_ordinals
from assetkit.catalog.failing import Trouble
from assetkit.catalog.pace import Pace
from assetkit.catalog.times import to_micros
from assetkit.columns import SlotColumns, split_version
from assetkit.records import (
    AssetKey,
    AssetRow,
    BackfillRecord,
    Basis,
    CheckOutcome,
    Estimate,
    FailedAttempt,
    FileSignature,
    Materialization,
    Observation,
    RunRecord,
    RunStatus,
    StepRecord,
)

_NO_SLOTS = SlotColumns()
_UNSIGNED = FileSignature(size=-1, mtime_ns=-1, inode=-1)


@dataclass(slots=True)
class Entry:
    """One version of a slot, or its tombstone."""

    made: Materialization
    basis: int
    seq: int
    ver_seq: int
    read_seq: int
    outcome: str
    current: bool = True

    def numbers(self) -> tuple[int, ...]:
        """Return what a snapshot tells of the slot in numbers."""
        made = self.made
        return (
            made.ordinal,
            self.ver_seq,
            self.read_seq,
            self.basis,
            to_micros(made.data_time),
            to_micros(made.materialized_at),
        )


@dataclass(slots=True)
class Attempt:
    """A failed attempt; ``open``: no success since."""

    failed: FailedAttempt
    open: bool


@dataclass(slots=True)
class RunState:
    """A run; ``fenced``: results under fences up to that come too late."""

    record: RunRecord
    heartbeat_at: datetime
    guarded: bool
    cancel_asked: bool = False
    fenced: int = 0

    def end(self, status: RunStatus, ended_at: datetime, message: str) -> None:
        """Note how the run ended."""
        self.record = replace(self.record, status=status, ended_at=ended_at, message=message)


@dataclass(slots=True)
class AssetState:
    """An asset: its description, its published slots by ordinal, and all its versions."""

    row: AssetRow
    fenced: int = 0
    slots: dict[int, Entry] = field(default_factory=dict)
    history: list[Entry] = field(default_factory=list)
    observations: dict[int, Observation] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    estimate: Estimate | None = None

    def columns(self, width: int, *, detail: bool) -> SlotColumns:
        """Return the published slots as columns; *width*: how many digests a row has."""
        if not self.slots and not detail:
            return _NO_SLOTS
        rows = [entry for _, entry in sorted(self.slots.items())]
        made = [row.made for row in rows]
        # One array for all columns: many assets have one slot only, and arrays have a price.
        numbers = np.array([row.numbers() for row in rows], dtype=np.int64).reshape(-1, 6).T.copy()
        light = SlotColumns(
            ordinal=numbers[0],
            ver_seq=numbers[1],
            read_seq=numbers[2],
            basis=numbers[3],
            data_time=numbers[4],
            materialized_at=numbers[5],
            partial=np.array([one.partial for one in made], dtype=np.bool_),
            version_hi=_NO_SLOTS.version_hi,
            version_lo=_NO_SLOTS.version_lo,
            digests=_NO_SLOTS.digests,
            size=_NO_SLOTS.size,
            mtime_ns=_NO_SLOTS.mtime_ns,
            inode=_NO_SLOTS.inode,
        )
        return _with_detail(light, made, width) if detail else light

    def took(self, newest: Pace) -> None:
        """Count what a run took into what the next is expected to take."""
        self.pace = self.pace.then(newest)
        self.estimate = self.pace.estimate()

    def move(self, moves: Mapping[int, int]) -> None:
        """Give slots other ordinals, in history, too."""
        for entry in self.history:
            new = moves.get(entry.made.ordinal, entry.made.ordinal)
            entry.made = replace(entry.made, ordinal=new)
        self.slots = {entry.made.ordinal: entry for entry in self.slots.values()}
        self.observations = {
            moves.get(ordinal, ordinal): replace(one, ordinal=moves.get(ordinal, ordinal))
            for ordinal, one in self.observations.items()
        }

    def rename_slots(self, keys: Mapping[int, NewKey], moves: Mapping[int, int], seq: int) -> None:
        """Give published slots other keys and ordinals, in history, too."""
        for entry in self.history:
            new = keys.get(entry.made.ordinal)
            if new is None:
                continue
            if entry.current:
                entry.ver_seq = seq
            entry.made = replace(
                entry.made,
                ordinal=moves[new.ordinal],
                partition=new.partition,
                location=new.location if entry.current else entry.made.location,
            )
        self.slots = {entry.made.ordinal: entry for entry in self.slots.values()}
        self.row = replace(self.row, universe_seq=seq)

    def delete(self, ordinals: Sequence[int], seq: int, at: datetime) -> None:
        """Put a tombstone in the place of each slot."""
        for ordinal in ordinals:
            entry = self.slots.pop(ordinal)
            entry.current = False
            made = replace(entry.made, materialized_at=at)
            tomb = replace(entry, made=made, seq=seq, outcome="deleted", current=False)
            self.history.append(tomb)
        self.row = replace(self.row, universe_seq=seq)


def _with_detail(light: SlotColumns, made: Sequence[Materialization], width: int) -> SlotColumns:
    versions = [split_version(one.data_version) for one in made]
    signatures = [one.signature or _UNSIGNED for one in made]
    digests = np.zeros((len(made), width), dtype=np.uint64)
    for i, one in enumerate(made):
        digests[i, : len(one.inputs)] = [use.digest for use in one.inputs]
    return replace(
        light,
        detailed=True,
        version_hi=np.array([hi for hi, _ in versions], dtype=np.uint64),
        version_lo=np.array([lo for _, lo in versions], dtype=np.uint64),
        digests=digests,
        size=np.array([one.size for one in signatures], dtype=np.int64),
        mtime_ns=np.array([one.mtime_ns for one in signatures], dtype=np.int64),
        inode=np.array([one.inode for one in signatures], dtype=np.int64),
    )


@dataclass(slots=True)
class State:
    """All that is known."""

    seq: int = 0
    fence: int = 0
    width: int = 0
    assets: dict[AssetKey, AssetState] = field(default_factory=dict)
    bases: dict[int, Basis] = field(default_factory=dict)
    basis_ids: dict[Basis, int] = field(default_factory=dict)
    runs: dict[str, RunState] = field(default_factory=dict)
    leases: dict[str, list[LeaseRow]] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    failing: set[tuple[AssetKey, int]] = field(default_factory=set)
    steps: list[StepRecord] = field(default_factory=list)
    made_by: dict[str, list[Materialization]] = field(default_factory=dict)
    partitions: dict[str, dict[str, bool]] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    backfills: dict[str, BackfillRecord] = field(default_factory=dict)
    checks: list[CheckOutcome] = field(default_factory=list)

    def ensure(self, asset: AssetKey) -> AssetState:
        """Return an asset; what is unknown gets an empty description."""
        if asset not in self.assets:
            row = AssetRow(asset=asset, layout="", universe="", universe_seq=self.seq)
            self.assets[asset] = AssetState(row)
        return self.assets[asset]

    def publish(self, made: Materialization, seq: int, read_seq: int) -> None:
        """Make a materialization the published version of its slot."""
        known = self.ensure(made.asset)
        before = known.slots.get(made.ordinal)
        is_same = before is not None and before.made.data_version == made.data_version
        inputs = tuple(replace(use, versions=()) if use.versions else use for use in made.inputs)
        kept = replace(made, inputs=inputs)
        entry = Entry(
            made=kept,
            basis=self._basis_id(made.basis),
            seq=seq,
            ver_seq=before.ver_seq if before is not None and is_same else seq,
            read_seq=read_seq,
            outcome=made.outcome.value,
        )
        if before is not None:
            before.current = False
        known.slots[made.ordinal] = entry
        known.history.append(entry)
        self.made_by.setdefault(made.run_id, []).append(kept)
        if (made.asset, made.ordinal) in self.failing:
            self._clear(made.asset, made.ordinal)

    def troubles(self, known: Container[AssetKey]) -> Iterator[Trouble]:
        """Yield the failed attempts of some assets that no success followed, in order of time."""
        if not self.failing:
            return
        rows = [one.failed for one in self.attempts if one.open and one.failed.asset in known]
        for one in sorted(rows, key=lambda row: (row.failed_at, row.attempt)):
            yield Trouble(
                one.asset,
                one.ordinal,
                one.partition,
                one.fingerprint,
                one.run_id,
                one.error_type,
                one.message,
                to_micros(one.failed_at),
            )

    def _basis_id(self, basis: Basis) -> int:
        number = self.basis_ids.get(basis)
        if number is None:
            number = self.basis_ids[basis] = len(self.basis_ids) + 1
            self.bases[number] = basis
            self.width = max(self.width, len(basis.inputs))
        return number

    def _clear(self, asset: AssetKey, ordinal: int) -> None:
        self.failing.discard((asset, ordinal))
        for attempt in self.attempts:
            if attempt.failed.asset == asset and attempt.failed.ordinal == ordinal:
                attempt.open = False

    def move(self, asset: AssetKey, moves: Mapping[int, int]) -> None:
        """Give the slots of an asset other ordinals."""
        self.ensure(asset).move(moves)
        for attempt in self.attempts:
            failed = attempt.failed
            if failed.asset == asset and failed.ordinal in moves:
                attempt.failed = replace(failed, ordinal=moves[failed.ordinal])
        self.checks = [
            replace(one, ordinal=moves.get(one.ordinal, one.ordinal)) if one.asset == asset else one
            for one in self.checks
        ]
        self.failing = {
            (key, moves.get(ordinal, ordinal) if key == asset else ordinal)
            for key, ordinal in self.failing
        }

    def rename_slots(self, asset: AssetKey, keys: Sequence[NewKey]) -> None:
        """Give published slots of an asset other keys."""
        self.seq += 1
        known, by_ordinal = self.assets[asset], {one.ordinal: one for one in keys}
        taken = (entry.made.ordinal for entry in known.history)
        moves = dict(zip(by_ordinal, orphan_ordinals(taken, len(keys)), strict=True))
        known.rename_slots(by_ordinal, moves, self.seq)
        self.checks = [
            replace(one, ordinal=moves[one.ordinal], partition=by_ordinal[one.ordinal].partition)
            if one.asset == asset and one.ordinal in moves
            else one
            for one in self.checks
        ]

    def rename(self, old: AssetKey, new: AssetKey) -> None:
        """Give an asset another key wherever it is named."""
        state = self.assets.pop(old)
        self.assets.pop(new, None)
        self.assets[new] = state
        state.row = replace(state.row, asset=new)
        self._rename_inputs(old, new)
        for entry in state.history:
            entry.made = replace(
                entry.made, asset=new, location=moved_location(entry.made.location, old, new)
            )
        for known in self.assets.values():
            for entry in known.history:
                entry.made = _reading(entry.made, old, new, self.bases[entry.basis])
        state.observations = {
            ordinal: replace(one, asset=new) for ordinal, one in state.observations.items()
        }
        for attempt in self.attempts:
            if attempt.failed.asset == old:
                attempt.failed = replace(attempt.failed, asset=new)
        self.failing = {(new if key == old else key, ordinal) for key, ordinal in self.failing}
        self.steps = [replace(one, asset=new) if one.asset == old else one for one in self.steps]
        self.checks = [replace(one, asset=new) if one.asset == old else one for one in self.checks]
        for leases in self.leases.values():
            leases[:] = [replace(one, asset=new) if one.asset == old else one for one in leases]
        self.seq += 1

    def _rename_inputs(self, old: AssetKey, new: AssetKey) -> None:
        for number, basis in self.bases.items():
            inputs = tuple(new if key == old else key for key in basis.inputs)
            self.bases[number] = replace(basis, inputs=inputs)
        self.basis_ids = {basis: number for number, basis in self.bases.items()}

    def write_backfill(self, backfill: BackfillRecord) -> int:
        """Keep a backfill, the newest writing last; return its number in the sequence."""
        known = self.backfills.pop(backfill.backfill_id, None)
        self.seq += known is None
        seq = self.seq if known is None else known.seq
        request = json.loads(json.dumps(dict(backfill.request)))
        self.backfills[backfill.backfill_id] = replace(backfill, request=request, seq=seq)
        return seq

    def change_partitions(
        self, name: str, add: Sequence[str], remove: Sequence[str]
    ) -> tuple[str, ...]:
        """Add and remove keys of a dynamic set; return those on which that had no effect."""
        members = self.partitions.setdefault(name, {})
        changes = [(key, True) for key in add] + [(key, False) for key in remove]
        without_effect = []
        for key, present in changes:
            if members.get(key, False) is present:
                without_effect.append(key)
            else:
                members[key] = present
        self.seq += len(without_effect) < len(changes)
        return tuple(without_effect)

    def columns_of(self, asset: AssetKey, basis: Basis) -> str | None:
        """Return the schema of the newest published slot made under a basis."""
        known = self.assets.get(asset)
        found = [
            one
            for one in (known.slots.values() if known else ())
            if one.made.schema is not None
            and replace(one.made.basis, inputs=()) == replace(basis, inputs=())
        ]
        newest = max(found, key=lambda one: (one.seq, one.made.ordinal), default=None)
        return None if newest is None else newest.made.schema

    def dynamic(self) -> dict[str, tuple[tuple[int, str], ...]]:
        """Return the present members of each set that has any, with their ordinals."""
        sets = {
            name: tuple((i, key) for i, (key, present) in enumerate(members.items()) if present)
            for name, members in sorted(self.partitions.items())
        }
        return {name: members for name, members in sets.items() if members}


def _reading(made: Materialization, old: AssetKey, new: AssetKey, basis: Basis) -> Materialization:
    if all(use.asset != old for use in made.inputs):
        return made
    inputs = tuple(
        replace(use, asset=new if use.asset == old else use.asset) for use in made.inputs
    )
    return replace(made, inputs=inputs, basis=basis)
