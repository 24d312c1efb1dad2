"""A world in which hours pass in milliseconds: real decisions and catalog, runs made up.

The real `automate` decides, on a real catalog in memory. What a run does is told by
durations and outages drawn from a seed; time jumps from one event to the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random

import numpy as np

from assetkit.catalog.base import AssetRow, Claim, Commit
from assetkit.catalog.liveness import this_process
from assetkit.catalog.memory import MemoryCatalog
from assetkit.columns import digest_of, fingerprint, split_version
from assetkit.graph.build import build_graph
from assetkit.planning.automation import Automation, automate
from assetkit.planning.plan import Plan
from assetkit.planning.planner import Situation, make_plan
from assetkit.planning.request import Request
from assetkit.planning.scope import fan_of
from assetkit.records import (
    FailedAttempt,
    InputUse,
    Materialization,
    RunRecord,
    RunStatus,
    partition_text,
)
from assetkit.workspace.situation import describe_graph, extent_of, layout_of, read_situation

START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Source:
    """Others' data: a version and a data time, as a function of the time."""

    at: Callable[[datetime], tuple[str, datetime] | None]


@dataclass
class Work:
    """One slot under construction."""

    asset: str
    position: int
    ordinal: int
    partition: str | None
    run_id: str
    fence: int
    read_seq: int
    inputs: tuple[InputUse, ...]
    oldest: datetime | None
    began: datetime
    fails: bool


@dataclass
class Simulation:
    """One world; `run` lets time go by.

    ``seconds`` draws how long a slot of an asset takes; ``fails`` says whether an
    attempt at it does; ``version`` which content a root has (default: new each time).
    """

    assets: Sequence[object]
    seconds: Callable[[str, Random], float] = lambda _name, _random: 0.0
    fails: Callable[[str, datetime], bool] = lambda _name, _now: False
    version: Callable[[str, datetime], str] | None = None
    sources: dict[str, Source] = field(default_factory=dict)
    seed: int = 0
    start: datetime = START
    down: Callable[[datetime], bool] = lambda _now: False
    """Whether the daemon itself is down."""

    def __post_init__(self):
        self.graph = build_graph(self.assets)
        self.definitions = describe_graph(self.graph, {})
        self.catalog = MemoryCatalog(clock=lambda: self.now)
        self.random = Random(self.seed)
        self.now = self.start
        self.runs = 0
        self.built: list[tuple[datetime, str, str | None]] = []
        self.late: list[tuple[datetime, str]] = []
        self.tries: dict[tuple[str, str], int] = {}
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._count = 0
        self._open: dict[str, int] = {}
        self.evaluations = 0
        state = read_situation(self.definitions, self.catalog, self.now).state
        self.catalog.describe(
            [
                AssetRow(asset=key, layout=layout_of(asset), universe=state.extents[key])
                for key, asset in self.graph.assets.items()
            ]
        )

    # ------------------------------------------------------------------ looking

    def situation(self) -> Situation:
        """Return what is known now."""
        return read_situation(
            self.definitions, self.catalog, self.now, detail=frozenset(self.graph.assets)
        )

    def look(self) -> Automation:
        """Observe the sources, and decide."""
        self._observe()
        self.evaluations += 1
        return self._decided()

    def _decided(self) -> Automation:
        situation, histories = self.situation(), {}
        found = automate(situation)
        while missed := found.wants_history - histories.keys():
            histories |= {key: self.catalog.versions(key) for key in missed}
            found = automate(situation, histories=histories)
        return found

    def counts(self) -> dict[str, int]:
        """Return how often each asset was built."""
        counts = dict.fromkeys(self.graph.assets, 0)
        for _at, asset, _partition in self.built:
            counts[asset] += 1
        return counts

    # ------------------------------------------------------------------ letting time go by

    def run(self, hours: float, *, every: timedelta | None = None) -> None:
        """Let time go by; decide at each event, when woken, and (so given) every so often."""
        end = self.now + timedelta(hours=hours)
        while True:
            found = self._tick()
            times = [end]
            if self._events:
                times.append(self._events[0][0])
            if found is not None and found.wake_at is not None:
                times.append(found.wake_at)
            if self.down(self.now):
                times.append(self.now + timedelta(minutes=15))
            if every is not None:
                times.append(self.now + every)
            # Promises are broken a moment after their deadline.
            self.now = max(min(times), self.now + timedelta(microseconds=1))
            if self.now >= end:
                self.now = end
                self._note_late()
                return
            self._note_late()
            self._happen()

    def turn(self) -> None:
        """Decide once, and let all that is launched end; no time goes by for who looks."""
        now = self.now
        self._tick()
        while self._events:
            self.now = max(self.now, self._events[0][0])
            self._happen()
        self.now = max(now, self.now)

    def correct(self, asset: str, ordinal: int) -> None:
        """Give a published slot other content, by hand."""
        made = next(self.catalog.published(asset, np.array([ordinal])))
        version = hashlib.md5(f"corrected {self.now}".encode()).hexdigest()
        seq = self.situation().state.seq
        self._commit("by hand", 0, seq, replace(made, data_version=version, run_id="by hand"))

    def plan_of_all(self) -> Plan:
        """Return what is stale or missing, whoever may build it."""
        request = Request(targets=tuple(self.graph.assets))
        return make_plan(self.situation(), request).plan

    def _tick(self) -> Automation | None:
        if self.down(self.now):
            return None
        found = self.look()
        if len(found.draft.plan):
            self._launch(found)
        return found

    def _note_late(self) -> None:
        self._observe()
        for status in self._decided().statuses:
            if status.is_late:
                self.late.append((self.now, status.asset))

    def _happen(self) -> None:
        while self._events and self._events[0][0] <= self.now:
            heappop(self._events)[2]()

    def _at(self, when: datetime, what: Callable[[], None]) -> None:
        self._count += 1
        heappush(self._events, (when, self._count, what))

    # ------------------------------------------------------------------ sources

    def _observe(self) -> None:
        situation = self.situation()
        for name, source in self.sources.items():
            seen = source.at(self.now)
            columns = situation.state.columns(name)
            if seen is None:
                continue
            version = hashlib.md5(f"{name} {seen[0]}".encode()).hexdigest()
            known = len(columns) and (
                (int(columns.version_hi[0]), int(columns.version_lo[0])) == split_version(version)
                and int(columns.data_time[0]) == round(seen[1].timestamp() * 1e6)
            )
            if not known:
                self._commit(
                    "observed", 0, 0, self._made(name, 0, "observed", version, (), seen[1])
                )

    # ------------------------------------------------------------------ runs

    def _launch(self, found: Automation) -> None:
        plan = found.draft.plan
        self.runs += 1
        run_id = f"run-{self.runs}"
        steps = len(plan)
        self.catalog.start_run(
            RunRecord(
                run_id=run_id, owner=this_process(), started_at=self.now, targets=(), steps=steps
            )
        )
        claims = [
            Claim(
                asset=part.asset,
                ordinals=plan.universes[part.asset].ordinals(part.positions[part.run]),
            )
            for part in plan.assets
        ]
        grant = self.catalog.claim(run_id, claims)
        assert not grant.busy, "automation launched what another run holds"
        self._open[run_id] = steps
        ends: dict[tuple[str, int], datetime] = {}
        for part in plan.assets:
            maybe = dict(zip(part.positions.tolist(), part.maybe.tolist(), strict=True))
            for position in part.positions[part.run].tolist():
                begin = self.now
                for edge in self.graph.edges[part.asset]:
                    fan = fan_of(edge, np.array([position]), plan.universes)
                    for above in fan.slots_of(0).tolist():
                        begin = max(begin, ends.get((edge.upstream, above), begin))
                seconds = self.seconds(part.asset, self.random)
                # What waits for it begins after it.
                ends[part.asset, position] = begin + timedelta(seconds=seconds, milliseconds=1)
                self._at(
                    begin,
                    self._begin(part.asset, position, maybe[position], run_id, grant, seconds),
                )

    def _begin(self, asset, position, maybe, run_id, grant, seconds):
        def begin():
            situation = self.situation()
            universe = situation.universes[asset]
            uses, oldest, there = [], None, True
            for edge in self.graph.edges[asset]:
                fan = fan_of(edge, np.array([position]), situation.universes)
                use, time, complete = self._use(edge.upstream, fan.slots_of(0), situation)
                uses.append(use)
                there &= complete or edge.input.need != "all"
                if time is not None and (oldest is None or time < oldest):
                    oldest = time
            ordinal = int(universe.ordinals(np.array([position]))[0])
            if not there or (maybe and self._is_same(asset, ordinal, uses, situation)):
                self._ended(run_id)
                return
            work = Work(
                asset,
                position,
                ordinal,
                partition_text(universe.key(position)),
                run_id,
                grant.fence,
                situation.state.seq,
                tuple(uses),
                oldest,
                self.now,
                self.fails(asset, self.now),
            )
            # Zero-length work ends at once, before whatever waits for it begins.
            if seconds == 0:
                self._finish(work)
            else:
                self._at(self.now + timedelta(seconds=seconds), lambda: self._finish(work))

        return begin

    def _use(self, upstream, positions, situation):
        """Return what reading slots amounts to, their data time, and whether all are there."""
        universe, columns = situation.universes[upstream], situation.state.columns(upstream)
        ordinals = universe.ordinals(np.asarray(positions, dtype=np.int64))
        rows = np.searchsorted(columns.ordinal, ordinals)
        there = np.array(
            [
                row < len(columns) and columns.ordinal[row] == o
                for row, o in zip(rows, ordinals, strict=True)
            ],
            dtype=bool,
        )
        kept, rows = np.asarray(positions, dtype=np.int64)[there], rows[there]
        digest = digest_of(
            universe.stable_ids(kept), columns.version_hi[rows], columns.version_lo[rows]
        )
        use = InputUse(asset=upstream, digest=digest, count=len(kept))
        time = None
        ends = universe.ends(kept)
        if ends is not None and len(kept):
            time = datetime.fromtimestamp(int(ends.max()) / 1e6, UTC)
        elif len(rows):
            time = datetime.fromtimestamp(int(columns.data_time[rows].min()) / 1e6, UTC)
        return use, time, bool(there.all())

    def _is_same(self, asset, ordinal, uses, situation) -> bool:
        columns = situation.state.columns(asset)
        row = np.flatnonzero(columns.ordinal == ordinal)
        if not len(row):
            return False
        return all(int(columns.digests[row[0], i]) == use.digest for i, use in enumerate(uses))

    def _finish(self, work: Work) -> None:
        key = fingerprint(self.definitions.bases[work.asset], [use.digest for use in work.inputs])
        if work.fails:
            slot = (f"{work.asset}@{work.partition}", key)
            self.tries[slot] = self.tries.get(slot, 0) + 1
            failed = FailedAttempt(
                asset=work.asset,
                partition=work.partition,
                ordinal=work.ordinal,
                run_id=work.run_id,
                attempt=1,
                fingerprint=key,
                error_type="Outage",
                message="down",
                traceback="",
                failed_at=self.now,
            )
            self.catalog.commit(
                Commit(
                    commit_id=self._id(), run_id=work.run_id, fence=work.fence, failures=(failed,)
                )
            )
        else:
            content = f"{work.asset} {[use.digest for use in work.inputs]}"
            if not work.inputs:
                content = (
                    self.version(work.asset, self.now)
                    if self.version
                    else f"{work.asset} {self.now}"
                )
            made = self._made(
                work.asset,
                work.ordinal,
                work.run_id,
                hashlib.md5(content.encode()).hexdigest(),
                work.inputs,
                self._data_time(work),
                work.partition,
                (self.now - work.began).total_seconds(),
            )
            self._commit(work.run_id, work.fence, work.read_seq, made)
            self.built.append((self.now, work.asset, work.partition))
        self._ended(work.run_id)

    def _data_time(self, work: Work) -> datetime:
        time = work.oldest or self.now
        universe = self.situation().universes[work.asset]
        window = universe.window(work.position)
        if window is not None and time < window.end <= self.now:
            return window.end.astimezone(UTC)
        return time

    def _made(  # noqa: PLR0917
        self, asset, ordinal, run_id, version, inputs, data_time, partition=None, seconds=0.0
    ):
        return Materialization(
            asset=asset,
            partition=partition,
            ordinal=ordinal,
            run_id=run_id,
            data_version=version,
            basis=self.definitions.bases[asset],
            inputs=inputs,
            materialized_at=self.now,
            data_time=data_time,
            duration=seconds,
        )

    def _commit(self, run_id, fence, read_seq, made) -> None:
        self.catalog.commit(
            Commit(
                commit_id=self._id(),
                run_id=run_id,
                fence=fence,
                materializations=(made,),
                read_seqs=(read_seq,),
            )
        )

    def _id(self) -> str:
        self._count += 1
        return f"commit-{self._count}"

    def _ended(self, run_id: str) -> None:
        self._open[run_id] -= 1
        if not self._open[run_id]:
            self.catalog.finish_run(run_id, RunStatus.SUCCESS, self.now)


def extents(simulation: Simulation) -> dict[str, str]:
    """Return which partitions the assets of a simulation have."""
    return {key: extent_of(asset, {}) for key, asset in simulation.graph.assets.items()}
