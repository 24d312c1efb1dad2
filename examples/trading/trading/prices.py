"""What the vendor sends, and figures per session."""

import pandas as pd

from assetkit import AssetIn, asset, external_asset
from assetkit.mappings import window
from trading.calendar import sessions

vendor = external_asset("vendor", path="vendor/{session}.csv", partitions=sessions)
"""A file per session. One that is corrected later is another version of that session alone."""


@asset(partitions=sessions)
def closes(vendor: pd.DataFrame) -> pd.DataFrame:
    """Closing prices, without the lines that the vendor marks as void."""
    return vendor.loc[~vendor["void"], ["symbol", "close"]].reset_index(drop=True)


@asset(partitions=sessions, ins={"closes": AssetIn(partitions=window(-4, 0))})
def five_session_mean(closes: pd.DataFrame) -> pd.DataFrame:
    """The mean of the last five sessions, however many weekends lie between."""
    return closes.groupby("symbol", as_index=False)["close"].mean()
