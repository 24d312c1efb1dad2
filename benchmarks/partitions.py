"""Count, number and map ten million partitions; beside NumPy doing the least that it could.

Run: ``python benchmarks/partitions.py [slots]``
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import TypeVar

import numpy as np

from assetkit.definitions.partitions import (
    CronPartitions,
    DailyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    StaticPartitions,
)
from assetkit.mappings import all_partitions, by_dimension, identity, window

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ZONE = "America/New_York"
T = TypeVar("T")


def timed(what: str, work: Callable[[], T], *, floor: float | None = None) -> tuple[T, float]:
    """Do *work*, print how long it took, and return its result with the seconds."""
    start = perf_counter()
    result = work()
    seconds = perf_counter() - start
    ratio = "" if floor is None else f"{seconds / floor:8.1f} x floor"
    print(f"{what:<48}{seconds:9.3f} s{ratio}", flush=True)
    return result, seconds


def minutes_of_twenty_years(slots: int) -> None:
    """Time windows of a minute: definition, count, columns, mappings."""
    minutes, _ = timed(
        "define a cron of every minute",
        lambda: CronPartitions("* * * * *", "2006-01-01", timezone=ZONE),
    )
    count, _ = timed("count 20 years of it", lambda: minutes.count(NOW))
    universe = minutes.universe(NOW)
    positions = np.arange(min(slots, count), dtype=np.int64)
    print(f"  {count:,} windows; the columns below have {len(positions):,} rows")
    _, floor = timed("floor: multiply and add a column", lambda: positions * 60 + 7)
    ordinals, _ = timed("ordinals", lambda: universe.ordinals(positions), floor=floor)
    timed("positions of ordinals", lambda: universe.positions(ordinals), floor=floor)
    timed("ends of windows", lambda: universe.ends(positions), floor=floor)
    one = np.array([len(positions) // 2])
    for mapping in (identity(), window(-6, 0)):
        timed(
            f"{mapping}",
            lambda mapping=mapping: mapping.upstream_of(positions, universe, universe),
            floor=floor,
        )
        timed(
            f"{mapping}, the way back from one",
            lambda mapping=mapping: mapping.downstream_of(one, universe, universe),
            floor=floor,
        )
    months = MonthlyPartitions("2006-01-01", timezone=ZONE).universe(NOW)
    from_months = window(0, 0).upstream_of
    timed(
        "each minute's month",
        lambda: from_months(positions, universe, months),
        floor=floor,
    )


def several_dimensions() -> None:
    """Days by a thousand shops."""
    shops = StaticPartitions([f"shop-{number}" for number in range(1000)])
    sales = MultiPartitions(date=DailyPartitions("2006-01-01"), shop=shops)
    universe, _ = timed("define days by 1,000 shops", lambda: sales.universe(NOW))
    positions = np.arange(len(universe), dtype=np.int64)
    print(f"  {len(positions):,} slots")
    timed("ordinals", lambda: universe.ordinals(positions))
    rolling = by_dimension(date=window(-6, 0), shop=all_partitions())
    timed(f"{rolling}", lambda: rolling.upstream_of(positions, universe, universe))


def static_keys(slots: int) -> None:
    """Keys that somebody lists."""
    keys = [f"customer-{number}" for number in range(slots)]
    _, floor = timed(f"floor: put {slots:,} keys into a set", lambda: set(keys))
    customers, _ = timed("define static keys", lambda: StaticPartitions(keys), floor=floor)
    universe = customers.universe(NOW)
    timed("find the first key", lambda: universe.position(keys[-1]), floor=floor)
    timed("find another key", lambda: universe.position(keys[0]))
    positions = np.arange(slots, dtype=np.int64)
    timed("ordinals", lambda: universe.ordinals(positions))
    timed("identity()", lambda: identity().upstream_of(positions, universe, universe))


def main() -> None:
    """Run all, and print the memory that they took."""
    slots = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    minutes_of_twenty_years(slots)
    several_dimensions()
    static_keys(slots)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
