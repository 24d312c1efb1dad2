"""Where data lies that others make, and how it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The place of an external asset's data.

    ``path`` is a path, URL or glob, with ``{partition_key}`` or the names of
    dimensions in braces where there are partitions; None: it cannot be loaded.
    ``observe`` says which version is there (None: the listing of ``path`` does);
    ``by_partition``: it takes the partition key.
    """

    path: str | None = None
    observe: Callable[..., Any] | None = None
    by_partition: bool = False
