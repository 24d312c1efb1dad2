"""The command ``partitions``: which there are, in what state, and which come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from assetkit.cli.options import Verb, complete_assets, json_option
from assetkit.cli.session import Session
from assetkit.display.quantities import count_text
from assetkit.display.texttable import Column

_CHANGES = {"add": "added", "remove": "removed"}

if TYPE_CHECKING:
    from assetkit.planning.plan import Plan


@click.command(
    cls=Verb,
    examples=(
        "assetkit partitions flights",
        "assetkit partitions flights --json",
        "assetkit partitions add customers acme globex",
        "assetkit partitions remove customers acme",
    ),
)
@click.argument(
    "words",
    nargs=-1,
    required=True,
    metavar="ASSET | add NAME KEY... | remove NAME KEY...",
    shell_complete=complete_assets,
)
@json_option
@click.pass_obj
def partitions(session: Session, words: tuple[str, ...], *, as_json: bool) -> None:
    """Show the partitions of an asset by state; add and remove dynamic ones.

    NAME is that of DynamicPartitions("NAME"). What is published of a removed key
    stays until it is deleted.
    """
    if words[0] in _CHANGES and len(words) > 1:
        _change(session, words, as_json=as_json)
    elif len(words) == 1:
        _show(session, words[0], as_json=as_json)
    else:
        raise click.UsageError(
            f"name one asset, or say 'add' or 'remove' first; found {' '.join(words)}."
        )


def _change(session: Session, words: tuple[str, ...], *, as_json: bool) -> None:
    verb, name, *keys = words
    if not keys:
        raise click.UsageError(
            f"say which keys to {verb}: assetkit partitions {verb} {name} KEY..."
        )
    workspace = session.workspace
    change = workspace.add_partitions if verb == "add" else workspace.remove_partitions
    changed = change(name, keys)
    if as_json:
        session.out.json("partitions", {"name": name, _CHANGES[verb]: changed})
        return
    told = ", ".join(changed) or "none"
    unlike = len(keys) - len(changed)
    why = f" ({unlike:,} {'there already' if verb == 'add' else 'not there'})" if unlike else ""
    session.out.write(f"{name}: {_CHANGES[verb]} {told}{why}.")


def _show(session: Session, asset: str, *, as_json: bool) -> None:
    _, key = session.one_asset(asset)
    made = session.plan([key], session.selection([asset], None)[1], upstream=False)
    states = list(_states(made, key))
    total = sum(state["count"] for state in states)
    if as_json:
        session.out.json("partitions", {"asset": key, "count": total, "states": states})
        return
    session.out.write(f"{key}: {count_text(total, 'partition')}")
    rows = [
        (
            session.out.mark(state["state"]),
            state["state"],
            f"{state['count']:,}",
            ", ".join(state["ranges"]),
        )
        for state in states
    ]
    columns = (Column(), Column(title="state"), Column(title="count", right=True))
    session.out.table((*columns, Column(title="partitions", wraps=True)), rows)


def _states(plan: Plan, key: str) -> Any:
    """Yield each state that occurs with its ranges of keys, those that need work first."""
    from assetkit.display.ranges import runs_of
    from assetkit.planning.model import VERDICTS
    from assetkit.records import partition_text

    universe = plan.universes[key]
    part = next(part for part in plan.assets if part.asset == key)

    def text(position: int) -> str:
        return partition_text(universe.key(position)) or "(the only one)"

    for code, verdict in enumerate(VERDICTS):
        positions = part.positions[part.verdict == code]
        if len(positions):
            ranges = [
                text(lo) if lo == hi else f"{text(lo)}..{text(hi)} ({hi - lo + 1:,})"
                for lo, hi in runs_of(positions)
            ]
            yield {"state": str(verdict), "count": len(positions), "ranges": ranges}
