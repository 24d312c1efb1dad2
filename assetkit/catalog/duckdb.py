"""The catalog in one DuckDB file, shared by any number of processes of a host.

Rule 1: each method is one transaction, and holds the file only as long as that takes.
Rule 2: SQL lives in ``queries.sql``; what is computed here is NumPy and Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assetkit.catalog import (
    backfilling,
    checking,
    editing,
    engine,
    frames,
    pruning,
    reading,
    recording,
    running,
)
from assetkit.catalog.approving import DuckDBApprovals
from assetkit.catalog.arrays import to_numpy
from assetkit.catalog.automating import DuckDBAutomation
from assetkit.catalog.base import Claim, Commit, Grant, NewKey, Receipt, Snapshot
from assetkit.catalog.claims import Mortals
from assetkit.catalog.ids import Ids, Seen
from assetkit.catalog.leasing import Leases
from assetkit.catalog.liveness import RunGuard, call, is_alive, is_called
from assetkit.catalog.store import Store, Transaction
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


class DuckDBCatalog:
    """A `Catalog` in the file *path*, made at the first write.

    Args:
        path: the file; `catalog.lock` and the folder `runs` of run files lie beside it.
        wait: seconds to wait for another process that holds the catalog.
        clock: what says the time, for judging the heartbeats of other hosts.

    Each method raises `CatalogLocked`, `CatalogTooNew`, `CatalogCorrupt` or
    `CatalogError` where the file cannot be used, and then has changed nothing.
    """

    def __init__(
        self, path: Path, *, wait: float = 60.0, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = Store(path, wait=wait)
        self._mortals = Mortals(self._store.path.parent / "runs", clock)
        self._seen = Seen()

    def __repr__(self) -> str:
        return f"DuckDBCatalog({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The file."""
        return self._store.path

    @property
    def automation(self) -> DuckDBAutomation:
        """What automation did, and who does it."""
        return DuckDBAutomation(self.transaction, self._mortals)

    @property
    def approvals(self) -> DuckDBApprovals:
        """Which steps wait for a person, and what was decided."""
        return DuckDBApprovals(self.transaction)

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[tuple[Transaction, Ids, Leases]]:
        """Do what is in the block at once; it is undone where the block raises."""
        try:
            with self._store.transaction(read_only=read_only) as transaction:
                ids = Ids(transaction, self._seen)
                yield transaction, ids, Leases(transaction, self._mortals)
                ids.keep()
        except BaseException:
            # Numbers given out in what was undone must not be used again.
            self._seen = Seen()
            raise

    def reading(self) -> AbstractContextManager[None]:
        """Read all that this thread reads inside the block at once; nothing is written there."""
        return self._store.reading()

    def snapshot(self, assets: Sequence[AssetKey], *, detail: Sequence[AssetKey] = ()) -> Snapshot:
        """Read what planning needs of *assets*; versions and digests only of those in *detail*."""
        if not self._store.exists():
            return Snapshot(seq=0)
        with self.transaction(read_only=True) as (transaction, ids, leases):
            return reading.read_snapshot(transaction, ids, leases, assets, detail)

    def describe(self, rows: Sequence[AssetRow]) -> Mapping[AssetKey, int]:
        """Remember definitions (insert or update); return each asset's ``universe_seq``."""
        with self.transaction(read_only=True) as (_, ids, _):
            known = ids.assets(row.asset for row in rows)
        if all(row.asset in known and not editing.differs(row, known[row.asset]) for row in rows):
            return {row.asset: known[row.asset].row.universe_seq for row in rows}
        with self.transaction() as (transaction, ids, _):
            return editing.describe(transaction, ids, rows)

    def asset_rows(self) -> Sequence[AssetRow]:
        """Return what is remembered of all assets, by key."""
        with self.transaction(read_only=True) as (_, ids, _):
            known = ids.all_assets()
        return [known[key].row for key in sorted(known)]

    def slot_keys(self, asset: AssetKey) -> tuple[Ints, Sequence[str | None]]:
        """Return the ordinals and partition texts of an asset's published slots, by ordinal."""
        with self.transaction(read_only=True) as (transaction, ids, _):
            known = ids.assets([asset])
            if asset not in known:
                return np.empty(0, dtype=np.int64), ()
            table = transaction.connection.table("slot_keys", asset=known[asset].number)
            return to_numpy(table["ordinal"], np.int64), table["key"].to_pylist()

    def slot_sizes(self, asset: AssetKey) -> tuple[Ints, Ints, Ints]:
        """Return the ordinals, rows and bytes of an asset's published slots, by ordinal."""
        with self.transaction(read_only=True) as (transaction, _, _):
            table = transaction.connection.table("slot_sizes", asset=asset)
        ordinals, rows, sizes = (to_numpy(column, np.int64) for column in table.columns)
        return ordinals, rows, sizes

    def rebase(self, row: AssetRow, ordinals: Mapping[int, int]) -> None:
        """Take a new layout: each old ordinal gets its new one, in one transaction."""
        with self.transaction() as (transaction, ids, _):
            editing.rebase(transaction, ids, row, ordinals)

    def start_run(self, run: RunRecord) -> None:
        """Write a run down as running; its id may be written again."""
        with self.transaction() as (transaction, ids, _):
            running.start(transaction, ids, self._mortals, run)

    def begin(self, run: RunRecord, rows: Sequence[AssetRow], claims: Sequence[Claim]) -> Grant:
        """Do `describe`, `start_run` and `claim` at once."""
        with self.transaction() as (transaction, ids, leases):
            if rows:
                editing.describe(transaction, ids, rows)
            running.start(transaction, ids, self._mortals, run)
            return leases.lease(ids, run.run_id, claims)

    def guard(self, run_id: str) -> RunGuard:
        """Show that this process works on a run, inside the block, however that ends."""
        return RunGuard(self._mortals.guard(run_id))

    def is_running(self, run_id: str) -> bool:
        """Return whether a run is written down as running, and its owner lives."""
        with self.transaction(read_only=True) as (transaction, _, leases):
            rows = transaction.rows("run_state", run_id=run_id)
            if rows and rows[0][1]:
                return rows[0][1] == RunStatus.RUNNING and run_id not in leases.dead_runs()
        # A catalog made anew knows nothing of the runs that were under way.
        return is_alive(self._mortals.guard(run_id))

    def claim(self, run_id: str, claims: Sequence[Claim]) -> Grant:
        """Lease what is free of *claims* to a run, and say who holds the rest."""
        with self.transaction() as (_, ids, leases):
            return leases.claim(ids, run_id, claims)

    def release(self, run_id: str) -> None:
        """Give back all leases of a run."""
        with self.transaction() as (_, ids, leases):
            leases.release(ids.runs([run_id])[run_id])

    def heartbeat(self, run_id: str, now: datetime) -> bool:
        """Say that a run is alive; return True where it is to stop."""
        with self.transaction() as (transaction, _, _):
            return running.beat(transaction, run_id, now)

    def commit(self, commit: Commit) -> Receipt:
        """Write results down in one transaction; a commit id that is there changes nothing."""
        with self.transaction() as (transaction, ids, leases):
            transaction.beside_steps = commit.fence > 0
            return recording.record(transaction, ids, leases, commit)

    def finish_run(
        self,
        run_id: str,
        status: RunStatus,
        ended_at: datetime,
        message: str = "",
        last: Commit | None = None,
    ) -> Receipt | None:
        """Write the end of a run down, with its *last* results, and give back its leases."""
        with self.transaction() as (transaction, ids, leases):
            receipt = None if last is None else recording.record(transaction, ids, leases, last)
            run_no = ids.runs([run_id])[run_id]
            running.finish(transaction, run_no, status, ended_at, message)
            leases.release(run_no)
            return receipt

    def ask_cancel(self, run_id: str) -> bool:
        """Ask a running run to stop; return False where it is not running."""
        with self.transaction() as (transaction, _, leases):
            asked = running.ask_cancel(transaction, run_id, leases.dead_runs())
        if asked:
            call(self._mortals.guard(run_id))
        return asked

    def is_called(self, run_id: str) -> bool:
        """Return whether a run, of which this process holds the `guard`, is asked to stop."""
        return is_called(self._mortals.guard(run_id))

    def observe(self, observations: Sequence[Observation]) -> None:
        """Write down what a look at outside data found."""
        with self.transaction() as (transaction, ids, _):
            editing.observe(transaction, ids, observations)

    def delete_slots(self, asset: AssetKey, ordinals: Ints | None, at: datetime) -> int:
        """Forget published slots (all where None); history keeps a tombstone. Returns how many."""
        with self.transaction() as (transaction, ids, _):
            return editing.delete_slots(transaction, ids, asset, ordinals, at)

    def rename_asset(self, old: AssetKey, new: AssetKey) -> None:
        """Give an asset's slots and history another key."""
        with self.transaction() as (transaction, ids, _):
            editing.rename_asset(transaction, ids, old, new)
        self._seen = Seen()

    def rename_slots(self, asset: AssetKey, keys: Sequence[NewKey]) -> None:
        """Give published slots other keys; the next plan finds what places they have."""
        with self.transaction() as (transaction, ids, _):
            editing.rename_slots(transaction, ids, asset, keys)

    def prune(self, before: datetime, *, dry_run: bool) -> Mapping[str, int]:
        """Forget history from before a moment; return how much there is of each kind."""
        with self.transaction() as (transaction, _, _):
            return pruning.prune(transaction, before, dry_run=dry_run)

    def change_partitions(
        self, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Change a set of dynamic partitions; return the keys on which that had no effect."""
        with self.transaction() as (transaction, _, _):
            return editing.change_partitions(transaction, name, add, remove)

    def write_backfill(self, backfill: BackfillRecord) -> int:
        """Write a backfill down, or anew where its id is there; return its ``seq``."""
        with self.transaction() as (transaction, _, _):
            return backfilling.write(transaction, backfill)

    def backfills(self, backfill_id: str | None = None) -> Sequence[BackfillRecord]:
        """Return the backfills, newest first, or the one of that id; none where it is unknown."""
        with self.transaction(read_only=True) as (transaction, _, _):
            return backfilling.read(transaction, backfill_id)

    def runs(self, *, limit: int | None = None, run_id: str | None = None) -> pa.Table:
        """Return runs, newest first; the columns are those of `frames.RUNS`."""
        with self.transaction(read_only=True) as (transaction, _, leases):
            return running.list_runs(transaction, leases, limit, run_id)

    def steps(self, run_id: str) -> pa.Table:
        """Return a run's ended steps and failed attempts, in order of time: `frames.EVENTS`."""
        with self.transaction(read_only=True) as (transaction, _, _):
            table = transaction.connection.table("events", run_id=run_id)
        return frames.as_frame(table, "events")

    def history(
        self, asset: AssetKey, partition: str | None = None, *, limit: int | None = None
    ) -> pa.Table:
        """Return an asset's materializations and deletions, newest first: `frames.HISTORY`."""
        values = {"asset": asset, "partition": partition, "limit": limit}
        with self.transaction(read_only=True) as (transaction, _, _):
            table = transaction.connection.table("history", **values)
        return frames.as_frame(table, "history")

    def versions(self, asset: AssetKey) -> VersionColumns:
        """Return all materializations of an asset, replaced ones too, in numbers."""
        with self.transaction(read_only=True) as (transaction, _, _):
            table = transaction.connection.table("versions", asset=asset)
        names = VersionColumns.__dataclass_fields__
        return VersionColumns(**{name: to_numpy(table[name], np.int64) for name in names})

    def columns_of(self, asset: AssetKey, basis: Basis) -> str | None:
        """Return the schema of the newest published slot made under *basis*; None without one."""
        values = {
            "asset": asset,
            "code": basis.code,
            "config": basis.config,
            "definition": basis.definition,
            "schema": basis.schema,
        }
        with self.transaction(read_only=True) as (transaction, _, _):
            found = transaction.rows("columns_of", **values)
        return found[0][0] if found else None

    def write_checks(self, found: Sequence[CheckOutcome]) -> None:
        """Write down what checks found in what is published already."""
        with self.transaction() as (transaction, ids, _):
            checking.write(transaction, ids, found)

    def checks(self, asset: AssetKey | None = None, *, run_id: str | None = None) -> pa.Table:
        """Return what the last look at each slot found, or all that one run found."""
        query = "newest_checks" if run_id is None else "checks_of_run"
        values = {"asset": asset} if run_id is None else {"asset": asset, "run_id": run_id}
        with self.transaction(read_only=True) as (transaction, _, _):
            table = transaction.connection.table(query, **values)
        return frames.as_frame(table, "checks")

    def status(self) -> pa.Table:
        """Return one row per asset known, by key: `frames.STATUS`."""
        with self.transaction(read_only=True) as (transaction, _, _):
            table = transaction.connection.table("status")
        return frames.as_frame(table, "status")

    def published(self, asset: AssetKey, ordinals: Ints | None = None) -> Iterator[Materialization]:
        """Yield the published slots of an asset, by ordinal."""
        with self.transaction(read_only=True) as (transaction, ids, _):
            found = editing.published(transaction, ids, asset, ordinals)
        yield from found

    def export(self) -> Mapping[str, Any]:
        """Return all tables as Arrow, by name; for tests and for moving to another catalog."""
        with self.transaction(read_only=True) as (transaction, _, _):
            return editing.export(transaction)

    def become(self, other: DuckDBCatalog) -> None:
        """Put another catalog in this one's place; this one is set aside beside it."""
        engine.release()
        self._store.become(other._store)
        self._seen = Seen()

    def discard(self) -> None:
        """Remove the file, and all that lies beside it for its sake."""
        engine.release()
        self._store.discard()
        self._seen = Seen()

    def close(self) -> None:
        """Let go of the DuckDB instance of this process; the next call makes another."""
        engine.release()
