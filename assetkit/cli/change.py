"""Commands that change what is kept: ``delete``, ``adopt``, ``accept``, ``rename``."""

from __future__ import annotations

import sys
from typing import Any

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
    """Delete what is published of an asset: its data and its record. The definition stays.

    ASSET@orphans deletes what the definition has no place for any more.
    """
    asset, _, partitions = slot.partition("@")
    confirm(f"Delete {slot} from {session.workspace.root}?", yes=yes)
    # Only a definition can tell what has no place in it.
    meant = handle_of(session, asset) if partitions == "orphans" else asset
    count = session.furnished.delete(meant, partitions or None)
    if as_json:
        session.out.json("delete", {"asset": asset, "deleted": count})
    else:
        session.out.write(f"{asset}: {count_text(count, 'partition')} deleted.")


@click.command(
    cls=Verb,
    examples=(
        "assetkit adopt flights old/flights",
        "assetkit adopt flights 'old/flights_{partition_key}.csv'",
        "assetkit adopt flights old/flights --no-copy",
    ),
)
@click.argument("asset", metavar="ASSET", shell_complete=complete_assets)
@click.argument("path", metavar="PATH")
@click.option("--no-copy", is_flag=True, help="Let Parquet files be the partitions themselves.")
@json_option
@click.pass_obj
def adopt(session: Session, asset: str, path: str, *, no_copy: bool, as_json: bool) -> None:
    """Make existing files partitions of an asset, as if it had made them.

    PATH is a file, folder or glob of Parquet, CSV or JSON lines. Partitions are
    found as folders DIMENSION=KEY, as files named like their key, or by a path
    with {partition_key} in it. The files are copied, and stay as they are; with
    --no-copy they must not change any more.
    """
    handle = handle_of(session, asset)
    count = session.furnished.adopt(handle, path, copy=not no_copy)
    if as_json:
        session.out.json("adopt", {"asset": handle.key, "adopted": count})
    else:
        session.out.write(f"{handle.key}: {count_text(count, 'partition')} adopted.")


@click.command(
    cls=Verb,
    examples=("assetkit accept late_flights", "assetkit accept flights@2013-01-01..2013-01-31"),
)
@click.argument("slot", metavar="ASSET[@PARTITIONS]", shell_complete=complete_assets)
@json_option
@click.pass_obj
def accept(session: Session, slot: str, *, as_json: bool) -> None:
    """Let published data count as made by today's code: the code changed, the data need not.

    Changed inputs stay a cause to run.
    """
    asset, _, partitions = slot.partition("@")
    handle = handle_of(session, asset)
    count = session.furnished.accept(handle, partitions or None)
    if as_json:
        session.out.json("accept", {"asset": handle.key, "accepted": count})
    else:
        session.out.write(f"{handle.key}: {count_text(count, 'partition')} accepted.")


@click.command(
    cls=Verb,
    examples=(
        "assetkit rename orders sales/orders",
        "assetkit rename sales@mx sales@mexico",
        "assetkit rename sales@region=mx sales@region=mexico",
    ),
)
@click.argument("old", metavar="OLD[@PARTITION]", shell_complete=complete_assets)
@click.argument("new", metavar="NEW[@PARTITION]")
@json_option
@click.pass_obj
def rename(session: Session, old: str, new: str, *, as_json: bool) -> None:
    """Give data and history another name: those of an asset, or of one of its partitions.

    Rename it in the project, too: this changes what is stored, not your code.
    """
    count = session.furnished.rename(old, new)
    if as_json:
        session.out.json("rename", {"old": old, "new": new, "moved": count})
    else:
        session.out.write(f"{old} is {new} now: {count_text(count, 'partition')} moved.")


def handle_of(session: Session, name: str) -> Any:
    """Return the asset of the project that a name means."""
    _, key = session.one_asset(name)
    return next(asset for asset in session.definitions.assets if asset.key == key)


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal; elsewhere ``--yes`` must have been given."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody can be asked here; say --yes.")
    click.confirm(question, abort=True, err=True)
