"""What is asked of the planner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assetkit.definitions.selecting import settled
from assetkit.records import AssetKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to bring up to date.

    ``partitions`` is a selection that applies to the targets (None: all that
    exist). ``slots`` says instead which they are: ranges of ordinals by asset, as
    ``(first, end)`` without the end. ``whole`` are targets that ``partitions`` is not about:
    all of theirs count. ``forced`` are the assets to run whatever
    their state; with ``forced_since``, only slots whose inputs were read before
    that number of the catalog's sequence. ``automatic``: nobody asked by hand, so
    quarantine holds, but for the assets in ``tried_anew``.
    """

    targets: tuple[AssetKey, ...]
    partitions: Any = None
    whole: frozenset[AssetKey] = frozenset()
    slots: Mapping[AssetKey, Sequence[tuple[int, int]]] | None = None
    upstream: bool = True
    forced: frozenset[AssetKey] = frozenset()
    forced_since: int | None = None
    automatic: bool = False
    tried_anew: frozenset[AssetKey] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "partitions", settled(self.partitions))
