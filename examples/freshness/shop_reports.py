"""Orders arrive as a file an hour; a report of them is promised a quarter of an hour later."""

import logging
import os
from pathlib import Path

import pandas as pd

from assetkit import (
    Alert,
    Alerts,
    AssetContext,
    AutoMaterializePolicy,
    Definitions,
    FreshnessPolicy,
    HourlyPartitions,
    asset,
)
from assetkit.sensors import file_sensor

INBOX = Path(__file__).with_name("inbox")
ALERTS = Path(__file__).with_name("alerts.log")

hours = HourlyPartitions(os.environ.get("SHOP_SINCE", "2026-03-01"))


@asset(partitions=hours, automation=AutoMaterializePolicy("never"))
def orders(context: AssetContext) -> pd.DataFrame:
    """The orders of one hour, as they were delivered: runs when its file has come."""
    return pd.read_csv(INBOX / f"orders-{context.partition_key}.csv", dtype=str)


@asset(partitions=hours, automation=AutoMaterializePolicy.eager())
def priced_orders(orders: pd.DataFrame) -> pd.DataFrame:
    """The orders with their amounts as numbers."""
    return orders.assign(amount=orders.amount.astype(float))


@asset(freshness=FreshnessPolicy(max_lag="75min", warn_lag="70min"))
def sales(priced_orders: pd.DataFrame) -> pd.DataFrame:
    """Sales by shop; an hour that has ended is in it within a quarter of an hour."""
    return priced_orders.groupby("shop", as_index=False).amount.sum()


arrivals = file_sensor(
    orders, INBOX / "orders-*.csv", partitions=r"orders-(\d{4}-\d\d-\d\dT\d\d)\.csv",
    settle="2min", interval="5min",
)  # fmt: skip


def write_alert(alert: Alert) -> None:
    """Keep alerts in a file; in earnest, this is the URL of a mailbox or a channel."""
    logging.getLogger("shop").warning("%s", alert)
    with ALERTS.open("a", encoding="utf-8") as file:
        file.write(f"{alert}\n\n")


definitions = Definitions(
    assets=[orders, priced_orders, sales],
    sensors=[arrivals],
    hooks=[Alerts(to=write_alert, quiet="1h")],
)
