"""The lock beside the catalog file: one process at a time, in the kernel's own queue.

DuckDB's lock is no help here: it is tried, not queued for, and DuckDB 2.0.0
reads the file before it takes it. So this lock is taken before every attach,
for reading, too.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assetkit.catalog.liveness import command_name
from assetkit.errors import CatalogError, CatalogLocked


class FileLock:
    """Let one holder at a time, over all threads and processes of this host, past *path*.

    *wait* is how many seconds to wait for another holder.
    """

    def __init__(self, path: Path, *, wait: float) -> None:
        self.path, self.wait = path, wait

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock inside the block.

        Raises:
            CatalogLocked: another one held it all the time; names pid, host and command.
            CatalogError: the lock file cannot be made.
        """
        file = self._acquire(self._open())
        _held.add(file)
        try:
            _sign(file)
            yield
        finally:
            _held.discard(file)
            fcntl.flock(file, fcntl.LOCK_UN)
            os.close(file)

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except PermissionError:
            return self._open_foreign()
        except OSError as error:
            raise CatalogError(f"The lock file {self.path} cannot be made: {error}") from error

    def _open_foreign(self) -> int:
        """Open the lock file of a folder that this process may only read."""
        try:
            return os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise CatalogError(
                f"The folder of the catalog, {self.path.parent}, is read-only for this user, and "
                f"the catalog needs a lock file there, even for reading. Make it writable, or "
                f"choose another workspace: Workspace(...) or ASSETKIT_WORKSPACE."
            ) from error

    def _acquire(self, file: int) -> int:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not _Queued(file).wait(self.wait):
                raise CatalogLocked(self._complaint()) from None
        return file

    def _complaint(self) -> str:
        return (
            f"The catalog in {self.path.parent} has been in use for {self.wait:g} s by "
            f"{_holder(self.path)}. Wait for it or stop it, then try again."
        )


class _Queued:
    """A place in the kernel's queue: a thread that waits for as long as it takes.

    Polling would be neither fair nor fast, and `flock` knows no timeout. A
    place given up lets go of the lock as soon as its turn comes.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._mutex = threading.Lock()
        self._turn = threading.Event()
        self._given_up = False
        threading.Thread(target=self._queue, name="assetkit-lock", daemon=True).start()

    def _queue(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._mutex:
            self._turn.set()
            if self._given_up:
                os.close(self._file)

    def wait(self, seconds: float) -> bool:
        """Return whether the lock came within that time; if not, the place is given up."""
        try:
            self._turn.wait(seconds)
            return self._take()
        except BaseException:
            self._abandon()
            raise

    def _take(self) -> bool:
        with self._mutex:
            self._given_up = not self._turn.is_set()
            return not self._given_up

    def _abandon(self) -> None:
        with self._mutex:
            self._given_up = True
            if self._turn.is_set():
                os.close(self._file)


_held: set[int] = set()


def _drop_inherited() -> None:
    """Close a forked child's copies of locks: they are its parent's, and would outlive it."""
    for file in tuple(_held):
        _held.discard(file)
        os.close(file)


os.register_at_fork(after_in_child=_drop_inherited)


def _sign(file: int) -> None:
    """Write into the lock file who holds it; where that may not be, nobody is named.

    Only a change of holder is written: a write costs more than the lock itself.
    """
    who = {"pid": os.getpid(), "host": socket.gethostname(), "command": command_name()}
    text = json.dumps(who).encode()
    try:
        if os.pread(file, len(text) + 1, 0) != text:
            os.ftruncate(file, 0)
            os.pwrite(file, text, 0)
    except OSError:
        return


def _holder(path: Path) -> str:
    try:
        who = json.loads(path.read_text())
        return f"process {who['pid']} on {who['host']} ({who['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
