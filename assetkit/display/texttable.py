"""Tables in plain text that fit the width they are given.

Rule 1: without a width (a pipe, a file) nothing is wrapped or cut.
Rule 2: with one, only columns marked ``wraps`` give way, the widest first, and
what they hold goes on in further lines; no text is lost, and no word is cut
unless it is very long. A no-break space keeps two words on one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from unicodedata import east_asian_width

_LONGEST_WORD = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """How one column is set."""

    title: str = ""
    right: bool = False
    wraps: bool = False


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
        floors = [_floor(column, [row[i] for row in cells]) for i, column in enumerate(columns)]
        widths = _pressed(widths, floors, room)
    lines: list[str] = []
    for row in cells:
        lines += (indent + line for line in _row_lines(columns, widths, row, gap))
    return [line.replace("\xa0", " ").rstrip() for line in lines]


def _floor(column: Column, cells: Sequence[str]) -> int:
    """Return the width below which a column is not pressed: that of its longest word."""
    if not column.wraps:
        return max(map(text_width, cells), default=0)
    words = [word for text in cells for word in text.split(" ")]
    return min(max(map(text_width, words), default=0), _LONGEST_WORD)


def _pressed(widths: Sequence[int], floors: Sequence[int], room: int) -> list[int]:
    """Take what is too much from the widest of the columns that can still give way."""
    pressed = list(widths)
    while (excess := sum(pressed) - room) > 0:
        able = [i for i, floor in enumerate(floors) if pressed[i] > floor]
        if not able:
            return pressed
        first, second = [*sorted(able, key=lambda i: -pressed[i]), -1][:2]
        least = floors[first] if second < 0 else max(floors[first], pressed[second])
        aim = max(least, pressed[first] - excess)
        pressed[first] = min(aim, pressed[first] - 1)
    return pressed


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
