"""Run ready checks on a table as SQL; loaded by name, since it brings DuckDB with it.

Rule 1: all checks of single rows are one pass over the columns that they need.
Rule 2: offending rows are looked up only of checks that fail.
Rule 3: a check that cannot be run (no such column, types that do not compare)
has failed, and says why; it never ends the run.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from assetkit.checks.kinds import (
    FLOATS,
    THIS,
    ForeignKey,
    NoSchemaChange,
    Query,
    ReadyCheck,
    RowCheck,
    RowCount,
    Sql,
    Unique,
    parent_view,
    quoted,
)
from assetkit.checks.result import CheckResult
from assetkit.errors import AssetkitError, did_you_mean

SAMPLED = 5
"""How many offending rows are kept with a result."""

_LONGEST = 200
_RAW = "raw"
_NO_COLUMNS = "[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The table to check.

    ``table`` is a Parquet file's path, or anything that DuckDB reads from memory.
    ``names`` are what SQL may call it beside ``this``. ``schema`` is its schema as
    JSON and ``published`` that of what is published, None where nothing is.
    ``parent`` returns another asset's column as a table. ``nan`` names the columns that
    have NaN somewhere, None where nobody knows.
    """

    table: Any
    names: tuple[str, ...] = ()
    schema: str | None = None
    published: Callable[[], str | None] = lambda: None
    parent: Callable[[ForeignKey], Any] | None = None
    nan: frozenset[str] | None = None


def run_checks(checks: Sequence[ReadyCheck], subject: Subject) -> list[CheckResult]:
    """Return what each check finds, in order."""
    with _engine().cursor() as cursor:
        return _Pass(cursor, _with_columns(subject, checks)).run(checks)


def _with_columns(subject: Subject, checks: Sequence[ReadyCheck]) -> Subject:
    """Give a table without columns, and so without rows, those that are asked for.

    DuckDB reads no file without columns; no row that there is could offend.
    """
    if subject.schema != _NO_COLUMNS:
        return subject
    columns = sorted({column for check in checks for column in check.columns}) or ["nothing"]
    selected = ", ".join(f"null as {quoted(column)}" for column in columns)
    empty = _engine().sql(f"select {selected} where false").to_arrow_table()
    return replace(subject, table=empty)


@lru_cache(maxsize=1)
def _engine() -> duckdb.DuckDBPyConnection:
    # Without a folder of its own, DuckDB would spill into the working directory.
    spill = str(Path(tempfile.gettempdir()) / "assetkit-checks")
    # A name that is no table is a mistake, and never one of this module's variables.
    engine = duckdb.connect(config={"temp_directory": spill, "python_enable_replacements": False})
    engine.execute("set enable_progress_bar = false")
    return engine


class _Pass:
    """One connection with the table under its names."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, subject: Subject) -> None:
        self._cursor, self._subject = cursor, subject
        # Held as long as the views over them are used.
        self._held: list[Any] = [subject.table]
        self._name(_RAW, subject.table)
        described = cursor.execute(f"describe {_RAW}").fetchall()
        self._types: dict[str, str] = {name: type_ for name, type_, *_ in described}
        self._with_nan = frozenset(
            name
            for name, type_ in self._types.items()
            if _has_numbers(type_) and (subject.nan is None or name in subject.nan)
        )
        cursor.execute(f"create or replace temp view {THIS} as select {_shielded(self._with_nan)}")

    def run(self, checks: Sequence[ReadyCheck]) -> list[CheckResult]:
        found = self._counted([check for check in checks if self._is_counted(check)])
        return [found.get(id(check)) or self._alone(check) for check in checks]

    def _is_counted(self, check: ReadyCheck) -> bool:
        return (
            isinstance(check, RowCount | RowCheck)
            and not isinstance(check, ForeignKey)
            and not self._lacking(check)
        )

    def _counted(self, checks: Sequence[ReadyCheck]) -> dict[int, CheckResult]:
        """Count for all checks at once; none of them where one cannot be run."""
        if not checks:
            return {}
        try:
            counts = self._count(checks)
        except duckdb.Error:
            return {}
        rows = counts[0]
        return {
            id(check): self._judged(check, rows, count)
            for check, count in zip(checks, counts[1:], strict=True)
        }

    def _count(self, checks: Sequence[ReadyCheck]) -> tuple[int, ...]:
        """Return the number of rows, then of offending rows for each check.

        A filter passes over row groups by their least and greatest values, which
        is fast, and wrong where there is NaN: such columns are read to the end.
        """
        conditions = [self._condition(check) for check in checks]
        read = [self._has_nan(check) for check in checks]
        filtered = [one for one, is_read in zip(conditions, read, strict=True) if not is_read]
        counted = [one for one, is_read in zip(conditions, read, strict=True) if is_read]
        # All names are quoted, all values bound, in the order of the question marks.
        terms = [f"(select count(*) from {_RAW} where {one.text})" for one in filtered]  # noqa: S608
        tests = "".join(f", count(*) filter (where {one.text})" for one in counted)
        table = f"(select count(*){tests} from {_RAW})"  # noqa: S608
        values = [value for one in (*filtered, *counted) for value in one.values]
        statement = f"select {', '.join([*terms, '*'])} from {table}"  # noqa: S608
        # All of it: DuckDB registers nothing beside a result that is not read to its end.
        (found,) = self._cursor.execute(statement, values).fetchall()
        quick, rows, slow = (
            iter(found[: len(terms)]),
            found[len(terms)],
            iter(found[len(terms) + 1 :]),
        )
        return rows, *(next(slow if is_read else quick) for is_read in read)

    def _condition(self, check: ReadyCheck) -> Sql:
        return check.offends(self._types) if isinstance(check, RowCheck) else Sql("false")

    def _has_nan(self, check: ReadyCheck) -> bool:
        return not self._with_nan.isdisjoint(check.columns)

    def _alone(self, check: ReadyCheck) -> CheckResult:
        if problem := self._lacking(check):
            return CheckResult(passed=False, description=problem)
        try:
            return self._run(check)
        except (duckdb.Error, AssetkitError) as error:
            if self._subject.schema == _NO_COLUMNS and isinstance(error, duckdb.BinderException):
                return CheckResult(passed=True, description="There are no rows to ask about")
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            if isinstance(error, duckdb.CatalogException):
                reason += f" The tables here: {', '.join((THIS, *self._subject.names))}."
            return CheckResult(passed=False, description=f"It could not be run: {reason}")

    def _run(self, check: ReadyCheck) -> CheckResult:
        if isinstance(check, NoSchemaChange):
            return _compared(self._subject.published(), self._subject.schema)
        if isinstance(check, Unique):
            return self._run_unique(check)
        if isinstance(check, Query):
            return self._run_query(check)
        if isinstance(check, ForeignKey):
            self._add_parent(check)
        rows, count = self._count([check])
        return self._judged(check, rows, count)

    def _run_unique(self, check: Unique) -> CheckResult:
        repeated = check.repeated()
        counted = f'select count(*), coalesce(sum("rows"), 0) from ({repeated.text})'  # noqa: S608
        ((groups, failing),) = self._cursor.execute(counted, repeated.values).fetchall()
        if not failing:
            return CheckResult(passed=True, metadata={"failing": 0})
        values = f"{int(groups):,} values" if groups > 1 else "one value"
        return CheckResult(
            passed=False,
            metadata={"failing": int(failing), "sample": self._sample(repeated)},
            description=f"{int(failing):,} rows share {values} of {', '.join(check.columns)}",
        )

    def _run_query(self, check: Query) -> CheckResult:
        for name in self._subject.names:
            self._cursor.execute(f"create or replace temp view {quoted(name)} as from {THIS}")
        # In brackets it can be nothing but a query.
        found = self._cursor.execute(f"from (\n{check.query}\n)")
        if [str(column[1]) for column in found.description or ()] == ["BOOLEAN"]:
            answers = [answer for (answer,) in found.fetchall()]
            return CheckResult(all(answers), description="" if all(answers) else "It says false")
        columns = [column[0] for column in found.description or ()]
        first = found.fetchmany(SAMPLED)
        failing = len(first)
        # Counted as it comes: the query, whatever it costs, runs once.
        while chunk := found.fetchmany(100_000):
            failing += len(chunk)
        return CheckResult(
            not failing,
            metadata={"failing": failing, "sample": [_row(columns, values) for values in first]},
            description=f"It finds {failing:,} row{'s' * (failing != 1)}" if failing else "",
        )

    def _judged(self, check: ReadyCheck, rows: int, failing: int) -> CheckResult:
        if isinstance(check, RowCount):
            return _judged_count(check, rows)
        if not failing or not isinstance(check, RowCheck):
            return CheckResult(passed=True, metadata={"rows": rows, "failing": 0})
        sample: list[dict[str, Any]] = []
        with contextlib.suppress(duckdb.Error):
            sample = self._offending(check)
        verb = "has" if failing == 1 else "have"
        return CheckResult(
            passed=False,
            metadata={"rows": rows, "failing": failing, "sample": sample},
            description=f"{failing:,} of {rows:,} rows {verb} {check.problem}",
        )

    def _offending(self, check: RowCheck) -> list[dict[str, Any]]:
        """Return the first rows that offend; the columns of the check come first."""
        condition = check.offends(self._types)
        others = [column for column in self._types if column not in check.columns]
        columns = ", ".join(map(quoted, (*check.columns, *others)))
        rows = f"select {columns} from {THIS} where {condition.text}"  # noqa: S608
        return self._sample(Sql(rows, condition.values))

    def _sample(self, offending: Sql) -> list[dict[str, Any]]:
        found = self._cursor.execute(f"{offending.text} limit {SAMPLED}", offending.values)
        columns = [column[0] for column in found.description or ()]
        return [_row(columns, row) for row in found.fetchall()]

    def _lacking(self, check: ReadyCheck) -> str | None:
        for column in check.columns:
            if column not in self._types:
                hint = did_you_mean(column, self._types, what="columns")
                return f"There is no column {column!r}. {hint}"
        return None

    def _add_parent(self, check: ForeignKey) -> None:
        if self._subject.parent is None:
            return
        table = self._subject.parent(check)
        self._held.append(table)
        self._name(parent_view(check), table)

    def _name(self, name: str, table: Any) -> None:
        """Let SQL know a table by a name, in this connection alone."""
        if not isinstance(table, Path):
            self._cursor.register(name, table)
            return
        path = str(table).replace("'", "''")
        view = f"create or replace temp view {quoted(name)}"
        self._cursor.execute(f"{view} as from read_parquet('{path}')")


def _has_numbers(type_: str) -> bool:
    """Return whether values of a type may be NaN, or have parts that may."""
    return any(name in type_ for name in FLOATS)


def _shielded(with_nan: Collection[str]) -> str:
    """Return the columns of the table, so that filters on numbers with NaN find all rows.

    DuckDB passes over a row group of Parquet by its least and greatest value,
    and NaN is neither.
    """
    numbers = [quoted(name) for name in sorted(with_nan)]
    kept = ", ".join(f"case when {n} is null then null else {n} end as {n}" for n in numbers)
    return f"* replace ({kept}) from {_RAW}" if kept else f"* from {_RAW}"


def _judged_count(check: RowCount, rows: int) -> CheckResult:
    found = {"rows": rows}
    if check.low is not None and rows < check.low:
        text = f"There are {rows:,} rows, fewer than {check.low:,}"
        return CheckResult(passed=False, metadata=found, description=text)
    if check.high is not None and rows > check.high:
        text = f"There are {rows:,} rows, more than {check.high:,}"
        return CheckResult(passed=False, metadata=found, description=text)
    return CheckResult(passed=True, metadata=found)


def _compared(published: str | None, now: str | None) -> CheckResult:
    """Compare two schemas by column names; their order is no matter."""
    if published is None or now is None or published == now:
        return CheckResult(passed=True)
    old, new = dict(json.loads(published)), dict(json.loads(now))
    said = [f"column {name!r} is gone" for name in old if name not in new]
    said += [f"column {name!r} is new" for name in new if name not in old]
    said += [
        f"column {name!r} was {old[name]} and is {new[name]}"
        for name in new
        if name in old and old[name] != new[name]
    ]
    text = "; ".join(said)
    return CheckResult(not said, description=text[:1].upper() + text[1:])


def _row(columns: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(columns, map(_plain, values), strict=True))


def _plain(value: Any) -> Any:
    """Return a value as JSON can keep it, and not at any length."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)  # noqa: PLR0124
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
