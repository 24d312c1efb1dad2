"""How assets stand to their promises, and what waits for a person: what `status` shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assetkit.catalog.automation import TickRecord
from assetkit.definitions.handles import Asset, assets_among
from assetkit.display.quantities import count_text, moment_text
from assetkit.errors import DefinitionError
from assetkit.graph.build import build_graph
from assetkit.graph.graph import AssetGraph
from assetkit.planning.decisions import NEEDS_A_PERSON, Decision, Outcome
from assetkit.planning.freshness import Freshness, Lateness
from assetkit.records import AssetKey
from assetkit.workspace.core import Core
from assetkit.workspace.evaluating import evaluate

PROMISE = "freshness:"
"""What the history of a promise is noted under, before the asset's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The promises of a project at one moment, and what automation cannot go on with."""

    now: datetime
    statuses: Mapping[AssetKey, Freshness]
    held: Mapping[AssetKey, Decision]

    @property
    def is_late(self) -> bool:
        """Whether any promise is broken."""
        return any(one.is_late for one in self.statuses.values())

    @property
    def sentence(self) -> str:
        """What it amounts to, in one line.

        >>> Board(now=datetime(2026, 1, 1), statuses={}, held={}).sentence
        'Nothing is promised.'
        """
        counts = [one.status for one in self.statuses.values()]
        words = {
            Lateness.OVERDUE: "overdue",
            Lateness.WARNING: "close to it",
            Lateness.FRESH: "kept",
        }
        parts = [
            f"{count_text(counts.count(status), 'promise')} {word}"
            if not place
            else f"{counts.count(status):,} {word}"
            for place, (status, word) in enumerate(
                (status, word) for status, word in words.items() if status in counts
            )
        ]
        if self.held:
            parts.append(f"{count_text(len(self.held), 'asset')} waiting for a person")
        if not parts:
            return "Nothing is promised."
        return f"{', '.join(parts)} (as of {moment_text(self.now)})."


def read_board(core: Core, graph: AssetGraph, *, now: datetime | None = None) -> Board:
    """Return how the assets of a graph stand to their promises."""
    now = now or core.now()
    found = evaluate(core, graph, now=now)
    held = [one for one in found.decisions if one.outcome in NEEDS_A_PERSON]
    held.sort(key=lambda one: one.outcome is Outcome.QUARANTINED)  # the last of an asset stays
    return Board(
        now=now,
        statuses={one.asset: one for one in found.statuses},
        held={one.asset: one for one in held},
    )


def graph_seen(given: Any, names: Mapping[str, Any]) -> AssetGraph | None:
    """Return the graph of what a caller gives, or (given None) sees; None where there is none.

    Raises `DefinitionError` where what is given does not fit together.
    """
    if given is not None:
        if isinstance(given, AssetGraph):
            return given
        return given.graph if _is_project(given) else build_graph(_handles([given]))
    handles = list(dict.fromkeys(_handles(names.values())))
    if not handles:
        return None
    try:
        return build_graph(handles, extra=handles)
    except DefinitionError:  # what happens to be in sight need not be a project
        return None


def _handles(values: Iterable[Any]) -> list[Asset[..., Any]]:
    listed = list(values)
    projects = [list(getattr(one, "assets", ())) for one in listed if _is_project(one)]
    return [*assets_among(listed), *assets_among(projects)]


def _is_project(value: Any) -> bool:
    """Return whether a value is what ties a project together, which this layer does not know."""
    return type(value).__name__ == "Definitions" and isinstance(value.assets, tuple)


def promise_history(core: Core, asset: AssetKey | None) -> list[TickRecord]:
    """Return the noted changes of promises, newest first: of one asset, or of all."""
    if asset is not None:
        return list(core.catalog.automation.ticks(source=f"{PROMISE}{asset}"))
    return [one for one in core.catalog.automation.ticks() if one.source.startswith(PROMISE)]
