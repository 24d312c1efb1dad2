"""Values as text that is the same in every process, for those that have one."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import Any, Protocol
from uuid import UUID


class Leaves(Protocol):
    """Says what stands for values that are no plain data."""

    def met(self, kind: type) -> None:
        """Hear of the class of an enum member or a data object."""

    def text(self, value: Any) -> str | None:
        """Return what stands for a function or an object; None: nothing can."""


_SCALARS = (bool, int, float, complex, str, bytes, bytearray, type(None), type(Ellipsis))
_VALUES = (date, time, timedelta, tzinfo, Decimal, Fraction, UUID, PurePath, range, slice)


class NoLeaves:
    """Knows plain data only."""

    def met(self, kind: type) -> None:
        """Ignore the class."""

    def text(self, value: Any) -> str | None:
        """Return None: what is no plain data has no text."""
        return None


def constant_text(value: Any, leaves: Leaves) -> str | None:
    """Return a text that says what *value* is; None where there is none.

    >>> constant_text({"b": {3, 1}, "a": (1, 1.0)}, NoLeaves())
    "dict{str'b':set{int1,int3,},str'a':tuple[int1,float1.0,],}"
    """
    try:
        return _text(value, leaves)
    except RecursionError:  # a list that holds itself
        return None


def _text(value: Any, leaves: Leaves) -> str | None:
    kind = type(value)
    name = kind.__name__
    if kind in _SCALARS:
        return f"{name}{value!r}"
    if isinstance(value, Enum):
        leaves.met(kind)
        return f"{name}.{value.name}={_text(value.value, leaves)}"
    if isinstance(value, list | tuple):
        return _joined(f"{name}[", [_text(one, leaves) for one in value], "]")
    if isinstance(value, set | frozenset):
        parts = [_text(one, leaves) for one in value]
        return None if None in parts else _joined(f"{name}{{", sorted(map(str, parts)), "}")
    if isinstance(value, Mapping):
        pairs = [(_text(key, leaves), _text(one, leaves)) for key, one in value.items()]
        if any(None in pair for pair in pairs):
            return None
        return _joined(f"{name}{{", [f"{key}:{one}" for key, one in pairs], "}")
    if isinstance(value, re.Pattern):
        return f"{name}{value.pattern!r}{value.flags}"
    if isinstance(value, _VALUES):
        return f"{name}{value!r}"
    if is_dataclass(value) and not isinstance(value, type):
        leaves.met(kind)
        parts = [_text(getattr(value, one.name), leaves) for one in fields(value)]
        return _joined(f"{name}(", parts, ")")
    return _library_text(value) or leaves.text(value)


def _joined(before: str, parts: list[Any], after: str) -> str | None:
    if None in parts:
        return None
    return before + "".join(f"{part}," for part in parts) + after


def _library_text(value: Any) -> str | None:
    """Return a text for small tables and arrays, without loading what they come from."""
    package = type(value).__module__.partition(".")[0]
    name = type(value).__name__
    if package == "numpy" and hasattr(value, "dtype"):
        return _array_text(value)
    if package == "pandas" and name in ("DataFrame", "Series", "Index"):
        return _pandas_text(value)
    if package == "pyarrow" and name in ("Schema", "DataType", "Field"):
        return f"{name}{value}"
    return None


def _array_text(value: Any) -> str | None:
    if value.dtype.hasobject:
        return _text(value.tolist(), NoLeaves())
    content = hashlib.sha256(value.tobytes()).hexdigest()
    return f"array{value.dtype.str}{getattr(value, 'shape', ())}{content}"


def _pandas_text(value: Any) -> str | None:
    hashing = sys.modules["pandas"].util.hash_pandas_object
    try:
        content = hashlib.sha256(hashing(value).to_numpy().tobytes()).hexdigest()
    except TypeError:  # cells that cannot be hashed
        return None
    is_frame = hasattr(value, "columns")
    columns = list(map(str, value.columns)) if is_frame else [str(value.name)]
    types = list(map(str, value.dtypes)) if is_frame else [str(value.dtype)]
    return f"{type(value).__name__}{columns}{types}{content}"
