"""What a data file says of itself: for people who look at an asset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStatistics:
    """One column: its type, how many values are missing, the least and the greatest.

    None: the file does not say (nested types, files of other writers). NaN is
    among the values and not among the limits.
    """

    name: str
    type: str
    nulls: int | None = None
    minimum: Any = None
    maximum: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatistics:
    """One file."""

    rows: int
    bytes: int
    columns: tuple[ColumnStatistics, ...]
