"""One table of all sessions, into which only those that changed are merged."""

import pandas as pd

from assetkit import AssetContext, asset


@asset
def price_history(context: AssetContext, closes: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """A row per session and symbol, with the change since the session before.

    A correction of one session rewrites the rows of that session; all others are
    taken over as they are. A session that went is among those that changed, too.
    """
    changed = [str(session) for session in context.changed_partitions("closes")]
    context.add_metadata({"merged": changed})
    before = context.previous(pd.DataFrame)
    kept = [] if before is None else [before.loc[~before["session"].isin(changed)]]
    new = [closes[one].assign(session=one) for one in changed if one in closes]
    merged = pd.concat([*kept, *new]).sort_values(["symbol", "session"], ignore_index=True)
    merged["change"] = merged.groupby("symbol")["close"].diff().round(2)
    return merged[["session", "symbol", "close", "change"]]
