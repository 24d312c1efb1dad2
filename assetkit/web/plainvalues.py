"""What pages show as JSON values: what crosses to the process that answers browsers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

_AS_IT_IS = frozenset({bool, int, str})


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; dataclasses become dicts, their properties too.

    >>> plain({"a": float("nan"), "b": timedelta(minutes=1), "c": {1}})
    {'a': None, 'b': 60.0, 'c': [1]}
    """
    if value is None or type(value) in _AS_IT_IS:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return [plain(item) for item in value]
    return str(value)


@cache
def _names(kind: type) -> list[str]:
    own = [one.name for one in dataclasses.fields(kind)]
    return own + [name for name, one in vars(kind).items() if isinstance(one, property)]
