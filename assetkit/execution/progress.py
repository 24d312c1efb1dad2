"""Which view of progress a run gets, and the plainest one: lines.

Rule 1: first what the caller asks for, then ``ASSETKIT_PROGRESS``, then what
the surroundings can show: a notebook, a terminal, the log of a CI job; else nothing.
Rule 2: everything goes to stderr, so that results can be piped.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Final, TextIO

from assetkit.display.glyphs import glyph, speaks_unicode, to_ascii
from assetkit.errors import InvalidArgument, did_you_mean
from assetkit.execution.events import (
    ApprovalAsked,
    ProgressSink,
    RunEvent,
    RunStarted,
    Silent,
    StepEnded,
)
from assetkit.execution.tally import RunTally, asked_text, ended_text
from assetkit.records import Outcome

KINDS: Final = ("auto", "live", "lines", "notebook", "none")
VARIABLE: Final = "ASSETKIT_PROGRESS"

_MANY: Final = 200
"""Above so many steps, lines are summaries."""
_PAUSE: Final = timedelta(seconds=10)


def choose_progress(
    wish: str | bool | ProgressSink | None,  # noqa: FBT001  progress=False is what people write
    environ: Mapping[str, str],
    stream: TextIO | None = None,
    *,
    piped: str = "none",
) -> ProgressSink:
    """Return the sink for a wish: a kind, a sink, or None (the variable, or what fits best).

    False is ``"none"``, True ``"auto"``. *piped* is the kind that fits a stream which is
    no terminal.

    Raises:
        InvalidArgument: there is no such kind.
    """
    if isinstance(wish, bool):
        wish = "auto" if wish else "none"
    if wish is not None and not isinstance(wish, str):
        if not hasattr(wish, "notify"):
            raise InvalidArgument(
                f"progress={wish!r} does not do. Allowed: {', '.join(KINDS)}, True or False, "
                f"or an object with the methods notify and close."
            )
        return wish
    out = stream or sys.stderr
    kind = wish or environ.get(VARIABLE) or "auto"
    if kind not in KINDS:
        raise InvalidArgument(f"There is no progress {kind!r}. {did_you_mean(kind, KINDS)}")
    if kind == "auto":
        kind = _fitting(environ, out) or piped
        if kind == "none":
            return QuietProgress(out)
    if kind == "live":
        return _loaded("assetkit.execution.progress_rich", "RichProgress", out)
    if kind == "notebook":
        return _loaded("assetkit.execution.progress_notebook", "NotebookProgress")
    return LineProgress(out) if kind == "lines" else Silent()


class QuietProgress(Silent):
    """Says nothing but what a person has to do: without that, the run would wait unseen."""

    def __init__(self, stream: TextIO) -> None:
        self._lines = LineProgress(stream)

    def notify(self, event: RunEvent) -> None:
        """Write *event* where it asks for an approval."""
        if isinstance(event, ApprovalAsked):
            self._lines.notify(event)
            self._lines.close()


class LineProgress:
    """Writes a line for each step that ends, and every 10 seconds how far, how fast, how long yet.

    Of many steps only the summaries and the failures are written; of steps that a
    cancelled run never began, nothing.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._unicode = speaks_unicode(getattr(stream, "encoding", None))
        self._tally = RunTally()
        self._last: datetime | None = None

    def notify(self, event: RunEvent) -> None:
        """Take note of *event*, and write what is to be said of it."""
        self._tally.notify(event)
        if isinstance(event, RunStarted):
            self._last = event.at
        if isinstance(event, ApprovalAsked):
            self._write("queued", asked_text(event))
        if not isinstance(event, StepEnded):
            return
        if self._is_told(event):
            self._write(event.outcome or "queued", ended_text(event))
        if self._last is None or event.at - self._last >= _PAUSE:
            self._last = event.at
            self._write("running", self._tally.headline(event.at))

    def _is_told(self, event: StepEnded) -> bool:
        if event.outcome in (None, Outcome.FAILED):
            return True
        never_began = event.outcome is Outcome.CANCELLED and not event.duration
        return self._tally.total <= _MANY and not never_began

    def close(self) -> None:
        """Leave the stream to its owner."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def _write(self, state: str, text: str) -> None:
        mark = glyph(state, ascii=not self._unicode)
        line = f"{mark} {text if self._unicode else to_ascii(text)}\n"
        with suppress(OSError, ValueError):  # whoever read this is gone; the run is not
            self._stream.write(line)


def _fitting(environ: Mapping[str, str], stream: TextIO) -> str | None:
    if _in_notebook():
        return "notebook"
    if environ.get("CI"):
        return "lines"
    return "live" if stream.isatty() and environ.get("TERM") != "dumb" else None


def _in_notebook() -> bool:
    """Say whether this is a kernel that shows HTML; asks only what is loaded already."""
    ipython: Any = sys.modules.get("IPython")
    if ipython is None:
        return False
    shell = ipython.get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


def _loaded(module: str, name: str, *arguments: Any) -> ProgressSink:
    sink: ProgressSink = getattr(import_module(module), name)(*arguments)
    return sink
