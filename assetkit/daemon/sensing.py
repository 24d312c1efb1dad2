"""Asking sensors: each in a thread of its own, with a limit of time.

Rule 1: a sensor that raises or takes too long is told of, and hurts no other.
Rule 2: one that is given up is not asked again before its thread has ended: threads never pile up.
Rule 3: a cursor and the requests that came with it are written down together.
"""

from __future__ import annotations

import ctypes
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic
from typing import Any

from assetkit.catalog.automation import AutomationState, TickRecord
from assetkit.daemon.ticking import instant_text
from assetkit.definitions.sensors import Finding, RunRequest, Sensor, SensorContext
from assetkit.display.quantities import count_text, duration_text
from assetkit.errors import AssetkitError


class SensorGivenUp(BaseException):
    """Raised within the thread of a sensor that takes too long."""


def source_of(sensor: Sensor) -> str:
    """Return how ticks and states name a sensor."""
    return f"sensor:{sensor.name}"


@dataclass(slots=True, kw_only=True)
class Question:
    """A sensor that is being asked; ``deadline`` on the clock of `time.monotonic`."""

    sensor: Sensor
    context: SensorContext
    deadline: float
    thread: threading.Thread | None = None
    finding: Finding | None = None
    error: BaseException | None = None
    given_up: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def is_late(self) -> bool:
        """Whether its time is over, and it has not answered."""
        return not self.done.is_set() and monotonic() >= self.deadline

    def wait(self) -> None:
        """Wait until it has answered, or its time is over."""
        self.done.wait(max(self.deadline - monotonic(), 0.0))

    def give_up(self) -> None:
        """Stop waiting, and have the thread end as soon as it runs Python code."""
        self.given_up = True
        ident = self.thread.ident if self.thread is not None else None
        if ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(ident), ctypes.py_object(SensorGivenUp)
            )


def ask(
    sensor: Sensor,
    state: AutomationState | None,
    now: datetime,
    *,
    resources: Mapping[str, Any],
    answered: Callable[[], None],
) -> Question:
    """Begin to ask a sensor; *answered* is called, in its thread, once it has."""
    context = SensorContext(
        cursor=state.cursor if state else None,
        now=now,
        name=sensor.name,
        last_checked=state.checked_at if state else None,
        resources=resources,
    )
    question = Question(sensor=sensor, context=context, deadline=monotonic() + sensor.timeout)

    def work() -> None:
        try:
            question.finding = sensor.ask(context)
        except BaseException as error:  # noqa: BLE001  a user's code may raise anything
            question.error = error
        finally:
            question.done.set()
            answered()

    question.thread = threading.Thread(target=work, name=f"sensor-{sensor.name}", daemon=True)
    question.thread.start()
    return question


def answer_of(
    question: Question, state: AutomationState | None, now: datetime
) -> tuple[list[TickRecord], AutomationState]:
    """Return what an ended question came to: the ticks it asks for, and what is to be remembered.

    A sensor that failed keeps its cursor.
    """
    source = source_of(question.sensor)
    known = state or AutomationState(name=source, since=now)
    finding = question.finding
    if question.given_up or finding is None:
        outcome, message, cursor = "failed", _trouble(question), known.cursor
        ticks: list[TickRecord] = []
    else:
        ticks = [
            _tick(source, place, request, question.context.now)
            for place, request in enumerate(finding.requests)
        ]
        outcome = "requested" if ticks else "skipped"
        message = count_text(len(ticks), "run") if ticks else finding.skipped
        cursor = finding.cursor
    count = known.count + 1 if known.outcome == outcome else 1
    return ticks, replace(
        known, cursor=cursor, checked_at=question.context.now, outcome=outcome, message=message,
        count=count,
    )  # fmt: skip


def _tick(source: str, place: int, request: RunRequest, now: datetime) -> TickRecord:
    key = request.run_key or f"{instant_text(now)}#{place}-{secrets.token_hex(4)}"
    wanted = {
        "partitions": request.partitions,
        "config": request.config,
        "tags": dict(request.tags),
        "target": request.target,
        "force": request.force,
    }
    said = {name: value for name, value in wanted.items() if value}
    return TickRecord(source=source, key=key, instant=now, request=said)


def _trouble(question: Question) -> str:
    sensor, error = question.sensor, question.error
    if question.given_up:
        return (
            f"It took longer than its limit of {duration_text(sensor.timeout)}, and was given up. "
            f"Make it faster, or give it more: @sensor(..., timeout=...)."
        )
    if isinstance(error, AssetkitError):
        return str(error)
    return f"{type(error).__name__}: {error}"
