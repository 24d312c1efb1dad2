"""The catalog in memory: for tests and temporary workspaces; forgets all when it goes.

Rule 1: it does what the DuckDB catalog does; one contract suite holds both to it.
Rule 2: it imports no engine, so that trivial assets need none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assetkit.catalog import memory_tables
from assetkit.catalog.automation import HOLD
from assetkit.catalog.base import Claim, Commit, Grant, LeaseRow, NewKey, Receipt, Snapshot
from assetkit.catalog.changes import key_taken, unknown_asset, with_orphans
from assetkit.catalog.claims import GONE, Mortals, beyond, by_asset, divide, owner_text
from assetkit.catalog.failing import failed_slots
from assetkit.catalog.fencing import Fences, admitted, read_seqs_of, receipt_for, still_open
from assetkit.catalog.liveness import is_alive
from assetkit.catalog.memory_approvals import MemoryApprovals
from assetkit.catalog.memory_automation import MemoryAutomation
from assetkit.catalog.memory_pruning import Pruning
from assetkit.catalog.memory_state import AssetState, Attempt, Entry, RunState, State
from assetkit.catalog.pace import paces_of
from assetkit.catalog.ranges import ranges_of
from assetkit.catalog.times import utc_now
from assetkit.columns import Ints, VersionColumns
from assetkit.records import (
    AssetKey,
    AssetRow,
    BackfillRecord,
    Basis,
    CheckOutcome,
    Materialization,
    Observation,
    RunRecord,
    RunStatus,
)

if TYPE_CHECKING:
    import pyarrow as pa


class MemoryCatalog(Pruning):
    """A `Catalog` of this process; its methods may be called from any thread.

    Args:
        runs: the folder in which run files lie, where runs have any.
        clock: what says the time, for judging the heartbeats of other hosts.
    """

    def __init__(
        self, *, runs: Path = Path("runs"), clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._mortals = Mortals(runs, clock)
        self._lock = threading.RLock()
        self._state = State()
        self.approvals = MemoryApprovals(self._lock)
        self.automation = MemoryAutomation(self._lock, self._mortals, self._next_seq)

    def __repr__(self) -> str:
        return f"MemoryCatalog({len(self._state.assets)} assets)"

    def _next_seq(self) -> int:
        self._state.seq += 1
        return self._state.seq

    def reading(self) -> AbstractContextManager[None]:
        """Do nothing: what is in memory is read at once anyway."""
        return nullcontext()

    def snapshot(self, assets: Sequence[AssetKey], *, detail: Sequence[AssetKey] = ()) -> Snapshot:
        """Read what planning needs of *assets*; versions and digests only of those in *detail*."""
        with self._lock:
            state = self._state
            detailed = set(detail)
            wanted = set(assets) | detailed
            known = {key: one for key, one in state.assets.items() if key in wanted}
            slots = {
                key: one.columns(state.width, detail=key in detailed) for key, one in known.items()
            }
            used = {basis for one in slots.values() for basis in one.basis.tolist()}
            return Snapshot(
                seq=state.seq,
                assets={key: one.row for key, one in known.items()},
                slots=slots,
                bases={number: state.bases[number] for number in used},
                failures=failed_slots(state.troubles(known)),
                leases=tuple(one for one in self._living() if one.asset in wanted),
                observations=tuple(
                    one.observations[ordinal]
                    for _, one in sorted(known.items())
                    for ordinal in sorted(one.observations)
                ),
                estimates={
                    key: one.estimate for key, one in known.items() if one.estimate is not None
                },
                dynamic=state.dynamic(),
                holds=tuple(self.automation.states(prefix=HOLD)),
            )

    def describe(self, rows: Sequence[AssetRow]) -> Mapping[AssetKey, int]:
        """Remember definitions (insert or update); return each asset's ``universe_seq``."""
        with self._lock:
            seq = self._state.seq + 1
            for row in rows:
                self._describe(row, seq)
            return {row.asset: self._state.assets[row.asset].row.universe_seq for row in rows}

    def _describe(self, row: AssetRow, seq: int) -> None:
        known = self._state.assets.get(row.asset)
        if known is None:
            self._state.assets[row.asset] = AssetState(replace(row, universe_seq=seq))
            self._state.seq = seq
            return
        was = known.row
        if (was.universe, was.definition) == (row.universe, row.definition):
            return
        universe_seq = was.universe_seq if was.universe == row.universe else seq
        known.row = replace(row, layout=was.layout, universe_seq=universe_seq)
        self._state.seq = seq

    def asset_rows(self) -> Sequence[AssetRow]:
        """Return what is remembered of all assets, by key."""
        with self._lock:
            return [self._state.assets[key].row for key in sorted(self._state.assets)]

    def slot_keys(self, asset: AssetKey) -> tuple[Ints, Sequence[str | None]]:
        """Return the ordinals and partition texts of an asset's published slots, by ordinal."""
        with self._lock:
            return memory_tables.slot_keys(self._slots(asset))

    def slot_sizes(self, asset: AssetKey) -> tuple[Ints, Ints, Ints]:
        """Return the ordinals, rows and bytes of an asset's published slots, by ordinal."""
        with self._lock:
            return memory_tables.slot_sizes(self._slots(asset))

    def _slots(self, asset: AssetKey) -> Mapping[int, Entry]:
        known = self._state.assets.get(asset)
        return {} if known is None else known.slots

    def rebase(self, row: AssetRow, ordinals: Mapping[int, int]) -> None:
        """Take a new layout: each old ordinal gets its new one, in one transaction."""
        with self._lock:
            state = self._state
            known = state.ensure(row.asset)
            state.move(row.asset, with_orphans(sorted(known.slots), ordinals))
            for leases in state.leases.values():
                leases[:] = [one for one in leases if one.asset != row.asset]
            state.seq += 1
            known.row = replace(row, universe_seq=state.seq)
            known.fenced = state.fence

    def start_run(self, run: RunRecord) -> None:
        """Write a run down as running; its id may be written again."""
        with self._lock:
            is_guarded = is_alive(self._mortals.guard(run.run_id))
            self._state.runs[run.run_id] = RunState(run, run.started_at, guarded=is_guarded)

    def begin(self, run: RunRecord, rows: Sequence[AssetRow], claims: Sequence[Claim]) -> Grant:
        """Do `describe`, `start_run` and `claim` at once."""
        with self._lock:
            seq = self._state.seq
            if rows:
                self.describe(rows)
            self.start_run(run)
            grant = self.claim(run.run_id, claims)
            # All of it is one write.
            self._state.seq = min(self._state.seq, seq + 1)
            return replace(grant, seq=self._state.seq)

    def guard(self, run_id: str) -> AbstractContextManager[object]:
        """Do nothing: nobody else can see this catalog, and it goes with its process."""
        return nullcontext()

    def is_running(self, run_id: str) -> bool:
        """Return whether a run is written down as running, and its owner lives."""
        with self._lock:
            run = self._state.runs.get(run_id)
            if run is None or run.record.status is not RunStatus.RUNNING:
                return False
            return self._lives(run_id, run)

    def claim(self, run_id: str, claims: Sequence[Claim]) -> Grant:
        """Lease what is free of *claims* to a run, and say who holds the rest."""
        with self._lock:
            state = self._state
            self._revive(run_id)
            self._bury_dead(run_id)
            living = self._living()
            granted, busy = divide(claims, [one for one in living if one.run_id != run_id])
            own = by_asset(one for one in living if one.run_id == run_id)
            new = [(one.asset, beyond(one.ordinals, own.get(one.asset, []))) for one in granted]
            if any(len(ordinals) for _, ordinals in new):
                state.seq += 1
                state.fence += 1
                for asset, ordinals in new:
                    self._lease(asset, ordinals, run_id)
            return Grant(fence=state.fence, seq=state.seq, granted=granted, busy=busy)

    def _lease(self, asset: AssetKey, ordinals: Ints, run_id: str) -> None:
        run = self._state.runs.get(run_id)
        owner = owner_text(run.record.owner) if run else ""
        self._state.ensure(asset)
        self._state.leases.setdefault(run_id, []).extend(
            LeaseRow(asset=asset, lo=lo, hi=hi, run_id=run_id, fence=self._state.fence, owner=owner)
            for lo, hi in ranges_of(ordinals)
        )

    def _dead(self) -> set[str]:
        return {run_id for run_id, run in self._state.runs.items() if not self._lives(run_id, run)}

    def _lives(self, run_id: str, run: RunState) -> bool:
        if run.record.status is not RunStatus.RUNNING:
            return True
        return self._mortals.lives(
            run_id, run.record.owner, guarded=run.guarded, heartbeat_at=run.heartbeat_at
        )

    def _living(self, *, but: str = "") -> list[LeaseRow]:
        """Return the leases of runs whose owner lives, without those of the run *but*."""
        owners = self._state.leases.keys() - {but}
        if not owners:
            return []
        owners -= self._dead()
        rows = [one for owner in owners for one in self._state.leases[owner]]
        return sorted(rows, key=lambda one: (one.asset, one.lo))

    def _revive(self, run_id: str) -> None:
        """Take a run that was lost as running again: who claims lives; its old fences stay void."""
        run = self._state.runs.get(run_id)
        if run is not None and run.record.status is RunStatus.LOST:
            run.record = replace(run.record, status=RunStatus.RUNNING, ended_at=None, message="")

    def _bury_dead(self, claimant: str) -> None:
        for run_id in self._dead() - {claimant}:
            run = self._state.runs[run_id]
            run.fenced = self._state.fence
            run.end(RunStatus.LOST, self._mortals.clock(), GONE)
            self.release(run_id)

    def release(self, run_id: str) -> None:
        """Give back all leases of a run."""
        with self._lock:
            self._state.seq += bool(self._state.leases.pop(run_id, ()))

    def heartbeat(self, run_id: str, now: datetime) -> bool:
        """Say that a run is alive; return True where it is to stop."""
        with self._lock:
            run = self._state.runs.get(run_id)
            if run is None:
                return False
            run.heartbeat_at = now
            return run.cancel_asked or run.record.status is RunStatus.LOST

    def commit(self, commit: Commit) -> Receipt:
        """Write results down in one transaction; a commit id that is there changes nothing."""
        with self._lock:
            state = self._state
            if commit.commit_id in state.receipts:
                return state.receipts[commit.commit_id]
            run = state.runs.get(commit.run_id)
            fences = Fences(
                leases=by_asset(self._living(but=commit.run_id)),
                run=run.fenced if run else 0,
                assets={
                    one.asset: state.assets[one.asset].fenced
                    for one in commit.materializations
                    if one.asset in state.assets
                },
            )
            admit = admitted(commit, fences)
            receipt = receipt_for(commit, admit, previous_seq=state.seq, seq=state.seq + 1)
            state.seq = receipt.seq
            rows = zip(commit.materializations, read_seqs_of(commit, receipt), admit, strict=True)
            for made, read_seq, is_admitted in rows:
                if is_admitted:
                    state.publish(made, receipt.seq, read_seq)
            self._write_down(commit, admit)
            state.receipts[commit.commit_id] = receipt
            return receipt

    def _write_down(self, commit: Commit, admit: Sequence[bool]) -> None:
        state = self._state
        for one, is_open in zip(commit.failures, still_open(commit, admit), strict=True):
            state.ensure(one.asset)
            state.attempts.append(Attempt(one, is_open))
            if is_open:
                state.failing.add((one.asset, one.ordinal))
        for step in commit.steps:
            state.ensure(step.asset)
        for result in commit.checks:
            state.ensure(result.asset)
        state.steps += commit.steps
        state.checks += commit.checks

    def finish_run(
        self,
        run_id: str,
        status: RunStatus,
        ended_at: datetime,
        message: str = "",
        last: Commit | None = None,
    ) -> Receipt | None:
        """Write the end of a run down, with its *last* results, and give back its leases."""
        with self._lock:
            receipt = None if last is None else self.commit(last)
            run = self._state.runs.get(run_id)
            if run is not None:
                run.end(status, ended_at, message)
            for asset, pace in paces_of(self._state.made_by.pop(run_id, ())).items():
                if asset in self._state.assets:
                    self._state.assets[asset].took(pace)
            self.release(run_id)
            return receipt

    def ask_cancel(self, run_id: str) -> bool:
        """Ask a running run to stop; return False where it is not running."""
        with self._lock:
            run = self._state.runs.get(run_id)
            if run is None or run.record.status is not RunStatus.RUNNING:
                return False
            run.cancel_asked = self._lives(run_id, run)
            return run.cancel_asked

    def is_called(self, run_id: str) -> bool:
        """Return whether a run, of which this process holds the `guard`, is asked to stop."""
        run = self._state.runs.get(run_id)
        return run is not None and run.cancel_asked

    def observe(self, observations: Sequence[Observation]) -> None:
        """Write down what a look at outside data found."""
        with self._lock:
            for one in observations:
                self._state.ensure(one.asset).observations[one.ordinal] = one
            self._state.seq += bool(observations)

    def delete_slots(self, asset: AssetKey, ordinals: Ints | None, at: datetime) -> int:
        """Forget published slots (all where None); history keeps a tombstone. Returns how many."""
        with self._lock:
            slots = self._slots(asset)
            gone = sorted(slots if ordinals is None else set(slots) & set(ordinals.tolist()))
            if not gone:
                return 0
            state = self._state
            state.seq += 1
            state.assets[asset].delete(gone, state.seq, at)
            return len(gone)

    def rename_asset(self, old: AssetKey, new: AssetKey) -> None:
        """Give an asset's slots and history another key."""
        with self._lock:
            if old not in self._state.assets:
                raise unknown_asset(old, self._state.assets)
            if self._slots(new):
                raise key_taken(old, new)
            self._state.rename(old, new)

    def rename_slots(self, asset: AssetKey, keys: Sequence[NewKey]) -> None:
        """Give published slots other keys; the next plan finds what places they have."""
        with self._lock:
            if asset not in self._state.assets:
                raise unknown_asset(asset, self._state.assets)
            if keys:
                self._state.rename_slots(asset, keys)

    def change_partitions(
        self, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Change a set of dynamic partitions; return the keys on which that had no effect."""
        with self._lock:
            return self._state.change_partitions(name, add, remove)

    def write_backfill(self, backfill: BackfillRecord) -> int:
        """Write a backfill down, or anew where its id is there; return its ``seq``."""
        with self._lock:
            return self._state.write_backfill(backfill)

    def backfills(self, backfill_id: str | None = None) -> Sequence[BackfillRecord]:
        """Return the backfills, newest first, or the one of that id; none where it is unknown."""
        with self._lock:
            known = self._state.backfills
            if backfill_id is not None:
                return [known[backfill_id]] if backfill_id in known else []
            return sorted(known.values(), key=lambda one: (one.created_at, one.seq), reverse=True)

    def runs(self, *, limit: int | None = None, run_id: str | None = None) -> pa.Table:
        """Return runs, newest first; the columns are those of `frames.RUNS`."""
        with self._lock:
            return memory_tables.runs(self._state, self._dead(), limit, run_id)

    def steps(self, run_id: str) -> pa.Table:
        """Return a run's ended steps and failed attempts, in order of time: `frames.EVENTS`."""
        with self._lock:
            return memory_tables.steps(self._state, run_id)

    def history(
        self, asset: AssetKey, partition: str | None = None, *, limit: int | None = None
    ) -> pa.Table:
        """Return an asset's materializations and deletions, newest first: `frames.HISTORY`."""
        with self._lock:
            return memory_tables.history(self._state, asset, partition).slice(0, limit)

    def versions(self, asset: AssetKey) -> VersionColumns:
        """Return all materializations of an asset, replaced ones too, in numbers."""
        with self._lock:
            return memory_tables.versions(self._state, asset)

    def columns_of(self, asset: AssetKey, basis: Basis) -> str | None:
        """Return the schema of the newest published slot made under *basis*; None without one."""
        with self._lock:
            return self._state.columns_of(asset, basis)

    def write_checks(self, found: Sequence[CheckOutcome]) -> None:
        """Write down what checks found in what is published already."""
        with self._lock:
            for one in found:
                self._state.ensure(one.asset)
            self._state.checks += found

    def checks(self, asset: AssetKey | None = None, *, run_id: str | None = None) -> pa.Table:
        """Return what the last look at each slot found, or all that one run found."""
        with self._lock:
            return memory_tables.checks(self._state, asset, run_id)

    def status(self) -> pa.Table:
        """Return one row per asset known, by key: `frames.STATUS`."""
        with self._lock:
            return memory_tables.status(self._state)

    def published(self, asset: AssetKey, ordinals: Ints | None = None) -> Iterator[Materialization]:
        """Yield the published slots of an asset, by ordinal."""
        with self._lock:
            slots = self._slots(asset)
            wanted = slots if ordinals is None else set(slots) & set(ordinals.tolist())
            found = [slots[ordinal].made for ordinal in sorted(wanted)]
        yield from found

    def export(self) -> Mapping[str, Any]:
        """Return all tables as Arrow, by name; for tests and for moving to another catalog."""
        with self._lock:
            return memory_tables.export(self._state)

    def close(self) -> None:
        """Do nothing: what is in memory stays until the catalog goes."""
