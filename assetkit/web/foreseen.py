"""What a plan is going to mean: its cost, what it replaces, its picture, and why others rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from assetkit.display.quantities import count_text, rough_duration_text
from assetkit.planning.estimate import estimate
from assetkit.planning.plan import Plan
from assetkit.planning.text import verb_of
from assetkit.records import AssetKey
from assetkit.web.desk import in_project
from assetkit.web.drawing import Box, DrawnEdge, DrawnNode, draw

_AT_ONCE = (1, 2, 4, 8)
_DRAWN = 60
_RESTING = 20
_MARKS = {"build": "+", "rebuild": "~", "maybe": "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPicture:
    """The assets of a plan that have something to do, and who needs whom among them."""

    nodes: Sequence[DrawnNode] = field(default=())
    edges: Sequence[DrawnEdge] = field(default=())
    width: float = 0.0
    height: float = 0.0


def costs(made: Plan) -> list[tuple[int, str]]:
    """Return how long a plan takes with so many calls at once; nothing where that is unknown."""
    told = [(number, estimate(made, at_once=number).seconds) for number in _AT_ONCE]
    return [(number, rough_duration_text(seconds)) for number, seconds in told if seconds]


def replaced(made: Plan) -> str:
    """Say how many of the slots that are to run have data already; empty: none has."""
    count = 0
    for part in made.assets:
        ordinals = made.universes[part.asset].ordinals(part.positions[part.run])
        count += int(np.isin(ordinals, made.snapshot.columns(part.asset).ordinal).sum())
    return (
        f"Replaces {count_text(count, 'slot')} that are there; history keeps it." if count else ""
    )


def resting(made: Plan) -> list[tuple[AssetKey, str]]:
    """Return why assets that were asked for do not run, where none does."""
    if len(made):
        return []
    asked = [part.asset for part in made.assets][-_RESTING:]
    return [(key, in_project(made.explain(key))) for key in asked]


def picture_of(made: Plan) -> PlanPicture | None:
    """Draw the assets that have something to do; None for one alone, and for too many."""
    lines = {line.asset: line for line in made.summary().assets if line.run + line.maybe}
    if not 1 < len(lines) <= _DRAWN:
        return None
    boxes = [
        Box(
            key,
            key,
            "",
            verb_of(line),
            f"{key}: {count_text(line.run + line.maybe, 'step')} to {verb_of(line)}",
            f"{_MARKS.get(verb_of(line), '+')}{line.run + line.maybe:,}",
        )
        for key, line in lines.items()
    ]
    arrows = {
        (edge.upstream, key): (edge.input.parameter is None, edge.mapping.name)
        for key in lines
        for edge in made.graph.edges[key]
        if edge.upstream in lines and edge.upstream != key
    }
    nodes, edges, width, height = draw(boxes, arrows, set(), {})
    return PlanPicture(nodes=nodes, edges=edges, width=width, height=height)
