"""A small shop, materialized in a workspace of its own."""

import pandas as pd
import pytest

from assetkit import DailyPartitions, Workspace, asset, materialize

DAYS = DailyPartitions("2026-01-01", end="2026-01-06")


@asset(partitions=DAYS)
def orders(context) -> pd.DataFrame:
    day = int(context.partition_key[-2:])
    return pd.DataFrame({"id": [day * 10, day * 10 + 1], "amount": [day, 2 * day]})


@asset(partitions=DAYS)
def large(orders: pd.DataFrame) -> pd.DataFrame:
    return orders[orders.amount > 3].reset_index(drop=True)


@asset(name="report/total")
def total(large: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"total": [large.amount.sum()]})


@pytest.fixture
def assets():
    """Return the shop's assets by name."""
    return {"orders": orders, "large": large, "total": total}


@pytest.fixture
def workspace(tmp_path):
    """Return a workspace on disk."""
    with Workspace(tmp_path / "shop") as made:
        yield made


@pytest.fixture
def shop(workspace):
    """Return a workspace in which all assets are built."""
    materialize(total, workspace=workspace, progress="none")
    return workspace
