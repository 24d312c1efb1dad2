"""Commands of branches: ``diff``, ``promote``."""

from __future__ import annotations

from typing import Any

import click

from assetkit.cli.change import confirm
from assetkit.cli.options import Verb, complete_assets, json_option, yes_option
from assetkit.cli.output import cell_text, records
from assetkit.cli.session import Session
from assetkit.display.quantities import count_text
from assetkit.display.texttable import Column

_CHANGES = {"added": "+", "changed": "~", "same": "="}
_NUMBERS = ("rows", "in base", "added", "removed")


@click.command(
    cls=Verb,
    examples=(
        "assetkit --workspace .branch --base .assetkit diff",
        "assetkit diff late_flights@2013-01-01..2013-01-31",
    ),
)
@click.argument(
    "slot",
    metavar="[ASSET[@PARTITIONS]]",
    required=False,
    default="",
    shell_complete=complete_assets,
)
@json_option
@click.pass_obj
def diff(session: Session, slot: str, *, as_json: bool) -> None:
    """Compare what a branch has made itself with its base: rows, columns and content."""
    asset, _, partitions = slot.partition("@")
    frame = session.furnished.diff(_meant(session, asset), partitions or None)
    rows = records(frame)
    if as_json:
        session.out.json("diff", {"base": session.workspace.base, "slots": rows})
    elif not rows:
        session.out.write(f"{session.workspace.root} has made nothing that its base lacks.")
    else:
        titles = ("asset", "partition", "rows", "in base", "added", "removed", "columns", "note")
        columns = [Column(), *(Column(title=t, right=t in _NUMBERS) for t in titles)]
        session.out.table(columns, [_row(one) for one in rows])


@click.command(
    cls=Verb,
    examples=("assetkit promote", "assetkit promote late_flights@2013-01-01 --yes"),
)
@click.argument(
    "slot",
    metavar="[ASSET[@PARTITIONS]]",
    required=False,
    default="",
    shell_complete=complete_assets,
)
@click.option("--overwrite", is_flag=True, help="Replace also what the base made since.")
@yes_option
@json_option
@click.pass_obj
def promote(session: Session, slot: str, *, overwrite: bool, yes: bool, as_json: bool) -> None:
    """Publish in the base what a branch has made itself, each partition at once or not at all.

    It leaves the branch then. Refused where the base has other data since.
    """
    asset, _, partitions = slot.partition("@")
    workspace = session.furnished
    if workspace.base is not None:  # else it is refused
        confirm(f"Publish {slot or 'all that is new'} in {workspace.base}?", yes=yes)
    count = workspace.promote(_meant(session, asset), partitions or None, overwrite=overwrite)
    if as_json:
        session.out.json("promote", {"base": workspace.base, "promoted": count})
    else:
        session.out.write(f"{count_text(count, 'partition')} published in {workspace.base}.")


def _meant(session: Session, name: str) -> Any:
    """Return the asset of that name, or all; with definitions, where there is a project."""
    from assetkit.errors import AssetkitError
    from assetkit.workspace.data import own_assets

    try:
        defined = {one.key: one for one in session.definitions.assets}
    except (click.UsageError, AssetkitError):  # no project is named, or it does not load
        defined = {}
    if name:
        short = {key.rpartition("/")[2]: key for key in defined}
        return defined.get(short.get(name, name), name)
    return [defined.get(key, key) for key in own_assets(session.workspace.core)]


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    numbers = (one["rows"], one["base_rows"], one["added"], one["removed"])
    return (
        _CHANGES[one["change"]],
        one["asset"],
        one["partition"] or "",
        *("" if number is None else cell_text(number) for number in numbers),
        one["columns"],
        "the base has changed it since" if one["base_moved"] else "",
    )
