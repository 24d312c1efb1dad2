"""Durations, sizes, counts and moments as people write them."""

from __future__ import annotations

from datetime import datetime

_BYTE_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def duration_text(seconds: float) -> str:
    """Write a duration in at most two units.

    >>> [duration_text(s) for s in (0.0004, 0.25, 2.5, 90, 3600, 93_784)]
    ['<1 ms', '250 ms', '2.5 s', '1 min 30 s', '1 h', '1 d 2 h']
    """
    if seconds < 0.001:
        return "<1 ms" if seconds > 0 else "0 s"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for size, name, below, below_name in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size:,} {name}" + (f" {rest} {below_name}" if rest else "")
    raise AssertionError(seconds)


def rough_duration_text(seconds: float) -> str:
    """Write an expected duration in its largest unit: more would promise too much.

    >>> [rough_duration_text(s) for s in (0.25, 243, 5400)]
    ['250 ms', '4 min', '1 h']
    """
    return " ".join(duration_text(seconds).split()[:2])


def rate_text(count: float, seconds: float) -> str:
    """Write how many there were in a time, by the unit in which that is one or more.

    >>> rate_text(365, 30), rate_text(90, 3600), rate_text(3, 7200), rate_text(12_000, 10)
    ('12/s', '1.5/min', '1.5/h', '1,200/s')
    """
    rate, unit = count / seconds, "s"
    for larger in ("min", "h"):
        if rate >= 1:
            break
        rate, unit = rate * 60, larger
    digits = 0 if rate >= 9.95 else 1
    return f"{rate:,.{digits}f}".removesuffix(".0") + f"/{unit}"


def bytes_text(count: float) -> str:
    """Write a size in decimal units with at most three digits.

    >>> [bytes_text(n) for n in (0, 999, 1_500, 23_456_789)]
    ['0 B', '999 B', '1.5 KB', '23.5 MB']
    """
    value = float(count)
    unit = _BYTE_UNITS[0]
    for unit in _BYTE_UNITS:
        if value < 999.5 or unit == _BYTE_UNITS[-1]:
            break
        value /= 1000
    digits = 0 if unit == "B" or value >= 99.95 else 1
    return f"{value:.{digits}f}".removesuffix(".0") + f" {unit}"


def count_text(count: float, noun: str = "", plural: str | None = None) -> str:
    """Write a whole number with thousands marked, and its noun in the right number.

    >>> count_text(1, "step"), count_text(336776, "row"), count_text(2, "day", "days of data")
    ('1 step', '336,776 rows', '2 days of data')
    """
    number = f"{round(count):,}"
    if not noun:
        return number
    return f"{number} {noun if round(count) == 1 else plural or noun + 's'}"


def moment_text(moment: datetime) -> str:
    """Write a moment to the minute, with its zone.

    >>> from datetime import timezone
    >>> moment_text(datetime(2026, 11, 21, 9, 40, tzinfo=timezone.utc))
    '2026-11-21 09:40 UTC'
    """
    return f"{moment:%Y-%m-%d %H:%M %Z}".rstrip()


def ago_text(moment: datetime, now: datetime) -> str:
    """Write how long ago a moment was, in one unit.

    >>> from datetime import timedelta, timezone
    >>> now = datetime(2026, 11, 21, tzinfo=timezone.utc)
    >>> ago_text(now - timedelta(hours=30), now), ago_text(now, now)
    ('30 h ago', 'just now')
    """
    seconds = (now - moment).total_seconds()
    for size, name in ((172_800, "d"), (7200, "h"), (120, "min"), (1, "s")):
        if seconds >= size:
            unit = {"d": 86_400, "h": 3600, "min": 60, "s": 1}[name]
            return f"{int(seconds // unit)} {name} ago"
    return "just now" if seconds >= 0 else "in the future"
