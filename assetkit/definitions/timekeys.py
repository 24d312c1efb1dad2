"""Keys of time windows: wall times as text, and back.

Rule 1: a key shows as much of its window's first wall time as its definition
needs, in ISO 8601, so that keys sort as time does.
Rule 2: a wall time that occurs twice has its UTC offset appended, both times.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.windows import NO_OFFSET
from assetkit.definitions.zones import DAY, wall_datetime, wall_of

Unit: TypeAlias = Literal["M", "D", "h", "m", "s"]

_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)(?::(\d\d))?\Z")
_TIME = re.compile(
    r"(?P<Y>\d{4})(?:-(?P<M>\d\d)(?:-(?P<D>\d\d)"
    r"(?:T(?P<h>\d\d)(?::(?P<m>\d\d)(?::(?P<s>\d\d))?)?(?P<offset>[+-]\d\d:\d\d(?::\d\d)?)?)?)?)?\Z",
    re.ASCII,
)
_LENGTHS = {"M": 7, "D": 10, "h": 13, "m": 16, "s": 19}
_SECONDS = {"D": DAY, "h": 3600, "m": 60, "s": 1}


class WallSpan(NamedTuple):
    """The wall times that a text such as ``2026-01`` or ``2026-01-31T06`` stands for.

    ``unit`` is the smallest part given (``Y`` for a year); ``offset`` the UTC
    offset given, else `NO_OFFSET`.
    """

    first: int
    end: int
    unit: str
    offset: int


def read_span(text: str) -> WallSpan | None:
    """Return what a date or time stands for, None where *text* is none.

    >>> span = read_span("2026-02")
    >>> (span.end - span.first) // 86400
    28
    """
    match = _TIME.match(text)
    if match is None:
        return None
    given = [match[name] for name in "YMDhms" if match[name] is not None]
    try:
        first = datetime(*[int(part) for part in given], *([1] * (3 - len(given))))  # type: ignore[arg-type]  # noqa: DTZ001
        unit = "YMDhms"[len(given) - 1]
        end = wall_of(first) + _SECONDS[unit] if unit in _SECONDS else wall_of(_after(first, unit))
    except (ValueError, OverflowError):
        return None
    offset = NO_OFFSET if match["offset"] is None else _read_offset(match["offset"])
    return WallSpan(wall_of(first), end, unit, offset)


@dataclass(frozen=True, slots=True)
class KeyShape:
    """How a definition writes keys: down to *unit*, or by a strftime *key_format*."""

    unit: Unit
    key_format: str | None = None

    def texts(self, walls: Ints, offsets: Ints) -> list[str]:
        """Return the keys of wall times; *offsets* are appended where there are any."""
        if self.key_format is None:
            times = walls.astype("datetime64[s]")
            texts: list[str] = np.datetime_as_string(times, unit=self.unit).tolist()
        else:
            texts = [wall_datetime(wall).strftime(self.key_format) for wall in walls.tolist()]
        for row in np.flatnonzero(offsets != NO_OFFSET).tolist():
            texts[row] += offset_text(int(offsets[row]))
        return texts

    def text(self, wall: int, offset: int = NO_OFFSET) -> str:
        """Return one key."""
        time = wall_datetime(wall)
        if self.key_format is None:
            text = time.isoformat()[: _LENGTHS[self.unit]]
        else:
            text = time.strftime(self.key_format)
        return text if offset == NO_OFFSET else text + offset_text(offset)

    def read(self, text: str) -> tuple[int, int] | None:
        """Return (wall time, UTC offset or `NO_OFFSET`) of a key of exactly this shape, or None."""
        if self.key_format is not None:
            return self._read_formatted(text)
        span = read_span(text)
        return None if span is None or span.unit != self.unit else (span.first, span.offset)

    def span(self, text: str) -> WallSpan | None:
        """Return the wall times that a key, or a shorter or longer date or time, stands for."""
        if self.key_format is None or (found := self._read_formatted(text)) is None:
            return read_span(text)
        wall, offset = found
        return WallSpan(wall, wall + 1, "s", offset)

    def read_plain(self, texts: Sequence[str | None]) -> tuple[Ints, Ints]:
        """Return the places and the wall times of the texts that are keys without an offset.

        None of them, where any of that length cannot be read: then each is to be looked at.
        """
        nothing = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        length = _LENGTHS[self.unit]
        lengths = [-1 if text is None else len(text) for text in texts]
        places = np.flatnonzero(np.array(lengths) == length)
        plain = [texts[place] for place in places.tolist()]
        if self.key_format is not None or not plain:
            return nothing
        try:
            times = np.array(plain, dtype=f"datetime64[{self.unit}]")
        except ValueError:
            return nothing
        if np.datetime_as_string(times, unit=self.unit).tolist() != plain:
            return nothing
        return places, times.astype("datetime64[s]").astype(np.int64)

    def shown(self, walls: Ints) -> Ints:
        """Return wall times without what keys do not show of them."""
        times = walls.astype("datetime64[s]").astype(f"datetime64[{self.unit}]")
        return times.astype("datetime64[s]").astype(np.int64)

    def _read_formatted(self, text: str) -> tuple[int, int] | None:
        match = _OFFSET.search(text)
        for bare, offset in ((text, None), (text[: match.start()] if match else "", match)):
            try:
                wall = wall_of(datetime.strptime(bare, self.key_format or ""))  # noqa: DTZ007
            except ValueError:
                continue
            if self.text(wall) == bare:
                return wall, NO_OFFSET if offset is None else _read_offset(offset[0])
        return None


def offset_text(seconds: int) -> str:
    """Return a UTC offset as in ISO 8601.

    >>> offset_text(-14400)
    '-04:00'
    """
    hours, rest = divmod(abs(seconds), 3600)
    text = f"{'-' if seconds < 0 else '+'}{hours:02}:{rest // 60:02}"
    return f"{text}:{rest % 60:02}" if rest % 60 else text


def _read_offset(text: str) -> int:
    match = _OFFSET.match(text)
    if match is None:
        return NO_OFFSET
    sign, hours, minutes, seconds = match.groups()
    total = int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
    return -total if sign == "-" else total


def _after(first: datetime, unit: str) -> datetime:
    """Return the start of the next year or month."""
    if unit == "Y" or first.month == 12:
        return first.replace(year=first.year + 1, month=1)
    return first.replace(month=first.month + 1)
