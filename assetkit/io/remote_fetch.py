"""Objects of slots as local files: fetched with what belongs to them, in versions that fit."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assetkit.errors import DataChanged
from assetkit.io.base import Place, Source
from assetkit.io.object_store import ObjectStore, data_key, open_store
from assetkit.io.pins import new_folder
from assetkit.io.remote_places import Kept, here, in_parallel, is_here, missing, telling
from assetkit.io.staged import StagedFiles
from assetkit.records import FileSignature

BEFORE = "before"
"""Under this name, a record beside a file has the one that it replaced."""

Record = Mapping[str, Any]


class Fetcher:
    """Fetches the objects of slots that *kind* reads and writes as files."""

    def __init__(self, kind: StagedFiles) -> None:
        self._kind = kind

    def keys(self, key: str) -> list[str]:
        """Return the keys of a slot's object and of those that belong to it."""
        path = Path(key)
        return [one.as_posix() for one in (path, *self._kind.companions(path))]

    def record(self, store: ObjectStore, key: str) -> tuple[Record | None, FileSignature]:
        """Return an object's own record (None: another hand's), and which version it is of.

        Raises:
            FileNotFoundError: nothing is there.
            DataChanged: it is torn.
        """
        with TemporaryDirectory(prefix="assetkit-") as folder:
            path = Path(folder) / self._kind.filename
            found = store.fetch(key, path)
            return self._with_beside(store, key, path), found

    def there(self, store: ObjectStore, key: str) -> tuple[Record | None, FileSignature | None]:
        """Return the record of what is there and its version; None for what is not, or torn."""
        try:
            return self.record(store, key)
        except FileNotFoundError:
            return None, None
        except DataChanged:
            return None, store.look(key)

    def copies(self, sources: Sequence[Source], folder: Path) -> list[Source]:
        """Fetch slots into a folder; return them as sources of files there."""

        def copied(source: Source) -> Source:
            if is_here(source):
                return here(source)
            place = Place(data=str(folder), private=source.place.private)
            copy = replace(source, place=place)
            path = self._kind.path_of(copy)
            path.parent.mkdir(parents=True, exist_ok=True)
            self.copy(source, path)
            return copy

        return in_parallel(copied, sources)

    def take_kept(self, kept: Kept, path: Path) -> Record | None:
        """Fetch a kept version, and of what belongs to it the version that fits."""
        store = open_store(kept.place)
        path.write_bytes(store.read_version(kept.version))
        companions = self._kind.companions(path)
        record = None if companions else self._kind.read_record(path)
        for beside in kept.beside if record is None else ():
            companions[0].write_bytes(store.read_version(beside))
            record = self._fitting(path)
            if record is not None:
                break
        return record

    def copy(self, source: Source, path: Path) -> None:
        """Fetch one slot into a file; again where a publisher passes between its two objects.

        Raises:
            DataMissing: nothing is there.
        """
        key = source.location or f"{source.folder}/{self._kind.filename}"
        key = data_key(source.place, key)
        with telling(source, "read", key):
            store = open_store(source.place)
            for _ in range(3):
                try:
                    store.fetch(key, path)
                except FileNotFoundError:
                    raise missing(source, key) from None
                with contextlib.suppress(DataChanged):  # whoever reads it says so
                    if self._with_beside(store, key, path) is not None:
                        return

    def _with_beside(self, store: ObjectStore, key: str, path: Path) -> Record | None:
        """Fetch what belongs to a file at *path*; return the record that fits it."""
        for file, beside in zip(self._kind.companions(path), self.keys(key)[1:], strict=True):
            with contextlib.suppress(FileNotFoundError):
                store.fetch(beside, file)
        return self._fitting(path)

    def _fitting(self, path: Path) -> Record | None:
        """Return the record that fits a file: the one beside it, or the one before that."""
        record = self._kind.read_record(path)
        for file in self._kind.companions(path) if record is None else ():
            before = _before(file)
            if before is not None:
                file.write_text(json.dumps(before), encoding="utf-8")
                record = record or self._kind.read_record(path)
        if record is None or BEFORE not in record:
            return record
        return {name: value for name, value in record.items() if name != BEFORE}


@contextlib.contextmanager
def scratch(place: Place) -> Iterator[Path]:
    """Give a folder of this process inside the block."""
    folder = new_folder(place.private)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _before(file: Path) -> Record | None:
    try:
        found = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    before = found.get(BEFORE) if isinstance(found, dict) else None
    return before if isinstance(before, dict) else None
