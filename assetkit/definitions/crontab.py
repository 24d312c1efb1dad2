"""Refuse cron texts and time zones that are none, at the line where they are written."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from assetkit.definitions.names import invalid
from assetkit.errors import did_you_mean

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_ALIASES = frozenset(
    {"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"}
)
_TERM = re.compile(r"(?P<low>\*|\w+)(?:-(?P<high>\w+))?(?:/(?P<step>\d+))?(?:#[1-5])?\Z")
_ALLOWED = "five fields (minute, hour, day of month, month, day of week), as in '0 6 * * mon-fri'"


def check_cron(cron: object, *, owner: str, argument: str = "cron") -> None:
    """Refuse a cron text that is none; None is fine. Raises `InvalidArgument`."""
    if cron is None:
        return
    if not isinstance(cron, str):
        raise invalid(owner, argument, cron, _ALLOWED)
    fields = cron.lower().split()
    if len(fields) == 1 and fields[0] in _ALIASES:
        return
    if len(fields) != len(_FIELDS):
        raise invalid(owner, argument, cron, f"{_ALLOWED}; this has {len(fields)}")
    for text, (name, least, most, words) in zip(fields, _FIELDS, strict=True):
        if not all(_is_term(term, least, most, words) for term in text.split(",")):
            raise invalid(owner, argument, cron, f"for the {name}, {least} to {most}, not {text!r}")


def check_timezone(timezone: object, *, owner: str, argument: str = "timezone") -> None:
    """Refuse a time zone that is none. Raises `InvalidArgument` with the nearest names."""
    allowed = "the name of a time zone, such as 'Europe/Berlin'"
    if not isinstance(timezone, str) or not timezone:
        raise invalid(owner, argument, timezone, allowed)
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        near = did_you_mean(timezone, _COMMON_ZONES)
        hint = f" ({near})" if near.startswith("Did") else ""
        raise invalid(owner, argument, timezone, allowed + hint) from None


# Listing all zones reads a thousand files; the hint needs the well-known ones only.
_COMMON_ZONES = (
    "America/Chicago", "America/Denver", "America/Los_Angeles", "America/New_York",
    "America/Sao_Paulo", "America/Toronto", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Kolkata",
    "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney", "Europe/Amsterdam",
    "Europe/Berlin", "Europe/London", "Europe/Madrid", "Europe/Paris", "Europe/Rome",
    "Europe/Vienna", "Europe/Zurich", "UTC",
)  # fmt: skip


def _is_term(term: str, least: int, most: int, words: dict[str, int]) -> bool:
    match = _TERM.match(term)
    if not match:
        return term == "l" and most == 31
    if match["step"] is not None and int(match["step"]) == 0:
        return False
    if match["low"] == "*":
        return match["high"] is None
    ends = (match["low"], match["high"] or match["low"])
    return all(_is_value(end, least, most, words) for end in ends)


def _is_value(text: str, least: int, most: int, words: dict[str, int]) -> bool:
    return text in words or (text.isdigit() and least <= int(text) <= most)
