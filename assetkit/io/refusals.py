"""What is said where a file system refuses something: of which slot it was, and what helps."""

from __future__ import annotations

import errno
from pathlib import Path

from assetkit.errors import StorageError
from assetkit.io.base import Source, Target
from assetkit.io.sweep import is_barred
from assetkit.records import slot_name


def slot_of(slot: Source | Target) -> str:
    """Return how a slot is written for people."""
    return slot_name(slot.asset, slot.partition_key)


def refused(error: OSError, what: str, target: Target, path: Path | str) -> StorageError:
    """Say why the file system refused to write or publish a slot: another run may have taken it."""
    if not is_barred(target.place, target.run_id):
        return storage_error(error, f"{what} {slot_of(target)}", path)
    return StorageError(
        f"{slot_of(target)} was not published: this process was silent for so long that its run "
        f"{target.run_id} was taken for dead, and another run took over. Ask again: what the other "
        "made is reused."
    )


def storage_error(error: OSError, what: str, path: Path | str) -> StorageError:
    """Say what could not be done, where, and what the system said."""
    reason = error.strerror or str(error) or type(error).__name__
    hint = _HINTS.get(error.errno or 0, "")
    return StorageError(f"Cannot {what} at {path}: {reason}.{hint}")


_HINTS = {
    errno.ENOSPC: " Free some space; what was published before is untouched.",
    errno.EACCES: " Check the rights of the folder.",
    errno.EROFS: " The file system is mounted for reading only.",
    errno.EXDEV: " The private folder and the data must be on one file system.",
    errno.ENAMETOOLONG: " A shorter asset or partition name is needed.",
}
