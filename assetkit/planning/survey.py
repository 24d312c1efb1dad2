"""All that automation looks at, at one moment: verdicts of everything, data times, promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from assetkit.columns import Flags, Ints, VersionColumns
from assetkit.definitions.asset import AssetDef
from assetkit.definitions.policies import AutoMaterializePolicy
from assetkit.graph.graph import Edge
from assetkit.planning.cadence import Cadence, Clock, cadence_of, has_cadence
from assetkit.planning.datatimes import NEVER, Ground, Times, data_times
from assetkit.planning.freshness import Freshness, freshness_of
from assetkit.planning.model import VERDICTS, AssetPlan
from assetkit.planning.past import Past
from assetkit.planning.planner import Situation
from assetkit.planning.ranges import count_true
from assetkit.planning.request import Request
from assetkit.planning.scope import fan_of
from assetkit.planning.verdicts import decide, given_up, leased
from assetkit.planning.world import Ledger, World, known_of
from assetkit.records import AssetKey, Verdict

LAZY = AutoMaterializePolicy("freshness")
_DECLARED = frozenset({"code", "config", "definition", "schema"})


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the planner says of all slots when nobody asks for any, and what follows from it.

    ``parts`` are its verdicts as if all that is missing or stale were to run, but for
    changes of code that automation is to ignore. ``forced`` are slots that run although they
    are fresh: roots whose cadence says so.
    """

    situation: Situation
    world: World
    ledger: Ledger
    parts: Mapping[AssetKey, AssetPlan]
    clock: Clock
    past: Past
    forced: dict[AssetKey, Flags] = field(default_factory=dict)
    _held: dict[AssetKey, Flags] = field(default_factory=dict)

    @cached_property
    def times(self) -> Times:
        """The data times of all slots."""
        return data_times(Ground(self.world, self.ledger, self.past))

    @cached_property
    def statuses(self) -> dict[AssetKey, Freshness]:
        """How the assets with a promise stand to it."""
        return {
            key: freshness_of(key, asset.freshness, self.times, self.world, self.ledger)
            for key, asset in self.world.graph.assets.items()
            if asset.freshness is not None
        }

    def policy_of(self, key: AssetKey) -> AutoMaterializePolicy | None:
        """Return when an asset may run by itself; None: it follows what needs it."""
        return policy_of(self.world.graph.assets[key])

    def present(self, key: AssetKey) -> Flags:
        """Return which slots are published."""
        return known_of(key, self.world, self.ledger).present

    def every(self, key: AssetKey) -> Flags:
        """Return flags of all slots of an asset; shared, not to be changed."""
        return self.ledger.layout(self.world.universes[key]).every

    def positions(self, key: AssetKey) -> Ints:
        """Return all positions of an asset; shared, not to be changed."""
        return self.ledger.layout(self.world.universes[key]).positions

    def cadence(self, key: AssetKey) -> Cadence:
        """Return which slots are due by ``every`` or ``cron``."""
        policy, row = self.policy_of(key), known_of(key, self.world, self.ledger).row
        built_at = np.full(len(row), NEVER, dtype=np.int64)
        if has_cadence(policy):
            made_at = self.world.state.columns(key).materialized_at
            built_at[row >= 0] = made_at[row[row >= 0]]
        ends = self.world.universes[key].ends(self.positions(key))
        return cadence_of(policy, built_at, ends, self.clock)

    def quarantined(self, key: AssetKey) -> Flags:
        """Return which slots automation would not try again as things are."""
        return given_up(key, self.positions(key), self.world, self.ledger)

    def held(self, key: AssetKey) -> Flags:
        """Return which slots another run is at, or is at something that they need."""
        if key not in self._held:
            self._held[key] = self._find_held(key)
        return self._held[key]

    def _find_held(self, key: AssetKey) -> Flags:
        positions = self.positions(key)
        held = leased(key, positions, self.world)
        if not self.world.state.leases:
            return held
        for edge in needed_edges(key, self.world):
            above = self.held(edge.upstream)
            if above.any():
                held |= count_true(fan_of(edge, positions, self.world.universes), above) > 0
        return held

    def is_root(self, key: AssetKey) -> bool:
        """Return whether an asset is made here, of no other asset."""
        asset = self.world.graph.assets[key]
        return asset.kind != "external" and not any(
            edge.upstream != key for edge in self.world.graph.edges[key]
        )

    def has_windows(self, key: AssetKey) -> bool:
        """Return whether the slots of an asset cover windows of time."""
        return self.ledger.layout(self.world.universes[key]).has_windows


def policy_of(asset: AssetDef) -> AutoMaterializePolicy | None:
    """Return when an asset may run by itself: one with a promise alone is lazy."""
    if asset.automation is None and asset.freshness is not None:
        return LAZY
    return asset.automation


def needed_edges(key: AssetKey, world: World) -> Iterator[Edge]:
    """Yield the edges to the other assets that an asset cannot do without."""
    for edge in world.graph.edges[key]:
        if edge.upstream != key and edge.input.need != "optional":
            yield edge


def survey(
    situation: Situation,
    histories: Mapping[AssetKey, VersionColumns],
    wanted: Mapping[AssetKey, Flags],
) -> Survey:
    """Look at everything; *wanted* are slots that run in any case."""
    graph, universes, ledger = situation.graph, situation.universes, Ledger()
    world = World(
        graph=graph,
        universes=universes,
        bases=situation.bases,
        state=situation.state,
        request=Request(targets=tuple(graph.assets), automatic=True),
        now=situation.now,
        wanted={},
        scope={key: ledger.layout(universes[key]).positions for key in graph.assets},
    )
    parts: dict[AssetKey, AssetPlan] = {}
    seen = Survey(
        situation=situation,
        world=world,
        ledger=ledger,
        parts=parts,
        clock=Clock(situation.now),
        past=Past(world, histories),
    )
    for key in graph.assets:
        parts[key] = decide(key, world, ledger)
        _foresee(key, wanted.get(key), seen)
    return seen


def _foresee(key: AssetKey, wanted: Flags | None, seen: Survey) -> None:
    """Tell what is downstream of an asset which of its slots are going to run."""
    policy, decided = seen.policy_of(key), seen.ledger.decided[key]
    run = decided.run
    if decided.runs and (policy is None or policy.on_code_change != "run"):
        run = run & ~declared_only(seen.parts[key])
    forced = _forced(key, policy, seen)
    if forced is not None:
        seen.forced[key] = forced
        run = run | forced
    if wanted is not None:
        run = run | wanted
    if run is not decided.run:
        decided.will_run(seen.positions(key), run)


def _forced(key: AssetKey, policy: AutoMaterializePolicy | None, seen: Survey) -> Flags | None:
    """Return the slots of a root without windows that its cadence makes due; None: none."""
    if policy is None or policy.on != "change" or not has_cadence(policy):
        return None
    if not seen.is_root(key) or seen.has_windows(key):
        return None
    if not seen.world.graph.assets[key].rebuildable or not seen.present(key).any():
        return None
    due = seen.present(key) & seen.cadence(key).due
    forced = due & ~seen.quarantined(key) & ~seen.held(key) if due.any() else due
    return forced if forced.any() else None


def declared_only(part: AssetPlan) -> Flags:
    """Return the slots to run for nothing but a change of their declaration: code, config, ..."""
    bits = np.uint64(0)
    for place, cause in enumerate(part.cause_table):
        if cause.kind in _DECLARED:
            bits |= np.uint64(1 << place)
    missing = part.verdict == VERDICTS.index(Verdict.MISSING)
    only: Flags = part.run & ~missing & ((part.causes & bits) != 0) & ((part.causes & ~bits) == 0)
    return only
