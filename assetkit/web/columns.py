"""Columns of a SQL asset, and which columns of its upstreams each is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assetkit.records import AssetKey
from assetkit.web.desk import Desk
from assetkit.workspace.data import known_assets
from assetkit.workspace.tracing import columns_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeOf:
    """One column; ``sources`` are (upstream, column)."""

    column: str
    sources: Sequence[tuple[AssetKey, str]]


def made_of(desk: Desk, key: AssetKey) -> list[MadeOf]:
    """Return the columns of an asset as it was built last; none where that is not known.

    It is known of SQL assets whose upstreams have been built, too. Columns that are made of
    no other are left out.
    """
    if desk.graph is not None and key in desk.graph.assets and desk.graph.assets[key].kind != "sql":
        return []
    known = known_assets(desk.core).get(key)
    by_upstream = None if known is None else columns_of(desk.core, known)
    if by_upstream is None:
        return []
    sources: dict[str, list[tuple[AssetKey, str]]] = {}
    for upstream, columns in by_upstream.items():
        for column, names in columns.items():
            sources.setdefault(column, []).extend((upstream, name) for name in names)
    return [MadeOf(column=column, sources=found) for column, found in sources.items()]
