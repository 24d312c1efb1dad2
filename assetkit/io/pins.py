"""Hard links that keep the files of a long read as they were when it began.

A file that is replaced while a reader is at work stays whole under its pin. A
pin folder belongs to a process, which holds its lock; the sweep takes those
whose lock is free.
"""

from __future__ import annotations

import atexit
import fcntl
import itertools
import os
import shutil
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path

_numbers = itertools.count()


class Pins:
    """Links to files, at ``paths``; dropped by `drop`, or with the object itself."""

    def __init__(self, private: Path, paths: Sequence[Path]) -> None:
        """Pin files.

        Raises:
            FileNotFoundError: where a file is not there.
        """
        self.folder = new_folder(private)
        self._finalizer = weakref.finalize(self, _remove, self.folder, os.getpid())
        self.paths = tuple(self._pin(number, path) for number, path in enumerate(paths))

    def drop(self) -> None:
        """Remove the links; what was read stays."""
        self._finalizer()

    def drop_with(self, owner: object) -> None:
        """Remove the links when *owner* is no more."""
        self._finalizer.detach()
        weakref.finalize(owner, _remove, self.folder, os.getpid())

    def _pin(self, number: int, path: Path) -> Path:
        link = self.folder / f"{number}{path.suffix}"
        for _ in range(100):
            try:
                os.link(path, link)
            except FileNotFoundError:
                # A link that meets a rename may miss both files; only a second look can tell.
                if not path.exists():
                    raise
            except OSError:
                return path  # no hard links here: the file itself has to do
            else:
                return link
        raise FileNotFoundError(path)


def new_folder(private: Path) -> Path:
    """Return an empty folder of this process: removed when it ends, or swept once it is gone."""
    folder = _session(private) / f"{next(_numbers):x}"
    folder.mkdir()
    return folder


_sessions: dict[tuple[int, Path], tuple[Path, int]] = {}
_guard = threading.Lock()


def _session(private: Path) -> Path:
    """Return this process's folder for pins, made and locked on first use."""
    with _guard:
        known = _sessions.get((os.getpid(), private))
        if known is not None and known[0].exists():
            return known[0]
        folder = private / "pins" / f"{os.getpid()}-{os.urandom(4).hex()}"
        folder.mkdir(parents=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        _sessions[os.getpid(), private] = (folder, lock)
        atexit.register(_remove, folder, os.getpid())
        return folder


def _remove(folder: Path, maker: int) -> None:
    # A forked child has its parent's links in memory, but they are not its own.
    if os.getpid() == maker:
        shutil.rmtree(folder, ignore_errors=True)


def is_abandoned(session: Path) -> bool:
    """Tell whether the process that made a pin folder is gone."""
    try:
        lock = os.open(session / "lock", os.O_RDWR)
    except OSError:
        return False  # just being made
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
