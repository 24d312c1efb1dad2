"""Play the vendor: write made-up closing prices of each session into ``vendor/``.

Run: ``python receive.py``; the same prices each time.
"""

import random
from pathlib import Path

from trading.calendar import sessions

SYMBOLS = {"AAA": 100.0, "BBB": 40.0, "CCC": 250.0}


def main() -> None:
    """Write one CSV file per session."""
    vendor = Path("vendor")
    vendor.mkdir(exist_ok=True)
    chance, prices = random.Random(2026), dict(SYMBOLS)  # noqa: S311  no secret
    for session in sessions.keys():  # noqa: SIM118
        lines = ["symbol,close,void"]
        for symbol, price in prices.items():
            prices[symbol] = round(price * (1 + chance.uniform(-0.02, 0.02)), 2)
            lines.append(f"{symbol},{prices[symbol]},false")
        (vendor / f"{session}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
