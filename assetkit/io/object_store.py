"""Object stores through fsspec: what the protocol needs of one, and which stores have it.

Rule 1: an object appears whole, in one request, or not at all: nothing is opened for writing,
moved, or put inside a transaction.
Rule 2: no listing is needed for anything to be right, and none is cached.
Rule 3: what is replaced, and what is read in parts, is held to the version that was seen.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import fsspec
from fsspec.utils import tokenize

from assetkit.errors import StorageError
from assetkit.io.base import Place
from assetkit.records import FileSignature


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a kind of store promises.

    ``atomic_put``: an object is replaced in one step. ``create``: a put can be refused
    where something is. ``cas``: a put can be refused where another version is.
    """

    atomic_put: bool = True
    create: bool = False
    cas: bool = False


_S3 = Capabilities(create=True, cas=True)
_GCS = Capabilities(create=True)
_ABFS = Capabilities(create=True)

CAPABILITIES: Final[dict[str, Capabilities]] = {
    "memory": Capabilities(create=True),
    "s3": _S3,
    "s3a": _S3,
    "gs": _GCS,
    "gcs": _GCS,
    "abfs": _ABFS,
    "abfss": _ABFS,
    "az": _ABFS,
}
"""By protocol. Add what a store of your own promises, before a workspace is opened there."""


_PIECE: Final = 32 << 20
"""Bytes that are fetched at a time."""


class Replaced(StorageError):
    """Another version of an object is there than the one that was seen."""


class Moved(Exception):
    """A conditional put was refused: another version is there than the one expected."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, in a store that keeps them; ``latest`` is what readers see."""

    key: str
    id: str
    at: datetime
    latest: bool


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in parts that nobody has finished."""

    key: str
    id: str
    at: datetime


class ObjectStore:
    """Objects below one URL, by key (a path relative to it). This class uses what all stores have.

    A key that is not there raises `FileNotFoundError`; what the store itself refuses,
    `OSError`.
    """

    def __init__(self, system: Any, root: str, capabilities: Capabilities) -> None:
        """Take a fsspec file system, and the root as a path there."""
        self._system, self._root = system, root.rstrip("/")
        self.capabilities = capabilities

    def look(self, key: str) -> FileSignature | None:
        """Return which version of an object is there, None where none is."""
        try:
            found = self._system.info(self._path(key))
        except FileNotFoundError:
            return None
        return None if found.get("type") == "directory" else signature_of(found)

    def read(
        self, key: str, start: int = 0, end: int | None = None, *, of: FileSignature | None = None
    ) -> bytes:
        """Return the bytes of an object, or a range of them.

        Raises:
            Replaced: it is another version than *of*.
        """
        if of is not None and self.look(key) != of:
            raise replaced(key)
        content: bytes = self._system.cat_file(self._path(key), start=start or None, end=end)
        if of is not None and self.look(key) != of:
            raise replaced(key)
        return content

    def tail(self, key: str, size: int) -> tuple[bytes, FileSignature]:
        """Return the last bytes of an object (all where it has fewer), and which version it is."""
        for _ in range(5):
            found = self.look(key)
            if found is None:
                raise FileNotFoundError(key)
            try:
                return self.read(key, max(0, found.size - size), of=found), found
            except Replaced:
                continue
        raise replaced(key)

    def fetch(self, key: str, path: Path) -> FileSignature:
        """Write an object to a local file, in one version; return which."""
        for _ in range(5):
            content, found = self.tail(key, _PIECE)
            whole = found.size - len(content)
            try:
                with path.open("wb") as file:
                    for start in range(0, whole, _PIECE):
                        end = min(start + _PIECE, whole)
                        file.write(self.read(key, start, end, of=found))
                    file.write(content)
            except Replaced:
                continue
            return found
        raise replaced(key)

    def put(self, key: str, content: Path | bytes, expected: FileSignature | None) -> FileSignature:
        """Replace the version *expected* (None: nothing) in one step; return what is there now.

        Raises:
            Moved: another version is there.
        """
        if not self.capabilities.cas and self.look(key) != expected:
            raise Moved(key)
        mode = "create" if expected is None and self.capabilities.create else "overwrite"
        path = self._path(key)
        try:
            if isinstance(content, bytes):
                self._system.pipe_file(path, content, mode=mode)
            elif self._system.protocol == "memory":
                self._system.pipe_file(path, content.read_bytes(), mode=mode)
            else:
                self._system.put_file(str(content), path, mode=mode)
        except FileExistsError:
            raise Moved(key) from None
        found = self.look(key)
        if found is None:
            raise Moved(key)
        return found

    def write(self, key: str, content: bytes) -> None:
        """Put a small object, whatever is there."""
        self._system.pipe_file(self._path(key), content)

    def remove(self, key: str) -> None:
        """Remove an object; nothing there is no error."""
        try:
            self._system.rm_file(self._path(key))
        except FileNotFoundError:
            return

    def copy(self, key: str, to: str) -> None:
        """Copy an object within the store, without reading it here."""
        self._system.cp_file(self._path(key), self._path(to))

    def find(self, prefix: str = "") -> dict[str, FileSignature]:
        """Return all objects below a folder, by key: as the store lists them now."""
        path = self._path(prefix) if prefix else self._root
        found = self._system.find(path, detail=True)
        skip = len(self._root) + 1
        return {
            name[skip:]: signature_of(facts)
            for name, facts in found.items()
            if facts.get("type") == "file"
        }

    def keeps_versions(self) -> bool:
        """Return whether the store keeps what is replaced."""
        return False

    def versions(self, key: str) -> list[Version]:
        """Return the versions of an object, oldest first; those deleted are not among them."""
        return []

    def read_version(self, version: Version) -> bytes:
        """Return what an object was in one of its versions."""
        raise FileNotFoundError(version.key)

    def uploads(self) -> Iterator[Upload]:
        """Yield the uploads in parts that were begun and never ended."""
        return iter(())

    def abort(self, upload: Upload) -> None:
        """End an upload, and drop its parts."""

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"


def signature_of(facts: Mapping[str, Any]) -> FileSignature:
    """Return a version by what fsspec says of an object; its ETag, where it has one.

    The catalog compares sizes and times; a digest of the ETag stands in for the time.
    """
    marks = ("ETag", "etag", "generation", "md5Hash", "LastModified", "last_modified", "created")
    mark = next((facts[name] for name in marks if facts.get(name)), "")
    if isinstance(mark, datetime):  # a listing may have the same moment as a number
        mark = mark.timestamp()
    return signature(int(facts.get("size") or 0), str(mark))


def signature(size: int, mark: str) -> FileSignature:
    """Return the signature of an object of *size* bytes whose version is called *mark*."""
    mark = mark.strip('"')
    digest = hashlib.blake2b(mark.encode(), digest_size=8).digest()
    return FileSignature(size=size, mtime_ns=int.from_bytes(digest, "big") >> 1, etag=mark)


def replaced(key: str) -> Replaced:
    """Say that an object changed while it was read."""
    return Replaced(f"{key} was replaced while it was read. Read it again.")


_stores: dict[tuple[int, str, str], ObjectStore] = {}
_guard = threading.Lock()


def open_store(place: Place) -> ObjectStore:
    """Return the store that a place's root lies in; one per process and place.

    Raises:
        StorageError: the protocol is not known, or what speaks it is not installed.
    """
    known = (os.getpid(), place.data, tokenize(dict(place.options)))
    with _guard:
        if known not in _stores:
            _stores[known] = _open(place)
        return _stores[known]


def data_key(place: Place, key: str) -> str:
    """Return the key, in the store of the place's root, of what lies in its data folder."""
    return f"{place.data.rstrip('/').rpartition('/')[2]}/{key}"


def _open(place: Place) -> ObjectStore:
    protocol = urlsplit(place.data).scheme
    capabilities = CAPABILITIES.get(protocol)
    if capabilities is None or not capabilities.atomic_put:
        known = ", ".join(f"{name}://" for name in sorted(CAPABILITIES))
        raise StorageError(
            f"What a store of {protocol}:// promises is not known, so data could be lost there. "
            f"Known: {known}. If yours replaces objects in one step, say so: "
            f"assetkit.io.object_store.CAPABILITIES[{protocol!r}] = Capabilities()."
        )
    options = {
        "use_listings_cache": False,
        "skip_instance_cache": True,
        **place.options,
    }
    try:
        system = fsspec.filesystem(protocol, **options)
    except ImportError as error:
        extra = "assetkit[s3]" if capabilities is _S3 else str(error)
        raise StorageError(
            f"{place.data} needs a package that is not installed: pip install '{extra}'."
        ) from error
    root = system._strip_protocol(place.data.rstrip("/").rpartition("/")[0])  # noqa: SLF001
    kind = ObjectStore
    if capabilities is _S3:
        kind = import_module("assetkit.io.object_store_s3").S3Store
    return kind(system, root, capabilities)
