"""The ready checks, as users write them; each argument is looked at where it is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from assetkit.checks.kinds import (
    AcceptedValues,
    ForeignKey,
    InRange,
    NoSchemaChange,
    NotNull,
    Query,
    ReadyCheck,
    RowCount,
    Severity,
    Unique,
)
from assetkit.errors import InvalidArgument


def row_count(
    min: int | None = None,
    max: int | None = None,
    *,
    blocking: bool = False,
    severity: Severity = "error",
) -> ReadyCheck:
    """Check that there are at least *min* and at most *max* rows.

    >>> row_count(1).name
    'row_count(min=1)'
    """
    for limit in (min, max):
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int)):
            raise InvalidArgument(f"row_count: {limit!r} is no number of rows. Give an int.")
    name = f"row_count({_limits(min, max, 'min', 'max', check='row_count')})"
    return RowCount(name=name, low=min, high=max, **_manner(name, blocking, severity))


def not_null(
    columns: str | Sequence[str], *, blocking: bool = False, severity: Severity = "error"
) -> ReadyCheck:
    """Check that no value of the column (or columns) is missing; NaN counts as missing."""
    named = _columns(columns, "not_null")
    name = f"not_null({', '.join(named)})"
    return NotNull(
        name=name,
        columns=named,
        problem=f"nothing in {' or '.join(named)}",
        **_manner(name, blocking, severity),
    )


def unique(
    columns: str | Sequence[str], *, blocking: bool = False, severity: Severity = "error"
) -> ReadyCheck:
    """Check that no two rows have the same value (of several columns: combination of values).

    Rows with a missing value are not compared.
    """
    named = _columns(columns, "unique")
    name = f"unique({', '.join(named)})"
    return Unique(name=name, columns=named, **_manner(name, blocking, severity))


def accepted_values(
    column: str, values: Iterable[Any], *, blocking: bool = False, severity: Severity = "error"
) -> ReadyCheck:
    """Check that all values of a column are among those listed; missing ones pass."""
    name = f"accepted_values({_column(column, 'accepted_values')})"
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InvalidArgument(f"{name}: {values!r} is no list of values. Give a list.")
    listed = tuple(value for value in values if value is not None)
    if not listed:
        raise InvalidArgument(f"{name}: the list of values is empty, so no row could pass.")
    return AcceptedValues(
        name=name,
        columns=(column,),
        values=listed,
        problem=f"another {column} than {_some(listed)}",
        **_manner(name, blocking, severity),
    )


def in_range(
    column: str,
    lo: Any = None,
    hi: Any = None,
    *,
    blocking: bool = False,
    severity: Severity = "error",
) -> ReadyCheck:
    """Check that all values of a column lie between *lo* and *hi*, both included.

    None: no limit on that side. Missing values pass; NaN is above every limit.
    """
    _column(column, "in_range")
    limits = _limits(lo, hi, "lo", "hi", check=f"in_range({column!r})")
    name = f"in_range({column}, {limits})"
    return InRange(
        name=name,
        columns=(column,),
        low=lo,
        high=hi,
        problem=f"a value of {column} outside of {limits}",
        **_manner(name, blocking, severity),
    )


def foreign_key(
    column: str,
    asset: Any,
    other_column: str | None = None,
    *,
    blocking: bool = False,
    severity: Severity = "error",
) -> ReadyCheck:
    """Check that each value of a column is there in another asset's column; missing ones pass.

    *asset*: the other asset or its key; all its partitions count. *other_column*
    None: the same name. Make the other asset an upstream (``deps=``), so that it
    is up to date by then.
    """
    key = getattr(asset, "key", asset)
    _column(column, "foreign_key")
    other = _column(column if other_column is None else other_column, "foreign_key")
    if not isinstance(key, str) or not key:
        raise InvalidArgument(
            f"foreign_key({column!r}): {asset!r} is no asset, nor the key of one."
        )
    name = f"foreign_key({column}, {key}.{other})"
    return ForeignKey(
        name=name,
        columns=(column,),
        parent=key,
        parent_column=other,
        problem=f"a value of {column} that {key}.{other} does not have",
        **_manner(name, blocking, severity),
    )


def no_schema_change(*, blocking: bool = False, severity: Severity = "error") -> ReadyCheck:
    """Check that columns and types are those that are published already.

    The same partition is compared, or another one where that is new.
    """
    name = "no_schema_change"
    return NoSchemaChange(name=name, **_manner(name, blocking, severity))


def sql(
    query: str,
    *,
    name: str | None = None,
    blocking: bool = False,
    severity: Severity = "error",
) -> ReadyCheck:
    """Check with a query: it finds the offending rows, or has the one value true.

    The asset is the table ``this``, and also has its own name.

    >>> sql("select * from this where arrival < departure").name
    'sql(select * from this where arrival < departure)'
    """
    text = str(query).strip().removesuffix(";")
    if not text:
        raise InvalidArgument("sql: the query is empty. Give a select statement.")
    line = " ".join(text.split())
    shown = line if len(line) <= 60 else f"{line[:57]}..."
    chosen = name or f"sql({shown})"
    return Query(name=chosen, query=text, **_manner(chosen, blocking, severity))


def _manner(name: str, blocking: bool, severity: str) -> dict[str, Any]:  # noqa: FBT001
    if severity not in ("error", "warn"):
        raise InvalidArgument(f"{name}: severity={severity!r}. Allowed: 'error' or 'warn'.")
    if not isinstance(blocking, bool):
        raise InvalidArgument(f"{name}: blocking={blocking!r}. Allowed: True or False.")
    return {"blocking": blocking, "severity": severity}


def _column(name: Any, check: str) -> str:
    if not isinstance(name, str) or not name:
        raise InvalidArgument(f"{check}: {name!r} is no column. Give the column's name.")
    return name


def _columns(names: Any, check: str) -> tuple[str, ...]:
    listed = (names,) if isinstance(names, str) else names
    if not isinstance(listed, list | tuple) or not listed:
        raise InvalidArgument(f"{check}: {names!r} is no list of columns. Give one or more names.")
    return tuple(_column(name, check) for name in listed)


def _limits(low: Any, high: Any, low_name: str, high_name: str, *, check: str) -> str:
    given = [(low_name, low), (high_name, high)]
    said = ", ".join(f"{name}={limit}" for name, limit in given if limit is not None)
    if not said:
        raise InvalidArgument(f"{check}: no limit is given. Give {low_name}, {high_name} or both.")
    if low is not None and high is not None and low > high:
        raise InvalidArgument(f"{check}: {low_name}={low} is above {high_name}={high}.")
    return said


def _some(values: Sequence[Any]) -> str:
    shown = ", ".join(map(str, values[:5]))
    return shown if len(values) <= 5 else f"{shown} and {len(values) - 5} more"
