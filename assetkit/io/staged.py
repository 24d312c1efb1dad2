"""Files that are published in one step: what all IO managers for local files share.

Rule 1: the final path is never opened for writing; a staged file is renamed to it.
Rule 2: nothing staged lies in a folder that readers look into.
Rule 3: a file is durable before it gets its name, and its name before `publish` returns.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

from assetkit.errors import DataChanged, StorageError
from assetkit.faultpoints import reach
from assetkit.io import disk
from assetkit.io.attests import Attests, about_file
from assetkit.io.base import Place, Source, Stored, Target, Written
from assetkit.io.sweep import is_barred, staging_of
from assetkit.records import AssetKey, FileSignature, MultiPartitionKey, PartitionKey, slot_name

_NO_PARTS = frozenset({"", ".", ".."})


class StagedFiles(Attests):
    """Publish, find and delete one file per slot. ``filename`` is its name in the slot's folder."""

    filename: ClassVar[str]
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

    def make_room(self, place: Place, folders: Iterable[str]) -> None:
        """Make the folders of several slots at once, ahead of `publish`, which makes one by one.

        What fails here is left to `publish`, which says of which slot it is.
        """
        changed: dict[Path, None] = {}
        with contextlib.suppress(OSError):
            for folder in folders:
                changed |= dict.fromkeys(disk.make_folders(local(place.data) / folder))
            for path in changed:
                disk.sync_folder(path)

    def publish(self, written: Written, target: Target) -> Written:
        """Put a staged file in place, atomically and durably.

        Where the same content is there already the file is left alone, and only
        a new provenance is noted beside it.

        Raises:
            StorageError: where the file system refuses; what was there stays.
        """
        staged, final = written.staged, self.path_of(target)
        if staged is None:
            return written
        try:
            with disk.publish_lock(target.place.private, final, target.run_id):
                unchanged = self._publish(staged, final, target, written.record)
        except OSError as error:
            self.discard(written)
            raise refused(error, "publish", target, final) from error
        self.discard(written)
        signature = disk.signature_of(final)
        return replace(
            written,
            staged=None,
            unchanged=unchanged,
            signature=signature,
            bytes=signature.size if signature else written.bytes,
            location=f"{target.folder}/{self.filename}",
        )

    def discard(self, written: Written) -> None:
        """Drop staged data; what is published stays."""
        if written.staged is None:
            return
        for path in (written.staged, *self.companions(written.staged)):
            # Whoever took over from this run may have removed the whole folder.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()

    def delete(self, target: Target) -> None:
        """Remove a slot's file, and the folders that it leaves empty; safe to repeat."""
        final = self.path_of(target)
        top = local(target.place.data) / target.asset
        try:
            with disk.publish_lock(target.place.private, final):
                if final.exists():
                    self._keep_version(final, target)
                self._attest_path(target.place, target.folder).unlink(missing_ok=True)
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
                self._attest_path(source.place, source.folder).unlink(missing_ok=True)
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
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refused(error, "write", target, folder) from error
        return folder / name

    def _publish(
        self, staged: Path, final: Path, target: Target, record: Mapping[str, Any] | None
    ) -> bool:
        """Put the file in place; True where what is there is left alone.

        *record* is that of a file without one; it is noted aside, before anyone sees the file.
        """
        reach("publish.locked")
        old, attest = self._record_there(final), self._attest_path(target.place, target.folder)
        new = {} if old is None else record or self.read_record(staged) or {}
        if old is not None and _same_content(old, new):
            if _provenance(old) != _provenance(new):
                self._attest(target, old, new)
            else:
                attest.unlink(missing_ok=True)
            return True
        if old is not None or final.exists():
            self._keep_version(final, target)
        disk.sync_file(staged)
        reach("publish.synced")
        followers = zip(self.companions(staged), self.companions(final), strict=True)
        if record is not None:
            self._attest(target, about_file(staged), record)
        disk.replace(staged, final)
        for follower, place in followers:
            disk.replace(follower, place)
        if record is None:
            attest.unlink(missing_ok=True)
        return False

    def _record_there(self, final: Path) -> Mapping[str, Any] | None:
        try:
            return self.read_record(final)
        except (FileNotFoundError, DataChanged):
            return None

    def _keep_version(self, final: Path, target: Target) -> None:
        """Hard-link the file that is about to go, and forget the oldest beyond ``keep``."""
        if self.keep <= 0:
            return
        self._link_version(final, target)
        for path in self.kept_versions(target)[: -self.keep]:
            for each in (path, *self.companions(path)):
                each.unlink(missing_ok=True)

    def _link_version(self, final: Path, target: Target) -> None:
        folder = target.place.private / "versions" / target.folder
        folder.mkdir(parents=True, exist_ok=True)
        found = final.stat()
        # The name says which file it is: linked again after a crash, it is there already.
        link = folder / f"{found.st_mtime_ns:020d}-{found.st_ino:x}{final.suffix}"
        for source, kept in zip(self.files_of(target), (link, *self.companions(link)), strict=True):
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                os.link(source, kept)


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


_OF_ONE_RUN = frozenset({"run_id", "attempt", "materialized_at", "data_time"})


def _same_content(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    keys = ("data_version", "content", "form")
    return all(old.get(key) == new.get(key) is not None for key in keys)


def _provenance(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record without what tells one run from the next."""
    return {key: value for key, value in record.items() if key not in _OF_ONE_RUN}


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
