"""Times as the catalog keeps them: microseconds since 1970 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from assetkit.columns import NO_TIME

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(time: datetime | None) -> int:
    """Return a time as the catalog keeps it; None becomes `NO_TIME`.

    >>> to_micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return int(NO_TIME) if time is None else (time - _EPOCH) // _MICROSECOND


def from_micros(micros: int | None) -> datetime | None:
    """Return a time in UTC; None for `NO_TIME` and None.

    >>> from_micros(1_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    if micros is None or micros == NO_TIME:
        return None
    return _EPOCH + timedelta(microseconds=micros)


def known_time(micros: int) -> datetime:
    """Return a time that is never missing, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def utc_now() -> datetime:
    """Return the time now, in UTC: what catalogs ask where they are given no other clock."""
    return datetime.now(UTC)
