"""Commands with which a person decides: ``approve``, ``reject``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from assetkit.catalog.approvals import ApprovalRecord, ApprovalStatus
from assetkit.cli.options import Verb, json_option
from assetkit.cli.session import Session
from assetkit.display.quantities import ago_text
from assetkit.display.texttable import Column
from assetkit.records import slot_name


def _decision(name: str, **said: Any) -> Callable[[Callable[..., None]], click.Command]:
    """Return what makes a command of a function: its arguments and options."""

    def decorate(function: Callable[..., None]) -> click.Command:
        for option in (
            json_option,
            click.option("--note", default="", metavar="TEXT", help="Why; kept with the decision."),
            click.option("--all", "every", is_flag=True, help="All steps of the run that wait."),
            click.argument("steps", nargs=-1, metavar="[ASSET[@PARTITION]]..."),
            click.argument("run_id", required=False, metavar="[RUN]"),
        ):
            function = option(function)
        return click.command(name, cls=Verb, **said)(click.pass_obj(function))

    return decorate


@_decision(
    "approve",
    examples=(
        "assetkit approve",
        "assetkit approve 20260131-060000-1a2b3c payroll@2026-01",
        "assetkit approve 20260131-060000-1a2b3c --all",
    ),
)
def approve(session: Session, /, **given: Any) -> None:
    """Let steps of a run go on that need approval; without steps, list those that wait.

    It holds for the code and the inputs of now. Where the run's process has died, the
    next run goes on with what was approved.
    """
    _carry_out(session, ApprovalStatus.APPROVED, given)


@_decision(
    "reject",
    examples=("assetkit reject 20260131-060000-1a2b3c payroll@2026-01 --note 'wrong month'",),
)
def reject(session: Session, /, **given: Any) -> None:
    """Refuse steps of a run that need approval: each fails; without steps, list those that wait.

    What was published before stays.
    """
    _carry_out(session, ApprovalStatus.REJECTED, given)


def _carry_out(session: Session, status: ApprovalStatus, given: Any) -> None:
    from assetkit.workspace import deciding

    core, run_id = session.workspace.core, given["run_id"]
    if not given["steps"] and not given["every"]:
        found = deciding.waiting(core, run_id)
    elif run_id is None:
        raise click.UsageError("Say of which run: assetkit approve lists what waits.")
    else:
        steps = None if given["every"] else given["steps"]
        found = deciding.decide(core, run_id, steps, status, given["note"])
    if given["as_json"]:
        session.out.json("approvals", {"steps": [_document(one) for one in found]})
    elif given["steps"] or given["every"]:
        for one in found:
            session.out.write(f"{slot_name(one.asset, one.partition)} is {one.status}.")
    else:
        _show(session, found)


def _show(session: Session, found: list[ApprovalRecord]) -> None:
    if not found:
        session.out.write("No step waits for approval.")
        return
    now = session.workspace.core.now()
    rows = [
        (slot_name(one.asset, one.partition), one.run_id, ago_text(one.asked_at, now))
        for one in found
    ]
    session.out.table((Column(title="step"), Column(title="run"), Column(title="asked")), rows)


def _document(one: ApprovalRecord) -> dict[str, Any]:
    return {
        "run_id": one.run_id,
        "asset": one.asset,
        "partition": one.partition,
        "status": one.status.value,
        "asked_at": one.asked_at,
        "decided_at": one.decided_at,
        "decided_by": one.decided_by,
        "note": one.note,
    }
