"""Lengths of time as people write them, kept as seconds."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from assetkit.definitions.names import invalid

ALLOWED = "seconds, a timedelta, or text such as '90s', '10min', '2h', '1d 6h'"

_UNITS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}
_TERM = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")
_TEXT = re.compile(r"(?:\d+(?:\.\d+)?\s*[a-z]+[\s,]*)+")


def seconds_of(value: object, *, owner: str, argument: str, zero: bool = False) -> float:
    """Return a duration in seconds; *zero* says whether none at all is allowed, too.

    Raises `InvalidArgument` that names *owner* and *argument*.

    >>> seconds_of("1d 6h", owner="FreshnessPolicy", argument="max_lag")
    108000.0
    """
    found = _read(value)
    allowed = ALLOWED if zero else f"{ALLOWED}, more than 0"
    if found is None or not math.isfinite(found) or found < 0 or (found == 0 and not zero):
        raise invalid(owner, argument, value, allowed)
    return found


def _read(value: object) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        return _read_text(value.strip().lower())
    return None


def _read_text(text: str) -> float | None:
    if not _TEXT.fullmatch(text):
        return None
    terms = _TERM.findall(text)
    if any(unit not in _UNITS for _, unit in terms):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in terms)
