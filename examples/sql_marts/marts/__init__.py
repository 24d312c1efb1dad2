"""A shop's reports: files that a till sends every day, and SQL over them."""

from pathlib import Path

from assetkit import DailyPartitions, Definitions, external_asset, sql_assets

MODELS = Path(__file__).parent / "models"

days = DailyPartitions("2026-01-01", end="2026-01-08", dimension="day")

receipts = external_asset("receipts", path="inbox/{partition_key}.csv", partitions=days)
daily = sql_assets(MODELS / "daily", partitions=days, group="daily")
reports = sql_assets(MODELS / "reports", group="reports")

definitions = Definitions(assets=[receipts, *daily, *reports])
