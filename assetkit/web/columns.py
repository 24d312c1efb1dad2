"""Columns of a SQL asset, and which columns of its upstreams each is made of, hop by hop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assetkit.display.layout import curve, layered_layout
from assetkit.records import AssetKey
from assetkit.web.desk import Desk
from assetkit.workspace.data import Known, known_assets
from assetkit.workspace.tracing import columns_of

_HOPS = 4
_CHAR, _LINE, _HEAD, _GAP, _APART, _PAD, _LONGEST = 7.3, 20, 26, 72, 18, 8, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeOf:
    """One column; ``sources`` are (upstream, column)."""

    column: str
    sources: Sequence[tuple[AssetKey, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBox:
    """An asset with the columns that take part, in pixels; ``columns`` are (label, y, name)."""

    asset: AssetKey
    label: str
    x: float
    y: float
    width: float
    height: float
    columns: Sequence[tuple[str, float, str]]
    is_focus: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPicture:
    """Assets and their columns, left to right; ``edges`` are (path, what it says)."""

    boxes: Sequence[ColumnBox]
    edges: Sequence[tuple[str, str]]
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnLineage:
    """The columns of an asset with their sources, and a picture of these and theirs."""

    columns: Sequence[MadeOf]
    picture: ColumnPicture


def column_lineage_of(desk: Desk, key: AssetKey) -> ColumnLineage | None:
    """Return the columns of an asset as it was built last; None where that is not known.

    It is known of SQL assets whose upstreams have been built, too. Columns that are made of
    no other are left out.
    """
    if desk.graph is not None and key in desk.graph.assets and desk.graph.assets[key].kind != "sql":
        return None
    traced = _traced(desk, key)
    if not traced.get(key):
        return None
    return ColumnLineage(columns=traced[key], picture=_picture(traced, key))


def _traced(desk: Desk, key: AssetKey) -> dict[AssetKey, list[MadeOf]]:
    """Return what the columns of an asset are made of, and theirs, a few SQL assets up."""
    everything = known_assets(desk.core)
    found: dict[AssetKey, list[MadeOf]] = {}
    edge = [key]
    for _ in range(_HOPS):
        for one in edge:
            found[one] = _made_of(desk, everything[one]) if one in everything else []
        reached = {upstream for one in edge for made in found[one] for upstream, _ in made.sources}
        edge = sorted(reached - found.keys())
    return found


def _made_of(desk: Desk, known: Known) -> list[MadeOf]:
    by_upstream = columns_of(desk.core, known)
    sources: dict[str, list[tuple[AssetKey, str]]] = {}
    for upstream, columns in (by_upstream or {}).items():
        for column, names in columns.items():
            sources.setdefault(column, []).extend((upstream, name) for name in names)
    return [MadeOf(column=column, sources=found) for column, found in sources.items()]


def _picture(traced: Mapping[AssetKey, Sequence[MadeOf]], focus: AssetKey) -> ColumnPicture:
    taking_part: dict[AssetKey, list[str]] = {}
    wires: list[tuple[tuple[AssetKey, str], tuple[AssetKey, str]]] = []
    # What a column of the asset is made of: of the assets above, only that is drawn.
    ready = [(focus, made.column) for made in traced[focus]]
    while ready:
        asset, column = ready.pop(0)
        if column in taking_part.setdefault(asset, []):
            continue
        taking_part[asset].append(column)
        sources = next((one.sources for one in traced.get(asset, ()) if one.column == column), ())
        wires += [(source, (asset, column)) for source in sources]
        ready += sources
    pairs = list(dict.fromkeys((a, b) for (a, _), (b, _) in wires))
    boxes = _boxes(taking_part, pairs, focus)
    spots = {(one.asset, name): y for one in boxes.values() for _, y, name in one.columns}
    edges = []
    for (above, source), (below, column) in wires:
        ends = (boxes[above], boxes[below])
        path = curve(
            [(0, spots[above, source]), (1, spots[below, column])],
            [one.x for one in ends],
            [one.width for one in ends],
            lambda y: y,
        )
        edges.append((path, f"{above}.{source} → {below}.{column}"))
    return ColumnPicture(
        boxes=list(boxes.values()),
        edges=edges,
        width=round(max(one.x + one.width for one in boxes.values()) + _PAD),
        height=round(max(one.y + one.height for one in boxes.values()) + _PAD),
    )


def _boxes(
    taking_part: Mapping[AssetKey, Sequence[str]],
    pairs: Sequence[tuple[AssetKey, AssetKey]],
    focus: AssetKey,
) -> dict[AssetKey, ColumnBox]:
    """Stack the assets of each layer, in the order that crosses the fewest lines."""
    layout = layered_layout(list(taking_part), pairs)
    found: dict[AssetKey, ColumnBox] = {}
    x = float(_PAD)
    for layer in range(layout.layers):
        keys = [key for key, (at, _) in layout.places.items() if at == layer]
        keys.sort(key=lambda key: layout.places[key][1])
        words = [_short(word) for key in keys for word in (key, *taking_part[key])]
        width, y = round(max(map(len, words)) * _CHAR + 20, 1), float(_PAD)
        for key in keys:
            tops = y + _HEAD
            columns = [
                (_short(name), tops + _LINE * (at + 0.5), name)
                for at, name in enumerate(taking_part[key])
            ]
            height = _HEAD + _LINE * len(columns) + 4.0
            found[key] = ColumnBox(
                asset=key, label=_short(key), x=x, y=y, width=width, height=height,
                columns=columns, is_focus=key == focus,
            )  # fmt: skip
            y += height + _APART
        x += width + _GAP
    return found


def _short(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST // 2]}…{name[-(_LONGEST // 2 - 1) :]}"
