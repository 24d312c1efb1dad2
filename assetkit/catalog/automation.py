"""The automation port of a catalog: ticks, what is remembered of their sources, the daemon's lease.

Rule 1: a tick is known by source and key; what is there already is never written a second time,
whoever asks: so a tick is neither lost nor doubled, over kills, restarts and several processes.
Rule 2: new ticks and what their source remembers (a cursor) are one transaction.
Rule 3: a daemon writes only while it holds the lease; who lost it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from assetkit.errors import DaemonReplaced
from assetkit.records import Owner


class TickStatus(StrEnum):
    """Where a tick stands. ``due``: written down, nothing has run for it yet."""

    DUE = "due"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MISSED = "missed"


HOLD = "hold:"
"""How the names of states begin that say of an asset whether it is to be left alone."""

OPEN = (TickStatus.DUE, TickStatus.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class TickRecord:
    """One time at which automation had something to run.

    ``source`` is ``schedule:NAME``, ``sensor:NAME`` or ``assets``; with ``key``
    (the UTC instant, or a run key) it is the tick's identity. ``request`` holds
    JSON values: what is to run, and why. ``runs`` are the runs made for it, oldest
    first. ``seq``: results with inputs read under this number of the catalog's
    sequence, or a later one, came after it.
    """

    source: str
    key: str
    instant: datetime
    status: TickStatus = TickStatus.DUE
    request: Mapping[str, Any] = field(default_factory=dict)
    runs: tuple[str, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    message: str = ""
    seq: int = 0

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done for it."""
        return self.status in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomationState:
    """What is remembered of a schedule, a sensor or a promise, by name.

    ``since``: ticks before it do not count. ``cursor`` is the source's own text.
    ``count`` says how often in a row the outcome was this one.
    """

    name: str
    since: datetime
    cursor: str | None = None
    checked_at: datetime | None = None
    outcome: str = ""
    message: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonRecord:
    """The daemon that holds a workspace, or held it last; ``alive``: its process lives."""

    holder: str
    owner: Owner
    started_at: datetime
    heartbeat_at: datetime
    alive: bool = True

    def __str__(self) -> str:
        who = self.owner
        return f"process {who.pid} on {who.host} ({who.command})"


class AutomationLog(Protocol):
    """What automation did, and who does it."""

    def note(
        self,
        ticks: Sequence[TickRecord],
        states: Sequence[AutomationState] = (),
        *,
        holder: str | None = None,
    ) -> Sequence[TickRecord]:
        """Write down *states*, and those of *ticks* that are not there yet; return the latter.

        Raises `DaemonReplaced` where *holder* is not None and does not hold the lease;
        then nothing is written.
        """
        ...

    def update(self, tick: TickRecord, *, holder: str | None = None) -> None:
        """Write a tick in the place of what is there of it; raises as `note` does."""
        ...

    def ticks(
        self, *, source: str | None = None, open_only: bool = False, limit: int | None = None
    ) -> Sequence[TickRecord]:
        """Return ticks, newest first."""
        ...

    def states(self, *, prefix: str = "") -> Sequence[AutomationState]:
        """Return what is remembered under names that begin with *prefix*, by name."""
        ...

    def forget(self, *, keep: int) -> int:
        """Forget ended ticks but for the newest *keep* of each source; return how many.

        Those of sensors stay: their keys must not run again.
        """
        ...

    def hold(self, holder: str, owner: Owner, now: datetime) -> DaemonRecord:
        """Take the lease where it is free, or its holder is gone; say that its holder lives.

        Return who has it afterwards.
        """
        ...

    def let_go(self, holder: str) -> None:
        """Give the lease back, where *holder* has it."""
        ...

    def daemon(self) -> DaemonRecord | None:
        """Return who holds the lease, or held it last without giving it back; None: nobody."""
        ...


def replaced(by: DaemonRecord | None) -> DaemonReplaced:
    """Return the error for a holder that lost the lease."""
    who = f"{by} has taken over" if by is not None else "nobody holds it now"
    return DaemonReplaced(
        f"This daemon no longer holds the workspace: {who}. What it was about to write down is "
        f"refused; whoever holds the workspace goes on from what is recorded."
    )


def guard_name(holder: str) -> str:
    """Return the name of the file that a holder keeps locked while it lives."""
    return f"daemon-{holder}"
