"""What the catalog knows, as frames for people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from assetkit.catalog.approvals import ApprovalRecord, ApprovalStatus
from assetkit.errors import PlanError, did_you_mean
from assetkit.records import partition_text
from assetkit.workspace.backfilling import standing
from assetkit.workspace.branching import bases_of
from assetkit.workspace.core import Core
from assetkit.workspace.data import find_known, known_assets
from assetkit.workspace.stock import stock_of
from assetkit.workspace.tracing import columns_of

_BACKFILL = (
    "backfill_id",
    "status",
    "created_at",
    "ended_at",
    "targets",
    "asked",
    "slots",
    "runs",
    "message",
)


def status(core: Core) -> pd.DataFrame:
    """Return one row per asset that was ever materialized, by key.

    In a branch a row counts also what its base lends; ``own`` is how many partitions
    the branch has made itself.
    """
    own = core.catalog.status().to_pandas()
    if core.base is None:
        return own
    below = status(core.base).drop(columns="own", errors="ignore").set_index("asset")
    rows = own.assign(own=own.slots).set_index("asset")
    for asset in below.index.intersection(rows.index):
        rows.loc[asset] = _with_lent(core, asset, rows.loc[asset], below.loc[asset])
    lent = below.loc[below.index.difference(rows.index)].assign(own=0)
    joined = pd.concat([frame for frame in (rows, lent) if len(frame)] or [rows])
    return joined.sort_index().reset_index()


def _with_lent(core: Core, asset: str, own: pd.Series, below: pd.Series) -> pd.Series:
    """Return the status of an asset of which branch and base may each have a part."""
    if not own.slots:
        below["own"] = 0
        return below
    stock = stock_of(core, asset)
    if not stock.depth.any():
        return own
    made = [one for _, one in stock.published(asset, np.arange(len(stock.texts)))]
    row = own.copy()
    row["slots"] = len(made)
    row["rows"] = sum(one.rows or 0 for one in made)
    row["bytes"] = sum(one.bytes or 0 for one in made)
    return row


def history(core: Core, asset: Any, partition: Any) -> pd.DataFrame:
    """Return the materializations and deletions of an asset, newest first."""
    known = find_known(core, asset)
    text = partition_text(partition)
    found = [one.catalog.history(known.key, text).to_pandas() for one in (core, *bases_of(core))]
    if len(found) == 1:
        return found[0]
    joined = pd.concat([one for one in found if len(one)] or found[:1])
    return joined.sort_values("materialized_at", ascending=False, kind="stable", ignore_index=True)


def runs(core: Core, limit: int | None) -> pd.DataFrame:
    """Return the runs, newest first."""
    return core.catalog.runs(limit=limit).to_pandas()


def backfills(core: Core) -> pd.DataFrame:
    """Return the backfills, newest first."""
    rows = [
        {
            "backfill_id": one.backfill_id,
            "status": str(standing(core.catalog, one)),
            "created_at": one.created_at,
            "ended_at": one.ended_at,
            "targets": list(one.targets),
            "asked": one.request.get("asked", ""),
            "slots": one.slots,
            "runs": list(one.runs),
            "message": one.message,
        }
        for one in core.catalog.backfills()
    ]
    return pd.DataFrame(rows, columns=list(_BACKFILL))


def events(core: Core, run_id: str) -> pd.DataFrame:
    """Return what happened in a run, in order; raise `PlanError` where there is no such run."""
    if not core.catalog.runs(run_id=run_id).num_rows:
        newest = map(str, core.catalog.runs(limit=100).column("run_id").to_pylist())
        hint = did_you_mean(str(run_id), newest, what="runs")
        raise PlanError(f"There is no run {run_id!r} in {core.root}. {hint}")
    steps = core.catalog.steps(run_id).to_pandas()
    approvals = [row for one in core.catalog.approvals.find(run_id=run_id) for row in _told(one)]
    if not approvals:
        return steps
    told = pd.DataFrame(approvals).reindex(columns=steps.columns)
    told["time"] = told["time"].astype(steps["time"].dtype)
    joined = pd.concat([one for one in (steps, told.astype(steps.dtypes)) if len(one)])
    return joined.sort_values("time", kind="stable", ignore_index=True)


def _told(one: ApprovalRecord) -> list[dict[str, Any]]:
    """Return what became of a request for approval, as events."""
    slot = {"asset": one.asset, "partition": one.partition, "attempt": 0, "duration": 0.0}
    told = [{**slot, "time": one.asked_at, "event": ApprovalStatus.AWAITING.value, "reason": ""}]
    if one.decided_at is not None:
        reason = f"by {one.decided_by}" + (f": {one.note}" if one.note else "")
        told.append({**slot, "time": one.decided_at, "event": one.status.value, "reason": reason})
    return told


def lineage(core: Core, asset: Any) -> pd.DataFrame:
    """Return the edges from an asset up to its roots: upstream, downstream, distance (from 1).

    ``columns`` tells of SQL assets what each column is made of, in that upstream.
    """
    known = known_assets(core)
    rows: list[tuple[str, str, int, Any]] = []
    front, seen, distance = [find_known(core, asset).key], set(), 1
    while front:
        above: list[str] = []
        for key in front:
            upstreams = known[key].upstreams if key in known else ()
            columns = columns_of(core, known[key]) if key in known else None
            for upstream in upstreams:
                if (upstream, key) not in seen:
                    seen.add((upstream, key))
                    made_of = None if columns is None else columns[upstream]
                    rows.append((upstream, key, distance, made_of))
                    above.append(upstream)
        front, distance = above, distance + 1
    return pd.DataFrame(rows, columns=["upstream", "downstream", "distance", "columns"])
