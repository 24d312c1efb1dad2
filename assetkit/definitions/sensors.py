"""Sensors: functions that look outside now and then, and say what is to run."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from assetkit.definitions.durations import seconds_of
from assetkit.definitions.jobs import checked_target
from assetkit.definitions.names import caller, invalid, shown, source_of
from assetkit.errors import InvalidArgument
from assetkit.records import SourceLocation

_LONGEST_KEY = 1_000


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Ask for a run of a sensor's target.

    A *run_key* runs once, however often it is asked for, also after a restart;
    without, each request runs. *partitions* and *config* are as for
    `materialize`, and are kept as JSON. *target*: another one than the sensor's,
    by name or selection. *force*: run the targets whatever their state.

    >>> RunRequest("orders-2026-01-31.csv", partitions="2026-01-31").run_key
    'orders-2026-01-31.csv'
    """

    run_key: Any = None
    partitions: Any = field(default=None, kw_only=True)
    config: Mapping[str, Any] | None = field(default=None, kw_only=True)
    tags: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    target: str | None = field(default=None, kw_only=True)
    force: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        owner = f"RunRequest ({caller()})"
        key = self.run_key
        if key is not None and not (isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY):
            raise invalid(owner, "run_key", key, f"a text of 1 to {_LONGEST_KEY:,} letters")
        if self.target is not None and not isinstance(self.target, str):
            raise invalid(owner, "target", self.target, "the name of a job, or a selection's text")


@dataclass(frozen=True, slots=True)
class SkipReason:
    """Say why nothing is to run; shown beside the sensor."""

    text: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class SensorContext:
    """What a sensor function is given.

    ``cursor`` is the text that it set last (None: never); setting it keeps it,
    together with the requests of the same call. ``last_checked`` is when the
    sensor was last asked, None the first time.

    >>> context = SensorContext(cursor="41")
    >>> context.cursor = str(int(context.cursor) + 1)
    >>> context.cursor
    '42'
    """

    cursor: str | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC), kw_only=True)
    name: str = field(default="sensor", kw_only=True)
    last_checked: datetime | None = field(default=None, kw_only=True)
    resources: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    @property
    def log(self) -> logging.Logger:
        """Where the sensor may say what it does."""
        return logging.getLogger(f"assetkit.sensors.{self.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one call of a sensor came to: requests, or why there are none, and the new cursor."""

    requests: tuple[RunRequest, ...] = ()
    skipped: str = ""
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensor:
    """A function that is asked every ``interval`` seconds; calling it calls the function.

    A call that takes longer than ``timeout`` seconds is given up.
    """

    name: str
    function: Callable[..., Any]
    source: SourceLocation
    target: Any = None
    interval: float = 30.0
    timeout: float = 60.0
    description: str = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Sensor {self.name} ({self.source})>"

    def ask(self, context: SensorContext) -> Finding:
        """Call the function, and return what it says.

        Raises `InvalidArgument` where it returns neither requests nor a reason, or
        sets a cursor that is no text; whatever the function raises.
        """
        returned = (
            self.function(context)
            if inspect.signature(self.function).parameters
            else (self.function())
        )
        if inspect.iscoroutine(returned):
            returned = import_module("asyncio").run(returned)
        requests: list[RunRequest] = []
        reasons: list[str] = []
        for one in _listed(returned):
            if isinstance(one, RunRequest):
                self._check(one)
                requests.append(one)
            elif isinstance(one, SkipReason):
                reasons.append(one.text)
            else:
                raise self._wrong(one)
        if context.cursor is not None and not isinstance(context.cursor, str):
            raise InvalidArgument(
                f"Sensor {self.name!r} ({self.source}) set its cursor to {shown(context.cursor)}. "
                f"A cursor is a text, or None; use json.dumps() for more."
            )
        return Finding(requests=tuple(requests), skipped="; ".join(reasons), cursor=context.cursor)

    def _check(self, request: RunRequest) -> None:
        if self.target is None and request.target is None:
            raise InvalidArgument(
                f"Sensor {self.name!r} ({self.source}) has no target, and its request names none. "
                f"Give one: @sensor(target) or RunRequest(target=...)."
            )

    def _wrong(self, value: object) -> InvalidArgument:
        return InvalidArgument(
            f"Sensor {self.name!r} ({self.source}) returned {shown(value)}. Return or yield "
            f"RunRequest(...), SkipReason(...), a list of these, or None."
        )


def sensor(
    target: Any = None,
    interval: Any = "30s",
    *,
    name: str | None = None,
    timeout: Any = "60s",
) -> Callable[[Callable[..., Any]], Sensor]:
    """Make a sensor of the function below: it is asked every *interval*, and says what to run.

    *target*: a job, an asset, the text of a selection, or a list of these; None
    where each request names its own. The function gets a `SensorContext` (or
    nothing) and returns or yields `RunRequest` and `SkipReason`. One that raises,
    or takes longer than *timeout*, is told of, and asked again at its next turn.

    >>> @sensor("orders", interval="5min")
    ... def inbox(context):
    ...     return SkipReason("nothing has come")
    >>> inbox.interval, inbox(SensorContext()).text
    (300.0, 'nothing has come')
    """
    owner = f"sensor ({caller()})"
    if callable(target) and not hasattr(target, "definition"):
        raise invalid(owner, "target", target, "a target first: @sensor('orders')")
    if target is not None:
        checked_target(target, owner=owner)
    every = seconds_of(interval, owner=owner, argument="interval")
    limit = seconds_of(timeout, owner=owner, argument="timeout")

    def decorate(function: Callable[..., Any]) -> Sensor:
        return Sensor(
            name=name or function.__name__,
            function=function,
            source=source_of(inspect.unwrap(function)),
            target=tuple(target) if isinstance(target, list | set) else target,
            interval=every,
            timeout=limit,
            description=inspect.getdoc(function) or "",
        )

    return decorate


def _listed(returned: Any) -> Iterable[Any]:
    if returned is None:
        return ()
    if isinstance(returned, RunRequest | SkipReason | str) or not isinstance(returned, Iterable):
        return (returned,)
    return returned
