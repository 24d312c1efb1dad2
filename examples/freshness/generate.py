"""Drop files of orders into the inbox, as a till system would: bit by bit, one file an hour.

python generate.py --hour 2026-03-01T06 [--broken]   one file
python generate.py --live                            all hours of today, then each that ends
"""

import argparse
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

INBOX = Path(__file__).with_name("inbox")
HOUR = timedelta(hours=1)


def drop(hour: datetime, *, broken: bool = False) -> None:
    """Write the orders of an hour; in a broken file, one amount has a comma for a point."""
    chance = random.Random(hour.timestamp())  # noqa: S311  sales, not secrets
    INBOX.mkdir(exist_ok=True)
    with (INBOX / f"orders-{hour:%Y-%m-%dT%H}.csv").open("w", encoding="utf-8") as file:
        file.write("shop,amount\n")
        for number in range(20):
            amount = f"{chance.uniform(1, 99):.2f}"
            if broken and number == 7:
                amount = amount.replace(".", ",")
            file.write(f'{chance.choice("ABC")},"{amount}"\n')
            file.flush()


def live() -> None:
    """Write the hours of today that have ended, then each one a minute after it has."""
    hour = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        wait = (hour + HOUR + timedelta(minutes=1) - datetime.now(UTC)).total_seconds()
        time.sleep(max(wait, 0))
        drop(hour)
        hour += HOUR


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hour", type=datetime.fromisoformat)
    parser.add_argument("--broken", action="store_true")
    parser.add_argument("--live", action="store_true")
    given = parser.parse_args()
    if given.live:
        live()
    else:
        drop(given.hour.replace(tzinfo=UTC), broken=given.broken)


if __name__ == "__main__":
    main()
