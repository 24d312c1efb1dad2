"""The catalog port: what is known of assets, slots and runs.

Rule 1: no transaction is open while user code runs; each method is one.
Rule 2: repeating a write is harmless: runs carry their id, commits a commit id.
Rule 3: every write takes the next number of one sequence (``seq``), so that
"changed since" needs no clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from assetkit.catalog.approvals import ApprovalLog
from assetkit.catalog.automation import AutomationLog, AutomationState
from assetkit.columns import Ints, SlotColumns, VersionColumns
from assetkit.records import (
    AssetKey,
    AssetRow,
    BackfillRecord,
    Basis,
    CheckOutcome,
    Estimate,
    FailedAttempt,
    Materialization,
    Observation,
    RunRecord,
    RunStatus,
    StepRecord,
)

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedSlot:
    """How often the newest attempts at a slot failed with one fingerprint, and the last failure."""

    asset: AssetKey
    ordinal: int
    partition: str | None
    fingerprint: str
    count: int
    run_id: str
    error_type: str
    message: str
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRow:
    """Slots ``lo <= ordinal < hi`` of an asset that a run of a live owner holds."""

    asset: AssetKey
    lo: int
    hi: int
    run_id: str
    fence: int
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one read transaction saw: all that planning needs to know.

    ``slots`` has an entry for each asset asked for that the catalog knows.
    """

    seq: int
    assets: Mapping[AssetKey, AssetRow] = field(default_factory=dict)
    slots: Mapping[AssetKey, SlotColumns] = field(default_factory=dict)
    bases: Mapping[int, Basis] = field(default_factory=dict)
    failures: tuple[FailedSlot, ...] = ()
    leases: tuple[LeaseRow, ...] = ()
    observations: tuple[Observation, ...] = ()
    estimates: Mapping[AssetKey, Estimate] = field(default_factory=dict)
    dynamic: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    """Dynamic partitions by name: (ordinal, key) in the order in which they were added."""
    holds: tuple[AutomationState, ...] = ()
    """The states that say which assets are to be left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Slots that a run wants to build: sorted ordinals of one asset."""

    asset: AssetKey
    ordinals: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a claim got. ``busy`` are the leases of others that stand in the way of the rest."""

    fence: int
    seq: int
    granted: tuple[Claim, ...]
    busy: tuple[LeaseRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What a run writes down at once. ``read_seqs`` fits ``materializations``, one each:
    the sequence number that the run knew when that step resolved its inputs.
    ``fence`` 0 stands for results found on disk after a crash: they are refused
    only where a live run holds the slot.
    """

    commit_id: str
    run_id: str
    fence: int
    materializations: tuple[Materialization, ...] = ()
    read_seqs: tuple[int, ...] = ()
    failures: tuple[FailedAttempt, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    checks: tuple[CheckOutcome, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a commit did. ``previous_seq`` is the sequence number just before it;
    where that is the one that the run knew, nobody else wrote in between, and
    the catalog raised each ``read_seq`` to ``seq``. ``refused`` lists results
    (asset, ordinal) whose lease was lost.
    """

    previous_seq: int
    seq: int
    refused: tuple[tuple[AssetKey, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """Another key for the published slot ``ordinal``, and where its data lies from then on."""

    ordinal: int
    partition: str
    location: str | None = None


OLD_KINDS = ("results", "attempts", "steps", "checks", "runs")
"""What history consists of, in the order in which it can go: each refers to what is behind it."""


class Catalog(Protocol):
    """What is known. Implementations: DuckDB (a file), memory (tests, `Workspace.temporary`)."""

    @property
    def automation(self) -> AutomationLog:
        """What automation did, and who does it."""
        ...

    @property
    def approvals(self) -> ApprovalLog:
        """Which steps wait for a person, and what was decided."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """Read all that this thread reads inside the block at once.

        Writers wait meanwhile: let nothing else take time there. No other catalog is read inside,
        and nothing is written.
        """
        ...

    def snapshot(self, assets: Sequence[AssetKey], *, detail: Sequence[AssetKey] = ()) -> Snapshot:
        """Read what planning needs of *assets*; versions and digests only of those in *detail*."""
        ...

    def describe(self, rows: Sequence[AssetRow]) -> Mapping[AssetKey, int]:
        """Remember definitions (insert or update); return each asset's ``universe_seq``.

        A changed ``universe`` takes a new sequence number. A changed ``layout``
        is only taken together with `rebase`, never here.
        """
        ...

    def asset_rows(self) -> Sequence[AssetRow]:
        """Return what is remembered of all assets, by key."""
        ...

    def slot_keys(self, asset: AssetKey) -> tuple[Ints, Sequence[str | None]]:
        """Return the ordinals and partition texts of an asset's published slots, by ordinal."""
        ...

    def slot_sizes(self, asset: AssetKey) -> tuple[Ints, Ints, Ints]:
        """Return the ordinals, rows and bytes of an asset's published slots, by ordinal.

        -1: not known.
        """
        ...

    def rebase(self, row: AssetRow, ordinals: Mapping[int, int]) -> None:
        """Take a new layout: each old ordinal of a published slot gets its new one, at once.

        Slots that the new definition has no place for get negative ordinals: orphans.
        """
        ...

    def start_run(self, run: RunRecord) -> None:
        """Write a run down as running; its id may be written again."""
        ...

    def begin(self, run: RunRecord, rows: Sequence[AssetRow], claims: Sequence[Claim]) -> Grant:
        """Do `describe`, `start_run` and `claim` at once."""
        ...

    def guard(self, run_id: str) -> AbstractContextManager[object]:
        """Show that this process works on a run, inside the block, however that ends."""
        ...

    def is_running(self, run_id: str) -> bool:
        """Return whether a run is written down as running, and its owner lives."""
        ...

    def claim(self, run_id: str, claims: Sequence[Claim]) -> Grant:
        """Lease what is free of *claims* to a run, and say who holds the rest.

        Leases of owners that are gone are dropped on the way, and their runs marked ``lost``.
        """
        ...

    def release(self, run_id: str) -> None:
        """Give back all leases of a run."""
        ...

    def heartbeat(self, run_id: str, now: datetime) -> bool:
        """Say that a run is alive; return True where it is to stop: its cancellation was
        asked for, or it was silent for so long that it was taken for lost.
        """
        ...

    def commit(self, commit: Commit) -> Receipt:
        """Write results down in one transaction; a commit id already there changes nothing."""
        ...

    def finish_run(
        self,
        run_id: str,
        status: RunStatus,
        ended_at: datetime,
        message: str = "",
        last: Commit | None = None,
    ) -> Receipt | None:
        """Write the end of a run down, with its *last* results, and give back its leases.

        Returns what a `commit` of these results would; None without any.
        """
        ...

    def ask_cancel(self, run_id: str) -> bool:
        """Ask a running run to stop; return False where it is not running."""
        ...

    def is_called(self, run_id: str) -> bool:
        """Return whether a run, of which this process holds the `guard`, is asked to stop.

        It is so cheap that it may be asked often, as it needs no transaction; what counts is
        what `heartbeat` says then.
        """
        ...

    def observe(self, observations: Sequence[Observation]) -> None:
        """Write down what a look at outside data found."""
        ...

    def delete_slots(self, asset: AssetKey, ordinals: Ints | None, at: datetime) -> int:
        """Forget published slots (all where None); history keeps a tombstone. Returns how many."""
        ...

    def rename_asset(self, old: AssetKey, new: AssetKey) -> None:
        """Give an asset's slots and history another key, also where others read it.

        Locations in the asset's own folder follow.
        """
        ...

    def rename_slots(self, asset: AssetKey, keys: Sequence[NewKey]) -> None:
        """Give published slots other keys, in their history, too, with ordinals of orphans.

        The next plan finds each by its key. To those that read them they are new.
        """
        ...

    def prune(self, before: datetime, *, dry_run: bool) -> Mapping[str, int]:
        """Forget history from before a moment; return how much there is of each of `OLD_KINDS`.

        Never what is published, failures that still count, the newest of each slot and
        check, runs that are not over, or runs that something left refers to. With *dry_run*
        nothing changes; runs that only then have nothing left are not counted.
        """
        ...

    def change_partitions(
        self, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Change a set of dynamic partitions; return those that were there (or not, to remove)."""
        ...

    def write_backfill(self, backfill: BackfillRecord) -> int:
        """Write a backfill down, or anew where its id is there; return its ``seq``.

        The first writing takes the next number of the sequence; later ones keep it.
        """
        ...

    def backfills(self, backfill_id: str | None = None) -> Sequence[BackfillRecord]:
        """Return the backfills, newest first, or the one of that id; none where it is unknown."""
        ...

    def runs(self, *, limit: int | None = None, run_id: str | None = None) -> pa.Table:
        """Return runs, newest first."""
        ...

    def steps(self, run_id: str) -> pa.Table:
        """Return a run's ended steps and failed attempts, in order of time: its events."""
        ...

    def history(
        self, asset: AssetKey, partition: str | None = None, *, limit: int | None = None
    ) -> pa.Table:
        """Return an asset's materializations and deletions, newest first; the newest *limit*."""
        ...

    def versions(self, asset: AssetKey) -> VersionColumns:
        """Return all materializations of an asset, replaced ones too, in numbers."""
        ...

    def columns_of(self, asset: AssetKey, basis: Basis) -> str | None:
        """Return the schema of the newest published slot made under *basis*; None without one."""
        ...

    def write_checks(self, found: Sequence[CheckOutcome]) -> None:
        """Write down what checks found in what is published already."""
        ...

    def checks(self, asset: AssetKey | None = None, *, run_id: str | None = None) -> pa.Table:
        """Return what the last look at each slot found, or all that one run found.

        Results on versions that were replaced or deleted since are left out of the former.
        """
        ...

    def status(self) -> pa.Table:
        """Return one row per asset known: slots, rows, bytes, newest materialization, failures."""
        ...

    def published(self, asset: AssetKey, ordinals: Ints | None = None) -> Iterator[Materialization]:
        """Yield the published slots of an asset, by ordinal."""
        ...

    def export(self) -> Mapping[str, Any]:
        """Return all tables as Arrow, by name; for tests and for moving to another catalog."""
        ...

    def close(self) -> None:
        """Let go of all resources; the catalog may be used again afterwards."""
        ...
