"""Boxes and arrows as a picture: where each goes, in pixels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from assetkit.display.layout import curve, layered_layout
from assetkit.records import AssetKey

_CHAR, _ROW, _BOX, _GAP, _PAD, _LONGEST = 7.3, 44, 34, 56, 8, 30


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
) -> tuple[list[DrawnNode], list[DrawnEdge], float, float]:
    """Return the boxes and arrows in their places, and the width and height of it all.

    *arrows*: by (source, target), both names of boxes, whether it is dashed and its note.
    *before*: how far down boxes stood when this was drawn last.
    """
    layout = layered_layout([box.name for box in boxes], list(arrows), before=before)
    wide = {box.name: _width(box) for box in boxes}
    lefts, widths = layout.columns(wide, start=_PAD, gap=_GAP)
    nodes = []
    for box in boxes:
        layer, row = layout.places[box.name]
        nodes.append(_node(box, lefts[layer], _PAD + row * _ROW, widths[layer], focus))
    edges = [
        DrawnEdge(path=curve(route, lefts, widths, _middle), dashed=dashed, note=note)
        for route, (dashed, note) in zip(layout.routes, arrows.values(), strict=True)
        if route
    ]
    width = lefts[-1] + widths[-1] + _PAD if lefts else 2.0 * _PAD
    return nodes, edges, round(width), round(layout.rows * _ROW + _BOX + 2 * _PAD)


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


def _middle(row: float) -> float:
    return row * _ROW + _PAD + _BOX / 2
