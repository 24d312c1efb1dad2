"""What a worker runs: load the inputs, call the function, write and publish what it returns.

Rule 1: the same for all executors; a task comes in, a result goes out, and no
catalog is opened here.
Rule 2: whatever the user's code raises becomes part of the result; only the
user's own interrupt passes through.
Rule 3: a slot that fails leaves what was published before as it was, and the
other slots of its call are still stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import cloudpickle

from assetkit.columns import fingerprint
from assetkit.definitions.outputs import Output
from assetkit.definitions.universe import TimeWindow
from assetkit.errors import AssetkitError, OutputError, StepError
from assetkit.execution.calling import call
from assetkit.execution.context import AssetContext
from assetkit.execution.loading import LoadedInputs, load_inputs, uses_of
from assetkit.execution.logs import StepLog, capturing, routed_to
from assetkit.execution.provenance import json_value, provenance_of
from assetkit.execution.resources import opened
from assetkit.execution.splitting import split
from assetkit.execution.task import (
    AssetWork,
    Failure,
    SlotResult,
    SlotWork,
    StepResult,
    StepTask,
)
from assetkit.execution.tracebacks import traceback_text, trim
from assetkit.io.base import StagedIOManager, Target, Written
from assetkit.records import Materialization, Outcome, slot_name


def run_step(task: StepTask) -> StepResult:
    """Do one call's work. Raises nothing but `KeyboardInterrupt`."""
    started = perf_counter()
    log = StepLog(None if task.log is None else Path(task.log))
    try:
        with capturing(), routed_to(log):
            slots = _run(task, log, started)
    finally:
        log.close()
    return StepResult(slots=slots, duration=perf_counter() - started, logged=log.used)


def _run(task: StepTask, log: StepLog, started: float) -> tuple[SlotResult, ...]:
    work = task.work.value
    try:
        loaded = load_inputs(task, work)
        context = _context(task, work)
        returned = call(work.asset.function, _arguments(work, loaded, context))
        outputs = _outputs(returned, task, work)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        failure = _failure(error, task, work, log)
        return tuple(SlotResult(slot.step, failure=failure) for slot in task.slots)
    del returned
    results = []
    for slot in task.slots:
        draft = _draft(task, slot, work, uses_of(task, slot, loaded))
        try:
            made = _store(outputs.pop(slot.step), slot, draft, context, work)
            elapsed = (perf_counter() - started) / len(task.slots)
            results.append(SlotResult(slot.step, made=replace(made, duration=elapsed)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            failure = _failure(error, task, work, log)
            results.append(SlotResult(slot.step, failure=failure))
    return tuple(results)


def _context(task: StepTask, work: AssetWork) -> AssetContext:
    first, last = task.slots[0], task.slots[-1]
    keys = tuple(slot.partition_key for slot in task.slots if slot.partition_key is not None)
    window = first.window
    if window is not None and last.window is not None:
        window = TimeWindow(window.start, last.window.end)
    return AssetContext(
        asset_name=work.asset.key,
        partition_keys=keys,
        partition_window=window,
        partition=dict(first.parts) if len(keys) == 1 else {},
        run_id=task.run_id,
        attempt=task.attempt,
        now=task.now,
        resources=_Named(work.resources),
        config=work.config,
        load_previous=_Previous(first, work),
        changes=first.changes,
    )


class _Named:
    """Resources as attributes; each is set up when it is first asked for."""

    def __init__(self, resources: Mapping[str, Any]) -> None:
        self._resources = resources

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._resources:
            known = ", ".join(sorted(self._resources)) or "none"
            raise AttributeError(f"there is no resource {name!r} here; known: {known}")
        return opened(self._resources[name])

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


class _Previous:
    """Loads the asset's own last value of a slot."""

    def __init__(self, slot: SlotWork, work: AssetWork) -> None:
        self._slot, self._work = slot, work

    def __call__(self, as_type: Any) -> Any:
        if self._slot.previous is None:
            return None
        return self._work.manager.read((self._slot.previous,), as_type, None)


def _arguments(work: AssetWork, loaded: LoadedInputs, context: AssetContext) -> dict[str, Any]:
    asset, arguments = work.asset, loaded.arguments
    if asset.wants_context is not None:
        arguments[asset.wants_context] = context
    if asset.config is not None:
        arguments[asset.config[0]] = work.config
    for parameter in asset.resources:
        arguments[parameter] = opened(work.resources[parameter])
    return arguments


def _outputs(returned: Any, task: StepTask, work: AssetWork) -> dict[int, Output]:
    """Return what each slot of the call gets, by step."""
    output = returned if isinstance(returned, Output) else Output(returned)
    if len(task.slots) == 1 and not _is_named(output.value, task.slots[0]):
        return {task.slots[0].step: output}
    if output.value is None:
        return {slot.step: output for slot in task.slots}
    parts = split(output.value, task.slots, asset=work.asset.key, dimensions=work.dimensions)
    return {
        step: part if isinstance(part, Output) else replace(output, value=part)
        for step, part in parts.items()
    }


def _is_named(value: Any, slot: SlotWork) -> bool:
    """Tell ``{partition_key: value}`` from a dict that is itself the value."""
    return (
        isinstance(value, dict)
        and slot.partition_key is not None
        and len(value) == 1
        and next(iter(value)) == slot.partition_key
    )


def _draft(task: StepTask, slot: SlotWork, work: AssetWork, uses: Sequence[Any]) -> Materialization:
    return Materialization(
        asset=work.asset.key,
        partition=slot.partition,
        ordinal=slot.ordinal,
        run_id=task.run_id,
        data_version="",
        basis=work.basis,
        inputs=tuple(uses),
        materialized_at=work.clock(),
        partial=slot.partial,
        attempt=task.attempt,
    )


def _store(
    output: Output, slot: SlotWork, draft: Materialization, context: AssetContext, work: AssetWork
) -> Materialization:
    """Write and publish one slot's value; return what is to be recorded."""
    context.add_metadata(output.metadata)
    draft = replace(
        draft, data_time=_data_time(output, slot, draft), metadata=dict(context.metadata)
    )
    version = _given_version(output, draft)
    if output.value is None:
        return _recorded(draft, slot, version or _side_effect_version(draft))
    provenance = provenance_of(replace(draft, data_version=version or ""))
    # What a generator adds while it is written still finds its way into the file.
    provenance["metadata"] = context.metadata
    target = Target(
        asset=work.asset.key,
        partition_key=slot.partition_key,
        dimensions=slot.parts,
        place=work.place,
        folder=slot.folder,
        run_id=draft.run_id,
        attempt=draft.attempt,
        provenance=provenance,
        published=slot.published,
        schema=_arrow_schema(work.asset.schema),
    )
    written = _write(output.value, target, work)
    draft = replace(draft, metadata={**context.metadata, **json_value(written.metadata)})
    version = version or written.data_version or _digest("run", draft.run_id, str(draft.attempt))
    made = _recorded(draft, slot, version, unchanged=written.unchanged)
    return replace(
        made,
        rows=written.rows,
        bytes=written.bytes,
        schema=written.schema,
        location=written.location,
        signature=written.signature,
    )


def _write(value: Any, target: Target, work: AssetWork) -> Written:
    manager, asset = work.manager, work.asset
    try:
        if not isinstance(manager, StagedIOManager):
            for inspect in work.inspections:
                inspect(asset, target, value, None)
            plain: Any = manager.write(value, target)
            return plain if isinstance(plain, Written) else Written()
        written = manager.write(value, target)
        try:
            for inspect in work.inspections:
                inspect(asset, target, value, written)
            return manager.publish(written, target)
        except BaseException:
            manager.discard(written)
            raise
    except OutputError as error:
        if repr(asset.key) in str(error) or asset.key in str(error):
            raise
        where = slot_name(asset.key, target.partition_key)
        raise OutputError(f"{where} ({asset.source}): {error}") from error.__cause__


def _recorded(
    draft: Materialization, slot: SlotWork, version: str, *, unchanged: bool = False
) -> Materialization:
    same = unchanged or version == slot.published
    outcome = Outcome.UNCHANGED if same else Outcome.MATERIALIZED
    return replace(draft, data_version=version, outcome=outcome)


def _data_time(output: Output, slot: SlotWork, draft: Materialization) -> Any:
    """Return up to when the data reflects the world: a closed window's is at least its end."""
    time = output.data_time or slot.data_time or draft.materialized_at
    if output.data_time is None and slot.window is not None:
        end = slot.window.end
        if time < end <= draft.materialized_at:
            return end
    return time


def _given_version(output: Output, draft: Materialization) -> str | None:
    """Return the data version that the author gave, in the form that the catalog keeps."""
    if output.data_version is None:
        return None
    return _digest("given", draft.asset, output.data_version)


def _side_effect_version(draft: Materialization) -> str:
    """Return what stands for the content of nothing: what it was made from."""
    made_from = fingerprint(draft.basis, [use.digest for use in draft.inputs])
    return _digest("none", draft.asset, draft.partition or "", made_from)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _arrow_schema(schema: Any) -> Any:
    """Return *schema* where it is pyarrow's: what the IO manager itself can hold data to."""
    return schema if type(schema).__module__.partition(".")[0] == "pyarrow" else None


def _failure(error: BaseException, task: StepTask, work: AssetWork, log: StepLog) -> Failure:
    log.write(traceback_text(error))
    trim(error)
    policy = work.asset.retry
    text = str(error) or type(error).__name__
    return Failure(
        error=error if task.local else _portable(error),
        error_type=type(error).__name__,
        message=text,
        traceback=traceback_text(error),
        again=policy is not None and policy.retries(error, task.attempt),
    )


def _portable(error: BaseException) -> BaseException:
    """Return *error* in a form that reaches another process, with its traceback as its cause."""
    told = StepError(f"\n\n{traceback_text(error)}")
    try:
        copy: BaseException = cloudpickle.loads(cloudpickle.dumps(error.with_traceback(None)))
    except Exception:
        copy = StepError(f"{type(error).__name__}: {error}")
    if isinstance(error, AssetkitError) and type(copy) is not type(error):
        copy = StepError(str(error))
    copy.__cause__ = told
    return copy
