"""Refuse cron texts and time zones that are none, at the line where they are written."""

from __future__ import annotations

from importlib import import_module
from zoneinfo import ZoneInfo

from assetkit.definitions.names import invalid
from assetkit.errors import did_you_mean

# Listing all zones reads a thousand files; the hint needs the well-known ones only.
_COMMON_ZONES = (
    "America/Chicago", "America/Denver", "America/Los_Angeles", "America/New_York",
    "America/Sao_Paulo", "America/Toronto", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Kolkata",
    "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney", "Europe/Amsterdam",
    "Europe/Berlin", "Europe/London", "Europe/Madrid", "Europe/Paris", "Europe/Rome",
    "Europe/Vienna", "Europe/Zurich", "UTC",
)  # fmt: skip


def check_cron(cron: object, *, owner: str) -> None:
    """Refuse a cron text that is none; None is fine. Raises `InvalidArgument`."""
    if cron is not None:
        # By name: reading cron texts needs croniter, which most assets do without.
        import_module("assetkit.definitions.cronfields").read_cron(cron, owner=owner)


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
