"""Alerts: one message for all that went wrong in a run, and not the same one again and again.

Rule 1: what a run has to say is told when it ends, in one message, however many slots it is about.
Rule 2: an asset that was told of is not told of again for the same kind of trouble before its
quiet period is over; how often it was kept quiet is said then.
Rule 3: an alert that cannot be delivered is logged, and hurts nothing.
"""

from __future__ import annotations

import logging
import string
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from assetkit.definitions.durations import seconds_of
from assetkit.definitions.names import caller, invalid
from assetkit.display.quantities import count_text
from assetkit.execution.hooks import HookEvent
from assetkit.records import AssetKey, slot_name

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


@dataclass(slots=True)
class _Told:
    """When something was told last, and how often it was kept back since."""

    at: datetime
    kept: int = 0


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
    _told: dict[tuple[str, AssetKey], _Told] = field(default_factory=dict, init=False, repr=False)
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

    def alert_for(self, run_id: str, events: Sequence[HookEvent]) -> Alert | None:
        """Return the message about *events*; None where there is nothing to say just now."""
        told = _without_repeats([one for one in events if one.kind in self.on])
        news, kept = self._loud(told)
        if not news:
            return None
        return Alert(run_id=run_id, events=news, text=self._text(run_id, news, kept), quiet=kept)

    def send(
        self, run_id: str, events: Sequence[HookEvent], notify: Callable[[str, str], None] | None
    ) -> None:
        """Tell of *events*, in one message, if there is something to say; *notify* takes URLs."""
        alert = self.alert_for(run_id, events)
        if alert is None:
            return
        for one in self.to:
            try:
                if not isinstance(one, str):
                    one(alert)
                elif notify is not None:
                    notify(one, alert.text)
            except Exception:
                _log.exception("An alert could not be sent: %s", alert.text.partition("\n")[0])

    def _loud(self, events: Sequence[HookEvent]) -> tuple[tuple[HookEvent, ...], int]:
        """Return the events about which to speak, and how many of theirs were kept back before."""
        period = timedelta(seconds=float(self.quiet))
        loud: list[HookEvent] = []
        kept = 0
        with self._lock:
            subjects = dict.fromkeys((one.kind, one.asset) for one in events)
            for subject in subjects:
                mine = [one for one in events if (one.kind, one.asset) == subject]
                known, at = self._told.get(subject), mine[0].at
                if known is not None and known.at <= at < known.at + period:
                    known.kept += len(mine)
                    continue
                kept += known.kept if known is not None else 0
                self._told[subject] = _Told(at)
                loud += mine
        return tuple(loud), kept

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
