"""The sessions of the New York Stock Exchange: no weekends, no holidays."""

from datetime import date, datetime

from assetkit import DailyPartitions

HOLIDAYS_2026 = {
    date(2026, 1, 1): "New Year's Day",
    date(2026, 1, 19): "Martin Luther King Jr. Day",
    date(2026, 2, 16): "Washington's Birthday",
    date(2026, 4, 3): "Good Friday",
    date(2026, 5, 25): "Memorial Day",
    date(2026, 6, 19): "Juneteenth",
    date(2026, 7, 3): "Independence Day, observed",
    date(2026, 9, 7): "Labor Day",
    date(2026, 11, 26): "Thanksgiving Day",
    date(2026, 12, 25): "Christmas Day",
}


def is_closed(day: datetime) -> bool:
    """Return whether the exchange stays closed on the day that begins then."""
    return day.weekday() >= 5 or day.date() in HOLIDAYS_2026


sessions = DailyPartitions(
    "2026-01-02",
    end="2026-02-07",
    timezone="America/New_York",
    exclude=is_closed,
    dimension="session",
)
"""One partition per session. Offsets count sessions: the one before a Monday is a Friday."""
