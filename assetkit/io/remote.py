"""Files of slots in an object store: what the IO managers for local files become there.

Rule 1: a value is written, hashed and checked in a local file, and goes up in one step when
all is well with it: no part of it is in the store before.
Rule 2: what is replaced is held to the version that was looked at; where one came in between,
that one stays, and this one is refused.
Rule 3: what was reported as failed may have arrived: the object's own record tells.
Rule 4: a record beside a file goes up before it, and names the one that it replaces: at every
moment one of the two fits.
"""

from __future__ import annotations

import json
import shutil
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from assetkit.errors import DataChanged, InvalidArgument, StorageError
from assetkit.io import disk
from assetkit.io.attests import BOUND
from assetkit.io.base import Loaded, Place, Source, Stored, Target, Written
from assetkit.io.loading import wanted_of
from assetkit.io.object_store import ObjectStore, data_key, open_store
from assetkit.io.pins import new_folder
from assetkit.io.publishing import lasting
from assetkit.io.refusals import refused, slot_of
from assetkit.io.remote_fetch import Fetcher, Record, scratch
from assetkit.io.remote_places import (
    Kept,
    attest_key,
    here,
    in_parallel,
    is_here,
    slots_in,
    source_at,
    spool,
    telling,
    url_of,
)
from assetkit.io.remote_put import Put
from assetkit.io.staged import StagedFiles
from assetkit.records import AssetKey, FileSignature

_FEW = 4
"""Up to so many slots are asked for one by one; more are listed."""


class RemoteFiles(StagedFiles):
    """Keeps in an object store what *kind*, an IO manager for local files, reads and writes."""

    def __init__(self, kind: Any) -> None:
        super().__init__(keep=kind.keep)
        self.kind = kind
        self.filename = kind.filename  # type: ignore[misc]
        self._fetcher = self._make_fetcher()

    def __repr__(self) -> str:
        return repr(self.kind)

    def _make_fetcher(self) -> Fetcher:
        return Fetcher(self.kind)

    def write(self, value: Any, target: Target) -> Written:
        """Store a value aside, in a local file; `publish` puts it in the store."""
        if self.keep:
            _refuse_forgetful(target.place)
        written: Written = self.kind.write(value, replace(target, place=spool(target.place)))
        return written

    def read(self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None) -> Any:
        """Load the slots as one value of the type *load_as*, in the order given."""
        return self.read_with_versions(sources, load_as, columns).value

    def read_with_versions(
        self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
    ) -> Loaded:
        """Load as `read` does, and say which data version of each slot was read."""
        loaded: Loaded
        wanted = wanted_of(load_as)
        if sources and all(map(is_here, sources)):
            loaded = self.kind.read_with_versions(list(map(here, sources)), load_as, columns)
        elif sources and wanted is not None and wanted.one == "text" and not wanted.many:
            loaded = Loaded(self._url(sources), tuple(in_parallel(self._version, sources)))
        else:
            loaded = self._read(sources, load_as, columns)
        return loaded

    def _read(
        self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
    ) -> Loaded:
        """Read copies, and drop them once nothing reads them any more."""
        if not sources:
            found: Loaded = self.kind.read_with_versions((), load_as, columns)
            return found
        folder, wanted = new_folder(sources[0].place.private), wanted_of(load_as)
        loaded: Loaded = self.kind.read_with_versions(
            self._fetcher.copies(sources, folder), load_as, columns
        )
        if wanted is not None and wanted.many == "iterator":
            weakref.finalize(loaded.value, shutil.rmtree, folder, ignore_errors=True)
        elif wanted is None or wanted.one != "path":  # paths lead there until this process ends
            shutil.rmtree(folder, ignore_errors=True)
        return loaded

    def read_record(self, path: Any) -> Record | None:
        """Return the record of a local file, or of a kept version."""
        if not isinstance(path, Kept):
            found: Record | None = self.kind.read_record(path)
            return found
        with scratch(path.place) as folder:
            return self._fetcher.take_kept(path, folder / self.filename)

    def companions(self, path: Path) -> Sequence[Path]:
        """Return the files that belong to *path*."""
        found: Sequence[Path] = self.kind.companions(path)
        return found

    def path_of(self, slot: Source | Target) -> Path:
        """Refuse: what is in a store has no path.

        Raises:
            StorageError: always.
        """
        raise StorageError(
            f"{slot_of(slot)} lies in {slot.place.data}, which is no path here. Load it as str to "
            "get its URL, or as pathlib.Path to get a copy."
        )

    def publish(self, written: Written, target: Target) -> Written:
        """Put a staged file in the store, in one step; see `StagedFiles.publish`.

        Raises:
            StorageError: the store refuses, or another run published meanwhile; what is
                there stays.
        """
        staged, key = written.staged, self.key_of(target)
        if staged is None:
            return written
        try:
            with _alone(target, key):
                unchanged, found = self._replace(staged, key, target)
        except OSError as error:
            raise refused(error, "publish", target, url_of(target.place, key)) from error
        finally:
            self.discard(written)
        return self._in_place(written, target, found, unchanged=unchanged)

    def delete(self, target: Target) -> None:
        """Remove a slot's objects; safe to repeat."""
        key = self.key_of(target)
        with telling(target, "delete", key):
            store = open_store(target.place)
            for each in (attest_key(target), *self._fetcher.keys(key)):
                store.remove(each)

    def move(self, source: Source, target: Target) -> None:
        """Give a slot's objects another place, and the record that goes with them."""
        before, after = self._fetcher.keys(self.key_of(source)), self.key_of(target)
        with telling(target, "move", after):
            store = open_store(target.place)
            there = before[0] if store.look(before[0]) is not None else after
            record, _ = self._fetcher.there(store, there)
            if there == before[0]:
                # What belongs to a file first: it counts once the file itself is there.
                pairs = list(zip(before, self._fetcher.keys(after), strict=True))
                for old, new in reversed(pairs):
                    store.copy(old, new)
            if record is not None:
                self._put_attest(store, target, record, {**record, **target.provenance})
            for each in (*before, attest_key(source)):
                store.remove(each)

    def note(self, target: Target) -> None:
        """Note a new provenance beside a slot's object, which stays as it is."""
        key = self.key_of(target)
        with telling(target, "note", key):
            store = open_store(target.place)
            record, _ = self._fetcher.there(store, key)
            if record is not None:
                self._put_attest(store, target, record, {**record, **target.provenance})

    def find(self, source: Source) -> Stored | None:
        """Return what lies in a slot's place by its own record, None where nothing does.

        Raises:
            DataChanged: for an object that is torn, or of another format.
        """
        key = self.key_of(source)
        with telling(source, "look at", key):
            store = open_store(source.place)
            try:
                record, found = self._fetcher.record(store, key)
            except FileNotFoundError:
                return None
            if record is not None:
                record = _with_attest(store, source, record)
        rows = record.get("rows") if record else None
        return Stored(source=source, signature=found, record=record, rows=rows, bytes=found.size)

    def signatures(self, sources: Sequence[Source]) -> Sequence[FileSignature | None]:
        """Return which version of each slot's object is there now, None where there is none."""
        if not sources:
            return []
        keys = [self.key_of(source) for source in sources]
        with telling(sources[0], "look at", keys[0]):
            store = open_store(sources[0].place)
            if len(keys) <= _FEW:
                return in_parallel(store.look, keys)
            prefixes = sorted({data_key(one.place, one.asset) for one in sources})
            listed = {key: one for prefix in prefixes for key, one in store.find(prefix).items()}
        return [listed.get(key) for key in keys]

    def find_all(
        self, place: Place, asset: AssetKey, dimensions: Sequence[str]
    ) -> Sequence[Stored]:
        """Return all slots that lie in an asset's folder, by path; a torn object has no record."""
        sources = [
            source
            for source in self._sources_in(place, asset)
            if [name for name, _ in source.dimensions] == list(dimensions)
        ]
        return [one for one in in_parallel(self._find_or_torn, sources) if one is not None]

    def any_record(self, place: Place, asset: AssetKey) -> Record | None:
        """Return the record of one slot of an asset, None where there is none."""
        found = (self._find_or_torn(source) for source in self._sources_in(place, asset))
        return next((one.record for one in found if one is not None and one.record), None)

    def names_of(self, slot: Source | Target) -> tuple[str, ...]:
        """Return the URLs of all objects that a slot may have."""
        return tuple(url_of(slot.place, key) for key in self.keys_of(slot))

    def keys_of(self, slot: Source | Target) -> tuple[str, ...]:
        """Return the keys of all objects that a slot may have."""
        return tuple(self._fetcher.keys(self.key_of(slot)))

    def key_of(self, slot: Source | Target) -> str:
        """Return the key of a slot's object.

        Raises:
            StorageError: for a folder outside of the workspace.
        """
        if isinstance(slot, Source) and slot.location is not None:
            return data_key(slot.place, slot.location)
        if any(part in {"", ".", ".."} for part in slot.folder.split("/")):
            raise StorageError(
                f"{slot_of(slot)} would be stored in {slot.folder!r}, outside of its workspace. "
                "Rename the asset or the partition."
            )
        return data_key(slot.place, f"{slot.folder}/{self.filename}")

    def kept_versions(self, slot: Source | Target) -> list[Any]:
        """Return the replaced versions of a slot that the bucket kept, oldest first."""
        key, *others = self.keys_of(slot)
        with telling(slot, "look at", key):
            store = open_store(slot.place)
            beside = tuple(one for other in others for one in reversed(store.versions(other)))
            return [
                Kept(slot.place, version, beside)
                for version in store.versions(key)
                if not version.latest
            ]

    def bring_back(self, kept: Any, target: Target) -> Written:
        """Publish a kept version again, as a new one."""
        staged = self.staging_path(target)
        with telling(target, "bring back", self.key_of(target)):
            self._fetcher.take_kept(kept, staged)
        return self.publish(Written(staged=staged), target)

    def take_over(self, source: Source, target: Target) -> Written:
        """Publish a copy of another workspace's slot, with its record; the original stays."""
        staged = self.staging_path(target)
        self._fetcher.copy(source, staged)
        written = self.publish(Written(staged=staged), target)
        self.note(target)
        return written

    def _sources_in(self, place: Place, asset: AssetKey) -> list[Source]:
        found = [source_at(place, folder) for folder, _ in slots_in(place, (self.filename,), asset)]
        return [source for source in found if source.asset == asset]

    def _find_or_torn(self, source: Source) -> Stored | None:
        try:
            return self.find(source)
        except DataChanged:
            signature = open_store(source.place).look(self.key_of(source))
            return Stored(source=source, signature=signature, record=None)

    def _version(self, source: Source) -> str | None:
        stored = self.find(source)
        record = None if stored is None else stored.record
        return None if record is None else record.get("data_version")

    def _url(self, sources: Sequence[Source]) -> str:
        """Return the URL of the one slot's object, or of the asset's folder."""
        one = sources[0]
        several = len(sources) > 1 or one.with_dimensions
        key = data_key(one.place, one.asset) if several else self.key_of(one)
        return url_of(one.place, key)

    def _replace(self, staged: Path, key: str, target: Target) -> tuple[bool, FileSignature]:
        """Put the file in the store; True where what is there is left alone."""
        store, new = open_store(target.place), self.kind.read_record(staged) or {}
        files = zip(self._fetcher.keys(key), (staged, *self.companions(staged)), strict=True)
        put = Put(store=store, fetcher=self._fetcher, files=dict(files), target=target, new=new)
        old, found = put.replace()
        if old is not None:
            self._note_again(store, target, old, new)
        return old is not None, found

    def _note_again(self, store: ObjectStore, target: Target, old: Record, new: Record) -> None:
        """Note the provenance of content that is there already, where it is another one."""
        if lasting(old) != lasting(new):
            self._put_attest(store, target, old, new)
        else:
            store.remove(attest_key(target))

    def _put_attest(self, store: ObjectStore, target: Target, old: Record, new: Record) -> None:
        about = {name: old.get(name) for name in BOUND}
        content = json.dumps({"about": about, "record": new}, sort_keys=True, default=str)
        store.write(attest_key(target), content.encode())


def _with_attest(store: ObjectStore, source: Source, record: Record) -> Record:
    """Return the newest provenance that was noted of an object, else its own."""
    try:
        attest = json.loads(store.read(attest_key(source)))
    except (FileNotFoundError, ValueError):
        return record
    if attest["about"] != {name: record.get(name) for name in BOUND}:
        return record
    newer: Record = attest["record"]
    return newer


@contextmanager
def _alone(target: Target, key: str) -> Iterator[None]:
    """Keep other publishers of this machine out, where the store itself cannot refuse them."""
    if open_store(target.place).capabilities.cas:
        yield
        return
    path = Path(url_of(target.place, key))
    with disk.publish_lock(target.place.private, path, target.run_id):
        yield


def _refuse_forgetful(place: Place) -> None:
    """Refuse to keep replaced files in a store that forgets them."""
    store = open_store(place)
    if place.data not in _keeping and store.keeps_versions():
        _keeping.add(place.data)
    if place.data not in _keeping:
        raise InvalidArgument(
            f"An IO manager with keep= is to keep replaced files in {place.data}. There only the "
            "bucket itself can do so: switch its versioning on, or leave keep= away."
        )


_keeping: set[str] = set()
