"""Commands that steer: ``cancel``, ``retry``, ``hold``, ``release``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from assetkit.cli.exits import DONE, FAILED
from assetkit.cli.options import Verb, json_option, yes_option
from assetkit.cli.session import Session


@click.command(cls=Verb, examples=("assetkit cancel 20260131-060000-1a2b3c",))
@click.argument("run_id", metavar="RUN")
@json_option
@click.pass_obj
def cancel(session: Session, run_id: str, *, as_json: bool) -> None:
    """Stop a run, or a backfill, of any process. What it has finished stays.

    Steps in worker processes are killed; those in threads end what they are doing.
    """
    run_id = _meant(session, run_id)
    asked = session.workspace.cancel(run_id)
    if as_json:
        session.out.json("cancel", {"id": run_id, "asked": asked})
    elif asked:
        session.out.write(f"{run_id} was asked to stop.")
    else:
        session.out.write(f"{run_id} is not running: nothing to stop.")


@click.command(
    cls=Verb,
    examples=(
        "assetkit retry 20260131-060000-1a2b3c",
        "assetkit retry 20260131-060000-1a2b3c --executor processes:4",
    ),
)
@click.argument("run_id", metavar="RUN")
@click.option("--executor", metavar="NAME[:N]", help="Where steps run, as for materialize.")
@click.option("--fail-fast", is_flag=True, help="Start nothing more after the first failure.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "live", "lines", "none"]),
    default="auto",
    help="How progress is shown on stderr.",
)
@yes_option
@json_option
@click.pass_obj
def retry(session: Session, /, run_id: str, **given: Any) -> int:
    """Run again what failed in a run, what that blocked, and what was lost with its process.

    What has been made since is not made again.
    """
    from assetkit.cli.running import run_plan
    from assetkit.workspace.retrying import what_is_undone

    run_id = _meant(session, run_id)
    request = what_is_undone(session.workspace.core, session.graph, run_id)
    plan = session.furnished.plan(session.graph, request)
    result = run_plan(session, replace(plan, workspace=session.furnished), given)
    return DONE if result.success else FAILED


@click.command(
    cls=Verb,
    examples=(
        "assetkit hold orders --reason 'the source is being moved'",
        "assetkit hold orders+",
        "assetkit hold",
    ),
)
@click.argument("select", nargs=-1, metavar="[SELECTION]...")
@click.option("--reason", default="", metavar="TEXT", help="Why; shown wherever it is held.")
@json_option
@click.pass_obj
def hold(session: Session, select: tuple[str, ...], *, reason: str, as_json: bool) -> None:
    """Have automation leave assets alone until they are released; without any, list what is held.

    materialize builds them all the same.
    """
    from assetkit.workspace import holds

    core = session.workspace.core
    new = holds.hold(core, session.selected(select)[1], reason) if select else []
    held = holds.holds_of(core)
    if as_json:
        content = [
            {"asset": one.asset, "since": one.since, "reason": one.reason} for one in held.values()
        ]
        session.out.json("hold", {"new": new, "held": content})
        return
    for asset, one in held.items():
        if not select or asset in new:
            session.out.write(f"{asset}: {one}")
    if not held:
        session.out.write("Nothing is held.")
    elif select and not new:
        session.out.write("All of that is held already.")


@click.command(cls=Verb, examples=("assetkit release orders", "assetkit release 'group:raw'"))
@click.argument("select", nargs=-1, required=True, metavar="SELECTION...")
@json_option
@click.pass_obj
def release(session: Session, select: tuple[str, ...], *, as_json: bool) -> None:
    """Let automation go on with assets that are held."""
    from assetkit.workspace import holds

    freed = holds.release(session.workspace.core, session.selected(select)[1])
    if as_json:
        session.out.json("release", {"released": freed})
    elif freed:
        session.out.write(f"Automation goes on with {', '.join(freed)}.")
    else:
        session.out.write("Nothing of that is held.")


def _meant(session: Session, run_id: str) -> str:
    """Return the id of the run that is meant: the newest, where it is called latest."""
    if run_id != "latest":
        return run_id
    from assetkit.cli.logs import find_run

    return str(find_run(session, run_id)["run_id"])
