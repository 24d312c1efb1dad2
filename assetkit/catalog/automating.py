"""Automation in the catalog file: ticks, states, the daemon's lease."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from assetkit.catalog.automation import (
    AutomationState,
    DaemonRecord,
    TickRecord,
    TickStatus,
    guard_name,
    replaced,
)
from assetkit.catalog.claims import Mortals
from assetkit.catalog.liveness import is_alive
from assetkit.catalog.store import Transaction
from assetkit.catalog.times import from_micros, known_time, to_micros
from assetkit.records import Owner


class Transactions(Protocol):
    """Opens transactions on a catalog file."""

    def __call__(
        self, *, read_only: bool = False
    ) -> AbstractContextManager[tuple[Transaction, Any, Any]]: ...


class DuckDBAutomation:
    """The `AutomationLog` of a catalog file."""

    def __init__(self, transaction: Transactions, mortals: Mortals) -> None:
        self._transaction, self._mortals = transaction, mortals

    def note(
        self,
        ticks: Sequence[TickRecord],
        states: Sequence[AutomationState] = (),
        *,
        holder: str | None = None,
    ) -> Sequence[TickRecord]:
        """Write down *states*, and those of *ticks* that are not there yet; return the latter."""
        with self._transaction() as (transaction, _, _):
            self._refuse_replaced(transaction, holder)
            new = [
                replace(tick, seq=transaction.next_seq())
                for tick in {(one.source, one.key): one for one in ticks}.values()
                if not transaction.rows("tick_there", source=tick.source, key=tick.key)[0][0]
            ]
            for tick in new:
                _insert(transaction, tick)
            for state in states:
                _put_state(transaction, state)
            return new

    def update(self, tick: TickRecord, *, holder: str | None = None) -> None:
        """Write a tick in the place of what is there of it."""
        with self._transaction() as (transaction, _, _):
            self._refuse_replaced(transaction, holder)
            transaction.write("forget_tick", source=tick.source, key=tick.key)
            _insert(transaction, tick)

    def ticks(
        self, *, source: str | None = None, open_only: bool = False, limit: int | None = None
    ) -> Sequence[TickRecord]:
        """Return ticks, newest first."""
        with self._transaction(read_only=True) as (transaction, _, _):
            rows = transaction.rows("ticks", source=source, open_only=open_only, limit=limit)
        return [_tick(*row) for row in rows]

    def states(self, *, prefix: str = "") -> Sequence[AutomationState]:
        """Return what is remembered under names that begin with *prefix*, by name."""
        with self._transaction(read_only=True) as (transaction, _, _):
            return read_states(transaction, prefix)

    def forget(self, *, keep: int) -> int:
        """Forget ended ticks of schedules and assets but for the newest *keep* of each."""
        with self._transaction() as (transaction, _, _):
            found = int(transaction.rows("old_ticks", keep=keep)[0][0])
            if found:
                transaction.write("forget_ticks", keep=keep)
            return found

    def hold(self, holder: str, owner: Owner, now: datetime) -> DaemonRecord:
        """Take the lease where it is free, or its holder is gone; return who has it."""
        with self._transaction() as (transaction, _, _):
            known = self._known(transaction)
            if known is not None and known.alive and known.holder != holder:
                return known
            mine = known is not None and known.holder == holder
            record = DaemonRecord(
                holder=holder,
                owner=owner,
                started_at=known.started_at if known is not None and mine else now,
                heartbeat_at=self._mortals.clock(),
            )
            transaction.write("forget_daemon")
            transaction.write(
                "insert_daemon",
                holder=holder,
                host=owner.host,
                pid=owner.pid,
                command=owner.command,
                process_started=owner.started,
                guarded=is_alive(self._mortals.guard(guard_name(holder))),
                started_at=to_micros(record.started_at),
                heartbeat_at=to_micros(record.heartbeat_at),
            )
            return record

    def let_go(self, holder: str) -> None:
        """Give the lease back, where *holder* has it."""
        with self._transaction() as (transaction, _, _):
            known = self._known(transaction)
            if known is not None and known.holder == holder:
                transaction.write("forget_daemon")

    def daemon(self) -> DaemonRecord | None:
        """Return who holds the lease, or held it last without giving it back."""
        with self._transaction(read_only=True) as (transaction, _, _):
            return self._known(transaction)

    def _known(self, transaction: Transaction) -> DaemonRecord | None:
        rows = transaction.rows("daemon")
        if not rows:
            return None
        holder, host, pid, command, started, guarded, started_at, heartbeat_at = rows[0]
        owner = Owner(host=host, pid=pid, command=command, started=started)
        seen = known_time(heartbeat_at)
        return DaemonRecord(
            holder=holder,
            owner=owner,
            started_at=known_time(started_at),
            heartbeat_at=seen,
            alive=self._mortals.lives(
                guard_name(holder), owner, guarded=guarded, heartbeat_at=seen
            ),
        )

    def _refuse_replaced(self, transaction: Transaction, holder: str | None) -> None:
        if holder is None:
            return
        known = self._known(transaction)
        if known is None or known.holder != holder:
            raise replaced(known)


def read_states(transaction: Transaction, prefix: str) -> list[AutomationState]:
    """Return what is remembered under names that begin with *prefix*, by name."""
    return [
        AutomationState(
            name=name,
            since=known_time(since),
            cursor=cursor,
            checked_at=from_micros(checked_at),
            outcome=outcome,
            message=message,
            count=count,
        )
        for name, since, cursor, checked_at, outcome, message, count in transaction.rows(
            "automation_states", prefix=prefix
        )
    ]


def _insert(transaction: Transaction, tick: TickRecord) -> None:
    transaction.write(
        "insert_tick",
        source=tick.source,
        key=tick.key,
        instant=to_micros(tick.instant),
        status=tick.status.value,
        request=json.dumps(dict(tick.request)),
        runs=list(tick.runs),
        started_at=to_micros(tick.started_at),
        ended_at=to_micros(tick.ended_at),
        message=tick.message,
        seq=tick.seq,
    )


def _put_state(transaction: Transaction, state: AutomationState) -> None:
    transaction.write("forget_automation", name=state.name)
    transaction.write(
        "insert_automation",
        name=state.name,
        since=to_micros(state.since),
        cursor=state.cursor,
        checked_at=to_micros(state.checked_at),
        outcome=state.outcome,
        message=state.message,
        count=state.count,
    )


def _tick(  # noqa: PLR0913, PLR0917  one argument per column
    source: str,
    key: str,
    instant: int,
    status: str,
    request: str,
    runs: list[str],
    started_at: int,
    ended_at: int,
    message: str,
    seq: int,
) -> TickRecord:
    return TickRecord(
        source=source,
        key=key,
        instant=known_time(instant),
        status=TickStatus(status),
        request=json.loads(request),
        runs=tuple(runs),
        started_at=from_micros(started_at),
        ended_at=from_micros(ended_at),
        message=message,
        seq=seq,
    )
