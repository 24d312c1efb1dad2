"""Which upstream partitions a partition needs: for ``AssetIn(partitions=...)``."""

from __future__ import annotations

from assetkit.definitions.mappings import (
    all_partitions,
    as_of,
    by_dimension,
    by_key,
    identity,
    latest,
    specific,
    window,
)

__all__ = [
    "all_partitions",
    "as_of",
    "by_dimension",
    "by_key",
    "identity",
    "latest",
    "specific",
    "window",
]
