"""Which columns of its upstreams the columns of a SQL asset are made of."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from assetkit.errors import AssetkitError
from assetkit.io.sql_lineage import column_lineage
from assetkit.io.sql_text import parse_query
from assetkit.records import AssetKey
from assetkit.workspace.core import Core
from assetkit.workspace.data import Known, known_assets, manager_of, sources_in
from assetkit.workspace.stock import stock_of

Columns: TypeAlias = dict[str, list[str]]
"""By column of an asset: the columns of one upstream that it is made of."""


def columns_of(core: Core, known: Known) -> Mapping[AssetKey, Columns] | None:
    """Return the columns of an asset by upstream; None where it is no SQL or cannot be told.

    Upstreams are seen as they are published now.
    """
    text = known.definition.get("query")
    if text is None:
        return None
    everything = known_assets(core)
    try:
        query = parse_query(text, owner=known.key)
        # The tables of a query are the first inputs of its asset, in their order.
        upstreams = dict(zip(query.tables, known.upstreams, strict=False))
        schemas = {name: _schema(core, everything[key]) for name, key in upstreams.items()}
    except (AssetkitError, KeyError):
        return None
    found = column_lineage(query, schemas)
    if found is None:
        return None
    by_upstream: dict[AssetKey, Columns] = {key: {} for key in known.upstreams}
    for column, sources in found.items():
        for table, source in sorted(sources):
            by_upstream[upstreams[table]].setdefault(column, []).append(source)
    return by_upstream


def _schema(core: Core, known: Known) -> pa.Schema:
    """Return the columns of an asset, as its newest partition has them.

    Raises `KeyError` where nothing is published.
    """
    stock = stock_of(core, known.key)
    newest = np.flatnonzero(stock.ordinals >= 0)[-1:]
    sources = sources_in(stock, known, newest, with_dimensions=bool(known.dimensions))
    if not sources:
        raise KeyError(known.key)
    # Loaded where it is needed: it takes longer than all that most pages and commands load.
    wanted = import_module("pyarrow.dataset").Dataset
    dataset: Any = manager_of(core, known, known.key).read(sources, wanted, None)
    schema: pa.Schema = dataset.schema
    return schema
