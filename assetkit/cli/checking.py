"""The command ``check``: look again at what is published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from assetkit.cli.exits import DONE, FAILED
from assetkit.cli.options import Verb, json_option, partitions_option, select_option
from assetkit.cli.session import Session
from assetkit.display.quantities import count_text
from assetkit.display.texttable import Column
from assetkit.records import slot_name

if TYPE_CHECKING:
    from assetkit.records import CheckOutcome

_SHOWN: Final = 40


@click.command(
    cls=Verb,
    examples=("assetkit check", "assetkit check -s group:raw", "assetkit check -s flights@latest"),
)
@select_option
@partitions_option
@json_option
@click.pass_obj
def check(
    session: Session, select: tuple[str, ...], partitions: str | None, *, as_json: bool
) -> int:
    """Run the checks of assets on what is published of them; nothing is made or taken back.

    Without a selection: all assets that have checks. Ends with 1 where a check of
    severity error did not pass; warnings alone end with 0.
    """
    from assetkit.workspace.checking import check as run_checks

    graph, keys = session.selected(select)
    _, chosen = session.selection(select, partitions)
    found = run_checks(session.furnished.core, graph, keys, chosen)
    if as_json:
        session.out.json("checks", {"checks": [check_document(one) for one in found]})
    else:
        _show(session, found)
    return FAILED if any(is_error(one) for one in found) else DONE


def is_error(found: CheckOutcome) -> bool:
    """Return whether a check did not pass, and that is more than worth a look."""
    return not found.passed and found.severity == "error"


def check_document(found: CheckOutcome) -> dict[str, Any]:
    """Return what a check found as JSON programs read it."""
    return {
        "asset": found.asset,
        "partition": found.partition,
        "check": found.check,
        "passed": found.passed,
        "severity": found.severity,
        "blocking": found.blocking,
        "description": found.description,
        "metadata": found.metadata,
        "checked_at": found.checked_at,
    }


def show_unmet(session: Session, unmet: Sequence[CheckOutcome]) -> None:
    """Show the checks that did not pass, errors first."""
    ordered = sorted(unmet, key=lambda one: not is_error(one))
    columns = (
        Column(),
        Column(title="asset"),
        Column(title="check"),
        Column(title="severity"),
        Column(title="found", wraps=True),
    )
    rows = [
        (
            session.out.mark("failed" if is_error(one) else "warning"),
            slot_name(one.asset, one.partition),
            one.check,
            one.severity,
            one.description.partition("\n")[0],
        )
        for one in ordered[:_SHOWN]
    ]
    session.out.table(columns, rows)
    if len(ordered) > _SHOWN:
        session.out.write(f"    … {len(ordered) - _SHOWN:,} more (--json)")


def _show(session: Session, found: Sequence[CheckOutcome]) -> None:
    if not found:
        session.out.write("Nothing to check: nothing with checks is materialized.")
        return
    unmet = [one for one in found if not one.passed]
    if unmet:
        show_unmet(session, unmet)
        session.out.write("")
    errors = sum(map(is_error, unmet))
    told = [f"{len(found) - len(unmet):,} passed"]
    told += [f"{errors:,} failed"] if errors else []
    told += [count_text(len(unmet) - errors, "warning")] if len(unmet) > errors else []
    slots = {(one.asset, one.ordinal) for one in found}
    looked = count_text(len(found), "check")
    session.out.write(f"{looked} of {count_text(len(slots), 'slot')}: {', '.join(told)}.")
