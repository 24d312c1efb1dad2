"""Jobs, schedules and sensors of a project: collected, and their targets known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias, TypeVar

from assetkit.definitions.asset import AssetDef
from assetkit.definitions.handles import Asset
from assetkit.definitions.jobs import Job
from assetkit.definitions.names import invalid
from assetkit.definitions.schedules import Schedule
from assetkit.definitions.sensors import Sensor
from assetkit.definitions.timepartitions import TimePartitions
from assetkit.errors import (
    AssetkitError,
    DefinitionError,
    EmptySelection,
    InvalidSelection,
    UnknownAsset,
    did_you_mean,
)
from assetkit.graph.grammar import mentioned_names, parse_selection
from assetkit.graph.graph import AssetGraph
from assetkit.graph.selection import select
from assetkit.records import AssetKey

Trigger: TypeAlias = Job | Schedule | Sensor
T = TypeVar("T", Job, Schedule, Sensor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """What a project starts by name, time or sensor; names are unique in each."""

    jobs: tuple[Job, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    sensors: tuple[Sensor, ...] = ()

    @property
    def all(self) -> tuple[Trigger, ...]:
        """All of them: jobs, schedules, sensors."""
        return (*self.jobs, *self.schedules, *self.sensors)

    def check(self, assets: Iterable[AssetKey]) -> None:
        """Raise a `DefinitionError` where a target is neither one of *assets* nor a job."""
        known = set(assets)
        jobs = {job.name for job in self.jobs}
        for one in self.all:
            for part in parts_of(one):
                _check_part(one, part, known, frozenset() if isinstance(one, Job) else jobs)

    def problems(self, graph: AssetGraph) -> Iterator[DefinitionError]:
        """Yield what is wrong with the selections of targets in a graph."""
        jobs = {job.name for job in self.jobs}
        for one in self.all:
            for part in parts_of(one):
                if not isinstance(part, str) or part in jobs:
                    continue
                try:
                    select(part, graph, lambda _kind, _value: graph.assets)
                except (EmptySelection, InvalidSelection, UnknownAsset) as error:
                    yield DefinitionError(f"{said(one)}: {error}")


def find_triggers(
    given: Mapping[str, Iterable[Any]], modules: Iterable[ModuleType], owner: str
) -> Triggers:
    """Collect what is *given* by argument, and what *modules* know by name or in lists.

    Raises `DefinitionError` for what is of the wrong kind, and where two have one name.
    """
    kinds: dict[str, type[Any]] = {"jobs": Job, "schedules": Schedule, "sensors": Sensor}
    found: dict[str, dict[int, Any]] = {name: {} for name in kinds}
    for name, kind in kinds.items():
        for item in _flat(given[name]):
            if not isinstance(item, kind):
                raise invalid(owner, name, item, f"what {name.rstrip('s')}() makes, in a list")
            found[name][id(item)] = item
    for module in modules:
        for item in _flat(vars(module).values(), all_kinds=True):
            for name, kind in kinds.items():
                if isinstance(item, kind):
                    found[name][id(item)] = item
    for one in (*found["schedules"].values(), *found["sensors"].values()):
        found["jobs"] |= {id(part): part for part in parts_of(one) if isinstance(part, Job)}
    return Triggers(
        jobs=_distinct(found["jobs"].values()),
        schedules=_distinct(found["schedules"].values()),
        sensors=_distinct(found["sensors"].values()),
    )


def parts_of(trigger: Trigger) -> tuple[Any, ...]:
    """Return what a trigger's target consists of: jobs, assets, texts."""
    target = trigger.select if isinstance(trigger, Job) else trigger.target
    if target is None:
        return ()
    return target if isinstance(target, tuple) else (target,)


def said(trigger: Trigger) -> str:
    """Return how errors call a job, schedule or sensor, and where it is defined."""
    return f"{type(trigger).__name__} {trigger.name!r} ({trigger.source})"


def expression_of(trigger: Trigger, jobs: Mapping[str, Job]) -> str:
    """Return the selection that a target means, jobs resolved.

    >>> from assetkit.definitions.jobs import job
    >>> expression_of(job("nightly", ["+report", "group:raw"]), {})
    '(+report) or (group:raw)'
    """
    texts = list(_expressions(trigger, jobs))
    return texts[0] if len(texts) == 1 else " or ".join(f"({text})" for text in texts)


def jobs_of(trigger: Trigger, jobs: Mapping[str, Job]) -> tuple[Job, ...]:
    """Return the jobs that a target names: their partitions, config and hooks count."""
    if isinstance(trigger, Job):
        return (trigger,)
    parts = (jobs.get(part) if isinstance(part, str) else part for part in parts_of(trigger))
    return tuple(part for part in parts if isinstance(part, Job))


def whole_targets(
    assets: Mapping[AssetKey, AssetDef], keys: Iterable[AssetKey], partitions: Any
) -> frozenset[AssetKey]:
    """Return the targets that a selection of partitions is not about, so that all of theirs count.

    These are those without partitions, and for ``"latest"`` those without windows of time.
    """
    newest = isinstance(partitions, str) and partitions.startswith("latest")
    return frozenset(
        key
        for key in keys
        if assets[key].partitions is None or (newest and not has_windows(assets[key].partitions))
    )


def has_windows(partitions: Any) -> bool:
    """Return whether partitions are windows of time, in one dimension at least."""
    parts = getattr(partitions, "by_dimension", None)
    if isinstance(parts, Mapping):
        return any(map(has_windows, parts.values()))
    return isinstance(partitions, TimePartitions)


def _expressions(trigger: Trigger, jobs: Mapping[str, Job]) -> Iterator[str]:
    for part in parts_of(trigger):
        if isinstance(part, Job):
            yield from _expressions(part, {})
        elif isinstance(part, str) and part in jobs:
            yield from _expressions(jobs[part], {})
        elif isinstance(part, str):
            yield part
        else:
            yield from keys_of(part)


def keys_of(part: Any) -> list[AssetKey]:
    """Return the keys of an asset, or of the assets that one function makes."""
    return [part.key] if isinstance(part, Asset) else [one.key for one in part.assets]


def _check_part(one: Trigger, part: Any, assets: set[AssetKey], jobs: Iterable[str]) -> None:
    if isinstance(part, Job):
        return
    if not isinstance(part, str):
        gone = [key for key in keys_of(part) if key not in assets]
        if gone:
            raise DefinitionError(
                f"{said(one)}: its target {gone[0]!r} is not among the assets of these "
                f"definitions. Add it: Definitions(assets=[...])."
            )
        return
    if part in jobs:
        return
    short = {key.rpartition("/")[2] for key in assets}
    try:
        names = mentioned_names(parse_selection(part))
    except AssetkitError as error:
        raise DefinitionError(f"{said(one)}: {error}") from None
    for name in names:
        if "*" not in name and name not in assets and name not in short:
            hint = did_you_mean(name, {*assets, *short, *jobs}, what="assets and jobs")
            raise DefinitionError(f"{said(one)}: {name!r} is neither an asset nor a job. {hint}")


def _flat(items: Iterable[Any], *, all_kinds: bool = False) -> Iterator[Any]:
    for item in list(items):
        if isinstance(item, list | tuple | set):
            yield from _flat(item) if not all_kinds else item
        elif isinstance(item, dict) and all_kinds:
            yield from item.values()
        else:
            yield item


def _distinct(found: Iterable[T]) -> tuple[T, ...]:
    first: dict[str, T] = {}
    for one in found:
        other = first.setdefault(one.name, one)
        if other is not one:
            raise DefinitionError(
                f"{said(one)} has the name of another one, at {other.source}. Give it another: "
                f"name=..."
            )
    return tuple(first.values())
