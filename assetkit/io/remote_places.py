"""Where slots lie in an object store, and what is asked of many of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import unquote

from assetkit.errors import DataMissing
from assetkit.io.base import Place, Source, Target
from assetkit.io.object_store import Version, data_key, open_store
from assetkit.io.refusals import slot_of, storage_error
from assetkit.records import AssetKey, FileSignature, MultiPartitionKey, PartitionKey

AT_ONCE = 16
"""Requests to a store at a time."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Source):
    """A slot in the version that it was found in: reading another one is refused."""

    signature: FileSignature


@dataclass(frozen=True, slots=True)
class Kept:
    """A replaced version of a slot, and all versions of what belongs to it, newest first."""

    place: Place = field(compare=False)
    version: Version
    beside: tuple[Version, ...] = ()


def is_here(source: Source) -> bool:
    """Return whether a source leads to a file on this machine: staged data does."""
    return source.location is not None and source.location.startswith("/")


def here(source: Source) -> Source:
    """Return a source of a file on this machine as one of a local place."""
    return replace(source, place=spool(source.place))


def spool(place: Place) -> Place:
    """Return the local place in which data is written before it goes up."""
    return Place(data=str(place.private / "spool"), private=place.private)


def url_of(place: Place, key: str) -> str:
    """Return an object's URL, for people; it never has credentials in it."""
    return f"{place.data.rstrip('/').rpartition('/')[0]}/{key}"


def attest_key(slot: Source | Target) -> str:
    """Return the key under which a newer provenance of a slot's object is noted."""
    return f".assetkit/attest/{slot.folder}.json"


def slots_in(
    place: Place, filenames: Iterable[str], asset: AssetKey | None = None
) -> Iterator[tuple[str, str]]:
    """Yield (folder relative to the data folder, file name) of what may be a slot, by path."""
    names, data = set(filenames), data_key(place, "")
    listed = open_store(place).find(data_key(place, asset) if asset else data.rstrip("/"))
    for key in sorted(listed):
        folder, _, name = key.removeprefix(data).rpartition("/")
        if name in names:
            yield folder, name


def names_in(place: Place) -> list[str]:
    """Return the URLs of all objects in the data folder."""
    found = open_store(place).find(data_key(place, "").rstrip("/"))
    return [url_of(place, key) for key in sorted(found)]


def source_at(place: Place, folder: str) -> Source:
    """Return the slot whose data lies in a folder of the data folder."""
    parts = folder.split("/")
    pairs = (part.partition("=") for part in parts)
    dimensions = tuple((name, unquote(key)) for name, equals, key in pairs if equals)
    return Source(
        asset="/".join(part for part in parts if "=" not in part),
        partition_key=_key_of(tuple(key for _, key in dimensions)),
        dimensions=dimensions,
        place=place,
        folder=folder,
    )


def in_parallel(ask: Callable[[_In], _Out], items: Sequence[_In]) -> list[_Out]:
    """Ask for several things, some at a time; return the answers in the order of *items*."""
    if len(items) < 2:
        return list(map(ask, items))
    with ThreadPoolExecutor(min(AT_ONCE, len(items)), thread_name_prefix="assetkit-store") as pool:
        return list(pool.map(ask, items))


@contextmanager
def telling(slot: Source | Target, what: str, key: str) -> Iterator[None]:
    """Say which slot it was that the store did not let us look at, read or remove.

    Raises:
        StorageError: in place of the store's own errors.
    """
    try:
        yield
    except OSError as error:
        raise storage_error(error, f"{what} {slot_of(slot)}", url_of(slot.place, key)) from error


def missing(source: Source, key: str) -> DataMissing:
    """Say that a slot's object is gone."""
    name = slot_of(source)
    return DataMissing(
        f"The data of {name} is not there: no object {url_of(source.place, key)}. Materialize it "
        f"again: assetkit materialize {name}"
    )


def _key_of(keys: tuple[Any, ...]) -> PartitionKey | None:
    if len(keys) > 1:
        return MultiPartitionKey(keys)
    return keys[0] if keys else None
