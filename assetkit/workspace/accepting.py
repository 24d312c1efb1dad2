"""Accept published data as it is: the code changed, the data need not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import numpy as np

from assetkit.catalog.base import Commit
from assetkit.columns import Ints
from assetkit.definitions.handles import Asset, assets_among, assets_of
from assetkit.errors import InvalidArgument, StorageError, did_you_mean
from assetkit.execution.provenance import provenance_of
from assetkit.execution.published import PublishedSlots
from assetkit.graph.build import build_graph
from assetkit.io.base import Place
from assetkit.planning.plan import Plan
from assetkit.planning.request import Request
from assetkit.planning.scope import fan_of
from assetkit.records import AssetKey, Basis, InputUse, Materialization, Outcome
from assetkit.workspace.core import Core
from assetkit.workspace.data import find_known, source_of
from assetkit.workspace.planning import plan_in
from assetkit.workspace.recording import record_definitions
from assetkit.workspace.upkeep import target_of


def accept(core: Core, handle: Asset[..., Any], partitions: Any) -> int:
    """Let published slots count as made by today's code and definition; return how many.

    What changed in their inputs stays a cause to run, and so does configuration.
    """
    graph = build_graph([handle])
    key = handle.key
    request = Request(
        targets=(key,), partitions=partitions, upstream=False, forced=frozenset([key])
    )
    plan = plan_in(core, graph, request, config={}, now=core.now())
    record_definitions(core, plan)
    part = next(one for one in plan.assets if one.asset == key)
    accepted = _Accepted(plan, key, part.positions, core.place)
    found = core.catalog.published(key, np.sort(accepted.ordinals))
    changed = [new for made in found if (new := accepted.as_of_today(made)) is not None]
    if changed:
        _write(core, handle, changed, accepted)
    return len(changed)


def handle_named(name: Any, names: Mapping[str, Any]) -> Asset[..., Any]:
    """Return the asset that a caller who sees *names* means.

    Raises:
        InvalidArgument: it sees no asset of that name.
    """
    if isinstance(name, Asset):
        return name
    seen = {one.key: one for one in assets_among(names.values())}
    if name not in seen:
        raise InvalidArgument(
            f"To accept what is published of {name!r}, its definition is needed. Give the asset "
            f"itself instead of its name. {did_you_mean(str(name), seen) if seen else ''}".rstrip()
        )
    return seen[name]


def handles_named(given: Any, names: Mapping[str, Any]) -> list[Asset[..., Any]]:
    """Return the assets that a caller who sees *names* means: handles, names, lists of these."""
    assets = getattr(given, "assets", given)
    if not isinstance(assets, list | tuple):
        assets = [assets]
    return [one for each in assets for one in assets_of(each) or (handle_named(each, names),)]


@dataclass(frozen=True)
class _Accepted:
    """What today's definitions say of some slots of an asset."""

    plan: Plan
    key: AssetKey
    positions: Ints
    place: Place

    @property
    def ordinals(self) -> Ints:
        return self.plan.universes[self.key].ordinals(self.positions)

    def as_of_today(self, made: Materialization) -> Materialization | None:
        """Return a slot's record as of today; None where nothing about it changed."""
        now = self.plan.bases[self.key]
        basis = replace(now, config=made.basis.config)
        if basis == made.basis:
            return None
        inputs = made.inputs if basis.inputs == made.basis.inputs else self._uses(made.ordinal)
        return replace(made, basis=basis, inputs=inputs, outcome=Outcome.UNCHANGED)

    def read_seq(self, made: Materialization, before: Basis) -> int:
        """Return as of when a slot's inputs are known: as before, or as of today's plan."""
        columns = self.plan.snapshot.columns(self.key)
        if made.basis.inputs != before.inputs:
            return self.plan.snapshot.seq
        return int(columns.read_seq[np.searchsorted(columns.ordinal, made.ordinal)])

    def _uses(self, ordinal: int) -> tuple[InputUse, ...]:
        """Return what a slot would consume now, where it has other inputs than it was made from."""
        plan = self.plan
        at = plan.universes[self.key].positions(np.array([ordinal], dtype=np.int64))
        uses = []
        for edge in plan.graph.edges[self.key]:
            universe = plan.universes[edge.upstream]
            columns = plan.snapshot.columns(edge.upstream)
            upstream = PublishedSlots(edge.upstream, universe, columns, (self.place,))
            wanted = fan_of(edge, at, plan.universes).slots_of(0)
            there = wanted[upstream.present[wanted]]
            uses.append(upstream.use_of(there, upstream.digest_of(there)))
        return tuple(uses)


def _write(
    core: Core, handle: Asset[..., Any], changed: list[Materialization], accepted: _Accepted
) -> None:
    before = {
        one.ordinal: one.basis
        for one in core.catalog.published(handle.key, np.array([m.ordinal for m in changed]))
    }
    receipt = core.catalog.commit(
        Commit(
            commit_id=f"accept-{uuid4().hex}",
            run_id=changed[0].run_id,
            fence=0,
            materializations=tuple(changed),
            read_seqs=tuple(accepted.read_seq(one, before[one.ordinal]) for one in changed),
        )
    )
    if receipt.refused:
        raise StorageError(
            f"{len(receipt.refused):,} partitions of {handle.key!r} are being built by another run "
            f"just now, and were left to it; the others are accepted."
        )
    manager = core.io_manager_of(handle.definition)
    known = find_known(core, handle)
    if hasattr(manager, "note"):
        for made in changed:
            target = target_of(source_of(core, known, made))
            manager.note(replace(target, provenance=provenance_of(made)))
