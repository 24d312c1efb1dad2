"""Boxes and arrows as a picture: where each goes, in pixels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from assetkit.display.layout import curve, layered_layout
from assetkit.records import AssetKey

_CHAR, _ROW, _BOX, _GAP, _PAD, _LONGEST = 7.3, 44, 34, 56, 8, 30
_BESIDE = 24
"""Between boxes of a layer that lie beside one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnNode:
    """One box, in pixels. ``asset`` is empty for a group, ``group`` the one that it stands for.

    ``shares`` are pieces of the bar of states: (state, left, width). ``heat``, from 0 to 4,
    is how much of an overlay lies on it.
    """

    asset: AssetKey
    group: str
    label: str
    x: float
    y: float
    width: float
    state: str
    note: str
    badge: str = ""
    heat: int = 0
    is_focus: bool = False
    shares: Sequence[tuple[str, float, float]] = ()

    @property
    def name(self) -> str:
        """What tells it apart in a picture: no key of an asset begins with a space."""
        return self.asset or f" {self.group}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnEdge:
    """One edge as a path; ``note`` names its mapping."""

    path: str
    dashed: bool
    note: str


@dataclass(frozen=True, slots=True)
class Box:
    """What is to be drawn for an asset, or for a group (``asset`` is empty then).

    ``shares`` are pieces of the bar of states: (state, share of the whole).
    """

    name: str
    asset: AssetKey
    group: str
    state: str
    note: str
    badge: str = ""
    shares: tuple[tuple[str, float], ...] = ()
    heat: int = 0


def draw(
    boxes: Sequence[Box],
    arrows: Mapping[tuple[str, str], tuple[bool, str]],
    focus: Collection[AssetKey],
    before: Mapping[str, float],
    *,
    down: bool = False,
) -> tuple[list[DrawnNode], list[DrawnEdge], float, float]:
    """Return the boxes and arrows in their places, and the width and height of it all.

    *arrows*: by (source, target), both names of boxes, whether it is dashed and its note.
    *before*: where in their layers boxes stood when this was drawn last. *down*: from top to
    bottom instead of from left to right.
    """
    layout = layered_layout([box.name for box in boxes], list(arrows), before=before)
    wide = {box.name: _width(box) for box in boxes}
    widest = max(wide.values(), default=0.0)
    deep = dict.fromkeys(wide, float(_BOX)) if down else wide
    across, row_size = (widest, widest + _BESIDE) if down else (_BOX, _ROW)
    starts, sizes = layout.columns(deep, start=_PAD, gap=_GAP)

    def middle(row: float) -> float:
        return _PAD + row * row_size + across / 2

    nodes = []
    for box in boxes:
        layer, row = layout.places[box.name]
        width = wide[box.name] if down else sizes[layer]
        x = middle(row) - width / 2 if down else starts[layer]
        y = starts[layer] if down else middle(row) - _BOX / 2
        nodes.append(_node(box, x, y, width, focus))
    edges = [
        DrawnEdge(path=curve(route, starts, sizes, middle, down=down), dashed=dashed, note=note)
        for route, (dashed, note) in zip(layout.routes, arrows.values(), strict=True)
        if route
    ]
    length = starts[-1] + sizes[-1] + _PAD if starts else 2.0 * _PAD
    breadth = layout.rows * row_size + across + 2 * _PAD
    width, height = (breadth, length) if down else (length, breadth)
    return nodes, edges, round(width), round(height)


def _width(box: Box) -> float:
    return (len(_label(box)) + len(box.badge) + 5) * _CHAR


def _label(box: Box) -> str:
    name = box.asset or box.group
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST // 2]}…{name[-(_LONGEST // 2 - 1) :]}"


def _node(box: Box, x: float, y: float, width: float, focus: Collection[AssetKey]) -> DrawnNode:
    shares, at = [], 0.0
    for state, share in box.shares:
        if share:
            shares.append((state, round(at * width, 1), round(share * width, 1)))
        at += share
    return DrawnNode(
        asset=box.asset,
        group=box.group,
        label=_label(box),
        x=round(x, 1),
        y=round(y, 1),
        width=round(width, 1),
        state=box.state,
        note=box.note,
        badge=box.badge,
        heat=box.heat,
        is_focus=box.asset in focus,
        shares=shares,
    )
