"""What is noted beside a slot's file: a new provenance, or the record of a file without one.

Rule 1: an attest names what it is about, and counts for nothing else: it cannot lie.
Rule 2: losing one costs a run that would not have been needed.
"""

from __future__ import annotations

import json
import secrets
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assetkit.io import disk
from assetkit.io.base import Place, Source, Target

BOUND = ("data_version", "content", "form", "run_id", "attempt")
"""What of a file's record says which file a later attest is about."""


class Attests:
    """Write and read the small files beside slots; in a workspace's private folder."""

    @abstractmethod
    def staging_path(self, target: Target) -> Path:
        """Return a new path for a staged file."""

    @abstractmethod
    def _record_there(self, final: Path) -> Mapping[str, Any] | None:
        """Return a file's own record, None where it has none."""

    def _attest_path(self, place: Place, folder: str) -> Path:
        return place.private / "attest" / f"{folder}.json"

    def _attest(
        self,
        target: Target,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
        staged: Path | None = None,
    ) -> None:
        """Note the record *new* for the file that *old* is of: its record, or `about_file`."""
        content = json.dumps({"about": _about(old), "record": new}, sort_keys=True, default=str)
        path = self._attest_path(target.place, target.folder)
        disk.write_durably(path, content.encode(), staged or self.staging_path(target))

    def _forget_attest(self, slot: Source | Target) -> None:
        self._attest_path(slot.place, slot.folder).unlink(missing_ok=True)

    def _attest_aside(
        self, target: Target, record: Mapping[str, Any], file: Path | None = None
    ) -> None:
        """Attest what no run made: there is no staging folder of a run to write it in first.

        *file* may be one without a record of its own.
        """
        path = self._attest_path(target.place, target.folder)
        staged = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
        disk.make_folders(path.parent)
        bare = file is not None and self._record_there(file) is None
        old = about_file(file) if file is not None and bare else record
        self._attest(target, old, {**record, **target.provenance}, staged)

    def _attested(
        self, slot: Source | Target, record: Mapping[str, Any] | None, file: Path | None = None
    ) -> Mapping[str, Any] | None:
        """Return a file's record as it was last noted; *record* is its own, None without one."""
        try:
            attest = json.loads(self._attest_path(slot.place, slot.folder).read_bytes())
            about = about_file(file) if record is None and file else _about(record or {})
        except (FileNotFoundError, ValueError):
            return record
        if attest["about"] != about:
            return record
        newer: Mapping[str, Any] = attest["record"]
        return newer

    def _record_of(self, path: Path, slot: Source | Target) -> Mapping[str, Any] | None:
        """Return the record in a file, or beside a file of others; None where there is neither."""
        record = self._record_there(path)
        return self._attested(slot, None, path) if record is None else record


def about_file(path: Path) -> dict[str, Any]:
    """Return what tells a file without a record from what it may be replaced by.

    Raises `FileNotFoundError` where there is none.
    """
    found = path.stat()
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns}


def _about(record: Mapping[str, Any]) -> dict[str, Any]:
    return dict(record) if "mtime_ns" in record else {key: record.get(key) for key in BOUND}
