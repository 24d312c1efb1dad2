"""Commands that show what is materialized and what ran: ``status``, ``sql``, ``runs``."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from assetkit.cli.options import Verb, json_option
from assetkit.cli.output import cell_text, frame_columns, moment, records
from assetkit.cli.session import Session
from assetkit.display.quantities import ago_text, bytes_text, count_text, duration_text, moment_text
from assetkit.display.texttable import Column
from assetkit.display.values import is_short, value_text

_FEW = 20
_NAMED = 4
_NUMBERS = ("partitions", "rows", "size", "failing", "took", "steps")


@click.command(cls=Verb, examples=("assetkit status", "assetkit status --json"))
@json_option
@click.pass_obj
def status(session: Session, *, as_json: bool) -> None:
    """Show what is materialized of each asset. The project is not loaded for it."""
    frame = session.workspace.status()
    if as_json:
        session.out.json("status", {"workspace": session.workspace.root, "assets": records(frame)})
    elif frame.empty:
        session.out.write(f"Nothing is materialized in {session.workspace.root} yet.")
    else:
        _show_status(session, frame)


@click.command(
    cls=Verb,
    examples=(
        "assetkit sql 'select * from late_by_carrier order by size desc limit 5'",
        "assetkit sql --csv 'from flights' > flights.csv",
        "assetkit sql - < report.sql",
    ),
)
@click.argument("query")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
@click.pass_obj
def sql(session: Session, query: str, *, as_csv: bool, as_json: bool) -> None:
    """Query assets as tables with DuckDB's SQL; `-` reads the query from stdin."""
    frame = session.workspace.sql(sys.stdin.read() if query == "-" else query)
    if as_json:
        session.out.json("rows", {"columns": list(frame.columns), "rows": records(frame)})
    elif as_csv:
        click.echo(frame.to_csv(index=False), nl=False)
    else:
        rows = [
            [cell_text(value, exact=True) for value in row]
            for row in frame.itertuples(index=False, name=None)
        ]
        session.out.table(frame_columns(frame), rows)


@click.command(cls=Verb, examples=("assetkit runs", "assetkit runs --limit 100 --json"))
@click.option("--limit", type=click.IntRange(min=1), default=_FEW, help=f"Default: {_FEW}.")
@json_option
@click.pass_obj
def runs(session: Session, limit: int, *, as_json: bool) -> None:
    """List the runs, newest first."""
    frame = session.workspace.runs(limit)
    if as_json:
        session.out.json("runs", {"runs": records(frame)})
    elif frame.empty:
        session.out.write(f"Nothing has run in {session.workspace.root} yet.")
    else:
        _show_runs(session, frame)


def _show_status(session: Session, frame: Any) -> None:
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
    session.out.table(columns, rows)


def _state_of(row: dict[str, Any]) -> str:
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


def _show_runs(session: Session, frame: Any) -> None:
    titles = ("run", "status", "from", "started", "took", "steps", "targets")
    columns = [Column(), *(Column(title=t, right=t in _NUMBERS) for t in titles[:-1])]
    columns.append(Column(title=titles[-1], wraps=True))
    rows = [
        (
            session.out.mark(one["status"]),
            one["run_id"],
            one["status"],
            one["origin"],
            moment_text(moment(one["started_at"])),
            _took(one),
            cell_text(one["steps"]),
            _few_names(one["targets"] or []),
        )
        for one in records(frame)
    ]
    session.out.table(columns, rows)


def _took(run: dict[str, Any]) -> str:
    if run["ended_at"] is None:
        return ""
    return duration_text((moment(run["ended_at"]) - moment(run["started_at"])).total_seconds())


def _few_names(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
