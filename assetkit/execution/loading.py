"""Load what a step needs, and say which versions it got."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_origin

import numpy as np

from assetkit.columns import digest_of, split_version
from assetkit.errors import AssetkitError, InputError
from assetkit.execution.published import NAMED
from assetkit.execution.task import AssetWork, InputSlots, InputWork, SlotWork, StepTask
from assetkit.io.base import Source
from assetkit.records import InputUse, is_nothing, partition_text, slot_name


@dataclass(frozen=True, slots=True)
class LoadedInputs:
    """The arguments of a call, and per input what was actually read (None: as expected)."""

    arguments: dict[str, Any]
    versions: tuple[tuple[str | None, ...] | None, ...]

    def uses_of(self, slot: SlotWork, inputs: Sequence[InputSlots]) -> tuple[InputUse, ...]:
        """Return what a slot consumed: what was expected, or what was found instead."""
        if not any(self.versions):
            return slot.uses
        return tuple(
            use if read is None else _actual(use, members, found, read)
            for use, members, found, read in zip(
                slot.uses, slot.members, inputs, self.versions, strict=True
            )
        )


def load_inputs(task: StepTask, work: AssetWork) -> LoadedInputs:
    """Load the inputs of a call that its function takes as parameters."""
    arguments: dict[str, Any] = {}
    versions: list[tuple[str | None, ...] | None] = []
    for declared, found in zip(work.inputs, task.inputs, strict=True):
        if declared.parameter is None:
            versions.append(None)
            continue
        value, read = _load(declared, found.sources, work)
        arguments[declared.parameter] = value
        versions.append(read)
    return LoadedInputs(arguments, tuple(versions))


def _load(
    declared: InputWork, sources: Sequence[Source], work: AssetWork
) -> tuple[Any, tuple[str | None, ...] | None]:
    manager = declared.manager
    if sources and all(is_nothing(source.data_version) for source in sources):
        return None, None
    if any(is_nothing(source.data_version) for source in sources):
        return _load_stored(declared, sources, work)
    if not sources:
        return _nothing(declared), None
    try:
        if not declared.staged:
            return manager.read(sources, declared.load_as, declared.columns), None
        loaded = manager.read_with_versions(sources, declared.load_as, declared.columns)
    except AssetkitError:
        raise
    except Exception as error:
        where = slot_name(declared.upstream, sources[0].partition_key if sources else None)
        raise InputError(
            f"Asset {work.asset.key!r} ({work.asset.source}) takes {declared.parameter!r}, but "
            f"{where} could not be loaded as {_type_name(declared.load_as)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if all(
        version is None or version == source.data_version
        for version, source in zip(loaded.versions, sources, strict=True)
    ):
        return loaded.value, None
    return loaded.value, loaded.versions


def _load_stored(
    declared: InputWork, sources: Sequence[Source], work: AssetWork
) -> tuple[Any, tuple[str | None, ...] | None]:
    """Load those slots that have data; the others are results of None."""
    value, read = _load(
        declared, [source for source in sources if not is_nothing(source.data_version)], work
    )
    if read is None:
        return value, None
    found = iter(read)
    return value, tuple(
        source.data_version if is_nothing(source.data_version) else next(found)
        for source in sources
    )


def _nothing(declared: InputWork) -> Any:
    """Return what stands for no partitions: of the annotated type, or None where it may be."""
    wanted = declared.load_as
    origin = get_origin(wanted) or wanted
    if declared.may_be_none or not isinstance(origin, type):
        return None
    if issubclass(origin, Iterator):
        return iter(())
    if issubclass(origin, dict | list):
        return origin()
    if hasattr(origin, "from_pydict"):
        return origin.from_pydict({})
    if hasattr(origin, "columns"):
        return origin()
    return None


def _actual(
    use: InputUse,
    members: tuple[int, ...] | None,
    found: InputSlots,
    read: tuple[str | None, ...],
) -> InputUse:
    places = range(len(found.sources)) if members is None else members
    pairs = [
        (found.sources[place], read[place] or found.sources[place].data_version or "0", place)
        for place in places
    ]
    halves = np.array([split_version(version) for _, version, _ in pairs], dtype=np.uint64)
    ids = np.array([found.stable_ids[place] for _, _, place in pairs], dtype=np.uint64)
    return replace(
        use,
        digest=digest_of(ids, halves[:, 0], halves[:, 1]),
        versions=tuple((_text(source), version) for source, version, _ in pairs)
        if len(pairs) <= NAMED
        else (),
    )


def _text(source: Source) -> str | None:
    return partition_text(source.partition_key)


def _type_name(load_as: Any) -> str:
    return "its default type" if load_as is None else getattr(load_as, "__qualname__", str(load_as))
