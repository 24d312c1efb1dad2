"""The command ``logs``: what happened in a run, and what its steps said."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from assetkit.cli.options import Verb, json_option
from assetkit.cli.output import cell_text, records
from assetkit.cli.session import Session
from assetkit.display.quantities import duration_text
from assetkit.display.texttable import Column
from assetkit.errors import UnknownAsset, did_you_mean
from assetkit.records import slot_name

_BEAT = 0.5


@click.command(
    cls=Verb,
    examples=(
        "assetkit logs latest",
        "assetkit logs 20260131-060500-1f2e3d flights@2013-01-01",
        "assetkit logs latest --follow",
    ),
)
@click.argument("run")
@click.argument("slot", required=False, metavar="[ASSET[@PARTITION]]")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run is over.")
@json_option
@click.pass_obj
def logs(session: Session, run: str, slot: str | None, *, follow: bool, as_json: bool) -> None:
    """Show what happened in RUN (an id, its beginning, or latest); with a slot, what it said."""
    found = find_run(session, run)
    if as_json:
        events = _events(session, found["run_id"], slot)
        if not events and slot is not None:
            raise _unknown_slot(session, found, slot)
        session.out.json("events", {"run": found, "events": events})
        return
    shown = 0
    while True:
        events = _events(session, found["run_id"], slot)
        _show(session, events[shown:], with_text=slot is not None)
        shown = len(events)
        if not follow or found["status"] != "running":
            break
        time.sleep(_BEAT)
        found = find_run(session, found["run_id"])
    if not shown and slot is not None:
        raise _unknown_slot(session, found, slot)
    if not shown:
        session.err.write(f"Nothing is recorded in run {found['run_id']}.")


def _unknown_slot(session: Session, run: Mapping[str, Any], slot: str) -> UnknownAsset:
    told = {slot_name(e["asset"], e["partition"]) for e in _events(session, run["run_id"], None)}
    names = {name.partition("@")[0] for name in told}
    near = did_you_mean(slot, told if slot.partition("@")[0] in names else names, what="names")
    return UnknownAsset(f"Nothing of {slot} is recorded in run {run['run_id']}. {near}".rstrip())


def find_run(session: Session, run: str) -> Mapping[str, Any]:
    """Return the one run that is meant; its id may be cut short."""
    every = records(session.workspace.runs())
    alike = every[:1] if run == "latest" else [r for r in every if r["run_id"].startswith(run)]
    exact = [r for r in alike if r["run_id"] == run]
    if len(exact or alike) == 1:
        return (exact or alike)[0]
    ids = [r["run_id"] for r in every]
    if alike:
        raise click.UsageError(f"{run} is the beginning of {len(alike)} runs; write more of it.")
    near = did_you_mean(run, ids, what="runs") if ids else "Nothing has run yet."
    raise UnknownAsset(f"There is no run {run!r} in {session.workspace.root}. {near}")


def _events(session: Session, run_id: str, slot: str | None) -> list[dict[str, Any]]:
    events = records(session.workspace.events(run_id))
    if slot is None:
        return events
    asset, _, partition = slot.partition("@")
    return [
        event
        for event in events
        if event["asset"] == asset and (not partition or event["partition"] == partition)
    ]


def _show(session: Session, events: list[dict[str, Any]], *, with_text: bool) -> None:
    columns = (*(Column() for _ in range(3)), Column(right=True), Column(wraps=True))
    if not with_text:
        session.out.table(columns, [_row(session, event) for event in events])
        return
    for event in events:
        session.out.write("  ".join(filter(None, _row(session, event))))
        for line in _said(session, event):
            session.out.write(f"    {line}".rstrip())


def _row(session: Session, event: Mapping[str, Any]) -> tuple[str, ...]:
    slot = event["asset"] + (f"@{event['partition']}" if event["partition"] else "")
    outcome = str(event["event"])
    mark = session.out.mark("failed" if outcome == "attempt failed" else outcome)
    words = f"{event['error_type']}: {event['message']}" if event["error_type"] else event["reason"]
    time_of_day = cell_text(event["time"])[11:19]
    first_line = (words or "").partition("\n")[0]
    took = duration_text(event["duration"] or 0.0)
    return f"{mark} {time_of_day}", slot, outcome, took, first_line


def _said(session: Session, event: Mapping[str, Any]) -> Iterator[str]:
    """Yield a step's traceback, or its log as far as it is kept."""
    if event["traceback"]:
        yield from event["traceback"].rstrip().splitlines()
    if event["log"]:
        file = Path(event["log"])
        path = file if file.is_absolute() else session.workspace.core.place.private / file
        if path.is_file():
            yield from path.read_text(encoding="utf-8", errors="replace").splitlines()
        else:
            yield f"(the log {path} is no longer kept)"
