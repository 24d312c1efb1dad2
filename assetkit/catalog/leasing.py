"""Leases in the catalog file: who holds what, who is gone, what a claim gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from assetkit.catalog.arrays import column
from assetkit.catalog.base import Claim, Grant, LeaseRow
from assetkit.catalog.claims import GONE, Mortals, beyond, by_asset, divide, owner_text
from assetkit.catalog.ids import Ids
from assetkit.catalog.ranges import ranges_of
from assetkit.catalog.store import Transaction
from assetkit.catalog.times import known_time, to_micros
from assetkit.records import AssetKey, Owner, RunStatus


class Leases:
    """The leases that one transaction sees."""

    def __init__(self, transaction: Transaction, mortals: Mortals) -> None:
        self._transaction, self._mortals = transaction, mortals

    def dead_runs(self) -> dict[str, int]:
        """Return the runs that are down as running though their owner is gone, by id."""
        dead = {}
        for run_no, run_id, *owner, guarded, heartbeat in self._transaction.rows("running"):
            host, pid, command, started = owner
            live = self._mortals.lives(
                run_id,
                Owner(host=host, pid=pid, command=command, started=started),
                guarded=guarded,
                heartbeat_at=known_time(heartbeat),
            )
            if not live:
                dead[run_id] = run_no
        return dead

    def living(self) -> list[LeaseRow]:
        """Return the leases of runs whose owner lives, by asset and ordinal."""
        if not self._transaction.rows("lease_count")[0][0]:
            return []
        rows, dead = self._transaction.rows("leases"), self.dead_runs()
        return [
            LeaseRow(
                asset=asset,
                lo=lo,
                hi=hi,
                run_id=run_id,
                fence=fence,
                owner=owner_text(Owner(host=host or "", pid=pid or 0, command=command or "")),
            )
            for asset, lo, hi, fence, run_id, host, pid, command in rows
            if run_id not in dead
        ]

    def of_others(self, run_id: str) -> dict[AssetKey, list[tuple[int, int]]]:
        """Return the ranges that other living runs hold."""
        return by_asset(lease for lease in self.living() if lease.run_id != run_id)

    def _bury_dead(self, claimant: str) -> None:
        """Mark the runs of owners that are gone as lost, void their fences, drop their leases."""
        now = to_micros(self._mortals.clock())
        for run_no in (no for run_id, no in self.dead_runs().items() if run_id != claimant):
            self._transaction.write(
                "lose_run",
                run_no=run_no,
                ended_at=now,
                message=GONE,
                fence=self._transaction.fence,
            )
            self.release(run_no)

    def release(self, run_no: int) -> None:
        """Drop the leases of a run."""
        # No write for the transaction, unless there were any.
        if self._transaction.rows("delete_leases", run_no=run_no)[0][0]:
            self._transaction.next_seq()

    def claim(self, ids: Ids, run_id: str, claims: Sequence[Claim]) -> Grant:
        """Lease to a run what is free of *claims*; one that was lost runs again."""
        self._revive(run_id)
        return self.lease(ids, run_id, claims)

    def lease(self, ids: Ids, run_id: str, claims: Sequence[Claim]) -> Grant:
        """Lease to a run, which is down as running, what is free of *claims*."""
        self._bury_dead(run_id)
        living = self.living()
        others = [lease for lease in living if lease.run_id != run_id]
        own = by_asset(lease for lease in living if lease.run_id == run_id)
        granted, busy = divide(claims, others)
        new = [
            replace(one, ordinals=beyond(one.ordinals, own[one.asset])) if one.asset in own else one
            for one in granted
        ]
        if any(len(one.ordinals) for one in new):
            self._write(ids, run_id, new)
        return Grant(
            fence=self._transaction.fence,
            seq=self._transaction.seq,
            granted=granted,
            busy=busy,
        )

    def _revive(self, run_id: str) -> None:
        """Take a run that was lost as running again: who claims lives; its old fences stay void."""
        rows = self._transaction.rows("run_state", run_id=run_id)
        if rows and rows[0][1] == RunStatus.LOST:
            self._transaction.write("revive_run", run_id=run_id)

    def _write(self, ids: Ids, run_id: str, claims: Sequence[Claim]) -> None:
        fence = self._transaction.next_fence()
        self._transaction.next_seq()
        run_no = ids.runs([run_id])[run_id]
        assets = ids.ensure_assets(one.asset for one in claims)
        rows = [
            (assets[one.asset].number, lo, hi)
            for one in claims
            for lo, hi in ranges_of(one.ordinals)
        ]
        table = pa.table(
            {
                "asset_id": column([row[0] for row in rows], pa.int32()),
                "lo": column([row[1] for row in rows], pa.int64()),
                "hi": column([row[2] for row in rows], pa.int64()),
                "run_no": column([run_no] * len(rows), pa.int32()),
                "fence": column([fence] * len(rows), pa.int64()),
            }
        )
        self._transaction.append("lease", table)
