"""Alerts: one message for all that went wrong in a run, and not the same one again and again.

Rule 1: what a run has to say is told when it ends, in one message, however many slots it is about.
Rule 2: an asset that was told of is not told of again for the same kind of trouble before its
quiet period is over; how often it was kept quiet is said then. The catalog keeps when that was,
so that another process, or one that was started again, knows.
Rule 3: an alert that cannot be delivered is logged, and hurts nothing.
"""

from __future__ import annotations

import hashlib
import logging
import string
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from assetkit.catalog.automation import AutomationLog, AutomationState
from assetkit.definitions.durations import seconds_of
from assetkit.definitions.names import caller, invalid
from assetkit.display.quantities import count_text
from assetkit.errors import AssetkitError
from assetkit.execution.hooks import HookEvent
from assetkit.records import slot_name

KINDS: Final = ("failure", "check_failed", "overdue", "quarantined")
TEMPLATE: Final = "{headline}\n{lines}{more}"

_WORDS: Final = {
    "failure": "failed",
    "check_failed": "failed a check",
    "overdue": "is overdue",
    "quarantined": "is quarantined",
}
_SHOWN: Final = 10
_FIELDS: Final = ("headline", "lines", "more", "run_id", "count", "assets", "kinds", "logs")

_log = logging.getLogger("assetkit.hooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message: what happened, once per slot, in one run (``run_id`` empty: in none).

    ``text`` is what the template made of it; ``quiet`` counts what was kept back
    since the last message about these assets.
    """

    run_id: str
    events: tuple[HookEvent, ...]
    text: str
    quiet: int = 0

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alerts:
    """Send one message per run about what went wrong, among the hooks of a project.

    Args:
        to: a function of an `Alert`, a notification URL, or a list of these.
        on: which kinds: ``failure``, ``check_failed``, ``overdue``, ``quarantined``.
        quiet: for how long an asset is not told of again for the same kind of trouble.
        template: the text, with the fields {headline}, {lines}, {more}, {run_id},
            {count}, {assets}, {kinds} and {logs}.

    >>> Alerts(to=print, quiet="30min").quiet
    1800.0
    """

    to: Any
    on: Any = KINDS
    quiet: Any = "1h"
    template: str = TEMPLATE
    _told: dict[str, AutomationState] = field(default_factory=dict, init=False, repr=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        owner = f"Alerts ({caller()})"
        to = tuple(self.to) if isinstance(self.to, list | tuple | set) else (self.to,)
        for one in to:
            if not callable(one) and not (isinstance(one, str) and "://" in one):
                raise invalid(owner, "to", one, "a function, a notification URL, or a list")
        on = (self.on,) if isinstance(self.on, str) else tuple(self.on)
        if odd := [kind for kind in on if kind not in KINDS]:
            raise invalid(owner, "on", odd[0], ", ".join(map(repr, KINDS)))
        quiet = seconds_of(self.quiet, owner=owner, argument="quiet", zero=True)
        _check_template(self.template, owner)
        for name, value in (("to", to), ("on", on), ("quiet", quiet)):
            object.__setattr__(self, name, value)

    def of(self, kind: str) -> tuple[Any, ...]:
        """Return nothing: alerts are told of runs, not of each step."""
        return ()

    def send(
        self,
        run_id: str,
        events: Sequence[HookEvent],
        notify: Callable[[str, str], None] | None,
        memory: AutomationLog | None = None,
    ) -> None:
        """Tell of *events*, in one message, if there is something to say; *notify* takes URLs.

        *memory* keeps what was told; without one, this object does.
        """
        told = _without_repeats([one for one in events if one.kind in self.on])
        if not told:
            return
        news, kept = self._loud(told, memory)
        if not news:
            return
        text = self._text(run_id, news, kept)
        alert = Alert(run_id=run_id, events=news, text=text, quiet=kept)
        for one in self.to:
            try:
                if not isinstance(one, str):
                    one(alert)
                elif notify is not None:
                    notify(one, alert.text)
            except Exception:
                _log.exception("An alert could not be sent: %s", alert.text.partition("\n")[0])

    def _loud(
        self, events: Sequence[HookEvent], memory: AutomationLog | None
    ) -> tuple[tuple[HookEvent, ...], int]:
        """Return the events about which to speak, and how many of theirs were kept back before."""
        period = timedelta(seconds=float(self.quiet))
        loud: list[HookEvent] = []
        kept = 0
        with self._lock:
            known = self._known(memory)
            changed: dict[str, AutomationState] = {}
            for kind, asset in dict.fromkeys((one.kind, one.asset) for one in events):
                mine = [one for one in events if (one.kind, one.asset) == (kind, asset)]
                name, at = f"{self._prefix}{kind}:{asset}", mine[0].at
                before = known.get(name)
                if before is not None and before.since <= at < before.since + period:
                    changed[name] = replace(before, count=before.count + len(mine))
                    continue
                kept += before.count if before is not None else 0
                changed[name] = AutomationState(name=name, since=at)
                loud += mine
            self._remember(changed, memory)
        return tuple(loud), kept

    @property
    def _prefix(self) -> str:
        """How the names begin under which it is kept what was told to these receivers."""
        named = [
            one if isinstance(one, str) else getattr(one, "__qualname__", type(one).__qualname__)
            for one in self.to
        ]
        digest = hashlib.sha256("\n".join((*named, *self.on)).encode())
        return f"told:{digest.hexdigest()[:12]}:"

    def _known(self, memory: AutomationLog | None) -> dict[str, AutomationState]:
        """Return when what was told last, and how often it was kept back since, by name."""
        if memory is not None:
            try:
                return {one.name: one for one in memory.states(prefix=self._prefix)}
            except AssetkitError as error:
                _log.warning("What was told before could not be read: %s", error)
        return self._told

    def _remember(
        self, changed: Mapping[str, AutomationState], memory: AutomationLog | None
    ) -> None:
        self._told.update(changed)
        if memory is not None:
            try:
                memory.note((), tuple(changed.values()))
            except AssetkitError as error:
                _log.warning("What was told could not be written down: %s", error)

    def _text(self, run_id: str, events: Sequence[HookEvent], kept: int) -> str:
        assets = list(dict.fromkeys(one.asset for one in events))
        kinds = list(dict.fromkeys(one.kind for one in events))
        shown = [f"- {_line(one)}" for one in events[:_SHOWN]]
        rest = len(events) - len(shown)
        more = f"\n… {rest:,} more" if rest else ""
        more += f"\n{kept:,} more since the last message" if kept else ""
        where = f" in run {run_id}" if run_id else ""
        logs = f"assetkit logs {run_id}" if run_id else ""
        named = ", ".join(assets[:3]) + (f" and {len(assets) - 3:,} more" if assets[3:] else "")
        headline = f"{named}: {_counted(events)}{where}"
        return self.template.format(
            headline=headline, lines="\n".join(shown), more=more, run_id=run_id,
            count=len(events), assets=", ".join(assets), kinds=", ".join(kinds), logs=logs,
        )  # fmt: skip


def _without_repeats(events: Sequence[HookEvent]) -> list[HookEvent]:
    """Return the events without failures that a failed check of the same slot explains."""
    checked = {(one.asset, one.partition) for one in events if one.kind == "check_failed"}
    return [
        one for one in events if one.kind != "failure" or (one.asset, one.partition) not in checked
    ]


def _counted(events: Sequence[HookEvent]) -> str:
    kinds = dict.fromkeys(one.kind for one in events)
    parts = []
    for kind in kinds:
        count = sum(1 for one in events if one.kind == kind)
        parts.append(_WORDS[kind] + (f" ({count_text(count, 'slot')})" if count > 1 else ""))
    return ", ".join(parts)


def _line(event: HookEvent) -> str:
    said = f"{slot_name(event.asset, event.partition)} {_WORDS[event.kind]}"
    return f"{said}: {event.reason}" if event.reason else said


def _check_template(template: object, owner: str) -> None:
    allowed = f"a text with fields among {', '.join(f'{{{name}}}' for name in _FIELDS)}"
    if not isinstance(template, str):
        raise invalid(owner, "template", template, allowed)
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
        template.format(**dict.fromkeys(_FIELDS, ""))
    except (ValueError, KeyError, IndexError) as error:
        raise invalid(owner, "template", template, allowed) from error
    if odd := [name for name in names if name not in _FIELDS]:
        raise invalid(owner, "template", odd[0], allowed)
