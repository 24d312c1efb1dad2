"""The group ``catalog``: hold it against the files, make it again, clear up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from assetkit.cli.change import confirm
from assetkit.cli.exits import DONE, FAILED
from assetkit.cli.options import Verb, json_option, yes_option
from assetkit.cli.session import Session
from assetkit.display.quantities import count_text
from assetkit.display.texttable import Column

if TYPE_CHECKING:
    import pandas as pd


@click.group()
def catalog() -> None:
    """Check the catalog against the files, make it again, clear up."""


@catalog.command(
    "verify", cls=Verb, examples=("assetkit catalog verify", "assetkit catalog verify --deep")
)
@click.option("--deep", is_flag=True, help="Read and hash all data, too.")
@json_option
@click.pass_obj
def verify(session: Session, *, deep: bool, as_json: bool) -> int:
    """Compare the catalog with the files. Exit code 1 where they differ; nothing is changed."""
    found = session.workspace.verify(deep=deep)
    if as_json:
        session.out.json("verify", {"differences": found.to_dict("records")})
    elif found.empty:
        session.out.write("Catalog and files agree.")
    else:
        _show(session, found)
    return DONE if found.empty else FAILED


@catalog.command("rebuild", cls=Verb, examples=("assetkit catalog rebuild --yes",))
@yes_option
@json_option
@click.pass_obj
def rebuild(session: Session, *, yes: bool, as_json: bool) -> None:
    """Make the catalog again from the files.

    The history of runs is lost; where not even the copy of the catalog can be read, the
    records of backfills are, too, and results of None are made again.
    """
    confirm(f"Make the catalog of {session.workspace.root} again from its files?", yes=yes)
    count = session.workspace.rebuild_catalog()
    if as_json:
        session.out.json("rebuild", {"partitions": count})
    else:
        session.out.write(f"The catalog knows {count_text(count, 'partition')} again.")


@catalog.command(
    "vacuum", cls=Verb, examples=("assetkit catalog vacuum", "assetkit catalog vacuum --delete")
)
@click.option("--delete", "removes", is_flag=True, help="Remove it, instead of listing it only.")
@json_option
@click.pass_obj
def vacuum(session: Session, *, removes: bool, as_json: bool) -> None:
    """List what nobody needs any more: leavings of dead runs, old logs. Data is never touched."""
    found = session.workspace.vacuum(dry_run=not removes)
    if as_json:
        session.out.json("vacuum", {"removed": removes, "found": found.to_dict("records")})
        return
    if not found.empty:
        _show(session, found)
    done = "removed" if removes else "could be removed: assetkit catalog vacuum --delete"
    session.out.write(
        f"{count_text(len(found), 'item')} {done}." if len(found) else "Nothing to clear up."
    )


def _show(session: Session, found: pd.DataFrame) -> None:
    rows = [
        tuple("" if value is None else str(value) for value in row)
        for row in found.itertuples(index=False)
    ]
    session.out.table([Column(title=name, wraps=True) for name in found.columns], rows)
