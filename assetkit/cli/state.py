"""Commands that show what is materialized and what ran: ``sql``, ``runs``."""

from __future__ import annotations

import sys
from typing import Any

import click

from assetkit.cli.control import cancel, retry
from assetkit.cli.options import Verb, VerbGroup, json_option
from assetkit.cli.output import cell_text, frame_columns, moment, records
from assetkit.cli.session import Session
from assetkit.display.quantities import duration_text, moment_text
from assetkit.display.texttable import Column

_FEW = 20
_NAMED = 4
_NUMBERS = ("took", "steps")


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


@click.group(
    cls=VerbGroup,
    invoke_without_command=True,
    commands={"cancel": cancel, "retry": retry},
    examples=("assetkit runs", "assetkit runs --limit 100 --json"),
)
@click.option("--limit", type=click.IntRange(min=1), default=_FEW, help=f"Default: {_FEW}.")
@json_option
@click.pass_context
def runs(context: click.Context, limit: int, *, as_json: bool) -> None:
    """List the runs, newest first."""
    if context.invoked_subcommand is not None:
        return
    session = context.ensure_object(Session)
    frame = session.workspace.runs(limit)
    if as_json:
        session.out.json("runs", {"runs": records(frame)})
    elif frame.empty:
        session.out.write(f"Nothing has run in {session.workspace.root} yet.")
    else:
        _show_runs(session, frame)


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
