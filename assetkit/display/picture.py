"""A graph as an inline SVG picture, left to right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from assetkit.display.html import Html
from assetkit.display.layout import curve, layered_layout

_CHAR = 7.25
"""The width of a character of the 12 pixel monospaced font, in pixels."""
_ROW, _BOX, _GAP, _PAD = 32, 24, 46, 6
_LONGEST = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One box. ``tone`` is a state that colours it, ``mark`` its sign, ``badge`` a short count.

    ``note`` is shown on hovering, and read aloud.
    """

    name: str
    tone: str = "keep"
    mark: str = ""
    badge: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One edge, from what is needed to what needs it; dashed where no data is read."""

    source: str
    target: str
    dashed: bool = False


def graph_svg(nodes: Sequence[Node], arrows: Sequence[Arrow], *, title: str) -> Html:
    """Draw a graph; about 300 bytes per node."""
    layout = layered_layout(
        [node.name for node in nodes], [(arrow.source, arrow.target) for arrow in arrows]
    )
    needed = {node.name: _box_width(node) for node in nodes}
    lefts, widths = layout.columns(needed, start=_PAD, gap=_GAP)
    width = lefts[-1] + widths[-1] + _PAD if lefts else 2 * _PAD
    height = layout.rows * _ROW + _BOX + 2 * _PAD
    lines = [
        _arrow_path(arrow, route, lefts, widths)
        for arrow, route in zip(arrows, layout.routes, strict=True)
        if route
    ]
    boxes = [_box(node, layout.places, lefts, widths) for node in nodes]
    return Html(
        f'<svg role="img" aria-label="{escape(title)}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>{''.join(lines)}{''.join(boxes)}</svg>"
    )


def standalone_svg(picture: Html, style: str) -> str:
    """Return a picture as the text of an SVG file, with its style inside."""
    scoped = style.replace(".assetkit-view svg", "svg").replace(".assetkit-view", "svg")
    head, _, rest = picture.partition(">")
    return f"{head}><style>{escape(scoped, quote=False)}</style>{rest}\n"


def _box_width(node: Node) -> float:
    text = len(_short(node.name)) + (2 if node.mark else 0)
    return text * _CHAR + 16 + (len(node.badge) * _CHAR + 8 if node.badge else 0)


def _short(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    half = (_LONGEST - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def _arrow_path(
    arrow: Arrow,
    route: Sequence[tuple[int, float]],
    lefts: Sequence[float],
    widths: Sequence[float],
) -> str:
    kind = "edge dashed" if arrow.dashed else "edge"
    return f'<path class="{kind}" d="{curve(route, lefts, widths, _middle)}"/>'


def _middle(row: float) -> float:
    return row * _ROW + _PAD + _BOX / 2


def _box(
    node: Node,
    places: Mapping[str, tuple[int, float]],
    lefts: Sequence[float],
    widths: Sequence[float],
) -> str:
    layer, row = places[node.name]
    x, width = lefts[layer], widths[layer]
    y = _middle(row) - _BOX / 2
    note = f"<title>{escape(node.note or node.name)}</title>"
    mark = (
        f'<text class="badge" x="{x + 8:.0f}" y="{y + 16:.0f}">{escape(node.mark)}</text>'
        if node.mark
        else ""
    )
    left = x + 8 + (2 * _CHAR if node.mark else 0)
    badge = (
        f'<text class="badge" text-anchor="end" x="{x + width - 8:.0f}" y="{y + 16:.0f}">'
        f"{escape(node.badge)}</text>"
        if node.badge
        else ""
    )
    return (
        f'<g class="t-{escape(node.tone)}">{note}<rect x="{x:.0f}" y="{y:.0f}" '
        f'width="{width:.0f}" height="{_BOX}" rx="5"/>{mark}'
        f'<text x="{left:.0f}" y="{y + 16:.0f}">{escape(_short(node.name))}</text>{badge}</g>'
    )
