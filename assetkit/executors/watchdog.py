"""Stop a task that takes too long, from within its worker process.

A thread that no Python code can hold up ends the whole process; whoever waits for the
task finds its worker lost, and knows by the time that passed why.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def ended_after(seconds: float | None, log: str | None) -> Iterator[None]:
    """End this process where the block takes longer than *seconds*; say in *log* where it was."""
    if seconds is None:
        yield
        return
    with opened(log) as file:
        faulthandler.dump_traceback_later(seconds, exit=True, file=file)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def opened(log: str | None) -> TextIO:
    """Open a log to add to it; nothing is kept where its folder is not to be seen from here."""
    path = Path(log or os.devnull)
    if not path.parent.is_dir():
        path = Path(os.devnull)
    return path.open("a", encoding="utf-8")
