"""The commands ``tick`` and ``daemon``: automation once, or as a loop."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from assetkit.cli.exits import DONE, FAILED, LOCKED
from assetkit.cli.options import Verb, duration, json_option
from assetkit.cli.output import Output, plain
from assetkit.cli.session import Session
from assetkit.display.quantities import ago_text, count_text, moment_text
from assetkit.display.texttable import Column

if TYPE_CHECKING:
    from assetkit.catalog.automation import TickRecord
    from assetkit.daemon.shift import Turn
    from assetkit.workspace.evaluating import Evaluation

_FEW = 20


@click.command(
    cls=Verb,
    examples=(
        "assetkit tick",
        "assetkit tick --dry-run",
        "assetkit tick --history --limit 50",
        "assetkit tick --history --source 'schedule:nightly [0 6 * * *]' --json",
    ),
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and why; do nothing.")
@click.option(
    "--horizon",
    default="0s",
    metavar="TIME",
    callback=duration,
    help="When the next turn comes: promises that fall due before it are kept now.",
)
@click.option("--history", is_flag=True, help="List past ticks, and what came of them.")
@click.option("--source", metavar="NAME", help="With --history: of one schedule or sensor only.")
@click.option("--limit", type=click.IntRange(min=1), default=_FEW, help=f"Default: {_FEW}.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "live", "lines", "none"]),
    default="auto",
    help="How progress is shown on stderr.",
)
@json_option
@click.pass_obj
def tick(session: Session, /, **given: Any) -> int:
    """Do one turn of automation: schedules, sensors, and what assets promise. For cron and CI.

    What is due runs, and is waited for; a second turn at the same time does
    nothing. Exits with 1 where something failed, with 5 where a daemon or
    another turn is at work on the workspace.
    """
    if given["history"]:
        return _history(session, given["source"], given["limit"], as_json=given["as_json"])
    if given["dry_run"]:
        return _dry_run(session, as_json=given["as_json"])
    from assetkit.cli.running import progress_of
    from assetkit.daemon.daemon import Daemon

    progress = (
        "none" if given["as_json"] else progress_of(session, given["progress"], as_json=False)
    )
    with redirect_stdout(sys.stderr):
        turn = Daemon(session.definitions, session.workspace, progress=progress).tick(
            horizon=given["horizon"]
        )
    if turn.standing_by is not None:
        return _standing_by(session, turn, as_json=given["as_json"])
    if given["as_json"]:
        session.out.json("tick", _turn_document(turn))
    else:
        _say_turn(session, turn)
    return DONE if turn.success else FAILED


@click.command(
    cls=Verb,
    examples=(
        "assetkit daemon",
        "assetkit -m shop.assets daemon --max-runs 4",
        "assetkit daemon --status --json",
    ),
)
@click.option("--max-runs", type=click.IntRange(min=1), default=8, show_default=True,
              help="Runs at once at most.")  # fmt: skip
@click.option("--grace", default="30s", show_default=True, metavar="TIME", callback=duration,
              help="How long to wait for runs when asked to stop.")  # fmt: skip
@click.option("--status", "status", is_flag=True, help="Say who looks after the workspace.")
@json_option
@click.pass_obj
def daemon(session: Session, /, max_runs: int, grace: str, *, status: bool, as_json: bool) -> int:
    """Look after the workspace until told to stop: turn after turn of automation.

    One daemon works on a workspace; a second one stands by, and takes over when
    the first is gone. SIGTERM and Ctrl-C end it: runs get --grace to end, then
    they are cancelled, and the next daemon goes on with them. Changed code is
    loaded anew; code that does not load is told of, and the last good one stays.
    """
    if status:
        return _status(session, as_json=as_json)
    from assetkit.daemon.daemon import Daemon

    module, folder = session.project_place
    loaded = session.definitions
    made = Daemon(module, session.workspace, max_runs=max_runs, grace=grace, folder=folder)
    _say_log(session.err, as_json=as_json)
    session.err.write(_opening(loaded, session))
    with redirect_stdout(sys.stderr):
        made.run()
    return DONE


def _opening(definitions: Any, session: Session) -> str:
    graph = session.graph
    automatic = [
        one for one in graph.assets.values() if one.automation is not None or one.freshness
    ]
    parts = (
        count_text(len(definitions.schedules), "schedule"),
        count_text(len(definitions.sensors), "sensor"),
        f"{count_text(len(automatic), 'asset')} with a policy",
    )
    return f"assetkit daemon: {session.module_name}, {', '.join(parts)}. Ctrl-C ends it."


def _say_log(out: Output, *, as_json: bool) -> None:
    """Show what the daemon says on stderr: lines, or JSON lines."""

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            from datetime import UTC, datetime

            at = datetime.fromtimestamp(record.created, UTC)
            if as_json:
                fields = {
                    "schema": "assetkit.daemon/1",
                    "at": at,
                    "level": record.levelname.lower(),
                    "message": record.getMessage(),
                }
                click.echo(json.dumps(plain(fields)), file=sys.stderr)
            else:
                out.write(f"{at:%H:%M:%S} {record.getMessage()}")

    log = logging.getLogger("assetkit.daemon")
    log.setLevel(logging.INFO)
    log.addHandler(Lines())
    log.propagate = False


def _dry_run(session: Session, *, as_json: bool) -> int:
    """Say what a turn would do; sensors are not asked."""
    from assetkit.catalog.automation import AutomationState
    from assetkit.daemon.ticking import due_ticks, source_of
    from assetkit.planning.decisions import decisions_text
    from assetkit.workspace.evaluating import evaluate

    definitions, workspace = session.definitions, session.furnished
    now = workspace.core.now()
    log = workspace.core.catalog.automation
    states: dict[str, AutomationState] = {one.name: one for one in log.states()}
    due = [
        one
        for schedule in definitions.schedules
        for one in due_ticks(schedule, states.get(source_of(schedule)), now)[0]
    ]
    opened = list(log.ticks(open_only=True))
    found: Evaluation = evaluate(workspace.core, session.graph, now=now)
    if as_json:
        content = {
            "due": [_tick_document(one) for one in [*opened, *due]],
            "decisions": [_fields(one) for one in found.decisions],
            "statuses": [_fields(one) for one in found.statuses],
            "steps": len(found.plan),
            "wake_at": found.wake_at,
        }
        session.out.json("tick_plan", content)
        return DONE
    for one in [*opened, *due]:
        session.out.write(f"{one.source}: due since {moment_text(one.instant)}")
    if definitions.sensors:
        many = count_text(len(definitions.sensors), "sensor")
        session.out.write(f"{many}: not asked in a dry run")
    if said := decisions_text(found.decisions):
        session.out.write(said)
    for promise in found.statuses:
        session.out.write(f"  {promise.asset}: {promise.status}. {promise.reason}".rstrip(". "))
    count = len(found.plan)
    session.out.write(
        f"Would launch {count_text(count, 'step')}." if count else "Would launch nothing of assets."
    )
    return DONE


def _say_turn(session: Session, turn: Turn) -> None:
    for one in turn.sensors:
        session.out.write(f"{one.name}: {one.outcome}. {one.message}".rstrip(". "))
    for tick in turn.ticks:
        session.out.write(_tick_line(session, tick))
    if not turn.ticks:
        session.out.write("Nothing was due.")
    if turn.wake_at is not None:
        session.out.write(f"Next: {moment_text(turn.wake_at)}")


def _tick_line(session: Session, tick: TickRecord) -> str:
    mark = session.out.mark("failed" if tick.status == "failed" else "materialized")
    return f"{mark} {tick.source} {moment_text(tick.instant)}: {tick.status}, {tick.message}"


def _standing_by(session: Session, turn: Turn, *, as_json: bool) -> int:
    text = f"{turn.standing_by} looks after {session.workspace.root}; nothing was done here."
    if as_json:
        session.out.json("tick", {"standing_by": str(turn.standing_by), "ticks": []})
    session.err.write(text)
    return LOCKED


def _history(session: Session, source: str | None, limit: int, *, as_json: bool) -> int:
    ticks = session.workspace.core.catalog.automation.ticks(source=source, limit=limit)
    if as_json:
        session.out.json("ticks", {"ticks": [_tick_document(one) for one in ticks]})
        return DONE
    if not ticks:
        session.out.write(f"No tick has come to {session.workspace.root} yet.")
        return DONE
    titles = ("source", "tick", "status", "what came of it", "run")
    columns = [Column(), *(Column(title=one, wraps=one == "what came of it") for one in titles)]
    rows = [
        (
            session.out.mark("failed" if one.status == "failed" else "materialized"),
            one.source,
            moment_text(one.instant),
            str(one.status),
            "; ".join([one.message, *one.request.get("decisions", ())[:3]]).strip("; "),
            one.runs[-1] if one.runs else "",
        )
        for one in ticks
    ]
    session.out.table(columns, rows)
    return DONE


def _status(session: Session, *, as_json: bool) -> int:
    workspace = session.workspace
    log = workspace.core.catalog.automation
    record, now = log.daemon(), workspace.core.now()
    states = log.states()
    alive = record is not None and record.alive
    if as_json:
        content = {
            "alive": alive,
            "daemon": None if record is None else str(record),
            "started_at": record.started_at if record else None,
            "heartbeat_at": record.heartbeat_at if record else None,
            "states": [_fields(one) for one in states],
        }
        session.out.json("daemon", content)
        return DONE
    if record is None or not alive:
        gone = f" {record} is gone." if record else ""
        session.out.write(
            f"No daemon looks after {workspace.root}.{gone} Start one: assetkit daemon"
        )
    else:
        session.out.write(
            f"{record} looks after {workspace.root} since {moment_text(record.started_at)}, "
            f"last seen {ago_text(record.heartbeat_at, now)}."
        )
    told = [one for one in states if one.outcome]
    if told:
        titles = ("name", "outcome", "checked", "what it said")
        rows = [
            (
                one.name,
                f"{one.outcome} ({one.count})" if one.count > 1 else one.outcome,
                ago_text(one.checked_at, now) if one.checked_at else "",
                one.message,
            )
            for one in told
        ]
        session.out.table([Column(title=t, wraps=t == "what it said") for t in titles], rows)
    return DONE


def _turn_document(turn: Turn) -> dict[str, Any]:
    found = turn.evaluation
    return {
        "now": turn.now,
        "ticks": [_tick_document(one) for one in turn.ticks],
        "sensors": [_fields(one) for one in turn.sensors],
        "decisions": [_fields(one) for one in found.decisions] if found else [],
        "statuses": [_fields(one) for one in found.statuses] if found else [],
        "wake_at": turn.wake_at,
    }


def _tick_document(tick: TickRecord) -> dict[str, Any]:
    fields = _fields(tick)
    del fields["seq"]
    return fields


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
