"""What gets written down: plain frozen values, shared by all layers.

Times are timezone-aware datetimes in UTC. A data version is 32 hexadecimal
digits (128 bits). Partition keys are text here and in the catalog; a key of
several dimensions is a tuple at the edges (`MultiPartitionKey`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")


def travels(cls: type[T]) -> type[T]:
    """Let a dataclass with slots be pickled in half the time; for what goes with every step."""
    names = [one.name for one in fields(cls)]  # type: ignore[arg-type]
    values = attrgetter(*names)
    # A slot's descriptor also sets what is frozen.
    setters = [getattr(cls, name).__set__ for name in names]

    def state(self: object) -> Any:
        return values(self)

    def restore(self: object, state: Any) -> None:
        for put, value in zip(setters, state, strict=True):
            put(self, value)

    cls.__getstate__, cls.__setstate__ = state, restore  # type: ignore[method-assign,attr-defined]
    return cls


AssetKey: TypeAlias = str
"""Names joined by ``/``, e.g. ``sales/orders``."""


class MultiPartitionKey(tuple[str, ...]):
    """A partition key of several dimensions, in definition order; equal to the plain tuple.

    >>> str(MultiPartitionKey(("2026-01-31", "us")))
    '2026-01-31|us'
    """

    __slots__ = ()

    def __str__(self) -> str:
        return "|".join(part.replace("%", "%25").replace("|", "%7C") for part in self)


PartitionKey: TypeAlias = str | MultiPartitionKey
"""A text, or a tuple of one text per dimension."""


class Verdict(StrEnum):
    """What the planner says of one slot; computed, never stored."""

    BLOCKED = "blocked"
    RUNNING = "running"
    QUARANTINED = "quarantined"
    MISSING = "missing"
    PARTIAL = "partial"
    STALE = "stale"
    FRESH = "fresh"


class Outcome(StrEnum):
    """How a step of a run ended."""

    MATERIALIZED = "materialized"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


class RunStatus(StrEnum):
    """Where a run stands. ``lost``: its process died without a farewell."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLocation:
    """Where something is defined. Notebook cells have a name such as ``<cell>``."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRow:
    """What the catalog remembers of an asset's definition.

    ``layout`` says how ordinals are assigned; while it is unchanged, stored
    ordinals are valid. ``universe`` is a hash of which partitions exist;
    ``universe_seq`` the sequence number at which that last changed.
    ``definition`` is JSON for people and for explaining what changed.
    """

    asset: AssetKey
    layout: str
    universe: str
    definition: str = "{}"
    universe_seq: int = 0


@travels
@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The part of a fingerprint that all slots of one asset can share: all but the inputs' content.

    Each field is a short hash; ``inputs`` are the upstream keys, in the order
    in which a slot's digests are kept.
    """

    code: str
    config: str
    definition: str
    schema: str
    inputs: tuple[AssetKey, ...]


@travels
@dataclass(frozen=True, slots=True, kw_only=True)
class InputUse:
    """What a slot consumed of one upstream asset.

    ``digest`` is the order-independent sum (mod 2**64) of `columns.slot_hash`
    over the slots consumed. ``versions`` names them (partition text or None,
    data version) where there are at most 64, else it is empty.
    """

    asset: AssetKey
    digest: int
    count: int
    versions: tuple[tuple[str | None, str], ...] = ()


@travels
@dataclass(frozen=True, slots=True, kw_only=True)
class FileSignature:
    """What `stat` says of a published file (or an object's etag); a change: another version."""

    size: int
    mtime_ns: int = 0
    inode: int = 0
    etag: str | None = None


@travels
@dataclass(frozen=True, slots=True, kw_only=True)
class Materialization:
    """One published result of one slot: what is in its file's footer and in the catalog.

    ``partition`` is the key's text, None where the asset has no partitions.
    ``data_time``: the data reflects the world up to then. ``bytes`` is the
    size in storage; ``rows`` None where the value is no table.
    ``location`` is relative to the workspace's data folder, None where the IO
    manager derives it from asset and partition, or nothing was stored.
    """

    asset: AssetKey
    partition: str | None
    ordinal: int
    run_id: str
    data_version: str
    basis: Basis
    inputs: tuple[InputUse, ...]
    materialized_at: datetime
    data_time: datetime | None = None
    outcome: Outcome = Outcome.MATERIALIZED
    partial: bool = False
    rows: int | None = None
    bytes: int | None = None
    duration: float = 0.0
    attempt: int = 1
    location: str | None = None
    signature: FileSignature | None = None
    schema: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """One attempt that failed. ``fingerprint`` is what it was tried with, for quarantine."""

    asset: AssetKey
    partition: str | None
    ordinal: int
    run_id: str
    attempt: int
    fingerprint: str
    error_type: str
    message: str
    traceback: str
    failed_at: datetime
    duration: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """How one step of a run ended.

    ``reason`` says in words why it was skipped, blocked or cancelled, or which checks
    did not pass.
    """

    run_id: str
    asset: AssetKey
    partition: str | None
    ordinal: int
    outcome: Outcome
    ended_at: datetime
    duration: float = 0.0
    attempts: int = 1
    reason: str = ""
    log: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """What one check found in one slot's data.

    ``severity`` is ``error`` or ``warn``. ``blocking``: where it failed, the data
    was not published. ``metadata`` holds JSON values: of the ready checks
    ``rows``, ``failing`` and a ``sample`` of the first offending rows.
    """

    asset: AssetKey
    partition: str | None
    ordinal: int
    run_id: str
    check: str
    passed: bool
    checked_at: datetime
    severity: str = "error"
    blocking: bool = False
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The process that works on a run; ``started`` is its start time, against reused pids."""

    host: str
    pid: int
    command: str
    started: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One call of `materialize`, one backfill batch, one tick that ran something."""

    run_id: str
    owner: Owner
    started_at: datetime
    targets: tuple[AssetKey, ...]
    steps: int
    origin: str = "python"
    tags: Mapping[str, str] = field(default_factory=dict)
    status: RunStatus = RunStatus.RUNNING
    ended_at: datetime | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRecord:
    """A backfill: which slots it is about, and where it stands.

    ``request`` holds JSON values that say what was asked, so that it can be
    asked again; ``slots`` is how many slots that means. ``runs`` are the runs made for
    it, oldest first. ``seq``: results with inputs read under this number of the
    catalog's sequence, or a later one, came after the backfill began.
    """

    backfill_id: str
    created_at: datetime
    targets: tuple[AssetKey, ...]
    request: Mapping[str, Any]
    slots: int
    status: RunStatus = RunStatus.RUNNING
    runs: tuple[str, ...] = ()
    ended_at: datetime | None = None
    message: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a look at outside data found."""

    asset: AssetKey
    partition: str | None
    ordinal: int
    data_version: str
    observed_at: datetime
    data_time: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What history says of one asset's steps: seconds, rows and bytes per slot."""

    count: int
    seconds: float
    seconds_p95: float
    rows: float
    bytes: float


def version_of_nothing(text: str) -> str:
    """Return a data version for a slot whose function returned None: nothing is stored.

    Its first half is zero, which no content hash has but by a chance of 2**-64.
    *text* says what it was made from.

    >>> is_nothing(version_of_nothing("made from this"))
    True
    """
    return "0" * 16 + hashlib.sha256(text.encode()).hexdigest()[:16]


def is_nothing(version: str | None) -> bool:
    """Return whether a data version stands for a result of None, which has no data to load."""
    return version is not None and version.startswith("0" * 16)


def partition_text(key: PartitionKey | None) -> str | None:
    """Return the text form of a key, as the catalog and paths use it.

    >>> partition_text(("2026-01-31", "us"))
    '2026-01-31|us'
    """
    if key is None or isinstance(key, str):
        return key
    return str(MultiPartitionKey(key))


def slot_name(asset: AssetKey, partition: PartitionKey | None) -> str:
    """Return how a slot is written for people: ``asset@partition``, or the asset alone.

    >>> slot_name("flights", "2013-01-01")
    'flights@2013-01-01'
    """
    return asset if partition is None else f"{asset}@{partition_text(partition)}"
