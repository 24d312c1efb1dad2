"""What is noted of each step: for the catalog, for the result, and for those who watch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from assetkit.errors import CheckFailed, StepError
from assetkit.execution.events import ProgressSink, Silent, StepEnded, StepStarted
from assetkit.execution.inspecting import take_outcomes
from assetkit.execution.recorder import Recorder
from assetkit.execution.report import unmet_text
from assetkit.execution.result import Tally
from assetkit.execution.task import Failure
from assetkit.records import (
    AssetKey,
    CheckOutcome,
    FailedAttempt,
    Materialization,
    Outcome,
    PartitionKey,
    StepRecord,
)


@dataclass(frozen=True, slots=True)
class SlotName:
    """A slot, in all forms in which it is written down."""

    asset: AssetKey
    partition: str | None
    ordinal: int
    key: PartitionKey | None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a step ended, beside its outcome."""

    attempt: int = 0
    duration: float = 0.0
    log: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """What a step made, if anything, and what checks found in it."""

    result: Materialization | None = None
    checks: tuple[CheckOutcome, ...] = ()


NOTHING = Made()


class Notes:
    """Takes note of how steps of one run go. ``watched``: somebody wants to be told at once."""

    def __init__(
        self,
        run_id: str,
        tally: Tally,
        recorder: Recorder,
        progress: ProgressSink,
        clock: Callable[[], datetime],
    ) -> None:
        self.tally = tally
        self._run_id, self._recorder = run_id, recorder
        self._progress, self._clock = progress, clock
        self.watched = not isinstance(progress, Silent)

    def started(self, slot: SlotName, attempt: int) -> None:
        """Tell that an attempt begins."""
        self._progress.notify(
            StepStarted(
                asset=slot.asset, partition=slot.partition, attempt=attempt, at=self._clock()
            )
        )

    def made(self, slot: SlotName, made: Materialization, ending: Ending) -> None:
        """Note what was materialized, changed or not."""
        made, checks = take_outcomes(made)
        tally = self.tally
        tally.seconds[slot.asset] = tally.seconds.get(slot.asset, 0.0) + made.duration
        if made.rows is not None:
            tally.rows[slot.asset] = tally.rows.get(slot.asset, 0) + made.rows
        if made.bytes is not None:
            tally.bytes[slot.asset] = tally.bytes.get(slot.asset, 0) + made.bytes
        self._ended(slot, made.outcome, ending, made.materialized_at, Made(made, checks))

    def failed(
        self, slot: SlotName, failure: Failure, ending: Ending, *, fingerprint: str, final: bool
    ) -> None:
        """Note a failed attempt; with *final*, the step is not tried again."""
        now = self._clock()
        attempt = FailedAttempt(
            asset=slot.asset,
            partition=slot.partition,
            ordinal=slot.ordinal,
            run_id=self._run_id,
            attempt=ending.attempt,
            fingerprint=fingerprint,
            error_type=failure.error_type,
            message=failure.message,
            traceback=failure.traceback,
            failed_at=now,
            duration=ending.duration,
        )
        checks = self._checks_of(failure, slot)
        self.tally.checks += checks
        self._recorder.add(None, failed=attempt, checks=checks)
        if final:
            self.tally.failures.append(attempt)
            self.tally.errors.append(_with_traceback(failure))
            self._ended(slot, Outcome.FAILED, ending, now)
        elif self.watched:
            self._tell(slot, None, ending, now)

    def ended(self, slot: SlotName, outcome: Outcome, ending: Ending) -> None:
        """Note a step that ended without running to its end, and why."""
        self._ended(slot, outcome, ending, self._clock())

    def _ended(
        self,
        slot: SlotName,
        outcome: Outcome,
        ending: Ending,
        at: datetime,
        made: Made = NOTHING,
    ) -> None:
        record = StepRecord(
            run_id=self._run_id,
            asset=slot.asset,
            partition=slot.partition,
            ordinal=slot.ordinal,
            outcome=outcome,
            ended_at=at,
            duration=ending.duration,
            attempts=ending.attempt,
            reason=ending.reason or unmet_text(made.checks),
            log=ending.log,
        )
        self._recorder.add(record, made.result, checks=made.checks)
        self.tally.checks += made.checks
        self.tally.outcomes[outcome].append((slot.asset, slot.key))
        self.tally.steps.append(record)
        if self.watched:
            self._tell(slot, outcome, ending, at, made)

    def _tell(
        self,
        slot: SlotName,
        outcome: Outcome | None,
        ending: Ending,
        at: datetime,
        made: Made = NOTHING,
    ) -> None:
        result = made.result
        self._progress.notify(
            StepEnded(
                asset=slot.asset,
                partition=slot.partition,
                outcome=outcome,
                at=at,
                duration=ending.duration,
                rows=None if result is None else result.rows,
                bytes=None if result is None else result.bytes,
                attempt=ending.attempt,
                reason=ending.reason,
                log=ending.log,
                checks=made.checks,
            )
        )

    def _checks_of(self, failure: Failure, slot: SlotName) -> tuple[CheckOutcome, ...]:
        """Return what checks found that held data back."""
        if not isinstance(failure.error, CheckFailed):
            return ()
        found = (one for one in failure.error.outcomes if isinstance(one, CheckOutcome))
        return tuple(replace(one, run_id=self._run_id, ordinal=slot.ordinal) for one in found)


def _with_traceback(failure: Failure) -> BaseException:
    """Return the error; one that came from another process shows where it happened there."""
    error = failure.error
    if error.__traceback__ is None and error.__cause__ is None:
        error.__cause__ = StepError(f"\n\n{failure.traceback}")
    return error
