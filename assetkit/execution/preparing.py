"""From a step's number to the task that a worker gets: what it reads, and whether it is enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import NoneType
from typing import Any, get_args

import numpy as np

from assetkit.columns import NO_TIME, Ints, SlotColumns
from assetkit.definitions.asset import AssetDef
from assetkit.definitions.universe import Fan
from assetkit.errors import StepError
from assetkit.execution.changes import InputChanges
from assetkit.execution.drifting import typed
from assetkit.execution.environment import Environment, utc_now
from assetkit.execution.inspecting import inspections_of
from assetkit.execution.published import PublishedSlots, time_of
from assetkit.execution.shipping import Shipped, unshippable
from assetkit.execution.task import AssetWork, InputSlots, InputWork, SlotWork, StepTask
from assetkit.execution.waiting import StepTable
from assetkit.executors.base import Demands
from assetkit.graph.graph import Edge
from assetkit.io.base import Source, is_staged
from assetkit.planning.data import PlanData
from assetkit.records import AssetKey, Basis, Materialization, PartitionKey, slot_name


@dataclass(frozen=True, slots=True)
class Lacking:
    """Why a step cannot run: too little of an input is there."""

    reason: str


@dataclass(frozen=True, slots=True)
class Needs:
    """The upstream slots of one step that are there, input by input. ``partial``: some lack."""

    positions: tuple[Ints, ...]
    digests: tuple[int, ...]
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which run makes a task, for the how-many-eth time, and where its logs go."""

    run_id: str
    number: int
    now: datetime
    logs: str | None
    local: bool


class AssetSteps:
    """All that the steps of one asset share, and how to make a task of some of them."""

    def __init__(
        self,
        asset: AssetDef,
        plan: PlanData,
        steps: StepTable,
        published: Mapping[AssetKey, PublishedSlots],
        environment: Environment,
    ) -> None:
        key = asset.key
        self.asset, self.first = asset, steps.first[key]
        self.universe, self.own = plan.universes[key], published[key]
        self.basis = plan.bases[key]
        self.positions: list[int] = steps.positions[key].tolist()
        self.ordinals: list[int] = self.universe.ordinals(steps.positions[key]).tolist()
        self.names = self.own.names
        self.texts = self.names.texts(steps.positions[key])
        self.maybe = steps.maybe[key]
        self._edges = plan.graph.edges[key]
        self._inputs = [published[edge.upstream] for edge in self._edges]
        self._fans: tuple[Fan, ...] = steps.fans[key]
        self._waived = steps.waived[key]
        self._catalog = environment.catalog
        self._kept_columns: str | None = None
        self._changes = InputChanges(self.own, self._edges, self._inputs, plan, environment.catalog)
        self.shipped = Shipped(_work_of(asset, plan, self._edges, environment))
        self._estimate = plan.snapshot.estimates.get(key)

    def key_of(self, step: int) -> PartitionKey | None:
        """Return the partition that a step makes."""
        return self.names.key(self.positions[step - self.first])

    def find_needs(self, step: int) -> Needs | Lacking:
        """Return what is there of a step's inputs, or why that is not enough."""
        found: list[Ints] = []
        partial = False
        row = step - self.first
        for edge, fan, late, upstream in zip(
            self._edges, self._fans, self._waived, self._inputs, strict=True
        ):
            wanted = fan.slots_of(row)
            have = wanted if upstream.complete else wanted[upstream.present[wanted]]
            if len(have) < len(wanted) and len(have) < _least(edge.input.need, len(wanted)):
                if late is None or not late[row]:
                    return Lacking(_lack(edge, upstream, wanted, have))
                partial = True
            elif fan.late is not None and fan.late[row] and edge.input.need == "all":
                partial = True
            found.append(have)
        digests = tuple(
            upstream.digest_of(slots) for upstream, slots in zip(self._inputs, found, strict=True)
        )
        return Needs(tuple(found), digests, partial)

    def is_current(
        self, step: int, needs: Needs, columns: SlotColumns, bases: Mapping[int, Basis]
    ) -> bool:
        """Return whether *columns* know the slot as made from these inputs, in this way."""
        ordinal = self.ordinals[step - self.first]
        row = int(np.searchsorted(columns.ordinal, ordinal))
        if row >= len(columns) or columns.ordinal[row] != ordinal or not columns.detailed:
            return False
        if columns.partial[row] or bases.get(int(columns.basis[row])) != self.basis:
            return False
        recorded = columns.digests[row, : len(needs.digests)].tolist()
        return tuple(recorded) == needs.digests

    def make_task(
        self,
        steps: Sequence[int],
        needs: Sequence[Needs],
        attempt: Attempt,
        owners: Sequence[AssetSteps] = (),
    ) -> StepTask:
        """Make the task of one call, for steps whose inputs are there.

        *owners* say whose each step is, where not all are of this asset.
        """
        inputs, members = self._gather(needs)
        makers = {one: place for place, one in enumerate(dict.fromkeys((self, *owners)))}
        slots = tuple(
            owner.slot_work(step, need, tuple(own), makers[owner])
            for owner, step, need, own in zip(
                owners or (self,) * len(steps), steps, needs, members, strict=True
            )
        )
        return StepTask(
            work=self.shipped,
            run_id=attempt.run_id,
            attempt=attempt.number,
            now=attempt.now,
            slots=slots,
            inputs=inputs,
            logs=attempt.logs,
            local=attempt.local,
            others=tuple(one.shipped for one in makers if one is not self),
        )

    def pack(self) -> None:
        """Pack what all steps share, once; raise `StepError` where that cannot travel."""
        try:
            self.shipped.pack()
        except Exception as error:
            names = ", ".join(unshippable(self.asset.function))
            raise StepError(
                f"Asset {self.asset.key!r} ({self.asset.source}) cannot be sent to a worker "
                f"process{f', as it uses {names}' if names else ''}: {type(error).__name__}: "
                f"{error}. Open such things (connections, locks, files) inside of the function, "
                f"or use ThreadExecutor."
            ) from error

    def demands(self, slots: int, log: str | None) -> Demands:
        """Return what a call of so many slots asks for, where it runs in another process."""
        asset = self.asset
        alone = asset.pool is not None or asset.timeout is not None
        return Demands(
            timeout=asset.timeout,
            log=log,
            options=asset.executor_options,
            kind=None if alone else asset.key,
            seconds=None if self._estimate is None else self._estimate.seconds * slots,
        )

    def _gather(
        self, needs: Sequence[Needs]
    ) -> tuple[tuple[InputSlots, ...], list[list[tuple[int, ...] | None]]]:
        """Return what the call loads per input, and which of it each of its slots consumes."""
        inputs: list[InputSlots] = []
        members: list[list[tuple[int, ...] | None]] = [[] for _ in needs]
        for place, (edge, upstream) in enumerate(zip(self._edges, self._inputs, strict=True)):
            if edge.input.parameter is None:
                inputs.append(InputSlots())
                for own in members:
                    own.append(None)
                continue
            positions = needs[0].positions[place]
            if len(needs) > 1:
                positions = np.unique(np.concatenate([need.positions[place] for need in needs]))
            for own, need in zip(members, needs, strict=True):
                alone = len(needs) == 1
                found = None if alone else np.searchsorted(positions, need.positions[place])
                own.append(None if found is None else tuple(found.tolist()))
            inputs.append(
                InputSlots(
                    sources=self._sources(edge, upstream, positions),
                    stable_ids=upstream.stable_ids(positions),
                )
            )
        return tuple(inputs), members

    def _sources(self, edge: Edge, upstream: PublishedSlots, positions: Ints) -> tuple[Source, ...]:
        """Return where slots lie; where there may be several, each says which partition it is.

        What a function gets depends on what is declared, never on how many there happen to be.
        """
        sources = (upstream.source(position) for position in positions.tolist())
        is_one = edge.mapping.name == "identity()" and self.asset.backfill.size == 1
        if is_one or not upstream.universe.dimensions:
            return tuple(sources)
        return tuple(replace(source, with_dimensions=True) for source in sources)

    def slot_work(
        self,
        step: int,
        need: Needs,
        members: tuple[tuple[int, ...] | None, ...],
        maker: int = 0,
    ) -> SlotWork:
        """Return the part of a task that is about one step."""
        row = step - self.first
        position = self.positions[row]
        there = bool(self.own.present[position])
        with_context = self.asset.wants_context is not None
        return SlotWork(
            step=step,
            ordinal=self.ordinals[row],
            partition=self.texts[row],
            partition_key=self.names.key(position),
            parts=self.names.parts(position),
            folder=self.names.folder(position),
            window=self.universe.window(position),
            uses=tuple(
                upstream.use_of(slots, digest)
                for upstream, slots, digest in zip(
                    self._inputs, need.positions, need.digests, strict=True
                )
            ),
            members=members,
            data_time=self._data_time(need),
            partial=need.partial,
            published=self.own.version_of(position) if there else None,
            previous=self.own.source(position) if there and with_context else None,
            changes=self._changes.since_made(position, need.positions) if with_context else {},
            maker=maker,
            columns=self._columns(),
        )

    def _columns(self) -> str | None:
        """Return the columns that slots of this code have, where they must not change."""
        if self.asset.on_schema_change != "fail":
            return None
        if self._kept_columns is None:
            self._kept_columns = self._catalog.columns_of(self.asset.key, self.basis)
        return self._kept_columns

    def learn(self, made: Materialization) -> None:
        """Take note of the columns of a slot that was made."""
        if self.asset.on_schema_change == "fail" and made.schema is not None:
            self._kept_columns = typed(self._kept_columns, made.schema)

    def _data_time(self, need: Needs) -> datetime | None:
        oldest = NO_TIME
        for edge, upstream, slots in zip(self._edges, self._inputs, need.positions, strict=True):
            if edge.upstream == self.asset.key or edge.input.need == "optional":
                continue
            time = upstream.oldest_data_time(slots)
            if time != NO_TIME and (oldest == NO_TIME or time < oldest):
                oldest = time
        return time_of(oldest)


def _work_of(
    asset: AssetDef, plan: PlanData, edges: Sequence[Edge], environment: Environment
) -> AssetWork:
    manager = environment.io_manager_of(asset)
    return AssetWork(
        asset=asset,
        basis=plan.bases[asset.key],
        manager=manager,
        staged=is_staged(manager),
        waits_for_disk=is_staged(manager)
        and bool(getattr(manager, "waits_for_disk", False))
        # Slots that are held to the ones before must not overtake them.
        and asset.on_schema_change != "fail",
        inputs=tuple(
            _input_work(asset, edge, environment.io_manager_of(plan.graph.assets[edge.upstream]))
            for edge in edges
        ),
        place=environment.place,
        # Another process has a clock of its own; the run's may hang on all of its surroundings.
        clock=environment.clock if environment.executor.in_process else utc_now,
        dimensions=plan.universes[asset.key].dimensions,
        config=_config_of(asset, plan.config.get(asset.key)),
        resources=environment.kit.of(asset),
        inspections=inspections_of(asset, plan, environment),
    )


def _input_work(asset: AssetDef, edge: Edge, manager: Any) -> InputWork:
    return InputWork(
        parameter=edge.input.parameter,
        upstream=edge.upstream,
        manager=manager,
        load_as=edge.input.load_as,
        columns=edge.input.columns,
        may_be_none=_may_be_none(asset, edge.input.parameter),
        staged=is_staged(manager),
    )


def _config_of(asset: AssetDef, given: Any) -> Any:
    if asset.config is None:
        return given
    wanted = asset.config[1]
    return given if isinstance(given, wanted) else wanted(**(given or {}))


def _may_be_none(asset: AssetDef, parameter: str | None) -> bool:
    annotation = getattr(asset.function, "__annotations__", {}).get(parameter)
    if isinstance(annotation, str):
        return "None" in annotation or "Optional" in annotation
    return NoneType in get_args(annotation)


def _least(need: str | int, wanted: int) -> int:
    if need == "all":
        return wanted
    if need == "optional":
        return 0
    return min(wanted, 1 if need == "any" else int(need))


def _lack(edge: Edge, upstream: PublishedSlots, wanted: Ints, have: Ints) -> str:
    missing = np.setdiff1d(wanted, have)
    first = slot_name(edge.upstream, upstream.names.key(int(missing[0])))
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    if edge.input.need == "all":
        return f"{first}{more} is missing"
    return f"{len(have)} of {len(wanted)} of {edge.upstream} are there; {first}{more} is missing"
