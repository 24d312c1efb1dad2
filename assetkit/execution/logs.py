"""What the code of a step says: log records, prints and tracebacks, in a file per step.

Rule 1: a file is made by its first line; a silent step leaves nothing behind.
Rule 2: which file a line goes to is a context variable, so that steps in threads
do not mix.
Rule 3: the process's own streams and logging are as they were once no run is on.
Rule 4: a worker that does not see the folder of the run's logs, as it is on another machine,
sends the log back with the result.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from io import StringIO, TextIOBase
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote, unquote

from assetkit.execution.masking import mask
from assetkit.records import AssetKey

SIZE_LIMIT = 10_000_000
"""Characters of one step's log; what comes after is dropped, and the log says so."""

SENT_LIMIT = 1_000_000
"""Characters of a log that comes back with a step's result, likewise."""

_NAME_LIMIT = 80
_PLAIN = re.compile(r"[\w.-]+", re.ASCII)


class StepLog:
    """One step's log file, made when something is written. *path* None: nothing is kept.

    With *remote*, where the file's folder is not there, the log is kept in memory; once it is
    closed, `unsent` has it.
    """

    def __init__(self, path: str | None, *, remote: bool = False, limit: int = SIZE_LIMIT) -> None:
        self.path = path
        self.unsent: str | None = None
        self._remote, self._left = remote, limit
        self._file: TextIO | None = None
        self._lock = threading.Lock()

    @property
    def used(self) -> bool:
        """True once something was written."""
        return self._file is not None

    def write(self, text: str) -> None:
        """Append *text* at once, without secrets, so that it can be followed; cut at the limit."""
        if self.path is None or self._left <= 0 or not text:
            return
        text = mask(text)
        with self._lock:
            if self._file is None:
                self._file = self._open(Path(self.path))
            self._file.write(text[: self._left])
            self._left -= len(text)
            if self._left <= 0:
                self._file.write("\n[the log is cut here: it reached its size limit]\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file, if there is one."""
        with self._lock:
            if isinstance(self._file, StringIO) and not self._file.closed:
                self.unsent = self._file.getvalue()
            if self._file is not None:
                self._file.close()

    def _open(self, path: Path) -> TextIO:
        if self._remote and not path.parent.is_dir():
            self._left = min(self._left, SENT_LIMIT)
            return StringIO()
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8", errors="backslashreplace")


def add_to_log(path: Path, text: str) -> None:
    """Add what came from a worker elsewhere to a step's log."""
    log = StepLog(str(path))
    log.write(text)
    log.close()


@contextmanager
def folder_of_logs(folder: Path) -> Iterator[None]:
    """Let workers see, inside the block, the folder of a run's logs, where they can see it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):  # it has logs
            folder.rmdir()


def log_name(number: int, asset: AssetKey, partition: str | None) -> str:
    """Return the file name of a step's log.

    >>> log_name(7, "sales/orders", "2026-01-31|us")
    '7-sales.orders-2026-01-31%7Cus.log'
    """
    name = f"{number}-{asset.replace('/', '.')}"
    if partition is not None:
        name += f"-{partition if _PLAIN.fullmatch(partition) else quote(partition, safe='')}"
    return f"{name[:_NAME_LIMIT]}.log"


def slot_of_log(name: str) -> str:
    """Return the slot whose log has a file name; of a name that was too long, its beginning.

    >>> slot_of_log("7-sales.orders-2026-01-31%7Cus.log")
    'sales/orders@2026-01-31|us'
    """
    asset, _, partition = name.removesuffix(".log").partition("-")[2].partition("-")
    return asset.replace(".", "/") + (f"@{unquote(partition)}" if partition else "")


def attempt_line(number: int) -> str:
    """Return the line of a log with which an attempt after the first begins."""
    return f"[attempt {number}]"


_current: ContextVar[StepLog | None] = ContextVar("assetkit_step_log", default=None)


@contextmanager
def routed_to(log: StepLog | None) -> Iterator[None]:
    """Send what this thread logs and prints to *log*, while `capturing` is on."""
    token = _current.set(log)
    try:
        yield
    finally:
        _current.reset(token)


class _Handler(logging.Handler):
    """Writes log records to the current step's log."""

    def __init__(self, *, alone: bool) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._alone = alone

    def emit(self, record: logging.LogRecord) -> None:
        if (log := _current.get()) is not None:
            log.write(self.format(record) + "\n")
        # Without handlers of their own, users see warnings on stderr; this one must not hide them.
        last = logging.lastResort
        if self._alone and last is not None and record.levelno >= last.level:
            with routed_to(None):
                last.handle(record)


class _Tee(TextIOBase):
    """Stands in for a standard stream: passes text on, and copies it to the current step's log."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        log = _current.get()
        if log is not None:
            log.write(text)
        # A step does not fail because nobody reads any more what it prints.
        with nullcontext() if log is None else suppress(BrokenPipeError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return bool(self._stream.isatty())

    def fileno(self) -> int:
        number: int = self._stream.fileno()
        return number

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return str(getattr(self._stream, "encoding", "utf-8"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def close(self) -> None:
        """Leave the stream open: it is not ours."""


class _Capture:
    """Stands between a process's streams and its steps; counts who wants it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._undo: list[Any] = []

    def install(self) -> None:
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            for name in ("stdout", "stderr"):
                if getattr(sys, name) is not None:
                    self._replace_stream(name)
            self._add_handler()

    def remove(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
            while self._undo:
                self._undo.pop()()

    def _replace_stream(self, name: str) -> None:
        before = getattr(sys, name)
        tee = _Tee(before)
        setattr(sys, name, tee)

        def undo() -> None:
            if getattr(sys, name) is tee:
                setattr(sys, name, before)

        self._undo.append(undo)

    def _add_handler(self) -> None:
        root = logging.getLogger()
        alone = not root.handlers
        handler = _Handler(alone=alone)
        root.addHandler(handler)
        self._undo.append(lambda: root.removeHandler(handler))
        # Nobody else listens, so nobody is flooded when `info` records are let through.
        if alone and root.level == logging.WARNING:
            root.setLevel(logging.INFO)
            self._undo.append(lambda: root.setLevel(logging.WARNING))


_capture = _Capture()


@contextmanager
def capturing() -> Iterator[None]:
    """Copy what steps log and print to their logs; may be nested, and used in several threads."""
    _capture.install()
    try:
        yield
    finally:
        _capture.remove()
