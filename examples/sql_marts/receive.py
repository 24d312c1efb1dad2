"""Play the till: write the receipts of each day of a week into inbox/."""

import csv
from pathlib import Path

PRODUCTS = {"bread": 3.5, "cheese": 12.0, "wine": 9.0}


def main() -> None:
    """Write a file for each day."""
    inbox = Path("inbox")
    inbox.mkdir(exist_ok=True)
    for day in range(1, 8):
        with (inbox / f"2026-01-{day:02}.csv").open("w", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["product", "pieces", "price"])
            for number, (product, price) in enumerate(PRODUCTS.items(), 1):
                rows.writerow([product, (day * number) % 5 + 1, price])
            rows.writerow(["bread", -1, PRODUCTS["bread"]])  # brought back


if __name__ == "__main__":
    main()
