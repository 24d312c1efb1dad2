"""Files that are published in one step: what all IO managers for local files share.

Rule 1: the final path is never opened for writing; a staged file is renamed to it.
Rule 2: nothing staged lies in a folder that readers look into.
Rule 3: a file is durable before it gets its name, and its name before `publish` returns.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

from assetkit.errors import DataChanged, StorageError
from assetkit.io import disk
from assetkit.io.base import Place, Source, Stored, Target, Written
from assetkit.io.publishing import Publishing
from assetkit.io.refusals import refused, slot_of, storage_error
from assetkit.io.sweep import staging_of
from assetkit.records import AssetKey, FileSignature, MultiPartitionKey, PartitionKey, slot_name

_NO_PARTS = frozenset({"", ".", ".."})


class StagedFiles(Publishing):
    """Publish, find and delete one file per slot."""

    waits_for_disk: ClassVar[bool] = True

    def __init__(self, *, keep: int = 0) -> None:
        """Keep so many replaced files of each slot (as hard links, in the private folder)."""
        self.keep = keep

    # What a kind of file has to say: how its record is read, and what goes with it.

    def read_record(self, path: Path) -> Mapping[str, Any] | None:
        """Return a file's own record, None where another hand wrote it.

        Raises:
            FileNotFoundError: where nothing is.
            DataChanged: for a file that is torn.
        """
        raise FileNotFoundError(path)

    def companions(self, path: Path) -> Sequence[Path]:
        """Return the files that belong to *path*, in the order in which they follow it."""
        return ()

    def path_of(self, slot: Source | Target) -> Path:
        """Return where a slot's file lies, or will lie.

        Raises:
            StorageError: for a place that is not local, or a folder outside of it.
        """
        return Path(self._name_of(slot))

    def _name_of(self, slot: Source | Target) -> str:
        """Return `path_of` as text: of many slots, making each a path takes longer than `stat`."""
        data = local(slot.place.data)
        if isinstance(slot, Source) and slot.location is not None:
            return str(data / slot.location)
        if not _NO_PARTS.isdisjoint(slot.folder.split("/")):
            raise StorageError(
                f"{slot_name(slot.asset, slot.partition_key)} would be stored in {slot.folder!r}, "
                "outside of its workspace. Rename the asset or the partition."
            )
        return f"{data}/{slot.folder}/{self.filename}"

    def delete(self, target: Target) -> None:
        """Remove a slot's file, and the folders that it leaves empty; safe to repeat."""
        final = self.path_of(target)
        top = local(target.place.data) / target.asset
        try:
            with disk.publish_lock(target.place.private, final):
                if final.exists():
                    self._keep_version(final, target)
                self._forget_attest(target)
                for path in (final, *self.companions(final)):
                    path.unlink(missing_ok=True)
                _remove_empty(final.parent, top)
        except OSError as error:
            raise storage_error(error, f"delete {slot_of(target)}", final) from error

    def move(self, source: Source, target: Target) -> None:
        """Give a slot's file another place, and the record that goes with it; safe to repeat.

        Raises:
            StorageError: where the file system refuses; the file is in one of both places.
        """
        before, after = self.path_of(source), self.path_of(target)
        try:
            with disk.publish_lock(target.place.private, after):
                there = before if before.exists() else after
                record = self._record_of(there, source if there is before else target)
                if record is not None:
                    self._attest_aside(target, record, there)
                if there is before:
                    followers = list(
                        zip(self.companions(before), self.companions(after), strict=True)
                    )
                    disk.replace(before, after)
                    for follower, place in followers:
                        disk.replace(follower, place)
                self._forget_attest(source)
                _remove_empty(before.parent, local(source.place.data) / source.asset)
        except OSError as error:
            raise storage_error(error, f"move {slot_of(source)}", after) from error

    def note(self, target: Target) -> None:
        """Note a new provenance beside a slot's file, which stays as it is."""
        final = self.path_of(target)
        try:
            with disk.publish_lock(target.place.private, final):
                record = self._record_of(final, target)
                if record is not None:
                    self._attest_aside(target, record, final)
        except OSError as error:
            raise storage_error(error, f"note of {slot_of(target)}", final) from error

    def find(self, source: Source) -> Stored | None:
        """Return what lies in a slot's place by its own record, None where nothing does.

        Raises:
            DataChanged: for a file that is torn, or of another format.
        """
        path = self.path_of(source)
        signature = disk.signature_of(path)
        if signature is None:
            return None
        try:
            record = self._attested(source, self.read_record(path), path)
        except FileNotFoundError:
            return None
        rows = record.get("rows") if record else None
        return Stored(
            source=source, signature=signature, record=record, rows=rows, bytes=signature.size
        )

    def signatures(self, sources: Sequence[Source]) -> Sequence[FileSignature | None]:
        """Return what `stat` says of each slot's file now, None where there is none."""
        return [disk.signature_of(self._name_of(source)) for source in sources]

    def find_all(
        self, place: Place, asset: AssetKey, dimensions: Sequence[str]
    ) -> Sequence[Stored]:
        """Return all slots that lie in an asset's folder, by path; a torn file has no record."""
        found = []
        for folder, keys in _folders(local(place.data), asset, tuple(dimensions)):
            source = Source(
                asset=asset,
                partition_key=_partition_key(keys),
                dimensions=tuple(zip(dimensions, keys, strict=True)),
                place=place,
                folder=folder,
            )
            try:
                stored = self.find(source)
            except DataChanged:
                path = self.path_of(source)
                stored = Stored(source=source, signature=disk.signature_of(path), record=None)
            if stored is not None:
                found.append(stored)
        return found

    def files_of(self, slot: Source | Target) -> tuple[Path, ...]:
        """Return all files that a slot may have in the data folder."""
        path = self.path_of(slot)
        return (path, *self.companions(path))

    def names_of(self, slot: Source | Target) -> tuple[str, ...]:
        """Return where all files that a slot may have lie."""
        return tuple(map(str, self.files_of(slot)))

    def kept_versions(self, slot: Source | Target) -> list[Path]:
        """Return the replaced files of a slot that were kept, oldest first."""
        folder = slot.place.private / "versions" / slot.folder
        if not folder.is_dir():
            return []
        found = {path for path in folder.iterdir() if path.is_file()}
        return sorted(found - {beside for path in found for beside in self.companions(path)})

    def bring_back(self, kept: Path, target: Target) -> Written:
        """Publish a kept file again; the one that it replaces is kept, whatever `keep` says.

        Raises:
            StorageError: where the file system refuses; what is there stays.
        """
        staged, final = self.staging_path(target), self.path_of(target)
        try:
            os.link(kept, staged)
            for beside, copy in zip(self.companions(kept), self.companions(staged), strict=True):
                os.link(beside, copy)
            if final.exists():
                self._link_version(final, target)
        except OSError as error:
            raise storage_error(error, f"bring back {slot_of(target)}", final) from error
        return self.publish(Written(staged=staged), target)

    def take_over(self, source: Source, target: Target) -> Written:
        """Publish a copy of another workspace's slot, with its record; the original stays.

        Raises:
            StorageError: where the file system refuses; what is there stays.
        """
        original, staged = self.path_of(source), self.staging_path(target)
        try:
            disk.link_or_copy(original, staged)
            for beside, copy in zip(
                self.companions(original), self.companions(staged), strict=True
            ):
                disk.link_or_copy(beside, copy)
        except OSError as error:
            raise storage_error(error, f"copy {slot_of(source)}", staged) from error
        record = None
        if self.read_record(original) is None and (found := self.find(source)) is not None:
            record = {**(found.record or {}), **target.provenance}
        written = self.publish(Written(staged=staged, record=record), target)
        self.note(target)
        return written

    def staging_path(self, target: Target) -> Path:
        """Return a new path for a staged file; its folder is there."""
        folder = staging_of(target.place, target.run_id)
        name = f"{secrets.token_hex(8)}-{target.attempt}.tmp"
        try:
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refused(error, "write", target, folder) from error
        return folder / name


@lru_cache(maxsize=64)
def local(data: str) -> Path:
    """Return a place's data folder.

    Raises:
        StorageError: where it is not on a local file system.
    """
    if "://" in data:
        if not data.startswith("file://"):
            raise StorageError(
                f"The data lies in {data}, but this IO manager stores local files. "
                "Use a workspace on a local path, or an IO manager for object stores."
            )
        data = unquote(data.removeprefix("file://"))
    return Path(data)


def _partition_key(keys: tuple[str, ...]) -> PartitionKey | None:
    if len(keys) > 1:
        return MultiPartitionKey(keys)
    return keys[0] if keys else None


def _folders(
    data: Path, folder: str, dimensions: tuple[str, ...], keys: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Walk down one level per dimension; yield each folder and the keys that lead to it."""
    if not dimensions:
        yield folder, keys
        return
    prefix = f"{dimensions[0]}="
    try:
        with os.scandir(data / folder) as entries:
            names = sorted(e.name for e in entries if e.name.startswith(prefix) and e.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        key = unquote(name.removeprefix(prefix))
        yield from _folders(data, f"{folder}/{name}", dimensions[1:], (*keys, key))


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder and those above it as long as they are empty, up to *top*."""
    while folder == top or top in folder.parents:
        if folder.exists():
            disk.sync_folder(folder)
            try:
                folder.rmdir()
            except OSError:
                return
        folder = folder.parent
    if top.parent.exists():
        disk.sync_folder(top.parent)
