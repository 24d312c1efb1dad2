"""What happened to dynamic partitions, beside the catalog: no other file knows of them.

Rule 1: one line of JSON per change, appended under a lock once the catalog has it: what
was acknowledged is in both.
Rule 2: a line that is torn, or by another hand, is passed over; the rest still counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from assetkit.errors import StorageError
from assetkit.io import disk

Members = Mapping[str, Mapping[str, bool]]
"""Per set its keys in the order in which they were first added, and whether they are there."""


def journal_of(private: Path) -> Path:
    """Return where the changes are written."""
    return private / "partitions.jsonl"


def changing(private: Path) -> AbstractContextManager[None]:
    """Hold the lock under which sets are changed, so that the lines are in the catalog's order."""
    return disk.publish_lock(private, journal_of(private))


def note(private: Path, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
    """Write a change down; durable when this returns.

    Raises:
        StorageError: it cannot be written; the catalog has it.
    """
    change = {"name": name, "add": list(add), "remove": list(remove)}
    line = json.dumps({key: value for key, value in change.items() if value})
    path = journal_of(private)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            # A line that a crash has torn ends here, so that it spoils no other.
            os.write(handle, f"\n{line}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StorageError(f"The change of {name!r} cannot be noted in {path}: {error}.") from error


def told(private: Path) -> Members:
    """Return the sets as the journal tells them."""
    sets: dict[str, dict[str, bool]] = {}
    for change in _changes(journal_of(private)):
        members = sets.setdefault(change["name"], {})
        members |= dict.fromkeys(change.get("add", ()), True)
        members |= {key: False for key in change.get("remove", ()) if key in members}
    return sets


def _changes(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            change = json.loads(line)
        except ValueError:
            continue
        if isinstance(change, dict) and isinstance(change.get("name"), str):
            yield change
