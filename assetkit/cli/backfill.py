"""The command ``backfill``: begin one, take one up again, stop one, list them."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from assetkit.cli.configuring import config_of, config_option
from assetkit.cli.exits import DONE, FAILED
from assetkit.cli.options import (
    Verb,
    json_option,
    partitions_option,
    run_id_option,
    select_option,
    yes_option,
)
from assetkit.cli.output import cell_text, moment, records
from assetkit.cli.session import Session
from assetkit.display.quantities import count_text, moment_text
from assetkit.display.texttable import Column

if TYPE_CHECKING:
    from assetkit.backfills import BackfillResult, PlannedBackfill

_MANY = 1_000
_BEGINNING = ("select", "partitions", "force", "no_upstream", "config")


@click.command(
    cls=Verb,
    examples=(
        "assetkit backfill -s flights --partitions 2013-01-01..2013-06-30",
        "assetkit backfill -s 'flights@missing' --max-concurrency 4",
        "assetkit backfill -s 'flights@all' --force --estimate",
        "assetkit backfill --list",
        "assetkit backfill --resume bf-20261121-094000-1a2b3c",
    ),
)
@select_option
@partitions_option
@click.option("--force", is_flag=True, help="Build the partitions whatever their state.")
@click.option("--no-upstream", is_flag=True, help="Keep to the targets.")
@config_option
@click.option("--max-concurrency", type=click.IntRange(min=1), help="Calls at once at most.")
@click.option(
    "--max-partitions",
    type=click.IntRange(min=0),
    default=_MANY,
    show_default=True,
    help="Ask before building more slots than that; refuse where nobody can be asked.",
)
@click.option("--estimate", is_flag=True, help="Say what it would cost; run nothing.")
@click.option("--executor", metavar="NAME[:N]", help="Where steps run, as for materialize.")
@click.option("--fail-fast", is_flag=True, help="Start nothing more after the first failure.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "live", "lines", "none"]),
    default="auto",
    help="How progress is shown on stderr.",
)
@click.option("--resume", "resumed", metavar="ID", help="Do what is left of a backfill.")
@click.option("--cancel", "cancelled", metavar="ID", help="Stop a backfill.")
@click.option("--list", "listed", is_flag=True, help="List the backfills.")
@run_id_option
@yes_option
@json_option
@click.pass_obj
def backfill(session: Session, /, **given: Any) -> int:
    """Build what is missing or stale of many partitions, on record.

    It is estimated first, can be stopped with --cancel, and taken up again with
    --resume after a kill, a cancellation or failures: only what is left runs.
    """
    if given["listed"]:
        return _list(session, as_json=given["as_json"])
    if given["cancelled"]:
        return _cancel(session, given["cancelled"], as_json=given["as_json"])
    planned = _planned(session, given)
    if given["estimate"]:
        return _tell(session, planned, as_json=given["as_json"])
    _guard(session, planned, given)
    return _run(session, planned, given)


def _planned(session: Session, given: dict[str, Any]) -> PlannedBackfill:
    from assetkit.backfills import PlannedBackfill, plan_rest
    from assetkit.cli.running import executor_of, progress_of
    from assetkit.workspace.backfilling import concurrent
    from assetkit.workspace.running import RunWishes

    workspace, most = session.furnished, given["max_concurrency"]
    wishes = RunWishes(
        executor=concurrent(workspace.core, executor_of(given["executor"]), most),
        on_failure="stop" if given["fail_fast"] else "continue",
        raise_on_error=False,
        progress=progress_of(session, given["progress"], as_json=given["as_json"]),
        run_id=given["run_id"],
        origin="cli",
        max_concurrency=most,
        hooks=session.definitions.hooks,
    )
    if given["resumed"]:
        for option in _BEGINNING:
            if given[option]:
                raise click.UsageError(
                    f"--{option.replace('_', '-')} does not go with --resume: what the backfill "
                    f"is about was settled when it began. Leave out one of them."
                )
        return plan_rest(given["resumed"], session.definitions, {}, workspace, wishes)
    if not given["select"]:
        raise click.UsageError("say which assets with -s, e.g. assetkit backfill -s 'flights'.")
    plan = session.plan(
        given["select"],
        given["partitions"],
        upstream=not given["no_upstream"],
        force=given["force"],
        config=config_of(given["config"]),
    )
    return PlannedBackfill(plan=plan, workspace=plan.workspace, wishes=wishes)


def _tell(session: Session, planned: PlannedBackfill, *, as_json: bool) -> int:
    if as_json:
        session.out.json("estimate", asdict(planned.estimate))
    else:
        session.out.write(str(planned.estimate))
    return DONE


def _guard(session: Session, planned: PlannedBackfill, given: dict[str, Any]) -> None:
    """Say what it costs; ask where that is much, or refuse where nobody can be asked."""
    cost = planned.estimate
    if not cost.slots:
        return
    if not given["as_json"]:
        session.err.write(f"Backfill: {cost}")
    if given["yes"] or cost.slots <= given["max_partitions"]:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"this backfill would build {count_text(cost.slots, 'slot')}, more than "
            f"--max-partitions {given['max_partitions']:,}, and nobody can be asked here. "
            f"Nothing ran. Say --yes, or select fewer."
        )
    click.confirm("Begin?", default=True, abort=True, err=True)


def _run(session: Session, planned: PlannedBackfill, given: dict[str, Any]) -> int:
    from assetkit.cli.running import JsonLines, report

    # What the code of steps prints is no result, and goes where progress goes.
    with redirect_stdout(sys.stderr):
        done: BackfillResult = planned.run()
    if given["as_json"]:
        fields = {
            "backfill_id": done.backfill_id,
            "status": str(done.status),
            "left": len(done.left),
            "retry": done.retry_command,
        }
        JsonLines(session.out).write("backfill_ended", fields)
    else:
        report(session, done.result)
        if done.retry_command:
            session.err.write(f"Do what is left:  {done.retry_command}")
    return DONE if done.success else FAILED


def _cancel(session: Session, backfill_id: str, *, as_json: bool) -> int:
    asked = session.workspace.cancel(backfill_id)
    if as_json:
        session.out.json("cancel", {"id": backfill_id, "asked": asked})
    elif asked:
        session.out.write(f"{backfill_id} is asked to stop; what it has committed stays.")
    else:
        session.out.write(f"{backfill_id} is not running.")
    return DONE


def _list(session: Session, *, as_json: bool) -> int:
    frame = session.workspace.backfills()
    if as_json:
        session.out.json("backfills", {"backfills": records(frame)})
        return DONE
    if frame.empty:
        session.out.write(f"No backfill was started in {session.workspace.root} yet.")
        return DONE
    titles = ("backfill", "status", "started", "slots", "targets", "what came of it")
    columns = [Column(), *(Column(title=one, right=one == "slots") for one in titles)]
    rows = [
        (
            session.out.mark(one["status"]),
            one["backfill_id"],
            one["status"],
            moment_text(moment(one["created_at"])),
            cell_text(one["slots"]),
            ", ".join(one["targets"]),
            one["message"],
        )
        for one in records(frame)
    ]
    session.out.table(columns, rows)
    return DONE
