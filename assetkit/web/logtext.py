"""What a step said, line by line: its colours as classes, its levels to filter by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from assetkit.execution.logs import attempt_line

LEVELS: Final = ("debug", "info", "warning", "error")
"""Levels of a log, the worst last; ``error`` also stands for critical ones and tracebacks."""
MOST_LINES: Final = 5_000
_CODE = re.compile(r"\x1b\[([0-9;?]*)([ -/]*[@-~])")
_RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")
_TRACE = "Traceback (most recent call last):"
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of an ``attempt``; ``pieces`` are (names of styles, text). ``level`` is empty
    for what was printed.
    """

    number: int
    attempt: int
    level: str
    pieces: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogView:
    """What is shown of a step's log. ``note`` says why it is not all, or nothing.

    ``level`` is the least that is shown, ``find`` what lines must have in them; empty: all.
    ``attempt`` is the one whose lines are shown, 0 for all of the ``attempts`` that there are.
    """

    step: str
    lines: Sequence[LogLine] = ()
    note: str = ""
    level: str = ""
    find: str = ""
    attempt: int = 0
    attempts: int = 1
    levels: Sequence[str] = field(default=LEVELS)


def log_view(step: str, text: str, *, level: str = "", find: str = "", attempt: int = 0) -> LogView:
    """Return the newest lines of a log that are of a level, or worse, and have a text in them.

    *attempt*: only what that attempt said (0: all of them).
    """
    level = level if level in LEVELS else ""
    least = LEVELS.index(level) if level else -1
    lines = list(_lines(text))
    attempts = lines[-1].attempt if lines else 1
    attempt = attempt if attempt <= attempts else 0
    kept = [
        line
        for line in lines
        if (not attempt or line.attempt == attempt)
        and (LEVELS.index(line.level) if line.level else -1) >= least
        and (not find or find.casefold() in "".join(part for _, part in line.pieces).casefold())
    ]
    note = f"The last {MOST_LINES:,} lines of {len(kept):,}." if len(kept) > MOST_LINES else ""
    if not kept:
        note = "None of its lines is like that." if level or find else "It wrote nothing."
    return LogView(
        step=step,
        lines=kept[-MOST_LINES:],
        note=note,
        level=level,
        find=find,
        attempt=attempt,
        attempts=attempts,
    )


def _lines(text: str) -> Iterator[LogLine]:
    level, styles, attempt = "", frozenset[str](), 1
    for number, line in enumerate(text.splitlines(), start=1):
        pieces, styles = _pieces(line, styles)
        plain = "".join(part for _, part in pieces)
        if plain == attempt_line(attempt + 1):
            attempt, level = attempt + 1, ""
        if (record := _RECORD.match(plain)) is not None:
            named = record[1].lower()
            level = named if named in LEVELS else "error"
            yield LogLine(number=number, attempt=attempt, level=level, pieces=pieces)
            level = ""
            continue
        if plain.startswith(_TRACE):
            level = "error"  # and so is what follows, up to the next record
        yield LogLine(number=number, attempt=attempt, level=level, pieces=pieces)


def _pieces(line: str, styles: frozenset[str]) -> tuple[list[tuple[str, str]], frozenset[str]]:
    """Cut a line where a terminal would change its style; return also the style at its end."""
    pieces, at = [], 0
    for found in _CODE.finditer(line):
        if found.start() > at:
            pieces.append((" ".join(sorted(styles)), line[at : found.start()]))
        at = found.end()
        if found[2] == "m":
            styles = _styled(found[1], styles)
    if at < len(line):
        pieces.append((" ".join(sorted(styles)), line[at:]))
    return pieces, styles


def _styled(codes: str, styles: frozenset[str]) -> frozenset[str]:
    """Return the styles after the codes of a terminal.

    >>> sorted(_styled("1;31", frozenset({"a-green"})))
    ['a-bold', 'a-red']
    """
    for code in codes.split(";"):
        number = int(code) if code.isdecimal() else 0
        if number == 0:
            styles = frozenset()
        elif number == 1:
            styles |= {"a-bold"}
        elif 30 <= number <= 37 or 90 <= number <= 97:
            colour = f"a-{_COLOURS[number % 10]}"
            styles = (styles & {"a-bold"}) | {colour}
        elif number == 39:
            styles &= {"a-bold"}
    return styles
