"""Backfills to look at: which partitions, in what batches and order, and what that would cost.

Rule 1: a batch is a range of neighbouring partitions, so that each is one line of the terminal;
of several dimensions it is a range along one, of all or of a range of the others.
Rule 2: batches run one after another; each plans anew, and does only what is then not fresh.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from assetkit.columns import Flags, Ints
from assetkit.definitions.grid import Grid
from assetkit.definitions.timeline import Timeline
from assetkit.definitions.universe import Universe
from assetkit.display.ranges import runs_of
from assetkit.errors import InvalidArgument, InvalidSelection, PlanOutdated
from assetkit.execution.runner import new_run_id
from assetkit.planning.estimate import estimate
from assetkit.planning.request import Request
from assetkit.records import AssetKey, partition_text
from assetkit.web.boxes import Box, box_size, box_text, boxes_of
from assetkit.web.commands import Line, backfill_line
from assetkit.web.desk import Desk
from assetkit.web.foreseen import costs
from assetkit.web.plans import PlanRow, rows_of
from assetkit.web.states import ATTEMPTS, STATES, SlotStates, slot_states

ONLY: Final = ("not fresh", "missing", "stale", "failed")
"""Which of the partitions; the first is what a backfill does anyway."""
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for. ``size``: partitions of a batch, 0 for as many as are neighbours.

    ``along``: the dimension in whose order batches go, empty for the first by time.
    ``stop_after``: so many batches that failed are the last; 0: none is.
    """

    select: str
    partitions: str = ""
    only: str = ONLY[0]
    newest: bool = False
    size: int = 0
    at_once: int = 1
    stop_after: int = 0
    along: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPage:
    """A backfill as it would go now. ``mark`` differs once it would go otherwise.

    ``dimensions`` are those to choose from, ``at_once`` what it costs with so many calls
    at once.
    """

    wanted: Wanted
    as_of: datetime
    only: Sequence[tuple[str, int]]
    count: int
    batches: Sequence[str]
    shown: Sequence[str]
    mark: str
    estimate: str
    at_once: Sequence[tuple[int, str]]
    dimensions: Sequence[str]
    rows: Sequence[PlanRow]
    first_line: Line
    can_launch: bool


def backfill_page(desk: Desk, **asked: Any) -> BackfillPage:
    """Return the backfill that is asked for, see `Wanted`; nothing is written down.

    Raises as `assetkit.plan` does, and `InvalidArgument` for what no backfill can be.
    """
    wanted = Wanted(**asked)
    if wanted.only not in ONLY:
        raise InvalidArgument(f"only={wanted.only!r} is none of {', '.join(ONLY)}.")
    key, graph = desk.find_asset(wanted.select.strip()), desk.known_graph
    standing = desk.standing()
    if standing is None or key not in standing.plan.universes:
        raise InvalidArgument(f"The project has no asset {key!r}, so it cannot be filled.")
    universe, states = standing.plan.universes[key], slot_states(standing.plan, key)
    if not universe.dimensions:
        raise InvalidSelection(
            f"{key} has no partitions, so there are no ranges to fill in batches. Plan it "
            f"instead: /plan?select={key}"
        )
    within = _within(states, universe, wanted.partitions)
    chosen = states.positions[within & _stand(states, wanted.only)]
    batches = _batches(universe, chosen, wanted)
    made = desk.workspace.plan(graph, Request(targets=(key,), slots=_slots(universe, chosen, key)))
    lines = [backfill_line(key, one, at_once=wanted.at_once) for one in batches]
    return BackfillPage(
        wanted=wanted,
        as_of=made.now,
        only=[(name, int((within & _stand(states, name)).sum())) for name in ONLY],
        count=len(chosen),
        batches=batches,
        shown=[one.shell for one in lines[:_SHOWN]],
        mark=_mark(key, batches, wanted),
        estimate=str(estimate(made, at_once=wanted.at_once)),
        at_once=costs(made),
        dimensions=universe.dimensions if len(universe.dimensions) > 1 else (),
        rows=rows_of(made),
        first_line=lines[0] if lines else Line(shell=""),
        can_launch=bool(batches),
    )


def backfill_batches(desk: Desk, *, mark: str, **asked: Any) -> Mapping[str, Any]:
    """Return what to launch: the id of the first run, the asset and the batches, once it is sure
    that they are as shown.

    Raises `PlanOutdated` where the backfill would go otherwise than when it was looked at.
    """
    page = backfill_page(desk, **asked)
    if page.mark != mark:
        raise PlanOutdated(
            f"The backfill of {page.wanted.select} would go otherwise now: "
            f"{page.count:,} partitions in {len(page.batches):,} batches. Nothing ran."
        )
    key = page.wanted.select.strip()
    return {"run_id": new_run_id(desk.now()), "asset": key, "batches": page.batches}


def _within(states: SlotStates, universe: Universe, partitions: str) -> Flags:
    found: Flags = np.isin(states.positions, universe.select(partitions.strip() or "all"))
    return found


def _stand(states: SlotStates, only: str) -> Flags:
    failed: Flags = states.attempt >= ATTEMPTS.index("held")
    if only == "failed":
        return failed
    if only == ONLY[0]:
        return failed | np.asarray(states.state != STATES.index("fresh"), dtype=np.bool_)
    return np.asarray(states.state == STATES.index(only), dtype=np.bool_)


def _batches(universe: Universe, chosen: Ints, wanted: Wanted) -> list[str]:
    """Return the selections of batches, in the order in which they run."""
    if not isinstance(universe, Grid):
        pieces = [piece for run in runs_of(chosen) for piece in _pieces(*run, wanted, wanted.size)]
        pieces.sort(reverse=wanted.newest)
        return [_text(universe, first, last) for first, last in pieces]
    order = _order(universe, wanted.along)
    own = universe.split(chosen)
    whole = boxes_of([own[place] for place in order]) if len(chosen) else ()
    boxes = [piece for box in whole for piece in _cut(box, wanted)]
    boxes.sort(key=lambda box: box[0], reverse=wanted.newest)
    return [box_text(universe, box, order) for box in boxes]


def _cut(box: Box, wanted: Wanted) -> Iterator[Box]:
    """Cut a box into those of at most so many partitions as a batch has."""
    (first, last), *others = box
    rest = box_size(tuple(others))
    for piece in _pieces(first, last, wanted, max(1, wanted.size // rest) if wanted.size else 0):
        if wanted.size and rest > wanted.size:
            yield from ((piece, *other) for other in _cut(tuple(others), wanted))
        else:
            yield (piece, *others)


def _pieces(first: int, last: int, wanted: Wanted, size: int) -> list[tuple[int, int]]:
    """Cut a range into pieces of at most *size*, the rest where the batches end."""
    size = size or last - first + 1
    if wanted.newest:
        ends = range(last, first - 1, -size)
        return [(max(first, end - size + 1), end) for end in ends]
    return [(at, min(last, at + size - 1)) for at in range(first, last + 1, size)]


def _order(universe: Grid, along: str) -> list[int]:
    """Return the dimensions with the one first along which batches go."""
    if along and along not in universe.dimensions:
        raise InvalidArgument(f"along={along!r} is none of {', '.join(universe.dimensions)}.")
    by_time = [place for place, axis in enumerate(universe.axes) if isinstance(axis, Timeline)]
    first = universe.dimensions.index(along) if along else (by_time or [0])[0]
    return [first, *(place for place in range(len(universe.axes)) if place != first)]


def _slots(
    universe: Universe, chosen: Ints, key: AssetKey
) -> Mapping[AssetKey, Sequence[tuple[int, int]]]:
    ordinals = np.sort(universe.ordinals(chosen))
    return {key: [(first, last + 1) for first, last in runs_of(ordinals)]}


def _text(universe: Universe, first: int, last: int) -> str:
    start, end = (partition_text(universe.key(at)) or "" for at in (first, last))
    return start if first == last else f"{start}..{end}"


def _mark(key: AssetKey, batches: Sequence[str], wanted: Wanted) -> str:
    said = json.dumps([key, list(batches), wanted.at_once, wanted.stop_after])
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
