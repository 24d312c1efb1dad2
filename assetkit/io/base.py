"""The IO manager port: where a slot's data lies, and how it gets there and back.

Rule 1: a final path is never opened for writing; publishing is one step.
Rule 2: `write` of a staged manager leaves what is published untouched until `publish`.
Rule 3: a manager of three methods (`IOManager`) is whole; staging, finding and
history are extras that the workspace uses where they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable
from weakref import WeakKeyDictionary

from assetkit.errors import StorageError
from assetkit.records import AssetKey, FileSignature, PartitionKey, travels


@travels
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a workspace keeps things, as paths or URLs.

    ``data`` holds what users see (``data/ASSET/DIMENSION=KEY/``). ``private``
    is local and holds staging, logs, locks and history; ``data`` and
    ``private`` of a local workspace are on one file system. ``options`` are what
    fsspec needs to get to remote data, and may be secret.
    """

    data: str
    private: Path
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@travels
@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One slot to read.

    ``dimensions`` are (name, key) pairs, empty where the asset has no
    partitions. ``folder`` is where the slot's data lies: relative to the data
    folder, percent-encoded. ``location`` overrides it for adopted data.
    ``data_version`` is what the reader should find (None: whatever is there).
    ``with_dimensions`` asks for the dimensions as columns of text, where the
    table has none of that name: set where several slots could be loaded.
    """

    asset: AssetKey
    partition_key: PartitionKey | None
    dimensions: tuple[tuple[str, str], ...]
    place: Place
    folder: str
    location: str | None = None
    data_version: str | None = None
    with_dimensions: bool = False

    @property
    def path(self) -> Path:
        """The slot's local folder."""
        return Path(self.place.data) / self.folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One slot to write.

    ``provenance`` is the record that travels with the data (run, code, inputs,
    ...): JSON values, kept in a Parquet footer or a sidecar. ``published`` is
    the data version that is there now, None where nothing is.
    ``schema`` is a `pyarrow.Schema` that the data must have, or None.
    """

    asset: AssetKey
    partition_key: PartitionKey | None
    dimensions: tuple[tuple[str, str], ...]
    place: Place
    folder: str
    run_id: str
    attempt: int = 1
    provenance: Mapping[str, Any] = field(default_factory=dict)
    published: str | None = None
    schema: Any = None

    @property
    def path(self) -> Path:
        """The slot's local folder; not made yet."""
        return Path(self.place.data) / self.folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a manager wrote.

    ``data_version``: 32 hexadecimal digits of the content, None where the
    manager does not hash (then every run counts as a change). ``staged`` is
    the file that `publish` will put in place. ``unchanged`` says that the
    content is what was published already and the published file was left alone.
    ``record`` is that of a staged file which cannot carry it itself.
    """

    rows: int | None = None
    bytes: int | None = None
    data_version: str | None = None
    schema: str | None = None
    location: str | None = None
    signature: FileSignature | None = None
    staged: Path | None = None
    unchanged: bool = False
    record: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What lies in a slot's place, by its own record (None: written by another hand)."""

    source: Source
    signature: FileSignature | None
    record: Mapping[str, Any] | None
    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A value read, and the data version of each source as it was found (None: unknown)."""

    value: Any
    versions: tuple[str | None, ...]


class IOManager(Protocol):
    """Stores and loads the values of slots. These three methods are all that is needed."""

    def write(self, value: Any, target: Target) -> Written:
        """Store *value*; writing the same slot again replaces it."""
        ...

    def read(self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None) -> Any:
        """Load the slots as one value of the type *load_as*, in the order given."""
        ...

    def delete(self, target: Target) -> None:
        """Remove a slot's data; nothing there is no error."""
        ...


@runtime_checkable
class StagedIOManager(Protocol):
    """An IO manager whose data can be looked at before anyone else sees it."""

    def write(self, value: Any, target: Target) -> Written: ...
    def read(
        self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
    ) -> Any: ...
    def delete(self, target: Target) -> None: ...

    def publish(self, written: Written, target: Target) -> Written:
        """Make staged data the version that readers see, atomically and durably.

        The result has ``signature``, ``location`` and ``unchanged`` filled.
        """
        ...

    def discard(self, written: Written) -> None:
        """Drop staged data; what is published stays."""
        ...

    def read_with_versions(
        self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None
    ) -> Loaded:
        """Load as `read` does, and say which data version of each source was read."""
        ...

    def find(self, source: Source) -> Stored | None:
        """Return what lies in a slot's place, None where nothing does."""
        ...

    def signatures(self, sources: Sequence[Source]) -> Sequence[FileSignature | None]:
        """Return what `stat` says of each slot's file now, None where there is none; cheap."""
        ...

    def find_all(
        self, place: Place, asset: AssetKey, dimensions: Sequence[str]
    ) -> Sequence[Stored]:
        """Return all that lies in an asset's folder, each with its own record."""
        ...


class BulkIOManager(StagedIOManager, Protocol):
    """What a staged IO manager may have besides, for calls that return many slots at once.

    Each pair goes together: where the property is missing, or False as a subclass has a
    ``write`` or ``publish`` of its own, slots are written, or published, one by one.
    """

    @property
    def writes_later(self) -> bool:
        """True where `write_later` does what ``write`` does."""
        ...

    def write_later(self, value: Any, target: Target) -> Callable[[], Written]:
        """Take a value in, and return what stores it aside, maybe in another thread."""
        ...

    @property
    def publishes_together(self) -> bool:
        """True where `publish_all` does what ``publish`` does."""
        ...

    def publish_all(
        self, pairs: Sequence[tuple[Written, Target]]
    ) -> Sequence[Written | StorageError]:
        """Publish many slots of one run; what kept one back is in its place, not raised."""
        ...


_STAGED = ("publish", "discard", "read_with_versions", "find", "signatures", "find_all")
_staged_kinds: WeakKeyDictionary[type, bool] = WeakKeyDictionary()


def is_staged(manager: Any) -> TypeGuard[StagedIOManager]:
    """Return whether an IO manager is a `StagedIOManager`; a type is looked at once."""
    kind = type(manager)
    if kind not in _staged_kinds:
        _staged_kinds[kind] = all(hasattr(kind, name) for name in _STAGED)
    return _staged_kinds[kind]
