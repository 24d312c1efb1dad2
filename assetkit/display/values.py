"""Metadata of all kinds, as text and as HTML. It is JSON: typed values are dicts with a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from assetkit.display.html import Html, element, html_table
from assetkit.display.texttable import Column, text_table

_SHOWN_ROWS: Final = 20
_LONGEST: Final = 400
_PICTURES: Final = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,")


def value_text(value: Any) -> str:
    """Return a value of metadata as text; a table has a line a row.

    >>> (
    ...     value_text({"kind": "number", "value": 0.93}),
    ...     value_text({"kind": "number", "value": 12, "unit": "s"}),
    ...     value_text([1, "a"]),
    ... )
    ('0.93', '12 s', '1, a')
    """
    kind, inner = _kind_of(value)
    if kind == "number":
        return f"{number_text(inner)} {value.get('unit', '')}".rstrip()
    if kind == "table":
        return "\n".join(table_lines(inner))
    if kind == "image":
        return "a picture; notebooks and pages show it"
    if isinstance(inner, bool | int | float):
        return number_text(inner)
    if isinstance(inner, list):
        return _cut(", ".join(map(value_text, inner)))
    if isinstance(inner, Mapping):
        return _cut(", ".join(f"{name}: {value_text(one)}" for name, one in inner.items()))
    return "" if inner is None else _cut(str(inner))


def value_html(value: Any) -> Html:
    """Return a value of metadata as HTML: links lead on, tables are tables, pictures are seen."""
    kind, inner = _kind_of(value)
    if kind == "url" and str(inner).startswith(("http://", "https://", "mailto:")):
        return element("a", str(inner), href=str(inner), rel="noopener noreferrer")
    if kind == "image" and str(inner).startswith(_PICTURES):
        return element("img", src=str(inner), alt="a picture from the metadata")
    if kind == "table":
        names = _names(inner)
        rows = [[cell(row.get(name)) for name in names] for row in inner[:_SHOWN_ROWS]]
        return html_table(names, rows)
    if kind in ("path", "url"):
        return element("code", str(inner))
    return element("span", value_text(value), style="white-space:pre-wrap")


def is_short(value: Any) -> bool:
    """Return whether a value can stand in a line among others."""
    kind, inner = _kind_of(value)
    short = isinstance(inner, bool | int | float) or (isinstance(inner, str) and len(inner) <= 30)
    return kind in ("", "number", "text") and short


def table_lines(rows: Sequence[Mapping[str, Any]], *, width: int | None = None) -> list[str]:
    """Return rows as lines of a table, numbers to the right.

    >>> table_lines([{"n": 1, "s": "a"}, {"n": 22, "s": None}])
    [' n  s', ' 1  a', '22']
    """
    names = _names(rows)
    numbers = {
        name: all(isinstance(row.get(name), int | float | None) for row in rows) for name in names
    }
    columns = [Column(title=name, right=numbers[name]) for name in names]
    cells = [[cell(row.get(name)) for name in names] for row in rows[:_SHOWN_ROWS]]
    lines = text_table(columns, cells, width=width) if names else []
    if len(rows) > _SHOWN_ROWS:
        lines.append(f"… {len(rows) - _SHOWN_ROWS:,} more rows")
    return lines


def cell(value: Any) -> str:
    r"""Return a value as one cell of a table.

    >>> cell(None), cell(0.1 + 0.2), cell("two\nlines")
    ('', '0.3', 'two lines')
    """
    if value is None:
        return ""
    if isinstance(value, int | float):
        return number_text(value)
    return " ".join(str(value).split())[:_LONGEST]


def number_text(number: float) -> str:
    """Return a number as people write it: six digits that matter; whole ones in full."""
    if isinstance(number, bool):
        return "yes" if number else "no"
    return f"{number:,}" if isinstance(number, int) else f"{number:,.6g}"


def _kind_of(value: Any) -> tuple[str, Any]:
    """Return the kind of a typed value and what is in it; of a plain one, no kind."""
    if isinstance(value, Mapping) and isinstance(value.get("kind"), str) and "value" in value:
        return value["kind"], value["value"]
    return "", value


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(name) for row in rows for name in row))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
