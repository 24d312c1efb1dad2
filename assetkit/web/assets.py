"""One asset: what is there of it, how it came to be, what it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from assetkit.catalog.arrays import rows_of
from assetkit.definitions.universe import Universe
from assetkit.display.quantities import count_text, duration_text, moment_text
from assetkit.errors import PlanError
from assetkit.graph.graph import AssetGraph
from assetkit.records import AssetKey, partition_text
from assetkit.web.builds import Build, builds_of, plots_of
from assetkit.web.codetext import Code, code_of
from assetkit.web.columns import ColumnLineage, column_lineage_of
from assetkit.web.commands import Line, hold_line, materialize_line
from assetkit.web.contents import Data, ShownCheck, checks_of, data_of
from assetkit.web.declared import policy_text
from assetkit.web.desk import Desk, Standing, in_project
from assetkit.web.failed import FailedStep, failed_of
from assetkit.web.layout import Laid, Look, laid_out
from assetkit.web.plots import Plot
from assetkit.web.provenance import Made, drifted, made_of
from assetkit.web.states import Tally, slot_states
from assetkit.workspace.holds import holds_of

_SHOWN_RANGES = 200
_TOLD = 200
_POLICIES = ("freshness", "automation", "retry")
_TOLD_BUILDS = 100
Rows: TypeAlias = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An asset next to this one, and the word for how it stands."""

    asset: AssetKey
    state: str
    mapping: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPage:
    """All that is shown of an asset. ``chosen`` is the selection of partitions looked at;
    where it is one alone, ``before`` and ``after`` are those next to it.

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
    laid: Laid | None
    chosen: str
    chosen_count: int
    before: str
    after: str
    problem: str
    why: str
    failed: Sequence[FailedStep]
    data: Data | None
    made: Made | None
    drifted: Sequence[str]
    checks: Sequence[ShownCheck]
    plots: Sequence[Plot]
    builds: Sequence[Build]
    code: Code | None
    column_lineage: ColumnLineage | None
    load_line: str
    run_line: Line
    hold_line: Line


def asset_page(desk: Desk, *, asset: str, p: str = "", **look: Any) -> AssetPage:
    """Return an asset's page; *p* is a selection of partitions (``"a..b"``) to look at.

    *look* says how partitions are laid out, see `Look`.

    Raises `UnknownAsset` where neither project nor catalog know it.
    """
    key, standing = desk.find_asset(asset), desk.standing()
    graph = desk.graph
    is_defined = graph is not None and key in graph.assets
    states = slot_states(standing.plan, key) if standing and is_defined else None
    universe = standing.plan.universes[key] if standing and is_defined else None
    chosen, problem = _chosen(universe, p)
    one = _one_of(universe, p) if chosen == 1 else None
    with desk.core.reading():
        history = _newest(desk, key)
        told = history if one is None else _newest(desk, key, one)
        held = _held(desk, key)
        drift, checks = drifted(desk, standing, key), checks_of(desk, key, one)
    laid = None
    if states is not None and universe is not None:
        laid = laid_out(states, universe, Look(**look))
    return AssetPage(
        asset=key,
        is_defined=is_defined,
        **_declared(graph, key),
        sentence=_sentence(standing, key, history),
        promise=_promise(standing, key),
        held=held,
        decisions=[str(found) for found in standing.decisions.get(key, ())] if standing else (),
        upstream=_upstream(graph, standing, key),
        downstream=_downstream(graph, standing, key),
        tally=standing.tallies.get(key) if standing else None,
        dimensions=universe.dimensions if universe is not None else (),
        laid=laid,
        chosen=p,
        chosen_count=chosen,
        before=_next_to(universe, one, -1),
        after=_next_to(universe, one, 1),
        problem=problem or (laid.problem if laid else ""),
        why=in_project(_why(standing, key, one)) if is_defined else "",
        failed=failed_of(desk, key, one) if is_defined else (),
        data=data_of(desk, key, one),
        made=_made(desk, universe, key, one, told, history),
        drifted=drift,
        checks=checks,
        plots=plots_of(told),
        builds=builds_of(told),
        code=code_of(desk, standing, key) if is_defined else None,
        column_lineage=column_lineage_of(desk, key),
        load_line=f"workspace.load({key!r}{f', {p!r}' if p else ''})",
        run_line=materialize_line(key, p, force=False, upstream=True),
        hold_line=hold_line("hold" if held is None else "release", key),
    )


def _newest(desk: Desk, key: AssetKey, partition: str | None = None) -> Rows:
    """Return what was built and deleted last of an asset, or of one partition of it, the newest
    first; all of it where nothing of that was built.
    """
    catalog = desk.core.catalog
    rows: Rows = rows_of(catalog.history(key, partition, limit=_TOLD_BUILDS))
    if len(rows) == _TOLD_BUILDS and all(row["outcome"] == "deleted" for row in rows):
        rows = rows_of(catalog.history(key, partition))
    return rows


def _chosen(universe: Any, p: str) -> tuple[int, str]:
    """Return how many partitions a selection means, and what is wrong with it."""
    if not p or universe is None:
        return (1, "") if p else (0, "")
    try:
        return len(universe.select(p)), ""
    except PlanError as error:
        return 0, str(error)


def _made(
    desk: Desk,
    universe: Universe | None,
    key: AssetKey,
    one: str | None,
    told: Rows,
    history: Rows,
) -> Made | None:
    """Return how the slot that is looked at was made; of an asset without partitions, its one."""
    if one is None and (universe is None or universe.dimensions):
        return None
    row = next((row for row in told if row["partition"] == one), None)
    return None if row is None else made_of(desk, key, row, history)


def _one_of(universe: Universe | None, p: str) -> str:
    """Return the key of the one partition that a selection means."""
    if universe is None or not universe.dimensions:
        return p
    return partition_text(universe.key(int(universe.select(p)[0]))) or ""


def _next_to(universe: Universe | None, partition: str | None, step: int) -> str:
    if partition is None or universe is None or not universe.dimensions:
        return ""
    at = int(universe.select(partition)[0]) + step
    return (partition_text(universe.key(at)) or "") if 0 <= at < len(universe) else ""


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
        "source": in_project(str(asset.source)),
        "policies": [
            (name, policy_text(value) if name in _POLICIES else str(value))
            for name, value in said
            if value is not None
        ],
    }


def _sentence(standing: Standing | None, key: AssetKey, history: Rows) -> str:
    built = next((row for row in history if row["outcome"] != "deleted"), None)
    last = f" Last built {moment_text(built['materialized_at'])}." if built else ""
    if standing is None:
        return f"No project that loads defines it.{last}"
    if key not in standing.tallies:
        kept = f"Its data is kept; remove it: assetkit delete {key}" if built else ""
        return f"The project no longer defines it.{last} {kept}".rstrip()
    tally = standing.tallies[key]
    if tally.total == 1:
        word = "built" if tally.missing == 0 else "never built" if not built else "missing"
        state = "" if tally.missing else f", {tally.worst}"
        first = "" if built else _first(standing, key)
        return f"{word.capitalize()}{state}.{last}{first}"
    present = tally.total - tally.missing
    parts = [f"{present:,} of {count_text(tally.total, 'partition')} there"]
    parts += [
        f"{count:,} {word}"
        for word in ("stale", "partial", "running", "failed", "held", "blocked")
        if (count := getattr(tally, word))
    ]
    return f"{', '.join(parts)}.{last}"


def _first(standing: Standing, key: AssetKey) -> str:
    """Say how many assets above would run before one that was never built."""
    graph, above, edge = standing.plan.graph, set[AssetKey](), {key}
    while edge:
        edge = {one.upstream for below in edge for one in graph.edges[below]} - above
        above |= edge
    busy = [one for one in above - {key} if standing.lines[one].run + standing.lines[one].maybe]
    return f" A plan runs {count_text(len(busy), 'asset')} above it first." if busy else ""


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
