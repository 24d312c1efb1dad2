"""Values of any format in one file each, with a small record beside it.

A file without a fitting record (another hand's, or half of a crash) counts as
unknown: it is made again, and never opened as if it were ours.
"""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xxhash

from assetkit.errors import DataChanged, DataMissing
from assetkit.io.base import Loaded, Source, Target, Written
from assetkit.io.refusals import refused, slot_of
from assetkit.io.staged import StagedFiles
from assetkit.io.values import load_values


class SidecarFiles(StagedFiles):
    """Store each value as bytes in a file, and its record in ``<file>.assetkit.json``."""

    @abstractmethod
    def dump(self, value: Any, where: str) -> bytes:
        """Return a value as bytes; `OutputError` where it would not come back as it is."""

    @abstractmethod
    def restore(self, content: bytes, where: str) -> Any:
        """Return the value that `dump` was given; `InputError` where that fails."""

    def write(self, value: Any, target: Target) -> Written:
        """Store a value aside; `publish` puts it in place."""
        content = self.dump(value, f"What {slot_of(target)} returned")
        version = xxhash.xxh3_128_hexdigest(content)
        record = {
            "v": 1,
            "asset": target.asset,
            "partition": dict(target.dimensions),
            "run_id": target.run_id,
            "attempt": target.attempt,
            "data_version": version,
            **target.provenance,
            "content": version,
            "form": type(self).__name__,
            "bytes": len(content),
        }
        staged = self.staging_path(target)
        try:
            _write(staged, content)
            _write(_sidecar(staged), json.dumps(record, sort_keys=True, default=str).encode())
        except OSError as error:
            self.discard(Written(staged=staged))
            raise refused(error, "write", target, staged) from error
        return Written(bytes=len(content), data_version=str(record["data_version"]), staged=staged)

    def read(self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None) -> Any:
        """Load the slots as one value of the type *load_as*, in the order given."""
        return self.read_with_versions(sources, load_as, columns).value

    def read_with_versions(
        self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
    ) -> Loaded:
        """Load as `read` does, and say which data version of each slot was read."""
        read = [self._read(source) for source in sources]
        value = load_values([value for value, _ in read], sources, load_as, columns, self.path_of)
        return Loaded(value, tuple(version for _, version in read))

    def read_record(self, path: Path) -> Mapping[str, Any] | None:
        """Return the record beside a file, None where it is not about this content."""
        content = path.read_bytes()
        return _record_of(path, content)

    def companions(self, path: Path) -> Sequence[Path]:
        """Return the record's file."""
        return (_sidecar(path),)

    def _read(self, source: Source) -> tuple[Any, str | None]:
        path, name = self.path_of(source), slot_of(source)
        content, record = self._whole(path, name)
        if record is None:
            raise DataChanged(
                f"The file of {name} is not what was stored: {path}. Another hand changed it. "
                f"Delete it and materialize it again: assetkit materialize {name}"
            )
        return self.restore(content, name), str(record["data_version"])

    def _whole(self, path: Path, name: str) -> tuple[bytes, Mapping[str, Any] | None]:
        """Read a file and its record; twice where a publisher passes between the two."""
        record = None
        for _ in range(3):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                raise DataMissing(
                    f"The data of {name} is not there: no file {path}. Materialize it again: "
                    f"assetkit materialize {name}"
                ) from None
            record = _record_of(path, content)
            if record is not None:
                break
        return content, record


def _sidecar(path: Path) -> Path:
    return path.with_name(f"{path.name}.assetkit.json")


def _record_of(path: Path, content: bytes) -> Mapping[str, Any] | None:
    try:
        record = json.loads(_sidecar(path).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    fits = isinstance(record, dict) and record.get("content") == xxhash.xxh3_128_hexdigest(content)
    return record if fits else None


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
