"""What the function of a multi-asset returns, told apart: which output each value is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from assetkit.definitions.asset import AssetDef, Together
from assetkit.definitions.names import shown
from assetkit.definitions.outputs import Output
from assetkit.errors import OutputError, did_you_mean
from assetkit.execution.context import AssetContext
from assetkit.execution.task import AssetWork, SlotWork, StepTask
from assetkit.records import AssetKey, PartitionKey


def wanted_outputs(
    returned: Any, task: StepTask
) -> Iterator[tuple[AssetWork, Sequence[SlotWork], Any]]:
    """Yield each output that a call is for, as it comes: whose it is, its slots, and its value.

    An output that nobody asked for is passed over.

    Raises:
        OutputError: a value names no output, or one that was there already.
    """
    slots: dict[AssetKey, list[SlotWork]] = {}
    for slot in task.slots:
        slots.setdefault(task.work_of(slot).asset.key, []).append(slot)
    asset = task.work.value.asset
    seen: set[AssetKey] = set()
    for key, value in _named(returned, asset):
        if key in seen:
            raise OutputError(
                f"{_maker(asset)} gave the output {key!r} twice. One of several parts is "
                "an Output of a generator of them, or a dict by partition key."
            )
        seen.add(key)
        if key in slots:
            yield task.work_of(slots[key][0]), slots[key], value


def lacking(task: StepTask, slot: SlotWork) -> OutputError:
    """Return the error for an output that the function did not give."""
    asset = task.work_of(slot).asset
    name = output_name(asset)
    return OutputError(
        f"{_maker(asset)} gave no output {name!r}. Yield Output(value, name={name!r}); "
        f"Output(None, name={name!r}) where there is nothing to store, and an empty table where "
        "there are no rows."
    )


def output_name(asset: AssetDef) -> str:
    """Return what an asset is called among the outputs of its function."""
    outputs = {} if asset.together is None else asset.together.outputs
    return next((name for name, key in outputs.items() if key == asset.key), asset.key)


def with_outputs(
    context: AssetContext,
    task: StepTask,
    loader: Callable[[SlotWork, AssetWork], Callable[[Any], Any]],
) -> AssetContext:
    """Return the context of a call for several outputs: which they are, and their last values."""
    asset = task.work.value.asset
    wanted = {task.work_of(slot).asset.key: slot for slot in reversed(task.slots)}
    outputs = {} if asset.together is None else asset.together.outputs
    changes: dict[AssetKey, tuple[PartitionKey | None, ...]] = {}
    for slot in task.slots:
        for upstream, keys in slot.changes.items():
            changes[upstream] = tuple(dict.fromkeys((*changes.get(upstream, ()), *keys)))
    return replace(
        context,
        asset_name=asset.key if asset.together is None else asset.together.name,
        selected_outputs=tuple(name for name, key in outputs.items() if key in wanted),
        load_previous_of={
            name: loader(wanted[key], task.work_of(wanted[key]))
            for name, key in outputs.items()
            if key in wanted
        },
        changes=changes,
    )


def _named(returned: Any, asset: AssetDef) -> Iterator[tuple[AssetKey, Any]]:
    together = asset.together
    if together is None:
        return
    if isinstance(returned, Mapping):
        for name, value in returned.items():
            yield _key(name, together, asset), value
        return
    if isinstance(returned, tuple) and not any(isinstance(one, Output) for one in returned):
        yield from _in_order(returned, together, asset)
        return
    if returned is None or isinstance(returned, Output):
        returned = [] if returned is None else [returned]
    if not isinstance(returned, Iterator | list | tuple):
        raise OutputError(f"{_maker(asset)} returned {_kind(returned)}. {_wanted(together)}")
    for value in returned:
        if not isinstance(value, Output) or value.name is None:
            what = "an Output without a name" if isinstance(value, Output) else _kind(value)
            raise OutputError(f"{_maker(asset)} gave {what}. {_wanted(together)}")
        yield _key(value.name, together, asset), value


def _in_order(
    values: tuple[Any, ...], together: Together, asset: AssetDef
) -> Iterator[tuple[AssetKey, Any]]:
    if len(values) != len(together.outputs):
        raise OutputError(
            f"{_maker(asset)} returned a tuple of {len(values)}, but has "
            f"{len(together.outputs)} outputs. {_wanted(together)}"
        )
    yield from zip(together.outputs.values(), values, strict=True)


def _key(name: Any, together: Together, asset: AssetDef) -> AssetKey:
    if name in together.outputs:
        return together.outputs[name]
    if name in together.outputs.values():
        return str(name)
    hint = did_you_mean(str(name), together.outputs, what="outputs")
    raise OutputError(f"{_maker(asset)} gave an output {shown(name)}, which it has not. {hint}")


def _maker(asset: AssetDef) -> str:
    name = asset.key if asset.together is None else asset.together.name
    return f"Multi-asset {name!r} ({asset.source})"


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"


def _wanted(together: Together) -> str:
    first = next(iter(together.outputs))
    return f"Yield Output(value, name={first!r}) for each output, or return a dict by name."
