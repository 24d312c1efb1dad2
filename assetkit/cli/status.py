"""The command ``status``: what is there, how it stands to what is promised, what is held."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from assetkit.cli.exits import DONE, WORK_TO_DO
from assetkit.cli.options import Verb, json_option
from assetkit.cli.output import cell_text, moment, records
from assetkit.cli.session import Session
from assetkit.display.quantities import ago_text, bytes_text, count_text, duration_text, moment_text
from assetkit.display.texttable import Column
from assetkit.display.values import is_short, value_text
from assetkit.errors import DefinitionError

_NAMED = 4
_ALWAYS = 7
"""So many columns are shown in any case."""
_NUMBERS = ("partitions", "rows", "size", "failing")
_URGENCY = ("overdue", "warning", "fresh")
_CLEAR = "\x1b[2J\x1b[H"


@click.command(
    cls=Verb,
    examples=(
        "assetkit status",
        "assetkit status --exit-code || echo 'a promise is late'",
        "assetkit status --watch 30",
    ),
)
@click.option("--exit-code", is_flag=True, help="Exit with 4 where a promise is late.")
@click.option(
    "--watch",
    "every",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="Show it again every so often, until Ctrl-C.",
)
@json_option
@click.pass_obj
def status(session: Session, *, exit_code: bool, every: float | None, as_json: bool) -> int:
    """Show what is materialized of each asset, and how it stands to what is promised.

    Promises (FreshnessPolicy) are the project's: where one is named, it is loaded. A project
    that does not load is left out with a note, unless --exit-code asks about its promises.
    """
    graph = _graph(session, needed=exit_code)
    while True:
        workspace = session.workspace if graph is None else session.furnished
        frame = workspace.status(graph)
        if every is not None and session.out.width is not None:
            click.echo(_CLEAR, nl=False)
        _show(session, frame, as_json=as_json)
        if every is None:
            is_late = "overdue" in set(frame["status"])
            return WORK_TO_DO if exit_code and is_late else DONE
        time.sleep(every)


def _graph(session: Session, *, needed: bool) -> Any:
    """Return the project's graph; None where none is named, or none that loads."""
    try:
        return session.graph
    except click.UsageError:
        if needed:
            raise
    except DefinitionError as error:
        if needed:
            raise
        session.err.write(f"note: without promises, as the project does not load: {error}")
    return None


def _show(session: Session, frame: Any, *, as_json: bool) -> None:
    rows = records(frame)
    if as_json:
        session.out.json("status", {"workspace": session.workspace.root, "assets": rows})
        return
    if not rows:
        session.out.write(f"Nothing is materialized in {session.workspace.root} yet.")
        return
    _show_promises(session, rows)
    _show_stock(session, frame)
    if frame.board is not None and any(row["status"] or row["held"] for row in rows):
        session.out.write(f"\n{frame.board.sentence}")


def _show_promises(session: Session, rows: list[dict[str, Any]]) -> None:
    """Show the assets with a promise, and those that wait for a person, by urgency."""
    told = [row for row in rows if row["status"] or row["held"]]
    if not told:
        return
    told.sort(key=lambda row: _URGENCY.index(row["status"] or "warning"))
    titles = ("asset", "promise", "behind", "at most")
    columns = [Column(), *(Column(title=t) for t in titles), Column(title="why", wraps=True)]
    session.out.table(
        columns,
        [
            (
                session.out.mark(row["status"] or "held"),
                row["asset"],
                row["status"] or "held",
                "" if row["lag"] is None else duration_text(row["lag"]),
                "" if row["max_lag"] is None else duration_text(row["max_lag"]),
                "; ".join(filter(None, (row["why"], row["held"]))),
            )
            for row in told
        ],
    )
    session.out.write("")


def _show_stock(session: Session, frame: Any) -> None:
    titles = ("asset", "partitions", "rows", "size", "built", "data up to", "failing", "checks")
    columns = [
        Column(),
        *(Column(title=t, right=t in _NUMBERS) for t in titles),
        Column(title="metadata", wraps=True),
    ]
    now = session.workspace.core.now()
    rows = [
        (
            session.out.mark(_state_of(one)),
            one["asset"],
            cell_text(one["slots"]),
            cell_text(one["rows"]),
            "" if one["bytes"] is None else bytes_text(one["bytes"]),
            "" if one["materialized_at"] is None else ago_text(moment(one["materialized_at"]), now),
            "" if one["data_time"] is None else moment_text(moment(one["data_time"])),
            cell_text(one["failing"]) if one["failing"] else "",
            _checks_text(one),
            _metadata_text(one),
        )
        for one in records(frame)
    ]
    # What nobody has anything in only takes the width that the rest needs.
    shown = [at for at, column in enumerate(columns) if at < _ALWAYS or any(r[at] for r in rows)]
    session.out.table([columns[at] for at in shown], [[r[at] for at in shown] for r in rows])


def _state_of(row: dict[str, Any]) -> str:
    if not row["slots"]:
        return "failed" if row["failing"] else "missing"
    if row["failing"] or row["failed_checks"]:
        return "failed"
    return "warning" if row["warnings"] else "materialized"


def _checks_text(row: dict[str, Any]) -> str:
    """Return how many checks did not pass at the last look, in words."""
    failed, warnings = row["failed_checks"], row["warnings"]
    words = [f"{failed:,} failed"] if failed else []
    return ", ".join([*words, *([count_text(warnings, "warning")] if warnings else [])])


def _metadata_text(row: dict[str, Any]) -> str:
    """Return what was noted of the newest partition, as far as it fits in a line."""
    noted = json.loads(row["metadata"] or "{}")
    short = [f"{name}={value_text(value)}" for name, value in noted.items() if is_short(value)]
    more = len(noted) - len(short[:_NAMED])
    return ", ".join([*short[:_NAMED], *([f"{more} more"] if more and short else [])])
