"""What lies at a path, URL or glob: names, sizes and marks of change."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import xxhash


@dataclass(frozen=True, slots=True)
class Listed:
    """One file: where it is, how many bytes it has, what changes with it, and when it did.

    ``mark`` is the time in nanoseconds, or the etag; ``at`` None where unknown.
    """

    path: str
    size: int
    mark: str
    at: datetime | None


def is_url(path: str) -> bool:
    """Tell a URL of fsspec from a path of this machine."""
    return "://" in path or "::" in path


def list_files(pattern: str) -> list[Listed]:
    """Return the files of a path, folder or glob, by path; none where nothing is there."""
    found = _remote(pattern) if is_url(pattern) else _local(_at_home(pattern))
    return sorted(found, key=lambda one: one.path)


def fixed_part(pattern: str) -> str:
    """Return the folder of a glob in which all that it can match lies.

    >>> fixed_part("in/2026/*/part-?.csv")
    'in/2026'
    """
    parts: list[str] = []
    for part in pattern.split("/"):
        if glob.has_magic(part):
            return "/".join(parts)
        parts.append(part)
    return "/".join(parts[:-1])


def version_of(files: list[Listed], pattern: str) -> str:
    """Return the data version of a listing; where its folder lies does not count."""
    base = fixed_part(pattern)
    hasher = xxhash.xxh3_128()
    for file in files:
        name = file.path.rpartition(base)[2] if base else file.path
        hasher.update(f"{name}\x1f{file.size}\x1f{file.mark}\x1e".encode())
    return hasher.hexdigest()


def _at_home(pattern: str) -> str:
    return str(Path(pattern).expanduser()) if pattern.startswith("~") else pattern


def _local(pattern: str) -> Iterator[Listed]:
    # Path.glob knows no absolute patterns, and is several times slower.
    matched = glob.iglob(pattern, recursive=True) if glob.has_magic(pattern) else (pattern,)  # noqa: PTH207
    for name in matched:
        try:
            found = os.stat(name)  # noqa: PTH116, a Path for each of 10,000 files costs as much
        except (FileNotFoundError, NotADirectoryError):
            continue
        if stat.S_ISDIR(found.st_mode):
            yield from _inside(name)
        else:
            yield _stated(name, found)


def _inside(folder: str) -> Iterator[Listed]:
    """Yield the files of a folder of data; what begins with ``.`` or ``_`` is none."""
    for path in Path(folder).rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith((".", "_")) for part in parts):
            yield _stated(str(path), path.stat())


def _stated(name: str, found: os.stat_result) -> Listed:
    at = datetime.fromtimestamp(found.st_mtime, UTC)
    return Listed(name, found.st_size, str(found.st_mtime_ns), at)


def _remote(pattern: str) -> Iterator[Listed]:
    system, path = fsspec.core.url_to_fs(pattern)
    system.invalidate_cache()  # or a listing of an hour ago would count as one of now
    if glob.has_magic(path):
        found = system.glob(path, detail=True)
    else:
        found = system.find(path, detail=True)
    for name, facts in found.items():
        if facts.get("type") == "file":
            at = _time_of(facts)
            mark = facts.get("ETag") or facts.get("etag") or at or ""
            yield Listed(system.unstrip_protocol(name), int(facts.get("size") or 0), str(mark), at)


def _time_of(facts: Mapping[str, Any]) -> datetime | None:
    for name in ("LastModified", "last_modified", "mtime", "updated", "created"):
        value = facts.get(name)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
    return None
