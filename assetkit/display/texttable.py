"""Tables in plain text that fit the width they are given.

Rule 1: without a width (a pipe, a file) nothing is wrapped or cut.
Rule 2: with one, only columns marked ``wraps`` give way, the widest first, and
what they hold goes on in further lines; no text is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from unicodedata import east_asian_width


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """How one column is set. ``least``: the width below which it is not pressed."""

    title: str = ""
    right: bool = False
    wraps: bool = False
    least: int = 12


def text_width(text: str) -> int:
    """Return how many cells a terminal needs for *text*.

    >>> text_width("naïve"), text_width("東京")
    (5, 4)
    """
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def text_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    width: int | None = None,
    gap: str = "  ",
    indent: str = "",
) -> list[str]:
    """Set a table; return its lines, without blanks at their ends.

    >>> text_table([Column(title="n", right=True), Column(title="name")], [["1", "a"], ["12", "b"]])
    [' n  name', ' 1  a', '12  b']
    """
    titled = any(column.title for column in columns)
    cells = [[column.title for column in columns]] if titled else []
    cells += [list(row) for row in rows]
    widths = [max((text_width(row[i]) for row in cells), default=0) for i in range(len(columns))]
    if width is not None:
        room = width - len(indent) - len(gap) * (len(columns) - 1)
        widths = _pressed(columns, widths, room)
    lines: list[str] = []
    for row in cells:
        lines += (indent + line for line in _row_lines(columns, widths, row, gap))
    return [line.rstrip() for line in lines]


def _pressed(columns: Sequence[Column], widths: list[int], room: int) -> list[int]:
    """Take what is too much from the widest of the columns that may wrap."""
    widths = list(widths)
    while (excess := sum(widths) - room) > 0:
        able = [i for i, column in enumerate(columns) if column.wraps and widths[i] > column.least]
        if not able:
            return widths
        able.sort(key=lambda i: widths[i], reverse=True)
        widest = able[0]
        floor = widths[able[1]] if len(able) > 1 else 0
        aim = max(floor, columns[widest].least, widths[widest] - excess)
        widths[widest] = aim if aim < widths[widest] else widths[widest] - 1
    return widths


def _row_lines(
    columns: Sequence[Column], widths: Sequence[int], row: Sequence[str], gap: str
) -> list[str]:
    pieces = [
        wrap(text, width, break_on_hyphens=False) or [""]
        if column.wraps and text_width(text) > width
        else text.split("\n")
        for column, width, text in zip(columns, widths, row, strict=True)
    ]
    lines = []
    for number in range(max(map(len, pieces))):
        cells = [piece[number] if number < len(piece) else "" for piece in pieces]
        lines.append(gap.join(map(_padded, columns, widths, cells)))
    return lines


def _padded(column: Column, width: int, text: str) -> str:
    blank = " " * (width - text_width(text))
    return blank + text if column.right else text + blank
