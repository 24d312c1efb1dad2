"""Steps on a local file system that a crash cannot undo, and a lock around them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from assetkit.faultpoints import reach
from assetkit.records import FileSignature

_LOCKS = 64

_LONGEST_WAIT = 60.0
"""Seconds to wait for another process that publishes to the same path."""


def sync_folder(path: str | os.PathLike[str]) -> None:
    """Make the entries of a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: str | os.PathLike[str]) -> None:
    """Make the content of a file durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folders(path: Path) -> list[Path]:
    """Make a folder and what it lies in; return the folders with new entries, inmost first."""
    try:
        path.mkdir()
    except FileExistsError:
        return []
    except FileNotFoundError:
        above = make_folders(path.parent)
        path.mkdir(exist_ok=True)
        return [path.parent, *above]
    return [path.parent]


def place(staged: Path, final: Path, *, is_new: bool = False) -> list[Path]:
    """Put a staged file in place in one step; return the folders to be synced, inmost first.

    *is_new*: nothing is there yet, and its folder may be missing, too.
    """
    made = make_folders(final.parent) if is_new else []
    for again in range(99, -1, -1):
        try:
            os.replace(staged, final)  # noqa: PTH105  of many files, methods of a path take longer
            break
        except FileNotFoundError:
            # Whoever deleted the folder's last file may just have removed the folder.
            if not again or not staged.exists():
                raise
            made += make_folders(final.parent)
    reach("publish.replaced")
    return [final.parent, *made]


def replace(staged: Path, final: Path) -> None:
    """Put a staged file in place in one step; durable when this returns."""
    # Inmost first: journals then hold the rest already, and the other calls are cheap.
    for folder in place(staged, final):
        sync_folder(folder)
    reach("publish.durable")


def link_or_copy(path: Path, other: Path) -> None:
    """Give a file another name, or copy it where it lies on another file system."""
    try:
        os.link(path, other)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copyfile(path, other)


def write_durably(path: Path, content: bytes, staged: Path) -> None:
    """Write a small file through *staged*, a path of its own on the same file system."""
    with staged.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    replace(staged, path)


def signature_of(path: Path | str) -> FileSignature | None:
    """Return what `stat` says, None where there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116  of many files, a path of each takes longer
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileSignature(size=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino)


def lock_of(path: Path) -> str:
    """Return the name of the lock that all publishers of *path* take."""
    return f"{hashlib.blake2b(os.fsencode(path), digest_size=1).digest()[0] % _LOCKS:02x}"


@contextlib.contextmanager
def publish_lock(private: Path, path: Path, run_id: str = "") -> Iterator[None]:
    """Hold the lock that all publishers of *path* take, on this machine.

    Paths share 64 lock files, as making one takes as long as publishing; what is done
    under a lock takes milliseconds. One process holds one at a time. A holder
    that was stopped, and whose run another took over, is not waited for: it
    finds nothing to publish when it wakes.

    Raises:
        TimeoutError: another process held it all the time.
    """
    folder, name = private / "locks", lock_of(path)
    try:
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        if _acquired(handle, private) and _holder(handle) != run_id:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, 0)
                os.pwrite(handle, run_id.encode(), 0)
        yield
    finally:
        os.close(handle)


def _acquired(handle: int, private: Path) -> bool:
    """Wait for a lock; False where its holder's run was taken over, and it need not be had."""
    end, pause = time.monotonic() + _LONGEST_WAIT, 0.001
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(handle)
            if holder and (private / "staging" / holder).is_file():
                return False
            if time.monotonic() > end:
                raise TimeoutError(errno.ETIMEDOUT, f"run {holder} is publishing there") from None
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        else:
            return True


def _holder(handle: int) -> str:
    """Return the run that took a lock last; writing it anew each time would wait for journals."""
    return os.pread(handle, 200, 0).decode(errors="replace")
