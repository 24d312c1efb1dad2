"""Hooks: what is called, or told, when steps succeed, fail, are tried again, or fail a check.

Rule 1: hooks run beside the run, one at a time, in the order in which things happened.
Rule 2: a hook that fails is logged, and hurts neither the run nor the next hook.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol, TypeAlias

from assetkit.catalog.automation import AutomationLog
from assetkit.errors import CheckFailed, InvalidArgument
from assetkit.execution.events import ProgressSink, RunEvent, RunStarted, Silent, StepEnded
from assetkit.execution.report import check_text
from assetkit.records import AssetKey, Outcome, slot_name

Hook: TypeAlias = "Callable[[HookEvent], Any] | str"
"""A function, or the URL of a notification service."""

_log = logging.getLogger("assetkit.hooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class HookEvent:
    """What a hook is told: what happened (``kind`` as in ``on_...``) to which slot.

    ``reason`` is one line, empty for a success; ``duration`` in seconds; ``log``
    lies in the workspace's private folder.
    """

    kind: str
    run_id: str
    asset: AssetKey
    partition: str | None
    attempt: int
    at: datetime
    duration: float
    reason: str = ""
    log: str | None = None

    def __str__(self) -> str:
        words = {
            "check_failed": "failed a check",
            "retry": "failed and is tried again",
            "success": "succeeded",
            "failure": "failed",
            "overdue": "is overdue",
            "quarantined": "is quarantined",
        }
        what = words.get(self.kind, self.kind)
        return f"{slot_name(self.asset, self.partition)} {what}" + (
            f": {self.reason}" if self.reason else ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Say what to call after steps: functions of a `HookEvent`, notification URLs, or lists.

    A URL (``mailto://...``, ``slack://...``) needs the extra ``assetkit[notify]``.
    A check that does not pass calls *on_check_failed*; a blocking one *on_failure*, too.

    >>> Hooks(on_failure=print).on_failure == (print,)
    True
    """

    on_success: Any = ()
    on_failure: Any = ()
    on_retry: Any = ()
    on_check_failed: Any = ()
    on_overdue: Any = ()
    on_quarantined: Any = ()

    def __post_init__(self) -> None:
        for one in fields(self):
            given = getattr(self, one.name)
            hooks = tuple(given) if isinstance(given, list | tuple | set) else (given,)
            for hook in hooks:
                if not callable(hook) and not (isinstance(hook, str) and "://" in hook):
                    raise InvalidArgument(
                        f"Hooks({one.name}={hook!r:.80}): give a function of one argument, the "
                        f"URL of a notification service, or a list of these."
                    )
            object.__setattr__(self, one.name, hooks)

    def of(self, kind: str) -> tuple[Hook, ...]:
        """Return what is to be called for a kind of event."""
        found: tuple[Hook, ...] = getattr(self, f"on_{kind}")
        return found


class RunHooks(Protocol):
    """Hooks that are told of a run when it has ended, all at once: `Alerts`."""

    def of(self, kind: str) -> tuple[Hook, ...]:
        """Return what is to be called at once for a kind of event."""
        ...

    def send(
        self,
        run_id: str,
        events: Sequence[HookEvent],
        notify: Callable[[str, str], None] | None,
        memory: AutomationLog | None = None,
    ) -> None:
        """Tell of *events*; *notify* sends a text to a URL, *memory* keeps what was told."""
        ...


def tell(hooks: Sequence[Any], event: HookEvent, memory: AutomationLog | None = None) -> None:
    """Call hooks for what happened outside of runs; one that fails is logged."""
    caller = HookedProgress(Silent(), hooks, _notifier(hooks), memory)
    caller.tell(event)
    caller.close()


def _notifier(hooks: Sequence[Any]) -> Callable[[str, str], None] | None:
    """Return what sends texts to URLs, where hooks have any."""
    given = [getattr(one, field.name) for one in hooks for field in fields(one)]
    told = [hook for each in given if isinstance(each, tuple) for hook in each]
    has_urls = any(isinstance(hook, str) and "://" in hook for hook in told)
    return import_module("assetkit.execution.notifying").send if has_urls else None


def with_hooks(
    progress: ProgressSink, hooks: Sequence[Any], memory: AutomationLog | None = None
) -> ProgressSink:
    """Return what watches a run as *progress* does, and calls hooks.

    Raises:
        MissingExtra: a hook is a URL, and the package that knows services is not installed.
    """
    if not hooks:
        return progress
    return HookedProgress(progress, hooks, _notifier(hooks), memory)


class HookedProgress:
    """Watches a run for another sink, and calls hooks beside it."""

    def __init__(
        self,
        inner: ProgressSink,
        hooks: Sequence[Any],
        send: Callable[[str, str], None] | None,
        memory: AutomationLog | None = None,
    ) -> None:
        self._inner, self._hooks, self._send = inner, tuple(hooks), send
        self._memory = memory
        self._run_id = ""
        self._of_runs: list[RunHooks] = [one for one in hooks if hasattr(one, "send")]
        self._events: list[HookEvent] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="assetkit-hooks")

    def notify(self, event: RunEvent) -> None:
        """Tell the other sink, and have the hooks called that the event is for."""
        self._inner.notify(event)
        if isinstance(event, RunStarted):
            self._run_id = event.run_id
        elif isinstance(event, StepEnded):
            for kind in _kinds_of(event):
                self.tell(self._told(kind, event))

    def tell(self, event: HookEvent) -> None:
        """Have the hooks called that are for an event; those of runs when all is over."""
        if self._of_runs and event.kind not in ("success", "retry"):
            self._events.append(event)
        for hook in (hook for hooks in self._hooks for hook in hooks.of(event.kind)):
            self._pool.submit(self._call, hook, event)

    def close(self) -> None:
        """Wait for the hooks that are still to be called, and let the other sink go."""
        if self._events:
            for one in self._of_runs:
                self._pool.submit(
                    one.send, self._run_id, tuple(self._events), self._send, self._memory
                )
        self._pool.shutdown()
        self._inner.close()

    def _told(self, kind: str, event: StepEnded) -> HookEvent:
        unmet = [check_text(one) for one in event.checks if not one.passed]
        return HookEvent(
            kind=kind,
            run_id=self._run_id,
            asset=event.asset,
            partition=event.partition,
            attempt=event.attempt,
            at=event.at,
            duration=event.duration,
            reason=event.reason or ("; ".join(unmet) if kind == "check_failed" else ""),
            log=event.log,
        )

    def _call(self, hook: Hook, event: HookEvent) -> None:
        try:
            if not isinstance(hook, str):
                hook(event)
            elif self._send is not None:
                self._send(hook, str(event))
        except Exception:
            _log.exception("A hook failed after: %s", event)


def _kinds_of(event: StepEnded) -> Iterator[str]:
    if event.outcome is None:
        yield "retry"
    elif event.outcome in (Outcome.MATERIALIZED, Outcome.UNCHANGED):
        if any(not one.passed for one in event.checks):
            yield "check_failed"
        yield "success"
    elif event.outcome is Outcome.FAILED:
        if event.reason.startswith(f"{CheckFailed.__name__}:"):
            yield "check_failed"
        yield "failure"
