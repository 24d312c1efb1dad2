"""Progress on a terminal: a block of fixed height that is drawn anew four times a second."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Final, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from assetkit.display.glyphs import glyph, speaks_unicode
from assetkit.display.quantities import duration_text
from assetkit.execution.events import ApprovalAsked, RunEnded, RunEvent, RunStarted, StepEnded
from assetkit.execution.tally import RunTally, asked_text, ended_text
from assetkit.records import AssetKey, Outcome

_RUNNING_LINES: Final = 3
_REFRESH: Final = 4
_SAID: Final = 10
"""Failures that are written one by one; the end of the run names all."""

_STYLES: Final = {"failed": "red", "fresh": "green", "running": "blue", "missing": "dim"}


class RichProgress:
    """Shows a run as a bar, the steps under way, and how far each asset is."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False)
        self._ascii = not speaks_unicode(getattr(stream, "encoding", None))
        self._tally = RunTally()
        self._said = 0
        self._live = Live(
            console=self._console,
            get_renderable=self._block,
            refresh_per_second=_REFRESH,
            transient=True,
            # What the code of steps prints then appears above the block; a pipe stays a pipe.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=True,
        )

    def notify(self, event: RunEvent) -> None:
        """Take note of *event*; the block is drawn on its own beat."""
        self._tally.notify(event)
        if isinstance(event, RunStarted) and self._tally.total:
            self._live.start(refresh=True)
        elif isinstance(event, RunEnded):
            self.close()
        elif isinstance(event, StepEnded) and event.outcome in (None, Outcome.FAILED):
            self._say(f"{glyph('failed', ascii=self._ascii)} {ended_text(event)}", "red")
        elif isinstance(event, ApprovalAsked):
            self._say(asked_text(event), "yellow")

    def close(self) -> None:
        """Take the block off the screen; safe to repeat."""
        self._live.stop()

    def _say(self, line: str, style: str) -> None:
        self._said += 1
        if self._said <= _SAID:
            self._console.print(Text(line, style=style), soft_wrap=True)

    def _block(self) -> RenderableType:
        now = datetime.now(UTC)
        head = Table.grid(padding=(0, 1), expand=True)
        head.add_column(no_wrap=True)
        head.add_column(ratio=1)
        head.add_row(
            Text(self._tally.headline(now)),
            ProgressBar(total=max(1, self._tally.total), completed=self._tally.done),
        )
        return Group(head, *self._running(now), self._assets())

    def _running(self, now: datetime) -> Iterator[Text]:
        """Yield a fixed number of lines: the steps under way, oldest first."""
        mark = glyph("running", ascii=self._ascii)
        # The runner's thread may add a step while this one draws.
        under_way = list(self._tally.running.items())
        for slot, since in islice(under_way, _RUNNING_LINES):
            seconds = duration_text(max(0.0, (now - since).total_seconds()))
            yield Text(f" {mark} {slot}  {seconds}", no_wrap=True, overflow="ellipsis")
        for _ in range(_RUNNING_LINES - len(under_way)):
            yield Text("")

    def _assets(self) -> Text:
        line = Text(" ", no_wrap=True, overflow="ellipsis")
        for asset, total in self._assets_by_interest():
            done = self._tally.ended[asset]
            state = "failed" if self._tally.bad[asset] else _state(done, total)
            style = _STYLES[state]
            line.append(f"{glyph(state, ascii=self._ascii)} ", style=style)
            line.append(f"{asset} {done:,}/{total:,}   ")
        return line

    def _assets_by_interest(self) -> list[tuple[AssetKey, int]]:
        """Return assets with those under way first, then those to come, then those done."""
        ended = self._tally.ended

        def rank(item: tuple[AssetKey, int]) -> int:
            done, total = ended[item[0]], item[1]
            return 0 if 0 < done < total else 1 if done == 0 else 2

        return sorted(self._tally.per_asset.items(), key=rank)


def _state(done: int, total: int) -> str:
    if done == total:
        return "fresh"
    return "running" if done else "missing"
