"""A small shop: the project of which scripts/screenshots.py takes pictures."""

import pandas as pd

from assetkit import AssetContext, DailyPartitions, FreshnessPolicy, asset, sql_asset
from assetkit.checks import not_null, row_count

DAYS = DailyPartitions("2026-01-01", end="2026-05-01")


@asset(partitions=DAYS, group="raw", owners=["till"])
def receipts(context: AssetContext) -> pd.DataFrame:
    """Lines of receipts, as the till sends them at night."""
    if context.partition_key == "2026-03-14":
        raise ValueError("the till sent nothing")
    day = pd.Timestamp(context.partition_key)
    return pd.DataFrame(
        {
            "product": ["bread", "milk", "wine"],
            "count": [40 + day.day, 25, 5 + day.dayofweek],
            "price": [3.2, 1.1, 9.5],
        }
    )


@asset(group="raw", owners=["purchasing"])
def products() -> pd.DataFrame:
    """What the shop sells."""
    return pd.DataFrame({"product": ["bread", "milk", "wine"], "kind": ["food", "food", "drink"]})


@asset(partitions=DAYS, group="marts", owners=["sales"], checks=[not_null("kind"), row_count(1)])
def sales(receipts: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Receipts with the kind of each product."""
    return receipts.merge(products, on="product")


revenue = sql_asset(
    "revenue",
    "select kind, sum(count * price) as worth, sum(count) as pieces from sales group by kind",
    group="reports",
    description="What each kind of product brought in.",
)


@asset(group="reports", owners=["board"], freshness=FreshnessPolicy(max_lag="24h"))
def report(revenue: pd.DataFrame) -> pd.DataFrame:
    """The page that the board reads in the morning."""
    return revenue.sort_values("worth", ascending=False)
