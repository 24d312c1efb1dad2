"""Compare what a branch has made with what its base has: versions, rows, columns and content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pyarrow.dataset import Dataset

from assetkit.errors import AssetkitError
from assetkit.io.base import Source
from assetkit.io.duckdb_engine import connected
from assetkit.records import Materialization, is_nothing
from assetkit.workspace.core import Core
from assetkit.workspace.data import manager_of, source_of
from assetkit.workspace.promoting import Made, base_of, made_here, moved_in_base
from assetkit.workspace.stock import stock_of

COLUMNS = (
    "asset",
    "partition",
    "change",
    "rows",
    "base_rows",
    "added",
    "removed",
    "columns",
    "base_moved",
)
_NUMBERS = ("rows", "base_rows", "added", "removed")


def diff(core: Core, assets: Any, partitions: Any) -> pd.DataFrame:
    """Return a row for each slot that the branch has made itself; see `Workspace.diff`."""
    base = base_of(core)
    rows = [row for one in made_here(core, assets, partitions) for row in _compare(core, base, one)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(_NUMBERS, "Int64"))


def _compare(core: Core, base: Core, one: Made) -> list[tuple[Any, ...]]:
    """Return the rows of one asset, in partition order."""
    stock, known = stock_of(base, one.known.key), one.known
    everything = np.arange(len(stock.texts), dtype=np.int64)
    there = {
        made.partition: (owner, made) for owner, made in stock.published(known.key, everything)
    }
    moved = moved_in_base(core, base, one)
    rows = []
    for made in one.slots:
        owner, theirs = there.get(made.partition, (base, None))
        change = _change(made, theirs)
        added, removed, columns = None, None, ""
        if change == "changed" and theirs is not None:
            added, removed, columns = _content(_load(core, one, made), _load(owner, one, theirs))
        elif change == "same":
            added = removed = 0
        rows.append(
            (
                known.key,
                made.partition,
                change,
                made.rows,
                None if theirs is None else theirs.rows,
                made.rows if change == "added" else added,
                0 if change == "added" else removed,
                columns,
                made.partition in moved,
            )
        )
    return rows


def _change(made: Materialization, theirs: Materialization | None) -> str:
    if theirs is None:
        return "added"
    return "same" if made.data_version == theirs.data_version else "changed"


def _load(core: Core, one: Made, made: Materialization) -> Any:
    """Return a slot as a dataset; None for what is no table."""
    if is_nothing(made.data_version):
        return None
    source: Source = replace(source_of(core, one.known, made), data_version=None)
    try:
        return manager_of(core, one.known, one.handle).read((source,), Dataset, None)
    except AssetkitError:
        return None


def _content(ours: Any, theirs: Any) -> tuple[int | None, int | None, str]:
    """Return how many rows only we have, how many only they have, and how columns differ.

    Rows are compared by the columns that both have, each as often as it occurs.
    """
    if ours is None or theirs is None:
        return None, None, ""
    mine = {field.name: str(field.type) for field in ours.schema}
    other = {field.name: str(field.type) for field in theirs.schema}
    shared = [name for name in mine if name in other]
    columns = _columns(mine, other)
    if not shared:
        return ours.count_rows(), theirs.count_rows(), columns
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in shared)
    with connected() as connection:
        connection.register("ours", ours)
        connection.register("theirs", theirs)
        found = connection.execute(
            # Names are quoted.
            f"select (select count(*) from (select {names} from ours except all "  # noqa: S608
            f"select {names} from theirs)), (select count(*) from (select {names} from theirs "
            f"except all select {names} from ours))"
        ).fetchone()
    added, removed = found or (None, None)
    return added, removed, columns


def _columns(mine: Mapping[str, str], other: Mapping[str, str]) -> str:
    said = [f"+{name} {kind}" for name, kind in mine.items() if name not in other]
    said += [f"-{name} {kind}" for name, kind in other.items() if name not in mine]
    said += [
        f"{name}: {other[name]} -> {kind}"
        for name, kind in mine.items()
        if name in other and other[name] != kind
    ]
    return ", ".join(said)
