"""What a worker runs: load the inputs, call the function, write and publish what it returns.

Rule 1: the same for all executors; a task comes in, a result goes out, and no
catalog is opened here.
Rule 2: whatever the user's code raises becomes part of the result; only the
user's own interrupt passes through.
Rule 3: a slot that fails leaves what was published before as it was, and the
other slots of its call are still stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias

import cloudpickle

from assetkit.definitions.universe import TimeWindow
from assetkit.errors import AssetkitError, StepError, StepTimeout
from assetkit.execution.calling import call
from assetkit.execution.context import AssetContext
from assetkit.execution.loading import LoadedInputs, load_inputs
from assetkit.execution.logs import StepLog, attempt_line, capturing, log_name, routed_to
from assetkit.execution.masking import learn_secrets, mask, mask_error
from assetkit.execution.resources import OpenedResources, opened
from assetkit.execution.returned import Returned, is_in_memory, take_apart
from assetkit.execution.several import lacking, wanted_outputs, with_outputs
from assetkit.execution.storing import Begun, Draft, Staged, begin, publish_all
from assetkit.execution.task import AssetWork, Failure, SlotResult, SlotWork, StepResult, StepTask
from assetkit.execution.tracebacks import traceback_text, trim
from assetkit.executors.base import Unfinished
from assetkit.io.threads import in_threads
from assetkit.records import Materialization

_STORING = 2
"""How many threads write the slots of one call, where no user's code takes part."""

_TOGETHER, _TOGETHER_BYTES = 256, 64 << 20
"""How many slots, and bytes, are written aside before they are published."""
_AT_FIRST = 32
"""How many slots, as long as nobody knows how large they are."""

_Begun: TypeAlias = Materialization | Begun | Failure
_Stored: TypeAlias = Materialization | Staged | Failure
_Done: TypeAlias = Materialization | Failure


def run_step(task: StepTask) -> StepResult | Unfinished:
    """Do one call's work, up to what only waits for a disk.

    Raises nothing but `KeyboardInterrupt`.
    """
    log = StepLog(log_path(task), remote=not task.local)
    if task.attempt > 1:
        log.write(f"{attempt_line(task.attempt)}\n")
    attempt = _Attempt(task, log, perf_counter())
    try:
        # The process of the run captures for all of its steps, and outlives them.
        alone = nullcontext() if task.local else capturing()
        with alone, routed_to(log):
            stored = attempt.store_all()
    except BaseException:
        log.close()
        raise
    if any(isinstance(one, Staged) for one in stored) and _waits_for_disk(task):
        return Unfinished(partial(attempt.publish_all, stored))
    return attempt.publish_all(stored)


def _waits_for_disk(task: StepTask) -> bool:
    return task.work.value.waits_for_disk or any(one.value.waits_for_disk for one in task.others)


def log_path(task: StepTask) -> str | None:
    """Return where a task's log goes."""
    if task.logs is None:
        return None
    first = task.slots[0]
    return f"{task.logs}/{log_name(first.step, task.work.value.asset.key, first.partition)}"


class _Attempt:
    """One attempt at one call."""

    def __init__(self, task: StepTask, log: StepLog, started: float) -> None:
        self._task, self._work = task, task.work.value
        self._log, self._started = log, started
        self._metadata: dict[str, Any] = {}

    def store_all(self) -> list[_Stored]:
        """Load, call, and write each slot's value aside; what fails is a failure in its place."""
        task, work = self._task, self._work
        try:
            loaded = load_inputs(task, work)
            arguments = _with_own(loaded.arguments, task, work, self._metadata)
            returned = call(work.asset.function, arguments)
            if work.asset.together is not None:
                return self._store_outputs(returned, loaded)
            parts = take_apart(returned, task.slots, work)
            self._check_time()
            # The inputs are not needed any more; what is written may need the memory.
            arguments.clear()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            failure = _failure(error, task, work, self._log)
            return [failure] * len(task.slots)
        if len(task.slots) > 1 and self._is_ours_alone(parts.values()):
            return self._store_together(parts, loaded)
        return [self._store(slot, parts.pop(slot.step), loaded) for slot in task.slots]

    def _store_outputs(self, returned: Any, loaded: LoadedInputs) -> list[_Stored]:
        """Store each output of a multi-asset as it comes; a function that raises leaves none."""
        stored: dict[int, _Stored] = {}
        later: list[tuple[SlotWork, Returned]] = []
        try:
            for work, slots, value in wanted_outputs(returned, self._task):
                for slot, part in self._parts(value, slots, work):
                    if isinstance(part, Failure):
                        stored[slot.step] = part
                    elif work.staged:
                        stored[slot.step] = self._store(slot, part, loaded)
                    else:  # what cannot be taken back waits for the end of the function
                        later.append((slot, part))
            self._check_time()
        except BaseException:
            for one in stored.values():
                if isinstance(one, Staged):
                    one.discard()
            raise
        stored.update({slot.step: self._store(slot, part, loaded) for slot, part in later})
        return [
            stored[slot.step] if slot.step in stored else self._lacking(slot)
            for slot in self._task.slots
        ]

    def _parts(
        self, value: Any, slots: Sequence[SlotWork], work: AssetWork
    ) -> list[tuple[SlotWork, Returned | Failure]]:
        """Return each slot's part of an output; where it has none, each slot's failure."""
        try:
            parts = take_apart(value, slots, work)
        except Exception as error:
            failure = _failure(error, self._task, work, self._log)
            return [(slot, failure) for slot in slots]
        return [(slot, parts[slot.step]) for slot in slots]

    def _lacking(self, slot: SlotWork) -> Failure:
        error = lacking(self._task, slot)
        return _failure(error, self._task, self._task.work_of(slot), self._log)

    def _is_ours_alone(self, parts: Iterable[Returned]) -> bool:
        """Return whether storing runs no code of the user, so that threads may share the work."""
        work = self._work
        return (
            work.waits_for_disk
            and not work.inspections
            and all(is_in_memory(part.value) for part in parts)
        )

    def _store_together(self, parts: dict[int, Returned], loaded: LoadedInputs) -> list[_Stored]:
        """Store slots in groups: taken in one by one, written in threads, published together."""
        done: list[_Stored] = []
        slots, size = self._task.slots, _AT_FIRST
        while len(done) < len(slots):
            group = slots[len(done) : len(done) + size]
            begun = [self._begun(slot, parts.pop(slot.step), loaded) for slot in group]
            stored = in_threads(_STORING, partial(map, self._stored), begun)
            written = sum(one.written.bytes or 0 for one in stored if isinstance(one, Staged))
            size = max(_STORING, min(_TOGETHER, _TOGETHER_BYTES * len(group) // (written or 1)))
            done += self._published(stored)
        return done

    def _store(self, slot: SlotWork, value: Returned, loaded: LoadedInputs) -> _Stored:
        return self._stored(self._begun(slot, value, loaded))

    def _begun(self, slot: SlotWork, value: Returned, loaded: LoadedInputs) -> _Begun:
        """Take a slot's value in."""
        work = self._task.work_of(slot)
        try:
            uses = loaded.uses_of(slot, self._task.inputs)
            draft = Draft(self._task, slot, work, uses, self._started, self._metadata)
            return begin(value, draft)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return _failure(error, self._task, self._work, self._log)

    def _stored(self, begun: _Begun) -> _Stored:
        """Write a slot's value, if that is yet to be done."""
        if not isinstance(begun, Begun):
            return begun
        try:
            return self._in_time(begun.stored())
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return _failure(error, self._task, self._work, self._log)

    def _in_time(self, stored: Materialization | Staged) -> Materialization | Staged:
        """Return what was stored; a stream may have taken its time while it was written."""
        if not isinstance(stored, Staged):
            return stored
        try:
            self._check_time()
        except StepTimeout:
            stored.discard()
            raise
        return stored

    def _check_time(self) -> None:
        """Refuse what took too long: in this process, nobody else can stop it."""
        limit = self._work.asset.timeout
        if limit is not None and (took := perf_counter() - self._started) > limit:
            raise StepTimeout(f"It took {took:.1f} s; its timeout is {limit:g} s.")

    def publish_all(self, stored: Sequence[_Stored]) -> StepResult:
        """Publish what is written aside, and say what came of each slot."""
        slots = zip(self._task.slots, self._published(stored), strict=True)
        results = tuple(_result_of(slot, done) for slot, done in slots)
        self._log.close()
        return StepResult(
            slots=results,
            duration=perf_counter() - self._started,
            logged=self._log.used,
            log=self._log.unsent,
        )

    def _published(self, stored: Sequence[_Stored]) -> list[_Done]:
        """Publish what is only written aside; what is done already stays as it is."""
        found = iter(publish_all([one for one in stored if isinstance(one, Staged)]))
        return [self._done(next(found)) if isinstance(one, Staged) else one for one in stored]

    def _done(self, found: Materialization | Exception) -> _Done:
        if isinstance(found, Materialization):
            return found
        return _failure(found, self._task, self._work, self._log)


def _result_of(slot: SlotWork, done: _Done) -> SlotResult:
    if isinstance(done, Failure):
        return SlotResult(slot.step, failure=done)
    return SlotResult(slot.step, made=done)


def _with_own(
    arguments: dict[str, Any], task: StepTask, work: AssetWork, metadata: dict[str, Any]
) -> dict[str, Any]:
    """Add to the loaded inputs what else the function takes: context, config, resources."""
    asset = work.asset
    if asset.wants_context is not None:
        arguments[asset.wants_context] = _context(task, work, metadata)
    if asset.config is not None:
        learn_secrets(work.config)
        arguments[asset.config[0]] = work.config
    for parameter in asset.resources:
        arguments[parameter] = opened(work.resources[parameter], task.run_id)
    return arguments


def _context(task: StepTask, work: AssetWork, metadata: dict[str, Any]) -> AssetContext:
    slots: Sequence[SlotWork] = task.slots
    if work.asset.together is not None:
        slots = sorted({slot.ordinal: slot for slot in slots}.values(), key=lambda one: one.ordinal)
    first, last = slots[0], slots[-1]
    keys = tuple(slot.partition_key for slot in slots if slot.partition_key is not None)
    window = first.window
    if window is not None and last.window is not None:
        window = TimeWindow(window.start, last.window.end)
    context = AssetContext(
        asset_name=work.asset.key,
        partition_keys=keys,
        partition_window=window,
        partition=dict(first.parts) if len(keys) == 1 else {},
        run_id=task.run_id,
        attempt=task.attempt,
        now=task.now,
        resources=OpenedResources(work.resources, task.run_id),
        config=work.config,
        metadata=metadata,
        load_previous=_Previous(first, work),
        changes=first.changes,
    )
    return context if work.asset.together is None else with_outputs(context, task, _Previous)


class _Previous:
    """Loads the asset's own last value of a slot."""

    def __init__(self, slot: SlotWork, work: AssetWork) -> None:
        self._slot, self._work = slot, work

    def __call__(self, as_type: Any) -> Any:
        if self._slot.previous is None:
            return None
        return self._work.manager.read((self._slot.previous,), as_type, None)


def _failure(error: BaseException, task: StepTask, work: AssetWork, log: StepLog) -> Failure:
    kind, policy = type(error).__name__, work.asset.retry
    again = policy is not None and policy.retries(error, task.attempt)
    error = mask_error(error)
    text = mask(traceback_text(trim(error)))
    log.write(text)
    return Failure(
        error=error if task.local else _portable(error),
        error_type=kind,
        message=mask(str(error)) or kind,
        traceback=text,
        again=again,
    )


def _portable(error: BaseException) -> BaseException:
    """Return *error* in a form that reaches another process; its traceback stays behind."""
    try:
        copy: BaseException = cloudpickle.loads(cloudpickle.dumps(error.with_traceback(None)))
    except Exception:
        kind = "" if isinstance(error, AssetkitError) else f"{type(error).__name__}: "
        copy = StepError(f"{kind}{error}")
    return copy
