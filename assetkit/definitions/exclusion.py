"""Windows that are left out: by dates, or by a function such as a business calendar."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import lru_cache
from types import CodeType
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np

from assetkit.columns import Ints, empty_ints
from assetkit.definitions.names import invalid
from assetkit.definitions.timekeys import read_span
from assetkit.definitions.windows import Ticks
from assetkit.definitions.zones import datetime_at, moment_of_wall, wall_of
from assetkit.errors import InvalidArgument

Exclude: TypeAlias = Iterable[str | date] | Callable[[datetime], bool] | None
"""Dates (months, times) in which excluded windows start, or a function of a window's start."""

ReadExclude: TypeAlias = tuple[str, ...] | Callable[..., Any] | None
"""The same in one form: sorted texts, a function, or None for nothing."""

_BLOCK = 512
_ALLOWED = "dates such as ['2026-12-25'], or a function of a window's start that returns a bool"


def read_exclude(exclude: Exclude, *, owner: str) -> ReadExclude:
    """Return what to exclude in one form: sorted texts, the function, or None for nothing."""
    if exclude is None or callable(exclude):
        return exclude
    if isinstance(exclude, str | date):
        exclude = [exclude]
    if not isinstance(exclude, Iterable):
        raise invalid(owner, "exclude", exclude, _ALLOWED)
    return tuple(sorted({_date_text(one, owner) for one in exclude})) or None


@lru_cache(maxsize=64)
def excluded_ticks(exclude: ReadExclude, zone_name: str, ticks: Ticks, count: int) -> Ints:
    """Return the sorted indices of the ticks at which excluded windows start.

    A function is asked for the first *count* windows only, or a few more.
    """
    zone = ZoneInfo(zone_name)
    if exclude is None:
        return empty_ints()
    if callable(exclude):
        return np.flatnonzero(
            [is_left_out(exclude, zone, moment) for moment in _moments(ticks, count)]
        )
    spans = [span for text in exclude if (span := read_span(text))]
    firsts = [moment_of_wall(span.first, zone) for span in spans]
    ends = [moment_of_wall(span.end, zone) for span in spans]
    pairs = zip(
        *(ticks.before(np.array(m, dtype=np.int64)).tolist() for m in (firsts, ends)), strict=True
    )
    indices = [np.arange(lo, hi, dtype=np.int64) for lo, hi in pairs if lo < hi]
    return np.unique(np.concatenate(indices)) if indices else empty_ints()


def exclude_text(exclude: ReadExclude) -> Any:
    """Return what is excluded as a JSON value; a function by its name and code."""
    if exclude is None or isinstance(exclude, tuple):
        return exclude
    name = f"{exclude.__module__}.{getattr(exclude, '__qualname__', type(exclude).__qualname__)}"
    code = getattr(exclude, "__code__", None)
    return f"{name}:{_code_hash(code)}" if isinstance(code, CodeType) else name


def is_left_out(exclude: ReadExclude, zone: ZoneInfo, moment: int) -> bool:
    """Say whether the window that starts at a moment is excluded."""
    start = datetime_at(moment, zone)
    if not callable(exclude):
        wall = wall_of(start)
        spans = (read_span(text) for text in exclude or ())
        return any(span is not None and span.first <= wall < span.end for span in spans)
    try:
        return bool(exclude(start))
    except Exception as problem:
        raise InvalidArgument(
            f"exclude={exclude!r} failed for the window that starts at {start.isoformat()}: "
            f"{type(problem).__name__}: {problem}."
        ) from problem


def asked_count(exclude: ReadExclude, count: int, last: int) -> int:
    """Return for how many windows a function is asked, so that it is not asked anew each moment."""
    return min(-(-(count + 1) // _BLOCK) * _BLOCK, last) if callable(exclude) else last


def _moments(ticks: Ticks, count: int) -> list[int]:
    indices = np.arange(min(count, len(ticks)), dtype=np.int64)
    moments: list[int] = ticks.moments(indices).tolist()
    return moments


def _date_text(one: Any, owner: str) -> str:
    if isinstance(one, datetime):
        text = one.replace(tzinfo=None).isoformat(timespec="seconds")
        return text.removesuffix("T00:00:00")
    text = one.isoformat() if isinstance(one, date) else one
    if not isinstance(text, str) or read_span(text) is None:
        raise invalid(owner, "exclude", one, _ALLOWED)
    return text


def _code_hash(code: CodeType) -> str:
    digest = hashlib.blake2b(code.co_code, digest_size=6)
    for constant in code.co_consts:
        part = _code_hash(constant) if isinstance(constant, CodeType) else repr(constant)
        digest.update(part.encode())
    return digest.hexdigest()
