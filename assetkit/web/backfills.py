"""Backfills to look at: which partitions, in what batches and order, and what that would cost.

Rule 1: a batch is a range of neighbouring partitions, so that each is one line of the terminal.
Rule 2: batches run one after another; each plans anew, and does only what is then not fresh.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from assetkit.columns import Flags, Ints
from assetkit.definitions.universe import Universe
from assetkit.display.ranges import runs_of
from assetkit.errors import InvalidArgument, InvalidSelection, PlanOutdated
from assetkit.execution.runner import new_run_id
from assetkit.planning.estimate import estimate
from assetkit.planning.request import Request
from assetkit.records import AssetKey, partition_text
from assetkit.web.commands import Line, backfill_line
from assetkit.web.desk import Desk
from assetkit.web.plans import PlanRow, rows_of
from assetkit.web.states import ATTEMPTS, STATES, SlotStates, slot_states

ONLY: Final = ("not fresh", "missing", "stale", "failed")
"""Which of the partitions; the first is what a backfill does anyway."""
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for. ``size``: partitions of a batch, 0 for as many as are neighbours."""

    select: str
    partitions: str = ""
    only: str = ONLY[0]
    newest: bool = False
    size: int = 0
    at_once: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPage:
    """A backfill as it would go now. ``mark`` differs once it would go otherwise."""

    wanted: Wanted
    as_of: datetime
    only: Sequence[tuple[str, int]]
    count: int
    batches: Sequence[str]
    shown: Sequence[str]
    mark: str
    estimate: str
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
    if len(universe.dimensions) != 1:
        raise InvalidSelection(
            f"{key} is not partitioned along one dimension, so it has no ranges to fill in "
            f"batches. Plan it instead: /plan?select={key}"
        )
    within = _within(states, universe, wanted.partitions)
    chosen = states.positions[within & _stand(states, wanted.only)]
    pieces = _batches(chosen, wanted)
    made = desk.workspace.plan(graph, Request(targets=(key,), slots=_slots(universe, chosen, key)))
    batches = [_text(universe, first, last) for first, last in pieces]
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


def _batches(chosen: Ints, wanted: Wanted) -> list[tuple[int, int]]:
    """Return the batches as (first, last) position, in the order in which they run."""
    pieces: list[tuple[int, int]] = []
    for first, last in runs_of(chosen):
        size = wanted.size or last - first + 1
        if wanted.newest:
            ends = range(last, first - 1, -size)
            pieces += [(max(first, end - size + 1), end) for end in ends]
        else:
            pieces += [(at, min(last, at + size - 1)) for at in range(first, last + 1, size)]
    return sorted(pieces, reverse=wanted.newest)


def _slots(
    universe: Universe, chosen: Ints, key: AssetKey
) -> Mapping[AssetKey, Sequence[tuple[int, int]]]:
    ordinals = np.sort(universe.ordinals(chosen))
    return {key: [(first, last + 1) for first, last in runs_of(ordinals)]}


def _text(universe: Universe, first: int, last: int) -> str:
    start, end = (partition_text(universe.key(at)) or "" for at in (first, last))
    return start if first == last else f"{start}..{end}"


def _mark(key: AssetKey, batches: Sequence[str], wanted: Wanted) -> str:
    said = json.dumps([key, list(batches), wanted.at_once])
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
