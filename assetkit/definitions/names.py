"""What a name may be, where things are defined, and how a wrong argument is told."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

from assetkit.errors import InvalidArgument, InvalidName
from assetkit.records import AssetKey, SourceLocation

_PART = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])\Z", re.IGNORECASE)
_CELL_FILE = re.compile(r"(?:[/\\]ipykernel_\d+[/\\]\d+\.py|^<(?:ipython-input|ipykernel)[^>]*>)$")
_LONGEST_PART = 200  # of a folder name, in bytes; file systems end at 255
_PACKAGE = __name__.partition(".")[0]


def check_key(key: object, *, where: str) -> AssetKey:
    """Return an asset key that is one; *where* says what it was given for.

    Raises `InvalidName` with what a name may be.

    >>> check_key("sales/orders", where="Asset at shop.py:3")
    'sales/orders'
    """
    if not isinstance(key, str):
        raise InvalidName(f"{where}: the name is {shown(key)}, but a name is a text.")
    for part in key.split("/"):
        if not _PART.match(part):
            raise InvalidName(
                f"{where}: {key!r} cannot be an asset's name, because of {part!r}. "
                "A name has ASCII letters, digits and '_' and does not begin with a digit; "
                "prefixes are put before it with '/', as in 'sales/orders'."
            )
        if _RESERVED.match(part):
            raise InvalidName(
                f"{where}: {key!r} cannot be an asset's name: Windows has no folder {part!r}."
            )
        if len(part) > _LONGEST_PART:
            raise InvalidName(f"{where}: {part[:20]}... is longer than {_LONGEST_PART} letters.")
    return key


def invalid(owner: str, argument: str, given: object, allowed: str) -> InvalidArgument:
    """Return the error for one wrong argument: whose, which, what was given, what is allowed.

    >>> str(invalid("RetryPolicy (shop.py:3)", "backoff", "slow", "'constant' or 'linear'"))
    "RetryPolicy (shop.py:3): backoff='slow' does not do. Allowed: 'constant' or 'linear'."
    """
    return InvalidArgument(
        f"{owner}: {argument}={shown(given)} does not do. Allowed: {allowed.rstrip('.')}."
    )


def shown(value: object) -> str:
    """Return a value as an error shows it: one line, not too long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001  a user's broken __repr__ must not hide the error
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."


def source_of(function: Callable[..., Any]) -> SourceLocation:
    """Return where a function is defined; a notebook's cell is called ``<cell>``."""
    code = function.__code__
    return SourceLocation(file=shown_file(code.co_filename), line=code.co_firstlineno)


def shown_file(filename: str) -> str:
    """Return a code object's file name as people know it.

    >>> shown_file("/tmp/ipykernel_812/3254.py")
    '<cell>'
    """
    return "<cell>" if is_cell(filename) else filename


def is_cell(filename: str) -> bool:
    """Return whether a code object's file name is that of a notebook's cell."""
    return _CELL_FILE.search(filename) is not None


def caller() -> SourceLocation:
    """Return the place in the user's code from which assetkit was called."""
    frame = sys._getframe(1)  # noqa: SLF001  there is no public way to read one frame cheaply
    while frame.f_back is not None and is_own(frame.f_globals):
        frame = frame.f_back
    return SourceLocation(file=shown_file(frame.f_code.co_filename), line=frame.f_lineno)


def is_own(module_globals: dict[str, Any]) -> bool:
    """Return whether a frame's globals belong to assetkit or to code that `dataclass` made."""
    name = module_globals.get("__name__", "")
    return isinstance(name, str) and (name == _PACKAGE or name.startswith(f"{_PACKAGE}."))
