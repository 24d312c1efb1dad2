"""A small shop: the project of which scripts/screenshots.py takes pictures."""

import pandas as pd

from assetkit import AssetContext, DailyPartitions, FreshnessPolicy, asset, sql_asset
from assetkit.checks import not_null, row_count
from assetkit.metadata import Markdown, Number

DAYS = DailyPartitions("2026-01-01", end="2026-05-01")


NOTES = """The till is counted **each night**; see [the manual](https://example.com/till).

| product | unit |
|---|---|
| bread | piece |
| milk | litre |
"""


@asset(partitions=DAYS, group="raw", owners=["till"])
def receipts(context: AssetContext) -> pd.DataFrame:
    """Lines of receipts, as the till sends them at night."""
    if context.partition_key == "2026-03-14":
        raise ValueError("the till sent nothing")
    day = pd.Timestamp(context.partition_key)
    context.add_metadata({"takings": Number(250 + 3 * day.day, unit="EUR"), "how": Markdown(NOTES)})
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


takings = sql_asset(
    "takings",
    "select product, count as pieces, count * price as worth from receipts",
    partitions=DAYS,
    group="marts",
    description="What each product brought in on a day.",
)
takings_by_kind = sql_asset(
    "takings_by_kind",
    """
    select kind, sum(worth) as worth, sum(worth) / sum(pieces) as mean_price
    from takings join products using (product) group by kind
    """,
    partitions=DAYS,
    group="marts",
    description="The same by kind of product.",
)
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
