"""One asset: what is there of it, how it came to be, what it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assetkit.display.quantities import (
    bytes_text,
    count_text,
    duration_text,
    moment_text,
)
from assetkit.display.values import cell, value_text
from assetkit.errors import DataMissing, PlanError
from assetkit.graph.graph import AssetGraph
from assetkit.records import AssetKey, slot_name
from assetkit.web.columns import MadeOf, made_of
from assetkit.web.commands import Line, materialize_line
from assetkit.web.desk import Desk, Standing
from assetkit.web.grid import Grid, grid_of
from assetkit.web.plots import Plot, plot_of
from assetkit.web.states import StateRange, Tally, alike, ranges_of, slot_states
from assetkit.workspace.holds import holds_of

_SHOWN_RANGES = 200
_PLOTTED = 100
_LISTED = 50
_TOLD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An asset next to this one, and the word for how it stands."""

    asset: AssetKey
    state: str
    mapping: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One result of the history."""

    at: datetime
    partition: str
    outcome: str
    run_id: str
    rows: str
    bytes: str
    took: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownColumn:
    """One column of the newest partition, or of the one looked at."""

    name: str
    type: str
    nulls: str
    least: str
    most: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCheck:
    """What a check found at the last look."""

    name: str
    passed: bool
    severity: str
    words: str
    slot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A closer look at one partition (the newest, or the one asked for)."""

    slot: str
    facts: Sequence[tuple[str, str]]
    columns: Sequence[ShownColumn]
    preview_names: Sequence[str]
    preview: Sequence[Sequence[str]]
    metadata: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeText:
    """The source of one function that counts."""

    name: str
    source: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPage:
    """All that is shown of an asset. ``chosen`` is the selection of partitions looked at.

    ``held`` says why automation leaves it alone, None where it does not.

    ``is_defined`` False: the project has it no longer, or does not load; what the
    catalog knows is shown.
    """

    asset: AssetKey
    is_defined: bool
    kind: str
    group: str
    description: str
    owners: Sequence[str]
    tags: Mapping[str, str]
    source: str
    policies: Sequence[tuple[str, str]]
    sentence: str
    promise: str
    held: str | None
    decisions: Sequence[str]
    upstream: Sequence[Neighbour]
    downstream: Sequence[Neighbour]
    tally: Tally | None
    dimensions: Sequence[str]
    grid: Grid | None
    ranges: Sequence[StateRange]
    more_ranges: int
    chosen: str
    chosen_count: int
    problem: str
    why: str
    data: Data | None
    checks: Sequence[ShownCheck]
    plots: Sequence[Plot]
    builds: Sequence[Build]
    code: Sequence[CodeText]
    made_of: Sequence[MadeOf]
    load_line: str
    run_line: Line


def asset_page(
    desk: Desk, *, asset: str, p: str = "", across: str = "", down: str = ""
) -> AssetPage:
    """Return an asset's page; *p* is a selection of partitions (``"a..b"``) to look at.

    Raises `UnknownAsset` where neither project nor catalog know it.
    """
    key, standing = desk.find_asset(asset), desk.standing()
    graph = desk.graph
    is_defined = graph is not None and key in graph.assets
    history: list[dict[str, Any]] = desk.core.catalog.history(key).to_pylist()
    states = slot_states(standing.plan, key) if standing and is_defined else None
    universe = standing.plan.universes[key] if standing and is_defined else None
    chosen, problem = _chosen(universe, p)
    one = p if chosen == 1 else None
    ranges: list[StateRange] = []
    grid, more = None, 0
    if states is not None and universe is not None:
        if universe.dimensions:
            ranges = list(ranges_of(states, universe, limit=_SHOWN_RANGES))
            more = len(alike(states)) - len(ranges)
        grid = grid_of(states, universe, across=across or None, down=down or None)
    return AssetPage(
        asset=key,
        is_defined=is_defined,
        **_declared(graph, key),
        sentence=_sentence(standing, key, history),
        promise=_promise(standing, key),
        held=_held(desk, key),
        decisions=[str(found) for found in standing.decisions.get(key, ())] if standing else (),
        upstream=_upstream(graph, standing, key),
        downstream=_downstream(graph, standing, key),
        tally=standing.tallies.get(key) if standing else None,
        dimensions=universe.dimensions if universe is not None else (),
        grid=grid,
        ranges=ranges,
        more_ranges=more,
        chosen=p,
        chosen_count=chosen,
        problem=problem,
        why=_why(standing, key, one) if is_defined else "",
        data=_data(desk, key, one),
        checks=_checks(desk, key, one),
        plots=_plots(history, one),
        builds=[_build(row) for row in _of(history, one)[:_LISTED]],
        code=_code(desk, key) if is_defined else (),
        made_of=made_of(desk, key),
        load_line=f"workspace.load({key!r}{f', {p!r}' if p else ''})",
        run_line=materialize_line(key, p, force=False, upstream=True),
    )


def _chosen(universe: Any, p: str) -> tuple[int, str]:
    """Return how many partitions a selection means, and what is wrong with it."""
    if not p or universe is None:
        return (1, "") if p else (0, "")
    try:
        return len(universe.select(p)), ""
    except PlanError as error:
        return 0, str(error)


def _declared(graph: AssetGraph | None, key: AssetKey) -> dict[str, Any]:
    if graph is None or key not in graph.assets:
        return {
            "kind": "", "group": "", "description": "", "owners": (), "tags": {}, "source": "",
            "policies": (),
        }  # fmt: skip
    asset = graph.assets[key]
    said = (
        ("partitions", asset.partitions),
        ("freshness", asset.freshness),
        ("automation", asset.automation),
        ("retry", asset.retry),
        ("timeout", None if asset.timeout is None else duration_text(asset.timeout)),
        ("pool", asset.pool),
        ("kept by", asset.io_manager if isinstance(asset.io_manager, str) else None),
        ("approval", "needed" if asset.requires_approval else None),
    )
    return {
        "kind": asset.kind,
        "group": asset.group or "",
        "description": asset.description,
        "owners": asset.owners,
        "tags": asset.tags,
        "source": str(asset.source),
        "policies": [(name, str(value)) for name, value in said if value is not None],
    }


def _sentence(
    standing: Standing | None, key: AssetKey, history: Sequence[Mapping[str, Any]]
) -> str:
    built = next((row for row in history if row["outcome"] != "deleted"), None)
    last = f" Last built {moment_text(built['materialized_at'])}." if built else ""
    if standing is None or key not in standing.tallies:
        return f"No project that loads defines it.{last}"
    tally = standing.tallies[key]
    if tally.total == 1:
        word = "built" if tally.missing == 0 else "never built" if not built else "missing"
        state = "" if tally.missing else f", {tally.worst}"
        return f"{word.capitalize()}{state}.{last}"
    present = tally.total - tally.missing
    parts = [f"{present:,} of {count_text(tally.total, 'partition')} there"]
    parts += [
        f"{count:,} {word}"
        for word in ("stale", "partial", "running", "failed", "held", "blocked")
        if (count := getattr(tally, word))
    ]
    return f"{', '.join(parts)}.{last}"


def _promise(standing: Standing | None, key: AssetKey) -> str:
    found = standing.promises.get(key) if standing else None
    if found is None:
        return ""
    lag = "never built" if found.lag is None else f"{duration_text(found.lag)} behind"
    until = f", until {moment_text(found.deadline)}" if found.deadline and not found.is_late else ""
    why = f": {found.reason}" if found.reason else ""
    return f"{found.status}{until} ({lag}, {duration_text(found.max_lag)} promised){why}"


def _held(desk: Desk, key: AssetKey) -> str | None:
    found = holds_of(desk.core).get(key)
    return None if found is None else found.reason


def _neighbour(standing: Standing | None, key: AssetKey, mapping: str = "") -> Neighbour:
    tally = standing.tallies.get(key) if standing else None
    state = tally.worst if tally and tally.total else "missing"
    return Neighbour(asset=key, state=state, mapping=mapping)


def _upstream(
    graph: AssetGraph | None, standing: Standing | None, key: AssetKey
) -> list[Neighbour]:
    edges = graph.edges.get(key, ()) if graph else ()
    return [_neighbour(standing, edge.upstream, edge.mapping.name) for edge in edges]


def _downstream(
    graph: AssetGraph | None, standing: Standing | None, key: AssetKey
) -> list[Neighbour]:
    keys = graph.downstream.get(key, ()) if graph else ()
    return [_neighbour(standing, one) for one in keys]


def _why(standing: Standing | None, key: AssetKey, partition: str | None) -> str:
    if standing is None:
        return ""
    try:
        lines = standing.plan.explain(key, partition).splitlines()
    except PlanError as error:
        return str(error)
    cut = [f"… {len(lines) - _TOLD:,} more lines"] if len(lines) > _TOLD else []
    return "\n".join([*lines[:_TOLD], *cut])


def _data(desk: Desk, key: AssetKey, partition: str | None) -> Data | None:
    try:
        found = desk.workspace.describe(key, partition)
    except (DataMissing, PlanError):
        return None
    names = list(found.preview[0]) if found.preview else []
    return Data(
        slot=slot_name(key, found.partition),
        facts=[(name, told) for name, told in found.facts() if told],
        columns=[
            ShownColumn(
                name=one.name,
                type=one.type,
                nulls="" if one.nulls is None else f"{one.nulls:,}",
                least=cell(one.minimum),
                most=cell(one.maximum),
            )
            for one in found.columns
        ],
        preview_names=names,
        preview=[[cell(row[name]) for name in names] for row in found.preview],
        metadata=[(name, value_text(value)) for name, value in found.metadata.items()],
    )


def _checks(desk: Desk, key: AssetKey, partition: str | None) -> list[ShownCheck]:
    rows: list[dict[str, Any]] = desk.core.catalog.checks(key).to_pylist()
    told = sorted(_of(rows, partition), key=lambda row: (row["passed"], row["check"]))
    return [
        ShownCheck(
            name=row["check"],
            passed=row["passed"],
            severity=row["severity"],
            words=(row["description"] or "").partition("\n")[0],
            slot=slot_name(key, row["partition"]),
        )
        for row in told[:_LISTED]
    ]


def _of(rows: Sequence[dict[str, Any]], partition: str | None) -> Sequence[dict[str, Any]]:
    return [row for row in rows if partition is None or row["partition"] == partition]


def _plots(history: Sequence[dict[str, Any]], partition: str | None) -> list[Plot]:
    rows = [row for row in _of(history, partition) if row["outcome"] != "deleted"][:_PLOTTED][::-1]
    return [plot for plot in _drawn(rows) if plot is not None]


def _drawn(rows: Sequence[dict[str, Any]]) -> Iterator[Plot | None]:
    def values(name: str) -> list[tuple[datetime, float, str]]:
        return [
            (row["materialized_at"], float(row[name]), row["partition"] or "")
            for row in rows
            if row[name] is not None
        ]

    yield plot_of("rows", values("rows"), lambda value: f"{value:,.0f}")
    yield plot_of("duration", values("duration"), duration_text)
    ages = [
        (
            row["materialized_at"],
            max(0.0, (row["materialized_at"] - row["data_time"]).total_seconds()),
            row["partition"] or "",
        )
        for row in rows
        if row["data_time"] is not None
    ]
    yield plot_of("age of the data when built", ages, duration_text)


def _build(row: Mapping[str, Any]) -> Build:
    return Build(
        at=row["materialized_at"],
        partition=row["partition"] or "",
        outcome=row["outcome"],
        run_id=row["run_id"] or "",
        rows="" if row["rows"] is None else f"{row['rows']:,}",
        bytes="" if row["bytes"] is None else bytes_text(row["bytes"]),
        took="" if row["duration"] is None else duration_text(row["duration"]),
        version=(row["data_version"] or "")[:8],
    )


def _code(desk: Desk, key: AssetKey) -> list[CodeText]:
    parts = desk.described.code[key].parts
    return [
        CodeText(name=name, source=str(part.source), text=part.text)
        for name, part in parts.items()
        if part.text
    ]
