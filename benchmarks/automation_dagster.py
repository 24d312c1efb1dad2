"""The same in Dagster, where it is installed: one evaluation of eager conditions, nothing to do.

Assets and partitions are as in ``automation.py``, but fewer assets: the figures are for each.
Run with a Python that has Dagster.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from time import perf_counter

import dagster as dg

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WIDTH = 10


def assets_of(count: int, days: int) -> list[dg.AssetsDefinition]:
    """Define layers of eager assets with up to three inputs; *days* 0: unpartitioned."""
    first = date(2026, 11, 21) - timedelta(days=days)
    partitions = (
        dg.DailyPartitionsDefinition(first.isoformat(), end_date="2026-11-21") if days else None
    )
    made: list[dg.AssetsDefinition] = []
    for number in range(count):
        above = made[-WIDTH:][: 3 if len(made) >= WIDTH else 0]

        @dg.asset(
            name=f"n{number}",
            partitions_def=partitions,
            deps=above,
            automation_condition=dg.AutomationCondition.eager(),
        )
        def nothing() -> None: ...

        made.append(nothing)
    return made


def fill(instance: dg.DagsterInstance, assets: list[dg.AssetsDefinition], days: int) -> None:
    """Write down that all was materialized."""
    first = date(2026, 11, 21) - timedelta(days=days)
    keys = [(first + timedelta(days=day)).isoformat() for day in range(days)] or [None]
    for one in assets:
        for key in keys:
            instance.report_runless_asset_event(
                dg.AssetMaterialization(asset_key=one.key, partition=key)
            )


def seconds(count: int, days: int) -> float:
    """Return how long the second evaluation takes: the first has no cursor to go by."""
    assets = assets_of(count, days)
    with dg.DagsterInstance.ephemeral() as instance:
        fill(instance, assets, days)
        first = dg.evaluate_automation_conditions(
            defs=assets, instance=instance, evaluation_time=NOW
        )
        start = perf_counter()
        dg.evaluate_automation_conditions(
            defs=assets,
            instance=instance,
            cursor=first.cursor,
            evaluation_time=NOW + timedelta(minutes=1),
        )
        return perf_counter() - start


if __name__ == "__main__":
    counts = [int(text) for text in sys.argv[1:]] or [20, 1_000, 500]
    assets, days, unpartitioned = counts
    took = seconds(assets, days)
    print(
        f"Dagster: {assets:,} assets x {days:,} partitions, nothing to do: {took:.2f} s, "
        f"{took / assets * 1e3:.1f} ms an asset"
    )
    took = seconds(unpartitioned, 0)
    print(
        f"Dagster: {unpartitioned:,} unpartitioned assets, nothing to do: {took:.2f} s, "
        f"{took / unpartitioned * 1e3:.2f} ms an asset"
    )
