"""What differs once something was written: of a catalog, and of a project's files."""

from __future__ import annotations

import os
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


def project_mark(folder: Path) -> object:
    """Return what differs once a Python file of a folder changed, came or went.

    Hidden folders, environments and more than 5,000 files are not looked at.
    """
    marks: list[tuple[str, int, int]] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _SKIPPED
            and not name.startswith(".")
            and not os.path.exists(os.path.join(place, name, "pyvenv.cfg"))  # noqa: PTH110, PTH118
        )
        for name in files:
            if not name.endswith(".py") or len(marks) >= _MOST:
                continue
            try:
                found = os.stat(os.path.join(place, name))  # noqa: PTH116, PTH118  many, and often
            except OSError:
                continue
            marks.append((os.path.join(place, name), found.st_mtime_ns, found.st_size))  # noqa: PTH118
    return tuple(marks)
