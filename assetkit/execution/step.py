"""What a worker runs: load the inputs, call the function, write and publish what it returns.

Rule 1: the same for all executors; a task comes in, a result goes out, and no
catalog is opened here.
Rule 2: whatever the user's code raises becomes part of the result; only the
user's own interrupt passes through.
Rule 3: a slot that fails leaves what was published before as it was, and the
other slots of its call are still stored.
"""

from __future__ import annotations

from contextlib import nullcontext
from time import perf_counter
from typing import Any

import cloudpickle

from assetkit.definitions.universe import TimeWindow
from assetkit.errors import AssetkitError, StepError
from assetkit.execution.calling import call
from assetkit.execution.context import AssetContext
from assetkit.execution.loading import load_inputs
from assetkit.execution.logs import StepLog, capturing, log_name, routed_to
from assetkit.execution.resources import OpenedResources, opened
from assetkit.execution.returned import take_apart
from assetkit.execution.storing import Draft, store
from assetkit.execution.task import AssetWork, Failure, SlotResult, SlotWork, StepResult, StepTask
from assetkit.execution.tracebacks import traceback_text, trim


def run_step(task: StepTask) -> StepResult:
    """Do one call's work. Raises nothing but `KeyboardInterrupt`."""
    started = perf_counter()
    log = StepLog(log_path(task))
    try:
        # The process of the run captures for all of its steps.
        with nullcontext() if task.local else capturing(), routed_to(log):
            slots = _run(task, log, started)
    finally:
        log.close()
    return StepResult(slots=slots, duration=perf_counter() - started, logged=log.used)


def log_path(task: StepTask) -> str | None:
    """Return where a task's log goes."""
    if task.logs is None:
        return None
    first = task.slots[0]
    return f"{task.logs}/{log_name(first.step, task.work.value.asset.key, first.partition)}"


def _run(task: StepTask, log: StepLog, started: float) -> tuple[SlotResult, ...]:
    work = task.work.value
    metadata: dict[str, Any] = {}
    try:
        loaded = load_inputs(task, work)
        arguments = _with_own(loaded.arguments, task, work, metadata)
        parts = take_apart(call(work.asset.function, arguments), task.slots, work)
        del arguments
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        failure = _failure(error, task, work, log)
        return tuple(SlotResult(slot.step, failure=failure) for slot in task.slots)
    results = []
    for slot in task.slots:
        try:
            draft = Draft(task, slot, work, loaded.uses_of(slot, task.inputs), started, metadata)
            results.append(SlotResult(slot.step, made=store(parts.pop(slot.step), draft)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            results.append(SlotResult(slot.step, failure=_failure(error, task, work, log)))
    return tuple(results)


def _with_own(
    arguments: dict[str, Any], task: StepTask, work: AssetWork, metadata: dict[str, Any]
) -> dict[str, Any]:
    """Add to the loaded inputs what else the function takes: context, config, resources."""
    asset = work.asset
    if asset.wants_context is not None:
        arguments[asset.wants_context] = _context(task, work, metadata)
    if asset.config is not None:
        arguments[asset.config[0]] = work.config
    for parameter in asset.resources:
        arguments[parameter] = opened(work.resources[parameter])
    return arguments


def _context(task: StepTask, work: AssetWork, metadata: dict[str, Any]) -> AssetContext:
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
        resources=OpenedResources(work.resources),
        config=work.config,
        metadata=metadata,
        load_previous=_Previous(first, work),
        changes=first.changes,
    )


class _Previous:
    """Loads the asset's own last value of a slot."""

    def __init__(self, slot: SlotWork, work: AssetWork) -> None:
        self._slot, self._work = slot, work

    def __call__(self, as_type: Any) -> Any:
        if self._slot.previous is None:
            return None
        return self._work.manager.read((self._slot.previous,), as_type, None)


def _failure(error: BaseException, task: StepTask, work: AssetWork, log: StepLog) -> Failure:
    log.write(traceback_text(error))
    trim(error)
    policy = work.asset.retry
    return Failure(
        error=error if task.local else _portable(error),
        error_type=type(error).__name__,
        message=str(error) or type(error).__name__,
        traceback=traceback_text(error),
        again=policy is not None and policy.retries(error, task.attempt),
    )


def _portable(error: BaseException) -> BaseException:
    """Return *error* in a form that reaches another process, with its traceback as its cause."""
    told = StepError(f"\n\n{traceback_text(error)}")
    try:
        copy: BaseException = cloudpickle.loads(cloudpickle.dumps(error.with_traceback(None)))
    except Exception:
        kind = "" if isinstance(error, AssetkitError) else f"{type(error).__name__}: "
        copy = StepError(f"{kind}{error}")
    copy.__cause__ = told
    return copy
