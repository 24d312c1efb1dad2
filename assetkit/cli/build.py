"""Commands that plan and run: ``plan``, ``materialize``, ``why``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from assetkit.cli.configuring import config_of, config_option
from assetkit.cli.exits import DONE, FAILED, WORK_TO_DO
from assetkit.cli.options import (
    Verb,
    complete_assets,
    job_option,
    json_option,
    partitions_option,
    plan_argument,
    run_id_option,
    select_option,
    yes_option,
)
from assetkit.cli.session import Session


@click.command(
    cls=Verb,
    examples=(
        "assetkit plan",
        "assetkit plan -s '+late_by_carrier'",
        "assetkit plan -s 'flights@2013-01-01..2013-01-31' --out january.plan",
        "assetkit plan january.plan",
        "assetkit plan nightly",
        "assetkit plan --exit-code && echo 'all up to date'",
    ),
)
@plan_argument
@select_option
@job_option
@partitions_option
@click.option("--force", is_flag=True, help="Run the targets whatever their state.")
@click.option("--no-upstream", is_flag=True, help="Keep to the targets.")
@config_option
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Save the plan to apply it.")
@click.option("-v", "--verbose", is_flag=True, help="Show all assets, and why each step runs.")
@click.option("--exit-code", is_flag=True, help="Exit with 4 where there is work to do.")
@json_option
@click.pass_obj
def plan(session: Session, /, **given: Any) -> int:
    """Show what would run, and why; run nothing.

    Without a selection: all assets of the project. With JOB (or --job): what that
    selects. A plan saved with --out is applied by `assetkit materialize FILE`, shown by
    `assetkit plan FILE`, and refused if the world has moved since.
    """
    made = _wanted(session, given)
    _show(session, made, given)
    return WORK_TO_DO if given["exit_code"] and len(made) else DONE


def _show(session: Session, made: Any, given: dict[str, Any]) -> None:
    from assetkit.cli.plandocument import plan_document
    from assetkit.planning.text import SHOWN_ASSETS, plan_text

    if given["out"] is not None:
        made.save(given["out"])
    if given["as_json"]:
        session.out.json("plan", plan_document(made))
    else:
        apply = f"assetkit materialize {given['out']}" if given["out"] else ""
        limit = None if given["verbose"] or session.out.width is None else SHOWN_ASSETS
        heading = replace(made.heading(), apply=apply)
        text = plan_text(made.summary(), heading=heading, width=session.out.width, limit=limit)
        session.out.write(text)
        if given["verbose"]:
            for part in made.assets:
                if part.run.any():
                    session.out.write("\n" + made.explain(part.asset))


@click.command(
    cls=Verb,
    examples=(
        "assetkit materialize",
        "assetkit materialize -s 'late_by_carrier'",
        "assetkit materialize -s 'flights@missing' --executor processes:4",
        "assetkit materialize january.plan",
        "assetkit materialize nightly",
    ),
)
@plan_argument
@select_option
@job_option
@partitions_option
@click.option("--force", is_flag=True, help="Run the targets whatever their state.")
@click.option("--no-upstream", is_flag=True, help="Keep to the targets.")
@config_option
@click.option(
    "--executor",
    metavar="NAME[:N]",
    help="Where steps run: in-process, threads:4, processes:4, dask:ADDRESS, ray:ADDRESS.",
)
@click.option(
    "--max-concurrency", type=click.IntRange(min=1), metavar="N", help="Calls at once, at most."
)
@click.option("--fail-fast", is_flag=True, help="Start nothing more after the first failure.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "live", "lines", "none"]),
    default="auto",
    help="How progress is shown on stderr.",
)
@click.option("--dry-run", is_flag=True, hidden=True)
@run_id_option
@yes_option
@json_option
@click.pass_obj
def materialize(session: Session, /, **given: Any) -> int:
    """Bring assets up to date: run what is missing or stale, and nothing else.

    Without a selection: all assets of the project. With PLANFILE: exactly that
    plan. With JOB (or --job): what that selects, with its partitions and
    configuration. On a terminal the plan is shown first, and asked about where it
    has more than 100 steps; --yes does not ask. With --json, one event a line.
    """
    made = _wanted(session, given)
    if given["dry_run"]:
        _show(session, made, {**given, "out": None, "verbose": False})
        return DONE
    from assetkit.cli.running import run_plan

    result = run_plan(session, made, given)
    unmet = any(one.severity == "error" for one in result.unmet_checks)
    return DONE if result.success and not unmet else FAILED


@click.command(
    cls=Verb,
    examples=("assetkit why late_by_carrier", "assetkit why flights@2013-01-01"),
)
@click.argument("slot", metavar="ASSET[@PARTITION]", shell_complete=complete_assets)
@json_option
@click.pass_obj
def why(session: Session, slot: str, *, as_json: bool) -> None:
    """Explain why something would run, or would not: the causes, down to the root change."""
    name, _, partition = slot.partition("@")
    _, asset = session.one_asset(name)
    text = _reasons(session, asset, partition)
    if as_json:
        content = {"asset": asset, "partition": partition or None, "lines": text.splitlines()}
        session.out.json("why", content)
    else:
        session.out.write(text)


def _reasons(session: Session, asset: str, partition: str) -> str:
    """Explain an asset, one partition of it, or each kind of those that a selection means."""
    from assetkit.errors import UnknownPartition

    every = session.plan([asset], None)
    try:
        return str(every.explain(asset, partition or None))
    except UnknownPartition:
        some = session.plan([asset], partition)  # refuses what is no selection either
        return str(some.explain(asset))


def _wanted(session: Session, given: dict[str, Any]) -> Any:
    """Return the plan of a file, of a job, or of what is selected."""
    named = given["file_or_job"]
    if named is None:
        return _planned(session, given)
    if Path(named).is_file():
        return _loaded(session, Path(named), given)
    if not _looks_like_file(named):
        if given["job"]:
            raise click.UsageError(f"two jobs are named, {named} and {given['job']}. Name one.")
        return _planned(session, {**given, "job": named})
    raise click.UsageError(
        f"there is no plan file {named}. Save one with: assetkit plan --out FILE"
    )


def _looks_like_file(named: str) -> bool:
    return "/" in named or "\\" in named or "." in named


def _planned(session: Session, given: dict[str, Any]) -> Any:
    if given["job"]:
        if given["select"]:
            raise click.UsageError("--job and --select do not go together. Leave out one of them.")
        session.take_job(given["job"])
    return session.plan(
        given["select"],
        given["partitions"],
        upstream=not given["no_upstream"],
        force=given["force"],
        config=config_of(given["config"]),
    )


def _loaded(session: Session, planfile: Path, given: dict[str, Any]) -> Any:
    from assetkit.api import plan_again
    from assetkit.planning.plan import Plan

    for option in ("select", "job", "partitions", "force", "no_upstream", "config"):
        if given[option]:
            raise click.UsageError(
                f"--{option.replace('_', '-')} does not go with a saved plan, which says already "
                f"what runs. Leave out one of them."
            )
    return plan_again(Plan.load(planfile, definitions=session.definitions), session.workspace, {})
