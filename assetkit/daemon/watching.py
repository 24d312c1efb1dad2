"""A daemon beside a notebook: `watch`."""

from __future__ import annotations

import os
import threading
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from assetkit.api import workspace_of
from assetkit.catalog.automation import TickRecord
from assetkit.daemon.daemon import Daemon
from assetkit.display.html import element, html_table, view
from assetkit.display.texttable import Column, text_table
from assetkit.workspace import Workspace

_SHOWN = 10


class Watch:
    """A daemon in a thread of this process; shows what it did last. End it with `stop`."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._thread = threading.Thread(target=daemon.run, name="assetkit-watch", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive()

    @property
    def ticks(self) -> list[TickRecord]:
        """What it did last, newest first."""
        catalog = self._daemon.workspace.catalog
        return list(catalog.automation.ticks(limit=_SHOWN))

    def stop(self, timeout: float | None = None) -> None:
        """Ask it to end, and wait until it has, or *timeout* seconds are over."""
        self._daemon.stop()
        self._thread.join(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __str__(self) -> str:
        columns = [Column(title=title) for title in _TITLES]
        return "\n".join([self._headline(), *text_table(columns, self._rows(), width=None)])

    def __repr__(self) -> str:
        return f"<Watch: {self._headline()}>"

    def _repr_html_(self) -> str:
        head = element("p", self._headline(), class_="head", role="status")
        return str(view(head, html_table(_TITLES, self._rows())))

    def _headline(self) -> str:
        place = self._daemon.workspace.root
        return f"watching {place}" if self.is_running else f"no longer watching {place}"

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (_time(one.instant), one.source, str(one.status), one.message) for one in self.ticks
        ]


_TITLES = ("time", "source", "status", "what came of it")


def watch(
    definitions: Any,
    workspace: Workspace | str | os.PathLike[str] | None = None,
    **options: Any,
) -> Watch:
    """Run a daemon beside this notebook, until `stop` is called on what is returned.

    Arguments are those of `Daemon`.
    """
    return Watch(Daemon(definitions, workspace_of(workspace), **options))


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
