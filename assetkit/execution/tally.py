"""Where a run stands, folded from its events: what every view of progress shows."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from assetkit.display.quantities import (
    count_text,
    duration_text,
    rate_text,
    rough_duration_text,
)
from assetkit.execution.events import (
    ApprovalAsked,
    RunEnded,
    RunEvent,
    RunStarted,
    StepEnded,
    StepStarted,
)
from assetkit.records import AssetKey, Outcome, slot_name

_BAD = (Outcome.FAILED, Outcome.BLOCKED, Outcome.CANCELLED)


class RunTally:
    """Counts of a run so far. Tell it of each event; then ask."""

    def __init__(self) -> None:
        self.run_id = ""
        self.total = 0
        self.per_asset: dict[AssetKey, int] = {}
        self.ended: Counter[AssetKey] = Counter()
        self.bad: Counter[AssetKey] = Counter()
        self.outcomes: Counter[Outcome] = Counter()
        self.running: dict[str, datetime] = {}
        self.awaiting: set[str] = set()
        self.over: RunEnded | None = None
        self._started_at: datetime | None = None
        self._expected: float | None = None

    def notify(self, event: RunEvent) -> None:
        """Take note of *event*."""
        if isinstance(event, StepStarted):
            name = slot_name(event.asset, event.partition)
            self.running[name] = event.at
            self.awaiting.discard(name)
        elif isinstance(event, ApprovalAsked):
            self.awaiting.add(slot_name(event.asset, event.partition))
        elif isinstance(event, StepEnded):
            self._step_ended(event)
        elif isinstance(event, RunStarted):
            self.run_id, self.per_asset = event.run_id, dict(event.steps)
            self.total = sum(event.steps.values())
            self._started_at, self._expected = event.at, event.seconds
        elif isinstance(event, RunEnded):
            self.over = event
            self.running.clear()

    @property
    def done(self) -> int:
        """How many steps have ended, in whatever way."""
        return sum(self.outcomes.values())

    @property
    def fraction(self) -> float:
        """How much of the run is behind it, from 0 to 1."""
        return self.done / self.total if self.total else 1.0

    def elapsed(self, now: datetime) -> float:
        """Return the seconds since the run began."""
        return (now - self._started_at).total_seconds() if self._started_at else 0.0

    def seconds_left(self, now: datetime) -> float | None:
        """Return how long it may take yet: by history at first, then by the pace so far."""
        if self.over is not None:
            return None
        elapsed = self.elapsed(now)
        if self.fraction < 0.1 and self._expected is not None:
            return max(0.0, self._expected - elapsed)
        return elapsed * (1 - self.fraction) / self.fraction if self.fraction > 0.02 else None

    def headline(self, now: datetime) -> str:
        """Return where the run stands, in one line: how far, how fast, how long yet.

        The rate is that of what was built; what had not to run says nothing of it.
        """
        elapsed = self.elapsed(now)
        words = [f"{self.done:,}/{self.total:,}", duration_text(elapsed)]
        built = self.outcomes[Outcome.MATERIALIZED] + self.outcomes[Outcome.UNCHANGED]
        if built and elapsed > 0:
            words.append(rate_text(built, elapsed))
        left = self.seconds_left(now)
        if left is not None and self.done < self.total:
            words.append(f"about {rough_duration_text(left)} left")
        if self.awaiting:
            words.append(f"{len(self.awaiting):,} awaiting approval")
        bad = sum(self.outcomes[outcome] for outcome in _BAD)
        if bad:
            words.append(count_text(bad, "problem"))
        return ", ".join(words)

    def _step_ended(self, event: StepEnded) -> None:
        name = slot_name(event.asset, event.partition)
        self.running.pop(name, None)
        self.awaiting.discard(name)
        if event.outcome is None:
            return
        self.outcomes[event.outcome] += 1
        self.ended[event.asset] += 1
        if event.outcome in _BAD:
            self.bad[event.asset] += 1


def asked_text(event: ApprovalAsked) -> str:
    """Return which step waits for a person, and the command that lets it go on."""
    slot = slot_name(event.asset, event.partition)
    return f"{slot} awaits approval: assetkit approve {event.run_id} {slot}"


def ended_text(event: StepEnded) -> str:
    """Return how one step ended, in one line without a mark."""
    slot = slot_name(event.asset, event.partition)
    if event.outcome is None:
        return f"{slot} failed, attempt {event.attempt}, and is tried again: {event.reason}"
    words = [f"{slot} {event.outcome}"]
    if event.rows is not None:
        words.append(count_text(event.rows, "row"))
    if event.duration:
        words.append(duration_text(event.duration))
    if unmet := sum(not one.passed for one in event.checks):
        words.append(f"{count_text(unmet, 'check')} not passed")
    text = ", ".join(words)
    return f"{text}: {event.reason}" if event.reason else text
