"""How all partitions of an asset are laid out: a grid, a strip above it, the same as ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from assetkit.definitions.grid import Grid as Product
from assetkit.definitions.universe import Universe
from assetkit.errors import PlanError
from assetkit.web.grid import Grid, grid_of
from assetkit.web.matrix import Axes, Choice, matrix_of
from assetkit.web.states import SlotStates, StateRange, ranges_of
from assetkit.web.strip import Strip, windowed

_SHOWN_RANGES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the address says that partitions are looked at.

    ``within`` selects those that the grid shows. Of several dimensions: which goes
    ``across``, which ``down``, and what of others is ``fixed`` (``"region=de"``).
    """

    across: str = ""
    down: str = ""
    within: str = ""
    fixed: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """Partitions as they are shown; ``has_all`` False: there are more ranges than ``ranges``."""

    grid: Grid | None
    strip: Strip | None
    choices: Sequence[Choice]
    within: str
    ranges: Sequence[StateRange]
    has_all: bool
    problem: str


def laid_out(states: SlotStates, universe: Universe, look: Look) -> Laid | None:
    """Lay the partitions of an asset out; None for one that has none."""
    if not universe.dimensions or not len(states):
        return None
    strip, problem, within = None, "", look.within.strip()
    try:
        strip, shown = windowed(states, universe, within)
    except PlanError as error:
        problem, within = str(error), ""
        strip, shown = windowed(states, universe, "")
    choices: list[Choice] = []
    if isinstance(universe, Product):
        fixed = dict(one.partition("=")[::2] for one in look.fixed)
        axes = Axes(across=look.across, down=look.down, fixed=fixed)
        grid, choices = matrix_of(shown, universe, axes) if len(shown) else (None, [])
    else:
        grid = grid_of(shown, universe)
    ranges, has_all = ranges_of(shown if within else states, universe, limit=_SHOWN_RANGES)
    return Laid(
        grid=grid,
        strip=strip,
        choices=choices,
        within=within,
        ranges=ranges,
        has_all=has_all,
        problem=problem,
    )
