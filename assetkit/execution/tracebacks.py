"""Tracebacks as their reader needs them: the user's own code first."""

from __future__ import annotations

import re
import sysconfig
import traceback
from pathlib import Path
from types import TracebackType

_OURS = str(Path(__file__).resolve().parent.parent)
_LIBRARIES = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)

_NOT_THE_USERS = (_OURS, *_LIBRARIES, "<frozen")
_BEGINNING = "Traceback (most recent call last):"
_FRAME = re.compile(
    r'^ +File "(?P<file>.+)", line (?P<line>\d+), in (?P<function>.+)'
    r"(?:\n {4,}(?P<code>(?!File \").+))?",
    re.MULTILINE,
)


def trim(error: BaseException) -> BaseException:
    """Cut an error's traceback, and those of its causes, to the user's code and what it called.

    Where no frame is the user's, only the leading frames of this package go.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = _from_user_code(link.__traceback__)
        link = link.__cause__ or link.__context__
    return error


def traceback_text(error: BaseException) -> str:
    """Return an error with its traceback and causes as Python prints them."""
    return "".join(traceback.format_exception(error))


def place_in(text: str) -> str:
    """Return the last line of the user's code in a traceback's text; empty where it has none.

    >>> place_in('''Traceback (most recent call last):
    ...   File "shop/raw.py", line 14, in orders
    ...     raise ValueError("HTTP 503")
    ... ValueError: HTTP 503''')
    'shop/raw.py:14  in orders  raise ValueError("HTTP 503")'
    """
    _, _, last = text.rpartition(_BEGINNING)
    own = [one for one in _FRAME.finditer(last) if not one["file"].startswith(_NOT_THE_USERS)]
    if not own:
        return ""
    code = (own[-1]["code"] or "").strip()
    return f"{own[-1]['file']}:{own[-1]['line']}  in {own[-1]['function']}  {code}".rstrip()


def _from_user_code(start: TracebackType | None) -> TracebackType | None:
    own: TracebackType | None = None
    frame = start
    while frame is not None:
        file = frame.tb_frame.f_code.co_filename
        if not file.startswith(_OURS):
            own = own or frame
            if not file.startswith(_LIBRARIES):
                return frame
        frame = frame.tb_next
    return own or start
