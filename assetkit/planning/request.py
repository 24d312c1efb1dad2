"""What is asked of the planner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assetkit.records import AssetKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to bring up to date.

    ``partitions`` is a selection that applies to the targets (None: all that
    exist). ``forced`` are the assets to run whatever their state.
    ``automatic``: nobody asked by hand, so quarantine holds.
    """

    targets: tuple[AssetKey, ...]
    partitions: Any = None
    upstream: bool = True
    forced: frozenset[AssetKey] = frozenset()
    automatic: bool = False
