"""How a command shows things: text that fits the terminal, or JSON.

Rule 1: results go to stdout; progress, notes and errors to stderr.
Rule 2: what is piped is neither wrapped, cut nor coloured.
Rule 3: JSON is one object with a versioned ``schema``; times are ISO 8601.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TextIO

import click

from assetkit.display.glyphs import glyph, speaks_unicode, to_ascii
from assetkit.display.quantities import duration_text, moment_text
from assetkit.display.texttable import Column, text_table

_COLOURS: Final = {
    "+": "blue",
    "~": "blue",
    "?": "yellow",
    "‖": "yellow",
    "◐": "yellow",
    "◔": "yellow",
    "●": "green",
    "▸": "blue",
    "✕": "red",
    "⊘": "red",
}
_MARK: Final = re.compile(rf"^( *)([{re.escape(''.join(_COLOURS))}]) ", re.MULTILINE)
_LEAD: Final = re.compile(r"^(error|note):")


@dataclass(frozen=True, slots=True)
class Output:
    """One stream, and what it can show: *width* None where nothing is to be wrapped."""

    stream: TextIO
    width: int | None
    unicode: bool
    colour: bool

    @classmethod
    def to(cls, stream: TextIO, *, color: str = "auto", environ: Mapping[str, str]) -> Output:
        """Find out what *stream* can show."""
        is_terminal = stream.isatty()
        return cls(
            stream=stream,
            width=shutil.get_terminal_size((80, 24)).columns if is_terminal else None,
            unicode=speaks_unicode(getattr(stream, "encoding", None)),
            colour=_wants_colour(color, environ, is_terminal=is_terminal),
        )

    def shown(self, text: str) -> str:
        """Return *text* as this stream can show it: with colours, without marks, or as it is."""
        if self.colour:
            text = _MARK.sub(lambda m: f"{m[1]}{click.style(m[2], fg=_COLOURS[m[2]])} ", text)
            text = _LEAD.sub(lambda m: click.style(m[0], fg="red", bold=True), text)
        return text if self.unicode else to_ascii(text)

    def mark(self, state: str) -> str:
        """Return the mark of a state that this stream can show."""
        return glyph(state, ascii=not self.unicode)

    def write(self, text: str) -> None:
        """Write *text* and a line end."""
        click.echo(self.shown(text), file=self.stream, color=self.colour)

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """Write a table that fits."""
        for line in text_table(columns, list(rows), width=self.width):
            self.write(line)

    def json(self, thing: str, content: Mapping[str, Any]) -> None:
        """Write one JSON object with its schema, e.g. ``assetkit.plan/1``."""
        document = {"schema": f"assetkit.{thing}/1", **content}
        text = json.dumps(plain(document), indent=2, ensure_ascii=not self.unicode)
        click.echo(text, file=self.stream)


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: times as ISO 8601, what is missing as null.

    >>> plain({"at": datetime(2026, 1, 31), "rows": float("nan"), "keys": ("a", "b")})
    {'at': '2026-01-31T00:00:00', 'rows': None, 'keys': ['a', 'b']}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if value != value:  # noqa: PLR0124  pandas.NaT and NA have no other mark without pandas
        return None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def records(frame: Any) -> list[dict[str, Any]]:
    """Return a frame's rows as dicts of plain values."""
    names = [str(name) for name in frame.columns]
    return [
        {name: plain(_missing_as_none(value)) for name, value in zip(names, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]


def moment(text: str) -> datetime:
    """Return the time that ISO 8601 text says, as `plain` writes it."""
    return datetime.fromisoformat(text)


def cell_text(value: Any, *, exact: bool = False) -> str:
    """Return a value as a cell of a table shows it; *exact*: as a program would.

    >>> cell_text(None), cell_text(336776), cell_text(0.5), cell_text(["a", "b"])
    ('', '336,776', '0.5', 'a, b')
    """
    value = _missing_as_none(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if exact else f"{value:,}"
    if isinstance(value, float):
        return str(value) if exact else f"{value:,.6g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ") if exact else moment_text(value)
    if isinstance(value, timedelta):
        return duration_text(value.total_seconds())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return cell_text(value.tolist(), exact=exact) if hasattr(value, "tolist") else str(value)


def frame_columns(frame: Any) -> list[Column]:
    """Return how the columns of a frame are set: numbers right, texts wrapped."""
    return [
        Column(title=str(name), right=kind.kind in "iuf", wraps=kind.kind not in "iufM")
        for name, kind in frame.dtypes.items()
    ]


def _missing_as_none(value: Any) -> Any:
    """Return None for NaN, NaT and NA, without asking for pandas."""
    if value is None or isinstance(value, str | list | tuple | dict):
        return value
    return None if str(value) in ("nan", "NaT", "<NA>") else value


def _wants_colour(color: str, environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    if color != "auto":
        return color == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR") or environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return is_terminal and environ.get("TERM") != "dumb"


def surroundings() -> Mapping[str, str]:
    """Return the environment: the one place where the command line reads it."""
    return os.environ
