"""Look at what is published of an asset: how much, what columns, some rows, what was noted."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any, TypeAlias

from assetkit.catalog.arrays import rows_of
from assetkit.columns import Ints
from assetkit.errors import DataMissing
from assetkit.io.base import Source
from assetkit.io.statistics import ColumnStatistics
from assetkit.records import AssetKey, Materialization, is_nothing
from assetkit.workspace.core import Core
from assetkit.workspace.data import find_known, manager_of, select_published, source_of
from assetkit.workspace.description import Description
from assetkit.workspace.stock import stock_of

Look: TypeAlias = tuple[tuple[ColumnStatistics, ...], list[dict[str, Any]]]
"""Columns, and some rows."""


def describe(core: Core, asset: Any, partition: Any, rows: int) -> Description:
    """Return what is published of an asset; see `Workspace.describe`."""
    with core.reading():
        known = find_known(core, asset)
        stock = stock_of(core, known.key).without_orphans(but=None)
        places = select_published(known, stock.texts, partition)
        if not len(places):
            raise DataMissing(
                f"Nothing of {known.key!r} is materialized in {core.root}. "
                f"Run: assetkit materialize {known.key}"
            )
        owner, made = next(iter(stock.published(known.key, places[-1:])))
        counts, sizes = stock.sizes(known.key)
        checks = _checks(owner, known.key, made.ordinal)
    manager = manager_of(core, known, asset)
    columns, some = _look(manager, source_of(owner, known, made), made, rows)
    return Description(
        asset=known.key,
        partition=made.partition,
        slots=len(stock.texts),
        rows=_sum(counts),
        bytes=_sum(sizes),
        materialized_at=made.materialized_at,
        data_time=made.data_time,
        run_id=made.run_id,
        slot_rows=made.rows,
        slot_bytes=made.bytes,
        columns=columns,
        preview=some,
        metadata=made.metadata,
        checks=checks,
        is_newest=bool(places[-1] == len(stock.texts) - 1),
    )


def _sum(numbers: Ints) -> int | None:
    """Return the sum of what is known, None where nothing is."""
    known = numbers[numbers >= 0]
    return int(known.sum()) if len(known) else None


def _look(manager: Any, source: Source, made: Materialization, rows: int) -> Look:
    """Return a slot's columns and some of its rows; none where it is no table."""
    if is_nothing(made.data_version) or made.rows is None:
        return (), []
    # Arrow's readers are loaded where there is something to read.
    found: Look = import_module("assetkit.workspace.glancing").glance(manager, source, made, rows)
    return found


def _checks(core: Core, key: AssetKey, ordinal: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows_of(core.catalog.checks(key))
    return [
        {**one, "metadata": json.loads(one["metadata"])}
        for one in found
        if one["ordinal"] == ordinal
    ]
