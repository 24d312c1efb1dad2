"""What of a table does not fit its schema, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SHOWN = 5
"""How many offending rows of a column are shown."""

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Misfit:
    """One column, what is wrong with it, and the first rows (number, value) that show it."""

    column: str
    problem: str
    rows: tuple[tuple[int | None, Any], ...] = ()

    def __str__(self) -> str:
        if not self.rows:
            return f"{self.column}: {self.problem}"
        return f"{self.column}: {self.problem} ({', '.join(map(_shown, self.rows))})"


def told(misfits: Sequence[Misfit], *, where: str, schema: str) -> str:
    """Return the message for all that does not fit.

    >>> print(told([Misfit("a", "is missing")], where="What orders returned", schema="Order"))
    What orders returned does not fit its schema (Order):
      a: is missing
    """
    lines = [f"{where} does not fit its schema ({schema}):", *(f"  {one}" for one in misfits)]
    return "\n".join(lines)


def first_rows(numbers: Iterable[int], values: Any, offset: int) -> tuple[tuple[int, Any], ...]:
    """Return the first of the rows *numbers*, with their values; numbered from *offset*."""
    found = [number for number, _ in zip(numbers, range(SHOWN), strict=False)]
    return tuple((offset + number, values[number].as_py()) for number in found)


def _shown(row: tuple[int | None, Any]) -> str:
    number, value = row
    text = " ".join(repr(value).split())
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    return text if number is None else f"row {number}: {text}"
