"""Commands that change what is kept: ``delete``."""

from __future__ import annotations

import sys

import click

from assetkit.cli.options import Verb, complete_assets, json_option, yes_option
from assetkit.cli.session import Session
from assetkit.display.quantities import count_text


@click.command(
    cls=Verb,
    examples=("assetkit delete flights@2013-01-01", "assetkit delete old_report --yes"),
)
@click.argument("slot", metavar="ASSET[@PARTITIONS]", shell_complete=complete_assets)
@yes_option
@json_option
@click.pass_obj
def delete(session: Session, slot: str, *, yes: bool, as_json: bool) -> None:
    """Delete what is published of an asset: its data and its record. The definition stays."""
    asset, _, partitions = slot.partition("@")
    confirm(f"Delete {slot} from {session.workspace.root}?", yes=yes)
    count = session.workspace.delete(asset, partitions or None)
    if as_json:
        session.out.json("delete", {"asset": asset, "deleted": count})
    else:
        session.out.write(f"{asset}: {count_text(count, 'partition')} deleted.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal; elsewhere ``--yes`` must have been given."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody can be asked here; say --yes.")
    click.confirm(question, abort=True, err=True)
