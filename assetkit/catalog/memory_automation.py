"""Automation in the catalog in memory: what `automating` does, without a file."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from assetkit.catalog.automation import (
    AutomationState,
    DaemonRecord,
    TickRecord,
    guard_name,
    replaced,
)
from assetkit.catalog.claims import Mortals
from assetkit.catalog.liveness import is_alive
from assetkit.records import Owner


class MemoryAutomation:
    """The `AutomationLog` of a catalog in memory; *next_seq* takes a number of its sequence."""

    def __init__(
        self, lock: threading.RLock, mortals: Mortals, next_seq: Callable[[], int]
    ) -> None:
        self._lock, self._mortals, self._next_seq = lock, mortals, next_seq
        self._ticks: dict[tuple[str, str], TickRecord] = {}
        self._states: dict[str, AutomationState] = {}
        self._daemon: tuple[DaemonRecord, bool] | None = None

    def note(
        self,
        ticks: Sequence[TickRecord],
        states: Sequence[AutomationState] = (),
        *,
        holder: str | None = None,
    ) -> Sequence[TickRecord]:
        """Write down *states*, and those of *ticks* that are not there yet; return the latter."""
        with self._lock:
            self._refuse_replaced(holder)
            new: list[TickRecord] = []
            seq = 0
            for tick in ticks:
                if (tick.source, tick.key) not in self._ticks:
                    seq = seq or self._next_seq()
                    new.append(self._kept(replace(tick, seq=seq)))
            self._states |= {state.name: state for state in states}
            return new

    def update(self, tick: TickRecord, *, holder: str | None = None) -> None:
        """Write a tick in the place of what is there of it."""
        with self._lock:
            self._refuse_replaced(holder)
            self._kept(tick)

    def ticks(
        self, *, source: str | None = None, open_only: bool = False, limit: int | None = None
    ) -> Sequence[TickRecord]:
        """Return ticks, newest first."""
        with self._lock:
            found = [
                one
                for one in self._ticks.values()
                if source in (None, one.source) and (one.is_open or not open_only)
            ]
        return sorted(found, key=_age, reverse=True)[:limit]

    def states(self, *, prefix: str = "") -> Sequence[AutomationState]:
        """Return what is remembered under names that begin with *prefix*, by name."""
        with self._lock:
            return [
                state for name, state in sorted(self._states.items()) if name.startswith(prefix)
            ]

    def forget(self, *, keep: int) -> int:
        """Forget ended ticks of schedules and assets but for the newest *keep* of each."""
        with self._lock:
            seen: Counter[str] = Counter()
            old = []
            for tick in self.ticks():
                if tick.is_open or tick.source.startswith("sensor:"):
                    continue
                seen[tick.source] += 1
                if seen[tick.source] > keep:
                    old.append((tick.source, tick.key))
            for identity in old:
                del self._ticks[identity]
            return len(old)

    def hold(self, holder: str, owner: Owner, now: datetime) -> DaemonRecord:
        """Take the lease where it is free, or its holder is gone; return who has it."""
        with self._lock:
            known = self.daemon()
            if known is not None and known.alive and known.holder != holder:
                return known
            mine = known is not None and known.holder == holder
            record = DaemonRecord(
                holder=holder,
                owner=owner,
                started_at=known.started_at if known is not None and mine else now,
                heartbeat_at=self._mortals.clock(),
            )
            self._daemon = record, is_alive(self._mortals.guard(guard_name(holder)))
            return record

    def let_go(self, holder: str) -> None:
        """Give the lease back, where *holder* has it."""
        with self._lock:
            if self._daemon is not None and self._daemon[0].holder == holder:
                self._daemon = None

    def daemon(self) -> DaemonRecord | None:
        """Return who holds the lease, or held it last without giving it back."""
        with self._lock:
            if self._daemon is None:
                return None
            known, guarded = self._daemon
            alive = self._mortals.lives(
                guard_name(known.holder),
                known.owner,
                guarded=guarded,
                heartbeat_at=known.heartbeat_at,
            )
            return replace(known, alive=alive)

    def _kept(self, tick: TickRecord) -> TickRecord:
        kept = replace(tick, request=json.loads(json.dumps(dict(tick.request))))
        self._ticks[tick.source, tick.key] = kept
        return kept

    def _refuse_replaced(self, holder: str | None) -> None:
        if holder is None:
            return
        known = self.daemon()
        if known is None or known.holder != holder:
            raise replaced(known)


def _age(tick: TickRecord) -> tuple[datetime, int, str, str]:
    return tick.instant, tick.seq, tick.source, tick.key
