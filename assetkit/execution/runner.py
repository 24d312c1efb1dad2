"""Runs a plan: opens the run, lets the loop work through it, and closes it however it ends."""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from time import perf_counter

from assetkit.catalog.base import Catalog, Grant
from assetkit.catalog.liveness import this_process
from assetkit.errors import CatalogError, StepError, StorageError
from assetkit.execution.environment import Environment, RunOptions
from assetkit.execution.events import RunEnded, RunStarted
from assetkit.execution.holding import Holdings, KnownSlots, known_slots
from assetkit.execution.logs import capturing, folder_of_logs
from assetkit.execution.loop import Loop, Workload
from assetkit.execution.machine import Machine
from assetkit.execution.noting import Notes
from assetkit.execution.pools import Pools
from assetkit.execution.preparing import AssetSteps
from assetkit.execution.published import PublishedSlots
from assetkit.execution.ranking import ranks_of
from assetkit.execution.ready import StepPools
from assetkit.execution.recorder import Pace, Recorder
from assetkit.execution.resources import close_resources
from assetkit.execution.result import RunResult, Tally
from assetkit.execution.waiting import StepTable, build_waiting, number_steps
from assetkit.executors.base import Executor
from assetkit.executors.batching import together
from assetkit.faultpoints import reach
from assetkit.io.sweep import staging
from assetkit.planning.data import PlanData
from assetkit.records import (
    AssetKey,
    FailedAttempt,
    Outcome,
    RunRecord,
    RunStatus,
    partition_text,
    slot_name,
)

DEFAULTS = RunOptions()


def run_plan(plan: PlanData, environment: Environment, options: RunOptions = DEFAULTS) -> RunResult:
    """Build what *plan* says, and return what came of it.

    With nothing to build, nothing is written.

    Raises:
        MaterializationError: steps failed, or the run was cancelled from elsewhere;
            not with ``raise_on_error=False``.
        StorageError: the catalog could not be written.
        KeyboardInterrupt: as it came; what was done is recorded.
    """
    steps = number_steps(plan)
    run_id = options.run_id or new_run_id(environment.clock())
    started = perf_counter()
    tally = Tally()
    if steps.count:
        try:
            with _present(run_id, environment):
                _run_steps(plan, steps, environment, options, run_id, tally)
        finally:
            close_resources(run_id)
            environment.progress.close()
    result = RunResult(run_id, perf_counter() - started, tally, plan, environment)
    if options.raise_on_error and result.went_wrong:
        raise result.error()
    return result


@contextmanager
def _present(run_id: str, environment: Environment) -> Iterator[None]:
    """Let others see, inside the block, that a run is under way: in the catalog and the files."""
    with ExitStack() as stack:
        try:
            stack.enter_context(staging(environment.place, run_id))
            stack.enter_context(environment.catalog.guard(run_id))
        except OSError as error:
            raise StorageError(
                f"The workspace's folder {environment.place.private} cannot be written: "
                f"{error.strerror or error}. Mend its rights, or free some space; nothing ran."
            ) from error
        yield


def new_run_id(now: datetime) -> str:
    """Return an id for a run; ids sort by time, to the second.

    >>> from datetime import UTC
    >>> new_run_id(datetime(2026, 1, 31, 6, 5, tzinfo=UTC))[:15]
    '20260131-060500'
    """
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A run that has begun: its id, what came of it so far, what it holds, and its writer."""

    run_id: str
    tally: Tally
    holdings: Holdings
    grant: Grant
    recorder: Recorder


def _run_steps(
    plan: PlanData,
    steps: StepTable,
    environment: Environment,
    options: RunOptions,
    run_id: str,
    tally: Tally,
) -> None:
    catalog, clock, progress = environment.catalog, environment.clock, environment.progress
    started_at, started = clock(), perf_counter()
    holdings = Holdings(catalog, environment.place, run_id, options.poll_every)
    record = _record(plan, steps, options, run_id, started_at)
    grant = holdings.begin(record, options.definitions, plan, steps)
    pace = Pace(
        heartbeat=options.heartbeat,
        commit_every=options.commit_every,
        commit_size=options.commit_size,
    )
    run = _Opened(run_id, tally, holdings, grant, Recorder(catalog, run_id, clock, pace))
    status, message = RunStatus.FAILED, ""
    reach("run.started")
    try:
        progress.notify(_opening(plan, steps, run_id, started_at))
        status = _work_through(plan, steps, environment, options, run)
    except KeyboardInterrupt:
        status, message = RunStatus.CANCELLED, "interrupted"
        raise
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"
        raise
    finally:
        reach("run.ending")
        status = _finish(catalog, run, status, clock(), message)
        progress.notify(
            RunEnded(
                run_id=run_id,
                at=clock(),
                status=status,
                counts={outcome: len(slots) for outcome, slots in tally.outcomes.items()},
                duration=perf_counter() - started,
            )
        )


def _finish(
    catalog: Catalog, run: _Opened, status: RunStatus, at: datetime, message: str
) -> RunStatus:
    """Write the end of a run down, with its last results; some of these may be refused."""
    last = run.recorder.rest()
    try:
        receipt = catalog.finish_run(run.run_id, status, at, message, last)
    except CatalogError as error:
        if last is not None:
            # Without them there is less to write; what is on disk is adopted by the next run.
            with suppress(CatalogError):
                catalog.finish_run(run.run_id, RunStatus.FAILED, at, str(error))
        raise
    if receipt is None or not receipt.refused:
        return status
    _note_refused(receipt.refused, run.tally)
    if status == RunStatus.SUCCESS:
        status = RunStatus.FAILED
        catalog.finish_run(run.run_id, status, at, message)
    return status


def _work_through(
    plan: PlanData,
    steps: StepTable,
    environment: Environment,
    options: RunOptions,
    run: _Opened,
) -> RunStatus:
    """Let the loop do all steps, with leases held and results written down on the way."""
    workers = environment.executor
    environment = replace(environment, executor=together(workers))
    catalog, executor = environment.catalog, environment.executor
    known = known_slots(plan, steps, catalog, run.grant)
    recorder = run.recorder
    recorder.seq, recorder.fence = known.seq, run.grant.fence
    notes = Notes(run.run_id, run.tally, recorder, environment.progress, environment.clock)
    work = Workload(
        run_id=run.run_id,
        machine=Machine(
            build_waiting(plan, steps),
            stop_on_failure=options.on_failure == "stop",
            pools=_step_pools(plan, steps, environment),
            ranks=ranks_of(plan, steps),
        ),
        assets=_asset_steps(plan, steps, known, environment),
        known=known,
    )
    executor.start()
    finished = False
    try:
        _check_departure(executor, work.assets)
        with capturing(), _logs_of(run.run_id, environment), recorder:
            surroundings = _bounded(environment, workers, options)
            loop = Loop(work, surroundings, recorder, notes, run.holdings)
            loop.reuse(plan)
            try:
                cancelled = loop.run()
            except KeyboardInterrupt:
                loop.give_up()
                raise
        finished = True
    finally:
        if finished and environment.kit.used and hasattr(workers, "everywhere"):
            workers.everywhere(partial(close_resources, run.run_id))
        executor.stop(kill=not finished)
    _note_refused(recorder.refused, run.tally)
    if cancelled:
        return RunStatus.CANCELLED
    failed = run.tally.outcomes[Outcome.FAILED] or run.tally.outcomes[Outcome.BLOCKED]
    return RunStatus.FAILED if failed else RunStatus.SUCCESS


def _bounded(environment: Environment, workers: Executor, options: RunOptions) -> Environment:
    """Where nothing is to start after a failure, let no more be under way than run at once."""
    if options.on_failure != "stop":
        return environment
    most = environment.max_concurrency
    at_once = workers.capacity  # nothing has run yet, so no task is held ready
    return replace(environment, max_concurrency=at_once if most is None else min(at_once, most))


def _logs_of(run_id: str, environment: Environment) -> AbstractContextManager[None]:
    """Show workers elsewhere which folder the run's logs go to."""
    if environment.executor.in_process:
        return nullcontext()
    return folder_of_logs(environment.place.private / "logs" / run_id)


def _check_departure(executor: Executor, assets: Sequence[AssetSteps]) -> None:
    """Refuse, before any step runs, what an executor cannot run."""
    for owner in assets:
        executor.check(owner.asset.executor_options)
        if not executor.in_process:
            owner.pack()


def _step_pools(plan: PlanData, steps: StepTable, environment: Environment) -> StepPools | None:
    """Return which pool each step is in; None where none is in any."""
    pool_of = {asset: plan.graph.assets[asset].pool for asset in steps.first}
    pools = Pools(environment.place.private, environment.pools)
    numbers = pools.numbered(pool_of.values())
    if not numbers:
        return None
    of_step = array("i", (-1,)) * steps.count
    for asset, pool in pool_of.items():
        if pool is not None:
            first, count = steps.first[asset], len(steps.positions[asset])
            of_step[first : first + count] = array("i", (numbers[pool],)) * count
    return StepPools(of_step, [pools.limit_of(pool) for pool in numbers])


def _asset_steps(
    plan: PlanData, steps: StepTable, known: KnownSlots, environment: Environment
) -> list[AssetSteps]:
    published: dict[AssetKey, PublishedSlots] = {}
    for asset in steps.first:
        for key in (asset, *(edge.upstream for edge in plan.graph.edges[asset])):
            if key not in published:
                published[key] = PublishedSlots(
                    key, plan.universes[key], known.columns(key), environment.places
                )
    return [
        AssetSteps(plan.graph.assets[asset], plan, steps, published, environment)
        for asset in steps.first
    ]


def _note_refused(refused: Iterable[tuple[AssetKey, int]], tally: Tally) -> None:
    """Count as failed what the catalog refused: the lease was lost, so another run has the slot."""
    for asset, ordinal in refused:
        for place, step in enumerate(tally.steps):
            if (step.asset, step.ordinal) == (asset, ordinal):
                _turn_to_failed(tally, place)


def _turn_to_failed(tally: Tally, place: int) -> None:
    step = tally.steps[place]
    reason = "its lease was lost: this process was silent for too long, and another run took over"
    slots = tally.outcomes[step.outcome]
    named = (step.asset, step.partition)
    slot = next(one for one in slots if (one[0], partition_text(one[1])) == named)
    slots.remove(slot)
    tally.outcomes[Outcome.FAILED].append(slot)
    tally.steps[place] = replace(step, outcome=Outcome.FAILED, reason=reason)
    error = StepError(f"{slot_name(*slot)} was not recorded: {reason}.")
    tally.errors.append(error)
    tally.failures.append(
        FailedAttempt(
            asset=step.asset,
            partition=step.partition,
            ordinal=step.ordinal,
            run_id=step.run_id,
            attempt=step.attempts,
            fingerprint="",
            error_type="StepError",
            message=reason,
            traceback="",
            failed_at=step.ended_at,
        )
    )


def _record(
    plan: PlanData, steps: StepTable, options: RunOptions, run_id: str, started_at: datetime
) -> RunRecord:
    return RunRecord(
        run_id=run_id,
        owner=options.owner or this_process(),
        started_at=started_at,
        targets=plan.targets,
        steps=steps.count,
        origin=options.origin,
        tags=options.tags,
    )


def _opening(plan: PlanData, steps: StepTable, run_id: str, started_at: datetime) -> RunStarted:
    counts = {asset: len(positions) for asset, positions in steps.positions.items()}
    estimates = plan.snapshot.estimates
    known = [estimates[asset].seconds * counts[asset] for asset in counts if asset in estimates]
    return RunStarted(
        run_id=run_id,
        at=started_at,
        steps=counts,
        seconds=sum(known) if len(known) == len(counts) else None,
    )
