"""The lease of a workspace's one daemon: taken, shown to be alive, given back."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from datetime import datetime
from time import monotonic

from assetkit.catalog.automation import DaemonRecord, guard_name
from assetkit.catalog.base import Catalog
from assetkit.catalog.liveness import this_process
from assetkit.errors import WorkspaceError

BEAT = 15.0
"""Seconds between two signs of life."""


class Lease:
    """The right to look after a workspace; held by one process, or none."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._guard = ExitStack()
        self._beat_at: float | None = None
        self.holder = secrets.token_hex(8)

    @property
    def is_held(self) -> bool:
        """Whether this process had it when it looked last."""
        return self._beat_at is not None

    def take(self, now: datetime) -> DaemonRecord | None:
        """Take the lease, or show that its holder lives; return who else has it, None: nobody."""
        if self._beat_at is None:
            known = self._catalog.automation.daemon()
            if known is not None and known.alive and known.holder != self.holder:
                return known
            self.holder = secrets.token_hex(8)
            self._show_presence()
        elif monotonic() - self._beat_at < BEAT:
            return None
        record = self._catalog.automation.hold(self.holder, this_process(), now)
        if record.holder != self.holder:
            self.lose()
            return record
        self._beat_at = monotonic()
        return None

    def _show_presence(self) -> None:
        try:
            self._guard.enter_context(self._catalog.guard(guard_name(self.holder)))
        except OSError as error:
            raise WorkspaceError(
                f"The workspace cannot be written: {error}. Mend the rights of its folder, or "
                f"choose another: --workspace or Workspace(...)."
            ) from error

    def lose(self) -> None:
        """Take note that another process has it."""
        self._beat_at = None
        self._guard.close()

    def give_back(self) -> None:
        """Let the next one have it at once."""
        if self._beat_at is not None:
            self._catalog.automation.let_go(self.holder)
        self.lose()
