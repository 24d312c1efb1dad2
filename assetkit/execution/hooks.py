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
from typing import Any, TypeAlias

from assetkit.errors import CheckFailed, InvalidArgument
from assetkit.execution.events import ProgressSink, RunEvent, RunStarted, StepEnded
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
        words = {"check_failed": "failed a check", "retry": "failed and is tried again"}
        what = words.get(self.kind, {"success": "succeeded", "failure": "failed"}.get(self.kind))
        return f"{slot_name(self.asset, self.partition)} {what}" + (
            f": {self.reason}" if self.reason else ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Say what to call after steps: functions of a `HookEvent`, notification URLs, or lists.

    A URL (``mailto://...``, ``slack://...``) needs the extra ``assetkit[notify]``.
    A blocking check that fails calls *on_check_failed*, and *on_failure* too.

    >>> Hooks(on_failure=print).on_failure == (print,)
    True
    """

    on_success: Any = ()
    on_failure: Any = ()
    on_retry: Any = ()
    on_check_failed: Any = ()

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


def with_hooks(progress: ProgressSink, hooks: Sequence[Hooks]) -> ProgressSink:
    """Return what watches a run as *progress* does, and calls hooks.

    Raises:
        MissingExtra: a hook is a URL, and the package that knows services is not installed.
    """
    if not hooks:
        return progress
    urls = {
        hook
        for one in hooks
        for field in fields(one)
        for hook in getattr(one, field.name)
        if isinstance(hook, str)
    }
    send = import_module("assetkit.execution.notifying").send if urls else None
    return HookedProgress(progress, hooks, send)


class HookedProgress:
    """Watches a run for another sink, and calls hooks beside it."""

    def __init__(
        self, inner: ProgressSink, hooks: Sequence[Hooks], send: Callable[[str, str], None] | None
    ) -> None:
        self._inner, self._hooks, self._send = inner, tuple(hooks), send
        self._run_id = ""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="assetkit-hooks")

    def notify(self, event: RunEvent) -> None:
        """Tell the other sink, and have the hooks called that the event is for."""
        self._inner.notify(event)
        if isinstance(event, RunStarted):
            self._run_id = event.run_id
        elif isinstance(event, StepEnded):
            for kind in _kinds_of(event):
                for hook in (hook for hooks in self._hooks for hook in hooks.of(kind)):
                    self._pool.submit(self._call, hook, self._told(kind, event))

    def close(self) -> None:
        """Wait for the hooks that are still to be called, and let the other sink go."""
        self._pool.shutdown()
        self._inner.close()

    def _told(self, kind: str, event: StepEnded) -> HookEvent:
        return HookEvent(
            kind=kind,
            run_id=self._run_id,
            asset=event.asset,
            partition=event.partition,
            attempt=event.attempt,
            at=event.at,
            duration=event.duration,
            reason=event.reason,
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
        yield "success"
    elif event.outcome is Outcome.FAILED:
        if event.reason.startswith(f"{CheckFailed.__name__}:"):
            yield "check_failed"
        yield "failure"
