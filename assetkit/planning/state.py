"""What the planner knows of the world: the catalog at one moment, under today's definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assetkit.columns import NO_SLOTS, Gist, Ints, SlotColumns, SlotTable, gist_of
from assetkit.records import AssetKey, AssetRow, Basis, Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The newest attempts at a slot failed ``count`` times with one fingerprint."""

    fingerprint: str
    count: int
    run_id: str
    error_type: str
    message: str
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A live run holds the slots ``lo <= ordinal < hi``."""

    lo: int
    hi: int
    run_id: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogState:
    """What is published, failed and under way, by asset; ordinals are those of today's layouts.

    ``slots`` holds columns of what is published and whose data was not seen to
    be gone; ``gone`` the ordinals that the catalog knows but whose files are
    missing or foreign. ``orphans`` names published slots that today's definition
    has no place for, by the texts of their keys. ``extents`` are hashes of which
    partitions exist; ``moved`` the assets whose ordinals the catalog has under
    another layout yet. ``rows`` is what the catalog remembers of all assets asked for.
    ``universe_seq``: when an asset's set of
    partitions last changed (a very large number where it changes just now).
    ``sources`` are texts of earlier code, by its hash, as far as they are kept and wanted.
    ``holds`` are assets that automation is to leave alone, and why.
    ``base_seq`` is the sequence number of a branch's base, None where there is none.
    """

    seq: int = 0
    slots: Mapping[AssetKey, SlotColumns] = field(default_factory=dict)
    bases: Mapping[int, Basis] = field(default_factory=dict)
    universe_seq: Mapping[AssetKey, int] = field(default_factory=dict)
    failures: Mapping[tuple[AssetKey, int], Failure] = field(default_factory=dict)
    leases: Mapping[AssetKey, tuple[Lease, ...]] = field(default_factory=dict)
    gone: Mapping[AssetKey, Ints] = field(default_factory=dict)
    orphans: Mapping[AssetKey, tuple[str, ...]] = field(default_factory=dict)
    extents: Mapping[AssetKey, str] = field(default_factory=dict)
    moved: frozenset[AssetKey] = frozenset()
    estimates: Mapping[AssetKey, Estimate] = field(default_factory=dict)
    rows: Mapping[AssetKey, AssetRow] = field(default_factory=dict)
    code_parts: Mapping[AssetKey, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    base_seq: int | None = None
    holds: Mapping[AssetKey, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def columns(self, asset: AssetKey) -> SlotColumns:
        """Return an asset's published slots; none where nothing is known."""
        return self.slots.get(asset, NO_SLOTS)

    def gist(self, asset: AssetKey) -> Gist:
        """Return an asset's published slots at a glance; much faster than looking at them."""
        slots = self.slots
        return slots.gist(asset) if isinstance(slots, SlotTable) else gist_of(self.columns(asset))

    def first(self, asset: AssetKey, name: str) -> int:
        """Return the number in the column *name* of the first of an asset's published slots."""
        slots = self.slots
        if isinstance(slots, SlotTable):
            return slots.first(asset, name)
        return int(getattr(self.columns(asset), name)[0])
