"""What differs once something was written: of a catalog, and of a project's files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SKIPPED = frozenset({"__pycache__", "node_modules", "venv", "site-packages"})
_MOST = 5_000


def catalog_mark(path: Path | None) -> object:
    """Return what differs once anything was written in a catalog file; the file stays closed."""
    if path is None:
        return None
    marks = []
    for file in (path, path.with_name(f"{path.name}.wal")):
        try:
            found = file.stat()
        except OSError:
            marks.append((0, -1))
        else:
            marks.append((found.st_mtime_ns, found.st_size))
    return tuple(marks)


class ProjectFiles:
    """The Python files of a folder, looked at again and again: a folder is listed only once its
    own time has changed.

    Not looked at are hidden folders, environments, what lies in folders of partitions
    (``key=value``), the folder *but*, and what is beyond 5,000 files.
    """

    def __init__(self, folder: Path, but: Path | None = None) -> None:
        self._root, self._but = str(folder), str(but)
        self._listed: dict[str, _Listing] = {}

    def mark(self) -> object:
        """Return what differs once a file changed, came or went."""
        listed: dict[str, _Listing] = {}
        marks: list[tuple[str, int, int]] = []
        ahead = [self._root]
        while ahead and len(marks) < _MOST and len(listed) < _MOST:
            place = ahead.pop()
            found = self._list(place)
            if found is None:
                continue
            listed[place] = found
            ahead += found.folders
            for file in found.files:
                with suppress(OSError):
                    seen = os.stat(file)  # noqa: PTH116  many, and often
                    marks.append((file, seen.st_mtime_ns, seen.st_size))
        self._listed = listed
        return tuple(marks)

    def _list(self, place: str) -> _Listing | None:
        try:
            time = os.stat(place).st_mtime_ns  # noqa: PTH116
            known = self._listed.get(place)
            if known is not None and known.time == time:
                return known
            with os.scandir(place) as entries:
                return self._sorted(time, sorted(entries, key=lambda entry: entry.name))
        except OSError:
            return None

    def _sorted(self, time: int, entries: Sequence[os.DirEntry[str]]) -> _Listing:
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            return _Listing(time=time)
        folders = [
            entry.path
            for entry in entries
            if not entry.name.startswith(".")
            and "=" not in entry.name
            and entry.name not in _SKIPPED
            and entry.path != self._but
            and entry.is_dir(follow_symlinks=False)
        ]
        files = [entry.path for entry in entries if entry.name.endswith(".py")]
        return _Listing(time=time, folders=folders, files=files)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """What a folder had when its time was *time*."""

    time: int
    folders: Sequence[str] = ()
    files: Sequence[str] = ()
