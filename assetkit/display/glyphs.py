"""One mark per state, as in every view; never the only sign: a word or colour goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

GLYPHS: Final[Mapping[str, tuple[str, str]]] = {
    "fresh": ("●", "="),
    "stale": ("◐", "~"),
    "missing": ("○", "o"),
    "partial": ("◔", "%"),
    "running": ("▸", ">"),
    "blocked": ("⊘", "#"),
    "quarantined": ("‖", "|"),
    "build": ("+", "+"),
    "rebuild": ("~", "~"),
    "maybe": ("?", "?"),
    "keep": ("=", "="),
    "materialized": ("●", "*"),
    "unchanged": ("=", "="),
    "skipped": ("·", "-"),
    "failed": ("✕", "x"),
    "cancelled": ("◌", "c"),
    "success": ("●", "*"),
    "lost": ("✕", "x"),
    "held": ("‖", "|"),
    "queued": ("…", "."),
    "warning": ("!", "!"),
    "overdue": ("✕", "x"),
}
"""Per state: the mark, and its ASCII stand-in."""

_STAND_INS = str.maketrans(
    {mark: plain for mark, plain in reversed([*GLYPHS.values()]) if not mark.isascii()}
    | {"…": "...", "→": "->", "·": "-", "—": "-", "├": "|", "└": "`", "│": "|", "─": "-"}
)


def glyph(state: str, *, ascii: bool = False) -> str:
    """Return the mark of a state, a blank where it has none.

    >>> glyph("failed"), glyph("failed", ascii=True)
    ('✕', 'x')
    """
    return GLYPHS.get(state, (" ", " "))[ascii]


def to_ascii(text: str) -> str:
    """Replace what an ASCII terminal cannot show: marks by their stand-ins, the rest by ``?``.

    >>> to_ascii("● ok … 東")
    '= ok ... ?'
    """
    return text.translate(_STAND_INS).encode("ascii", "replace").decode()


def speaks_unicode(encoding: str | None) -> bool:
    """Say whether a stream of this encoding can show the marks."""
    try:
        "●◐○✕▸…⊘‖".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
