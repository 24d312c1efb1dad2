"""Progress in a notebook: one output of fixed height, replaced at most four times a second.

It needs IPython's display and no widget; at the end one small output is left,
which a saved notebook keeps.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from IPython import display as ipython_display

from assetkit.display.glyphs import glyph
from assetkit.display.html import Html, element, view
from assetkit.display.quantities import duration_text
from assetkit.execution.events import RunEnded, RunEvent, RunStarted, StepEnded
from assetkit.execution.tally import RunTally, ended_text
from assetkit.records import Outcome

_display: Any = ipython_display.display
_HTML: Any = ipython_display.HTML
_BEAT: Final = timedelta(milliseconds=250)
_RUNNING_LINES: Final = 2
_FAILURES: Final = 5


class NotebookProgress:
    """Shows a run as a bar in the output of a cell."""

    def __init__(self) -> None:
        self._tally = RunTally()
        self._handle: Any = None
        self._drawn: datetime | None = None
        self._failures: list[str] = []

    def notify(self, event: RunEvent) -> None:
        """Take note of *event*, and draw if the last drawing is old enough."""
        self._tally.notify(event)
        if isinstance(event, StepEnded) and event.outcome is Outcome.FAILED:
            self._failures.append(ended_text(event))
        if isinstance(event, RunStarted) and self._tally.total:
            self._handle = _display(self._html(event.at), display_id=True)
            self._drawn = event.at
        elif isinstance(event, RunEnded) or self._is_due(event.at):
            self._draw(event.at)

    def close(self) -> None:
        """Draw the last state, also of a run that was interrupted; safe to repeat."""
        if self._tally.over is None:
            self._draw(datetime.now(UTC))
        self._handle = None

    def _is_due(self, at: datetime) -> bool:
        return self._drawn is not None and at - self._drawn >= _BEAT

    def _draw(self, at: datetime) -> None:
        if self._handle is not None:
            self._handle.update(self._html(at))
            self._drawn = at

    def _html(self, at: datetime) -> Any:
        tally = self._tally
        bar = element(
            "progress",
            max=str(max(1, tally.total)),
            value=str(tally.done),
            style="width:100%;height:12px",
            aria_label="steps done",
        )
        head = element("p", f"Run {tally.run_id}: {tally.headline(at)}", role="status")
        return _HTML(view(head, bar, *self._lines(at)))

    def _lines(self, at: datetime) -> list[Html]:
        failures = [
            element("p", f"{glyph('failed')} {text}", class_="t-failed")
            for text in self._failures[:_FAILURES]
        ]
        if self._tally.over is not None:
            return failures
        running = [
            f"{glyph('running')} {slot}  {duration_text((at - since).total_seconds())}"
            for slot, since in islice(self._tally.running.items(), _RUNNING_LINES)
        ]
        blanks = ["\xa0"] * (_RUNNING_LINES - len(running))
        return [element("p", text, class_="dim") for text in (*running, *blanks)] + failures
