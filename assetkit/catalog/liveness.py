"""Who still lives: run files that the kernel unlocks with their process, pids, heartbeats.

Rule 1: on one host a run file decides: it is locked exactly as long as its process lives.
Rule 2: where a run never had a run file, the pid and the process's start time decide.
Rule 3: of another host only heartbeats are seen; one minute of silence is death.
Rule 4: so it is for a process that is stopped (``kill -STOP``): it keeps its locks, and may
never go on.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import weakref
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from assetkit.records import Owner

SILENCE = timedelta(seconds=60)
"""How long an owner on another host may be silent."""


class RunGuard:
    """Hold a run file locked for the life of a run; a context manager.

    The lock ends with the process, however it ends, so that `is_alive` tells
    the dead within milliseconds. The file is removed when the run ends well.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "runs" / "r1.lock"
    ...     with RunGuard(path):
    ...         during = is_alive(path)
    ...     during, is_alive(path)
    (True, False)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        if os.fstat(self._file).st_size:
            os.ftruncate(self._file, 0)
        _held.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the file and its lock; doing so again does nothing."""
        if self._file is None:
            return
        self.path.unlink(missing_ok=True)
        self.forget()

    def forget(self) -> None:
        """Close the file, as a forked child must: the lock is its parent's."""
        file, self._file = self._file, None
        _held.discard(self)
        if file is not None:
            os.close(file)


_held: weakref.WeakSet[RunGuard] = weakref.WeakSet()


def _forget_all() -> None:
    for guard in tuple(_held):
        guard.forget()


os.register_at_fork(after_in_child=_forget_all)


def is_alive(path: Path) -> bool:
    """Return whether a process holds the run file; False where there is no such file."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def call(path: Path) -> None:
    """Tell whoever holds the run file that it is asked to stop; nobody is told where it is gone."""
    with suppress(FileNotFoundError), path.open("r+b") as file:
        file.write(b"stop")


def is_called(path: Path) -> bool:
    """Return whether `call` told the holder of the run file to stop.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, RunGuard(Path(folder) / "r1.lock") as guard:
    ...     before = is_called(guard.path)
    ...     call(guard.path)
    ...     before, is_called(guard.path)
    (False, True)
    """
    with suppress(FileNotFoundError):
        return path.stat().st_size > 0
    return False


def process_started(pid: int) -> float:
    """Return when a process started, in seconds since boot; 0.0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def command_name() -> str:
    """Return what this process is called for people: program and subcommand, no other arguments."""
    path = Path(sys.argv[0]) if sys.argv and sys.argv[0] else Path("python")
    program = path.parent.name if path.name == "__main__.py" else path.name
    words = [word for word in sys.argv[1:2] if not word.startswith("-")]
    return " ".join([program, *words])


def this_process() -> Owner:
    """Return this process as the owner of runs."""
    pid = os.getpid()
    return Owner(
        host=socket.gethostname(), pid=pid, command=command_name(), started=process_started(pid)
    )


def owner_is_alive(
    owner: Owner, *, guard: Path | None, heartbeat_at: datetime, now: datetime
) -> bool:
    """Return whether the owner of a run still lives, and is not stopped for good.

    *guard* is the run file where the run had one when it began, else None.
    """
    silent = now - heartbeat_at > SILENCE
    if owner.host != socket.gethostname():
        return not silent
    lives = _pid_is_alive(owner) if guard is None else is_alive(guard)
    return lives and not (silent and is_stopped(owner.pid))


def is_stopped(pid: int) -> bool:
    """Return whether a process was stopped by a signal; False where the system does not say."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state in ("T", "t")


def _pid_is_alive(owner: Owner) -> bool:
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    started = process_started(owner.pid)
    return not (owner.started and started) or abs(started - owner.started) < 1.0
