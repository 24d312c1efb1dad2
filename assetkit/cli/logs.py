"""The command ``logs``: what happened in a run, and what its steps said."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from assetkit.cli.options import Verb, json_option
from assetkit.cli.output import cell_text, records
from assetkit.cli.session import Session
from assetkit.display.quantities import duration_text
from assetkit.display.texttable import Column
from assetkit.errors import UnknownAsset, did_you_mean
from assetkit.execution.logs import log_name, slot_of_log
from assetkit.records import slot_name

_BEAT = 0.5


@click.command(
    cls=Verb,
    examples=(
        "assetkit logs latest",
        "assetkit logs 20260131-060500-1f2e3d flights@2013-01-01",
        "assetkit logs -f",
    ),
)
@click.argument("run", required=False, default="latest")
@click.argument("slot", required=False, metavar="[ASSET[@PARTITION]]")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run is over.")
@json_option
@click.pass_obj
def logs(session: Session, run: str, slot: str | None, *, follow: bool, as_json: bool) -> None:
    """Show what happened in RUN; with a slot, what it said.

    RUN is an id, its beginning, or latest, which is meant where none is given. With
    --follow, what steps say is shown while they say it.
    """
    found = find_run(session, run)
    if as_json:
        events = _events(session, found["run_id"], slot)
        if not events and slot is not None:
            raise _unknown_slot(session, found, slot)
        session.out.json("events", {"run": found, "events": events})
        return
    teller = _Teller(session, found["run_id"], slot)
    teller.with_text = slot is not None or (follow and _goes_on(found))
    teller.tell(goes_on=_goes_on(found))
    while follow and _goes_on(found):
        time.sleep(_BEAT)
        found = find_run(session, found["run_id"])
        teller.tell(goes_on=_goes_on(found))
    if teller.silent and slot is not None:
        raise _unknown_slot(session, found, slot)
    if teller.silent:
        session.err.write(f"Nothing is recorded in run {found['run_id']}.")


def _goes_on(run: Mapping[str, Any]) -> bool:
    return bool(run["status"] == "running")


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


class _Teller:
    """Tells what happens in a run and what its steps say: each once, while it goes on too."""

    with_text = True

    def __init__(self, session: Session, run_id: str, slot: str | None) -> None:
        self._session, self._run_id, self._slot = session, run_id, slot
        self._private: Path = session.workspace.core.place.private
        self._folder = self._private / "logs" / run_id
        self._told = 0
        self._read: dict[Path, int] = {}
        self._ended: set[Path] = set()
        self._heading = ""

    @property
    def silent(self) -> bool:
        """True as long as nothing was told."""
        return not self._told and not self._read

    def tell(self, *, goes_on: bool) -> None:
        """Tell what is new since the last time."""
        events = _events(self._session, self._run_id, self._slot)
        new, self._told = events[self._told :], len(events)
        if not self.with_text:
            self._table(new)
            return
        kept = self._logs_on_record(events)
        for event in new:
            self._heading = ""
            self._session.out.write("  ".join(filter(None, _row(self._session, event))))
            self._tell_of(event, kept)
        if goes_on:
            for file in _logs_of(self._slot, self._folder):
                if file not in self._ended:
                    self._tell_live(file)

    def _table(self, events: Sequence[Mapping[str, Any]]) -> None:
        columns = (*(Column() for _ in range(3)), Column(right=True), Column(wraps=True))
        self._session.out.table(columns, [_row(self._session, event) for event in events])

    def _logs_on_record(self, events: Sequence[Mapping[str, Any]]) -> dict[str, list[Path]]:
        """Return the logs that events tell of, by slot; absolute names stay as they are."""
        kept: dict[str, list[Path]] = {}
        for one in events:
            if one["log"]:
                slot = slot_name(one["asset"], one["partition"])
                kept.setdefault(slot, []).append(self._private / one["log"])
        return kept

    def _tell_of(self, event: Mapping[str, Any], kept: Mapping[str, Sequence[Path]]) -> None:
        """Tell what an event's step said so far, or how it failed where no log says that."""
        if event["log"]:
            file = self._private / event["log"]
            self._ended.add(file)
            lost = f"(the log {file} is no longer kept)"
            self._indented(self._rest(file, whole=True) if file.is_file() else lost)
        elif event["traceback"] and not self._is_logged(event, kept):
            self._indented(event["traceback"])

    def _is_logged(self, event: Mapping[str, Any], kept: Mapping[str, Sequence[Path]]) -> bool:
        """Say whether a failure is in its step's log, which is told with the step's end."""
        slot = slot_name(event["asset"], event["partition"])
        return any(one.is_file() for one in kept.get(slot) or _logs_of(slot, self._folder))

    def _tell_live(self, file: Path) -> None:
        text = self._rest(file, whole=False)
        if not text:
            return
        slot = slot_of_log(file.name)
        if slot != self._heading:
            self._heading = slot
            self._session.out.write(f"{self._session.out.mark('running')} {slot}  running")
        self._indented(text)

    def _rest(self, file: Path, *, whole: bool) -> str:
        """Return what was not told yet of a log; unless *whole*, without a line's beginning."""
        begun = self._read.get(file, 0)
        with file.open("rb") as stream:
            stream.seek(begun)
            content = stream.read()
        if not whole:
            content = content[: content.rfind(b"\n") + 1]
        self._read[file] = begun + len(content)
        return content.decode("utf-8", errors="replace")

    def _indented(self, text: str) -> None:
        for line in text.splitlines():
            self._session.out.write(f"    {line}".rstrip())


def _logs_of(slot: str | None, folder: Path) -> list[Path]:
    """Return the logs of a slot, of an asset's slots, or all, that there are in a run's folder."""
    files = sorted(folder.glob("*.log")) if folder.is_dir() else []
    if slot is None:
        return files
    asset, _, partition = slot.partition("@")
    if not partition:
        return [one for one in files if slot_of_log(one.name).partition("@")[0] == asset]
    wanted = log_name(0, asset, partition).partition("-")[2]
    return [one for one in files if one.name.partition("-")[2] == wanted]


def _row(session: Session, event: Mapping[str, Any]) -> tuple[str, ...]:
    slot = event["asset"] + (f"@{event['partition']}" if event["partition"] else "")
    outcome = str(event["event"])
    mark = session.out.mark("failed" if outcome == "attempt failed" else outcome)
    words = f"{event['error_type']}: {event['message']}" if event["error_type"] else event["reason"]
    time_of_day = cell_text(event["time"])[11:19]
    first_line = (words or "").partition("\n")[0]
    took = duration_text(event["duration"] or 0.0)
    return f"{mark} {time_of_day}", slot, outcome, took, first_line
