"""The kinds of ready checks: what each asks of a table, as SQL with bound values.

Rule 1: values are bound; of what a user gives, only column names become part of
SQL text, quoted. (The query of `sql` is the user's own.)
Rule 2: nothing here runs anything; `engine` does.
Rule 3: a missing value is the matter of `not_null` alone; the other checks pass it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from assetkit.records import AssetKey

Severity = Literal["error", "warn"]

_LISTED = 100
"""Up to so many values are written out: DuckDB then compares a dictionary's entries, not rows."""

THIS = "this"
"""What SQL calls the table that is checked."""


FLOATS = frozenset({"FLOAT", "DOUBLE"})
"""Types with NaN."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL, and the values for its question marks in their order."""

    text: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyCheck:
    """A check that assetkit itself knows how to run. ``columns`` must be there."""

    name: str
    severity: Severity = "error"
    blocking: bool = False
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCheck(ReadyCheck):
    """A check of each row by itself: rows for which ``offends`` holds fail."""

    problem: str

    def offends(self, types: Mapping[str, str]) -> Sql:
        """Return the condition of offending rows; *types* are the columns' types in SQL."""
        return Sql("false")


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNull(RowCheck):
    """No value is missing. NaN counts as missing, as it does in pandas."""

    def offends(self, types: Mapping[str, str]) -> Sql:
        """Return the condition of rows with a missing value."""
        return Sql(" or ".join(_is_missing(column, types[column]) for column in self.columns))


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedValues(RowCheck):
    """Values are among those listed."""

    values: tuple[Any, ...]

    def offends(self, types: Mapping[str, str]) -> Sql:
        """Return the condition of rows with another value."""
        column = quoted(self.columns[0])
        if len(self.values) > _LISTED:
            unlisted = f"{column} not in (select unnest(?))"
            return Sql(f"{column} is not null and {unlisted}", (list(self.values),))
        marks = ", ".join("?" for _ in self.values)
        return Sql(f"{column} is not null and {column} not in ({marks})", self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class InRange(RowCheck):
    """Values lie between two limits, both included; None: no limit on that side."""

    low: Any
    high: Any

    def offends(self, types: Mapping[str, str]) -> Sql:
        """Return the condition of rows outside the limits."""
        column = quoted(self.columns[0])
        sides = [(f"{column} < ?", self.low), (f"{column} > ?", self.high)]
        given = [(text, limit) for text, limit in sides if limit is not None]
        return Sql(" or ".join(text for text, _ in given), tuple(limit for _, limit in given))


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey(RowCheck):
    """Each value is there in a column of another asset."""

    parent: AssetKey
    parent_column: str

    def offends(self, types: Mapping[str, str]) -> Sql:
        """Return the condition of rows whose value the other asset does not have."""
        column, parent = quoted(self.columns[0]), quoted(self.parent_column)
        view = quoted(parent_view(self))
        there = f"(select {parent} from {view} where {parent} is not null)"  # noqa: S608, quoted
        return Sql(f"{column} is not null and {column} not in {there}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount(ReadyCheck):
    """The number of rows lies between two limits, both included."""

    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique(ReadyCheck):
    """No two rows have the same values; rows with a missing one are not compared."""

    def repeated(self) -> Sql:
        """Return the values that occur more than once, and how often: the column ``rows``."""
        columns = ", ".join(map(quoted, self.columns))
        complete = " and ".join(f"{quoted(column)} is not null" for column in self.columns)
        counted = f'select {columns}, count(*) as "rows" from {THIS}'  # noqa: S608, quoted
        return Sql(f"{counted} where {complete} group by {columns} having count(*) > 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSchemaChange(ReadyCheck):
    """Columns and types are those that are published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(ReadyCheck):
    """A query of the user's own: it finds no rows, or says true."""

    query: str


def quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever is in it.

    >>> quoted("departure delay")
    '"departure delay"'
    """
    return '"' + name.replace('"', '""') + '"'


def parent_view(check: ForeignKey) -> str:
    """Return what SQL calls the other asset's column."""
    return f"{check.parent}.{check.parent_column}"


def _is_missing(column: str, type_: str) -> str:
    name = quoted(column)
    if type_ in FLOATS:
        return f"({name} is null or isnan({name}))"
    return f"{name} is null"
