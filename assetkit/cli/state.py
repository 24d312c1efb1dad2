"""Commands that show what is materialized and what ran: ``status``, ``sql``, ``runs``."""

from __future__ import annotations

import sys
from typing import Any

import click

from assetkit.cli.options import Verb, json_option
from assetkit.cli.output import cell_text, frame_columns, records
from assetkit.cli.session import Session

_FEW = 20


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
        _show(session, frame)


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
        _show(session, frame)


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
        _show(session, frame)


def _show(session: Session, frame: Any) -> None:
    rows = [tuple(map(cell_text, row)) for row in frame.itertuples(index=False, name=None)]
    session.out.table(frame_columns(frame), rows)
