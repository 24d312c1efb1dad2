"""Plans to look at, kept as they were shown, so that just that plan is launched, or none."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from assetkit.api import plan, plan_again_of
from assetkit.display.glyphs import glyph
from assetkit.display.quantities import bytes_text, count_text, duration_text, rough_duration_text
from assetkit.display.ranges import runs_of
from assetkit.errors import InvalidArgument, UnknownAsset
from assetkit.execution.runner import new_run_id
from assetkit.planning.model import AssetSummary
from assetkit.planning.plan import Plan
from assetkit.planning.request import Request
from assetkit.planning.text import totals_text, verb_of, why_text
from assetkit.records import AssetKey
from assetkit.web.commands import Line, file_line, materialize_line, plan_line, run_line
from assetkit.web.desk import Desk, NotFoundHere, in_project
from assetkit.web.foreseen import PlanPicture, costs, picture_of, replaced, resting
from assetkit.web.plainvalues import plain
from assetkit.workspace.retrying import what_is_undone

_KEPT = 100
_EXPLAINED = 60
_WORDS = {
    "build": "build",
    "rebuild": "rebuild",
    "maybe": "only if an input changes",
    "blocked": "blocked",
    "quarantined": "held after failures",
    "running": "running elsewhere",
    "keep": "up to date",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One asset of a plan. ``explained`` says why at length, empty beyond the first rows."""

    asset: AssetKey
    verb: str
    mark: str
    words: str
    steps: int
    total: int
    partitions: str
    why: str
    expected: str
    explained: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPage:
    """A plan as it was made at ``as_of``. ``can_launch``: there is something to run.

    ``at_once``: how long it takes with so many calls at once. ``resting``: why assets that
    were asked for do not run, where none does.
    """

    plan_id: str
    as_of: datetime
    select: str
    partitions: str
    force: bool
    upstream: bool
    without: Sequence[AssetKey]
    sentence: str
    notes: Sequence[str]
    rows: Sequence[PlanRow]
    idle: Sequence[AssetKey]
    steps: int
    estimate: str
    at_once: Sequence[tuple[int, str]]
    picture: PlanPicture | None
    resting: Sequence[tuple[AssetKey, str]]
    can_launch: bool
    plan_line: Line
    run_line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a plan is asked for; an empty selection means all assets.

    ``without``: assets to leave out, also where others need them; those then build on what
    is there.
    """

    select: str = ""
    partitions: str = ""
    force: bool = False
    upstream: bool = True
    without: Sequence[AssetKey] = ()


def make_plan_page(desk: Desk, *, keep: bool = True, **asked: Any) -> PlanPage:
    """Plan what is `Asked` for, and keep the plan for launching (*keep* False: only look).

    Raises as `assetkit.plan` does.
    """
    if desk.graph is None:
        raise NotFoundHere("There is no project that loads, so there is nothing to plan.")
    wanted = Asked(**asked)
    expression, _, behind = wanted.select.partition("@")
    try:
        made = plan(
            desk.definitions,
            select=expression.strip() or None,
            partitions=wanted.partitions.strip() or behind.strip() or None,
            force=wanted.force,
            upstream=wanted.upstream,
            workspace=desk.workspace,
        )
    except UnknownAsset:
        desk.follow_names(wanted.select)
        raise
    if wanted.without:
        made = desk.workspace.plan(made.graph, _rest(made, frozenset(wanted.without)))
        page = replace(_page(made, wanted), run_line=_file_line(desk, made))
    else:
        page = _page(made, wanted)
    if keep:
        _keep(desk, made, page)
    return page


def _file_line(desk: Desk, made: Plan) -> Line:
    return file_line(str(_folder(desk) / f"{made.plan_id}.plan"))


def _rest(made: Plan, without: Collection[AssetKey]) -> Request:
    """Return what to ask for the steps of a plan that are not left out."""
    parts = [part for part in made.assets if part.run.any() and part.asset not in without]
    if not parts:
        raise InvalidArgument("All that this plan would run is left out. Put something back.")
    slots = {}
    for part in parts:
        ordinals = np.sort(made.universes[part.asset].ordinals(part.positions[part.run]))
        slots[part.asset] = [(first, last + 1) for first, last in runs_of(ordinals)]
    return Request(
        targets=tuple(slots),
        slots=slots,
        upstream=False,
        forced=made.request.forced & frozenset(slots),
    )


def retry_plan_page(desk: Desk, *, run_id: str, keep: bool = True) -> PlanPage:
    """Plan what a run left undone, and keep the plan for launching."""
    request = what_is_undone(desk.core, desk.known_graph, run_id)
    made = desk.workspace.plan(desk.known_graph, request)
    line = Line(shell=run_line("retry", run_id).shell, python=_file_line(desk, made).python)
    page = replace(_page(made, Asked(select=" or ".join(request.targets))), run_line=line)
    page = replace(page, plan_line=Line(shell=""))
    if keep:
        _keep(desk, made, page)
    return page


def kept_plan_page(desk: Desk, *, plan_id: str) -> dict[str, Any]:
    """Return the page of a plan as it was kept; raises `NotFoundHere` where it is not kept."""
    # Plans kept by an earlier version do not say it.
    page: dict[str, Any] = {"without": [], "at_once": [], "picture": None, "resting": []}
    page |= json.loads(_file(desk, plan_id, ".json").read_text(encoding="utf-8"))
    return page


def plan_file(desk: Desk, *, plan_id: str) -> Path:
    """Return the file of a kept plan, once it is sure that it would be the same plan now.

    Raises:
        PlanOutdated: definitions or catalog have moved; the message says how.
        NotFoundHere: no such plan is kept.
    """
    file = _file(desk, plan_id, ".plan")
    plan_again_of(Plan.load(file), desk.described, desk.workspace)
    return file


def run_of_plan(desk: Desk, *, plan_id: str) -> Mapping[str, Any]:
    """Return what to launch: the file of a kept plan, as `plan_file` does, and the run's id."""
    file = plan_file(desk, plan_id=plan_id)
    return {"file": file, "run_id": new_run_id(desk.now())}


def _page(made: Plan, asked: Asked) -> PlanPage:
    summary = made.summary()
    said: dict[str, Any] = {"force": asked.force, "upstream": asked.upstream}
    return PlanPage(
        plan_id=made.plan_id,
        as_of=made.now,
        select=asked.select,
        partitions=asked.partitions,
        force=asked.force,
        upstream=asked.upstream,
        without=sorted(asked.without),
        sentence=totals_text(summary, made.now),
        notes=[in_project(one) for one in (*made.notes, replaced(made)) if one],
        rows=rows_of(made),
        idle=[line.asset for line in summary.assets if verb_of(line) == "keep"],
        steps=len(made),
        estimate=rough_duration_text(summary.seconds) if summary.seconds else "",
        at_once=costs(made),
        picture=picture_of(made),
        resting=resting(made),
        can_launch=len(made) > 0,
        plan_line=plan_line(asked.select, asked.partitions, **said),
        run_line=materialize_line(asked.select, asked.partitions, **said),
    )


def rows_of(made: Plan) -> list[PlanRow]:
    """Return a row for each asset of a plan that something is to be said of."""
    busy = [line for line in made.summary().assets if verb_of(line) != "keep"]
    return [_row(made, line, explained=at < _EXPLAINED) for at, line in enumerate(busy)]


def _row(made: Plan, line: AssetSummary, *, explained: bool) -> PlanRow:
    verb, steps = verb_of(line), line.run + line.maybe
    why = why_text(line) if steps else ""
    parts = [
        "" if line.seconds is None else duration_text(line.seconds),
        count_text(line.rows, "row") if line.rows else "",
        bytes_text(line.bytes) if line.bytes else "",
    ]
    others = line.blocked + line.quarantined + line.running
    return PlanRow(
        asset=line.asset,
        verb=verb,
        mark=glyph(verb),
        words=_WORDS[verb],
        steps=steps,
        total=steps + line.fresh + others,
        partitions=line.partitions,
        why=in_project(why) or _hindered(line),
        expected=", ".join(filter(None, parts)),
        explained=in_project(made.explain(line.asset)) if explained else "",
    )


def _hindered(line: AssetSummary) -> str:
    words = (
        (line.blocked, "blocked: an input is missing and cannot be made"),
        (line.quarantined, "held: failed before in just this way"),
        (line.running, "another run is at it"),
    )
    return ", ".join(f"{count:,} {text}" for count, text in words if count)


def _keep(desk: Desk, made: Plan, page: PlanPage) -> None:
    desk.core.announce()
    folder = _folder(desk)
    folder.mkdir(parents=True, exist_ok=True)
    made.save(folder / f"{made.plan_id}.plan")
    file = folder / f"{made.plan_id}.json"
    file.write_text(json.dumps(plain(page)), encoding="utf-8")
    kept = sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime_ns)
    for old in kept[:-_KEPT]:
        for name in (old, old.with_suffix(".plan")):
            with suppress(OSError):
                name.unlink()


def _folder(desk: Desk) -> Path:
    return desk.core.place.private / "ui" / "plans"


def _file(desk: Desk, plan_id: str, suffix: str) -> Path:
    file = _folder(desk) / f"{plan_id}{suffix}"
    if not plan_id.isalnum() or not file.is_file():
        raise NotFoundHere(
            f"There is no plan {plan_id!r} any more: the newest {_KEPT} are kept. Plan again."
        )
    return file
