"""What a run tells those who watch it: frozen events, in the order in which things happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from assetkit.records import AssetKey, CheckOutcome, Outcome, RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run begins. ``steps`` counts slots per asset, in plan order; ``seconds`` from history."""

    run_id: str
    at: datetime
    steps: Mapping[AssetKey, int]
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step begins an attempt."""

    asset: AssetKey
    partition: str | None
    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded:
    """A step ended. ``reason`` says in one line why it failed, or did not run.

    ``outcome`` None: an attempt failed and is tried again. ``rows`` and
    ``bytes`` None where unknown; ``duration`` in seconds. ``checks`` is what checks
    found in the data.
    """

    asset: AssetKey
    partition: str | None
    outcome: Outcome | None
    at: datetime
    duration: float = 0.0
    rows: int | None = None
    bytes: int | None = None
    attempt: int = 1
    reason: str = ""
    log: str | None = None
    checks: tuple[CheckOutcome, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAsked:
    """A step waits until a person approves it: ``assetkit approve RUN STEP``."""

    run_id: str
    asset: AssetKey
    partition: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """A run is over. ``counts`` has how many slots ended how; ``duration`` in seconds."""

    run_id: str
    at: datetime
    status: RunStatus
    counts: Mapping[Outcome, int]
    duration: float


RunEvent: TypeAlias = RunStarted | StepStarted | ApprovalAsked | StepEnded | RunEnded


class ProgressSink(Protocol):
    """Watches a run. It is told of events one at a time, and must return quickly."""

    def notify(self, event: RunEvent) -> None:
        """Take note of *event*."""
        ...

    def close(self) -> None:
        """Let go of the screen; called once, however the run ended."""
        ...


class Silent:
    """Watches and says nothing."""

    def notify(self, event: RunEvent) -> None:
        """Ignore *event*."""

    def close(self) -> None:
        """Do nothing."""
