"""A small world for runs: a catalog and an IO manager in memory, and plans made by hand."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from assetkit.catalog.base import Claim, Grant, LeaseRow, Receipt, Snapshot
from assetkit.columns import NO_TIME, SlotColumns, split_version
from assetkit.definitions.asset import AssetDef, Input
from assetkit.definitions.universe import Fan, Unpartitioned
from assetkit.execution.environment import Environment, RunOptions
from assetkit.execution.runner import run_plan
from assetkit.executors.local import InProcessExecutor
from assetkit.graph.graph import AssetGraph, Edge
from assetkit.io.base import Loaded, Place, Written
from assetkit.planning.data import PlanData
from assetkit.planning.model import VERDICTS, AssetPlan
from assetkit.planning.request import Request
from assetkit.planning.state import CatalogState
from assetkit.records import Basis, Materialization, SourceLocation, Verdict

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Letters:
    """A universe of keys ``a``, ``b``, ..."""

    keys: tuple[str, ...]
    dimensions: tuple[str, ...] = ("letter",)

    def __len__(self):
        return len(self.keys)

    def key(self, position):
        return self.keys[position]

    def texts(self, positions):
        return [self.keys[int(one)] for one in positions]

    def parts(self, position):
        return (("letter", self.keys[position]),)

    def position(self, key):
        return self.keys.index(key)

    def window(self, position):
        return None

    def ends(self, positions):
        return None

    def ordinals(self, positions):
        return np.asarray(positions, dtype=np.int64)

    def positions(self, ordinals):
        return np.where(ordinals < len(self.keys), ordinals, -1).astype(np.int64)

    def ordinals_of_texts(self, texts):
        found = [self.keys.index(one) if one in self.keys else -1 for one in texts]
        return np.array(found, dtype=np.int64)

    def stable_ids(self, positions):
        return np.asarray(positions, dtype=np.uint64) + np.uint64(7)

    def select(self, selection):
        wanted = [selection] if isinstance(selection, str) else selection
        return np.array([self.keys.index(one) for one in wanted], dtype=np.int64)


@dataclass(frozen=True)
class Same:
    """Each slot needs the slot at its own position, moved by *shift*."""

    shift: int = 0
    name: str = "same"

    def upstream_of(self, positions, downstream, upstream):
        lo = np.clip(positions + self.shift, 0, len(upstream))
        hi = np.clip(positions + self.shift + 1, 0, len(upstream))
        return Fan(lo, np.maximum(lo, hi))


@dataclass(frozen=True)
class All:
    """Each slot needs all."""

    name: str = "all"

    def upstream_of(self, positions, downstream, upstream):
        count = len(positions)
        return Fan(np.zeros(count, dtype=np.int64), np.full(count, len(upstream), dtype=np.int64))


class TwinCatalog:
    """What the runner uses of a catalog, in memory."""

    def __init__(self):
        self.seq = 0
        self.current: dict[tuple[str, int], tuple[Materialization, int, int]] = {}
        self.failures, self.steps, self.runs, self.commits = [], [], {}, []
        self.leases: dict[tuple[str, int], str] = {}
        self.cancel: set[str] = set()

    def guard(self, run_id):
        return nullcontext()

    def is_running(self, run_id):
        return run_id in self.leases.values()

    def start_run(self, run):
        self.runs[run.run_id] = run

    def begin(self, run, rows, claims):
        self.start_run(run)
        return self.claim(run.run_id, claims)

    def finish_run(self, run_id, status, ended_at, message="", last=None):
        receipt = None if last is None else self.commit(last)
        self.runs[run_id] = replace(self.runs[run_id], status=status, message=message)
        self.release(run_id)
        return receipt

    def release(self, run_id):
        self.leases = {slot: owner for slot, owner in self.leases.items() if owner != run_id}

    def heartbeat(self, run_id, now):
        return run_id in self.cancel

    def is_called(self, run_id: str) -> bool:
        return run_id in self.cancel

    def claim(self, run_id, claims):
        granted, busy = [], []
        for claim in claims:
            free = []
            for ordinal in claim.ordinals.tolist():
                owner = self.leases.setdefault((claim.asset, ordinal), run_id)
                if owner == run_id:
                    free.append(ordinal)
                else:
                    busy.append(
                        LeaseRow(
                            asset=claim.asset,
                            lo=ordinal,
                            hi=ordinal + 1,
                            run_id=owner,
                            fence=1,
                            owner="other",
                        )
                    )
            granted.append(Claim(asset=claim.asset, ordinals=np.array(free, dtype=np.int64)))
        self.seq += any(len(one.ordinals) for one in granted)
        return Grant(fence=1, seq=self.seq, granted=tuple(granted), busy=tuple(busy))

    def commit(self, commit):
        previous = self.seq
        self.seq += 1
        refused = []
        for made, read in zip(commit.materializations, commit.read_seqs, strict=True):
            slot = (made.asset, made.ordinal)
            if self.leases.get(slot, commit.run_id) != commit.run_id:
                refused.append(slot)
                continue
            before = self.current.get(slot)
            same = before is not None and before[0].data_version == made.data_version
            seen = self.seq if read == previous else read
            self.current[slot] = (made, before[1] if same else self.seq, seen)
        self.failures += commit.failures
        self.steps += commit.steps
        self.commits.append(commit)
        return Receipt(previous_seq=previous, seq=self.seq, refused=tuple(refused))

    def published(self, asset, ordinals=None):
        for (key, ordinal), (made, _, _) in sorted(self.current.items(), key=lambda i: i[0]):
            if key == asset and (ordinals is None or ordinal in ordinals.tolist()):
                yield made

    def snapshot(self, assets, *, detail=()):
        bases, slots = {}, {}
        numbers: dict[Basis, int] = {}
        for asset in assets:
            rows = [
                (ordinal, *entry)
                for (key, ordinal), entry in sorted(self.current.items(), key=lambda i: i[0])
                if key == asset
            ]
            for _, made, _, _ in rows:
                numbers.setdefault(made.basis, len(numbers))
            slots[asset] = _columns(rows, numbers)
        bases = {number: basis for basis, number in numbers.items()}
        return Snapshot(seq=self.seq, slots=slots, bases=bases)


def _columns(rows, numbers):
    def ints(values):
        return np.array(values, dtype=np.int64)

    versions = [split_version(made.data_version) for _, made, _, _ in rows]
    width = max((len(made.inputs) for _, made, _, _ in rows), default=0)
    digests = np.zeros((len(rows), width), dtype=np.uint64)
    for row, (_, made, _, _) in enumerate(rows):
        digests[row, : len(made.inputs)] = [use.digest for use in made.inputs]
    times = [
        NO_TIME if made.data_time is None else int(made.data_time.timestamp() * 1_000_000)
        for _, made, _, _ in rows
    ]
    return SlotColumns(
        ordinal=ints([ordinal for ordinal, *_ in rows]),
        ver_seq=ints([ver for _, _, ver, _ in rows]),
        read_seq=ints([read for _, _, _, read in rows]),
        basis=ints([numbers[made.basis] for _, made, _, _ in rows]),
        partial=np.array([made.partial for _, made, _, _ in rows], dtype=np.bool_),
        data_time=ints(times),
        materialized_at=ints([0] * len(rows)),
        detailed=True,
        version_hi=np.array([hi for hi, _ in versions], dtype=np.uint64),
        version_lo=np.array([lo for _, lo in versions], dtype=np.uint64),
        digests=digests,
    )


class TwinManager:
    """Keeps values in memory; staged: nothing is seen before it is published."""

    def __init__(self):
        self.values: dict[str, Any] = {}
        self.records: dict[str, Mapping[str, Any]] = {}
        self.versions: dict[str, str] = {}
        self.discarded: list[Any] = []

    def write(self, value, target):
        if hasattr(value, "__next__"):
            value = list(value)
        version = hashlib.sha256(pickle.dumps(value)).hexdigest()[:32]
        return Written(
            rows=len(value) if hasattr(value, "__len__") else None,
            data_version=target.provenance.get("data_version", version),
            staged=_Staged(value, dict(target.provenance)),
        )

    def publish(self, written, target):
        self.values[target.folder] = written.staged.value
        self.records[target.folder] = written.staged.record
        self.versions[target.folder] = written.data_version
        return replace(written, staged=None, unchanged=written.data_version == target.published)

    def discard(self, written):
        self.discarded.append(written.staged.value)

    def read_with_versions(self, sources, load_as, columns):
        versions = tuple(self.versions[one.folder] for one in sources)
        return Loaded(self.read(sources, load_as, columns), versions)

    def read(self, sources, load_as, columns):
        if load_as is dict:
            return {one.partition_key: self.values[one.folder] for one in sources}
        if len(sources) == 1:
            return self.values[sources[0].folder]
        return [self.values[one.folder] for one in sources]

    def delete(self, target):
        self.values.pop(target.folder, None)

    def find(self, source):
        return None

    def signatures(self, sources):
        return [None for _ in sources]

    def find_all(self, place, asset, dimensions):
        return []


@dataclass(frozen=True)
class _Staged:
    value: Any
    record: Mapping[str, Any]


@dataclass
class World:
    """Assets defined by hand, a catalog, and a way to run them."""

    folder: Path
    catalog: TwinCatalog = field(default_factory=TwinCatalog)
    manager: Any = field(default_factory=TwinManager)
    executor: Any = field(default_factory=InProcessExecutor)
    assets: dict[str, AssetDef] = field(default_factory=dict)
    edges: dict[str, tuple[Edge, ...]] = field(default_factory=dict)
    universes: dict[str, Any] = field(default_factory=dict)
    inspections: tuple[Any, ...] = ()
    resources: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOW

    def add(
        self, key: str, function: Callable[..., Any], *inputs: Any, letters: str = "", **said: Any
    ) -> None:
        """Add an asset; *inputs* are parameter names or `Input`s with a settled mapping."""
        declared = tuple(
            one if isinstance(one, Input) else Input(parameter=one, upstream=one, mapping=Same())
            for one in inputs
        )
        code = function.__code__
        names = code.co_varnames[: code.co_argcount]
        self.assets[key] = AssetDef(
            key=key,
            function=function,
            source=SourceLocation(file="assets.py", line=code.co_firstlineno),
            inputs=declared,
            io_manager="twin",
            wants_context="context" if "context" in names else None,
            **said,
        )
        self.universes[key] = Letters(tuple(letters)) if letters else Unpartitioned()
        self.edges[key] = tuple(
            Edge(upstream=one.upstream, downstream=key, input=one, mapping=one.mapping)
            for one in declared
        )

    def plan(
        self, *, run: Mapping[str, Sequence[int]] | None = None, maybe: Sequence[str] = ()
    ) -> PlanData:
        """Plan to build all slots, or those of *run*; *maybe*: only where inputs change."""
        parts = []
        for key in self.assets:
            chosen = range(len(self.universes[key])) if run is None else run.get(key, ())
            positions = np.array(chosen, dtype=np.int64)
            parts.append(
                AssetPlan(
                    asset=key,
                    positions=positions,
                    verdict=np.full(len(positions), VERDICTS.index(Verdict.MISSING), dtype=np.int8),
                    causes=np.zeros(len(positions), dtype=np.uint64),
                    cause_table=(),
                    run=np.ones(len(positions), dtype=np.bool_),
                    maybe=np.full(len(positions), key in maybe, dtype=np.bool_),
                )
            )
        snapshot = self.catalog.snapshot(tuple(self.assets))
        return PlanData(
            plan_id="p",
            now=self.now,
            graph=AssetGraph(assets=self.assets, edges=self.edges, downstream={}),
            universes=self.universes,
            bases={key: self.basis(key) for key in self.assets},
            snapshot=CatalogState(seq=snapshot.seq, slots=snapshot.slots, bases=snapshot.bases),
            assets=tuple(parts),
            targets=tuple(self.assets)[-1:],
            request=Request(targets=tuple(self.assets)[-1:]),
        )

    def basis(self, key: str) -> Basis:
        """Return what stands for an asset's code."""
        inputs = tuple(edge.upstream for edge in self.edges[key])
        return Basis(code=f"code of {key}", config="", definition="", schema="", inputs=inputs)

    def environment(self, **changes: Any) -> Environment:
        """Return the surroundings of a run."""
        return replace(
            Environment(
                catalog=self.catalog,
                place=Place(data=str(self.folder / "data"), private=self.folder / "private"),
                io_managers={"twin": self.manager},
                executor=self.executor,
                inspections=self.inspections,
                resources=self.resources,
                clock=lambda: self.now,
            ),
            **changes,
        )

    def run(self, plan: PlanData | None = None, **options: Any):
        """Run a plan, by default of everything."""
        return run_plan(plan or self.plan(), self.environment(), RunOptions(**options))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture(scope="session")
def new_world():
    """Return what makes a world, for tests that draw many."""
    return World


@pytest.fixture(scope="session")
def mappings():
    """Return the mappings of this small world: `Same(shift)` and `All()`."""
    return SimpleNamespace(Same=Same, All=All)
