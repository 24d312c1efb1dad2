"""Places in storage and catalog code at which a test can break a real process.

In production `reach` does nothing. A test arms one place, by `arm` or by the variable
``ASSETKIT_FAULT`` at the start of a process: ``publish.replaced``,
``catalog.committed:3`` (the third time), ``publish.replaced:1:stop``. What happens there:
``kill`` (SIGKILL, the default), ``stop`` (SIGSTOP), or ``full`` (the disk is full).
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from typing import Final

POINTS: Final = (
    "run.started",
    "write.opened",
    "write.group",
    "write.closed",
    "publish.locked",
    "publish.synced",
    "publish.replaced",
    "publish.durable",
    "catalog.begun",
    "catalog.committing",
    "catalog.committed",
    "catalog.copied",
    "catalog.checkpointed",
    "run.ending",
)
"""The places that a run with local files reaches, by name, in that order."""

REMOTE_POINTS: Final = ("store.looked", "store.begun", "store.part", "store.put")
"""Those that it reaches with an object store, besides: the second and third with large files."""

DAEMON_POINTS: Final = ("daemon.noted", "daemon.begun", "daemon.ran", "daemon.finished")
"""Those that a turn of automation reaches around each run."""

_VARIABLE = "ASSETKIT_FAULT"
_armed: list[tuple[str, int, str]] = []


def arm(wish: str) -> None:
    """Break this process at a place: ``NAME[:TIMES[:kill|stop|full]]``; empty: nowhere.

    Raises `ValueError` for a place that is none.
    """
    _armed.clear()
    if not wish:
        return
    name, _, rest = wish.partition(":")
    times, _, action = rest.partition(":")
    if name not in (known := (*POINTS, *REMOTE_POINTS, *DAEMON_POINTS)):
        raise ValueError(f"{name!r} is no fault point; there are {', '.join(known)}")
    _armed.append((name, int(times or 1), action or "kill"))


def reach(name: str) -> None:
    """Break this process where that place is armed."""
    if _armed:
        _break(name)


def _break(name: str) -> None:
    wanted, times, action = _armed[0]
    if name != wanted:
        return
    if times > 1:
        _armed[0] = (wanted, times - 1, action)
        return
    _armed.clear()
    if action == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    # To this thread: with a signal to the process it might run on for a moment.
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


arm(os.environ.get(_VARIABLE, ""))
