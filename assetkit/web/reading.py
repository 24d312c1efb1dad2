"""Processes that read a project, one at a time, replaced when its files change.

Rule 1: changed code is loaded in a new process; it takes over only where it loads.
Rule 2: until then, and where it does not load, the last good one goes on answering.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from time import monotonic
from typing import Any

from assetkit import __version__
from assetkit.errors import AssetkitError
from assetkit.web.marks import ProjectFiles
from assetkit.web.source import Source

_PATIENCE = 60.0
_LOADING = 120.0


class Refusal(AssetkitError):
    """A question was answered with an error: its kind, its words, the HTTP status that fits,
    and the assets that may have been meant.
    """

    def __init__(self, kind: str, message: str, status: int, near: Sequence[str] = ()) -> None:
        self.kind, self.status, self.near = kind, status, near
        super().__init__(message)


class Reader:
    """One process that has loaded a project, or has failed to; safe from several threads."""

    def __init__(self, source: Source) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "assetkit.web.reader", source.text()],
            cwd=source.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._waiting: dict[int, Future[Mapping[str, Any]]] = {}
        self._hello: Future[Mapping[str, Any]] = Future()
        self._numbers, self._lock = count(1), Lock()
        Thread(target=self._listen, name="assetkit-reader", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    @property
    def is_loaded(self) -> bool:
        """Whether it has said how loading went."""
        return self._hello.done()

    def problem(self, timeout: float = _LOADING) -> str:
        """Return why the project does not load, empty where it does; waits until that is known."""
        try:
            said = self._hello.result(timeout)
            return _other_version(said["version"]) or str(said["problem"])
        except TooLate:
            return f"The project takes longer than {timeout:g} s to load."
        except Refusal as gone:
            return str(gone)

    def ask(self, name: str, **arguments: Any) -> Any:
        """Return the answer to a question.

        Raises:
            Refusal: it is an error, comes too late, or the process is gone.
        """
        future: Future[Mapping[str, Any]] = Future()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = future
            line = json.dumps({"id": number, "ask": name, "arguments": arguments})
            try:
                self._process.stdin.write(f"{line}\n")  # type: ignore[union-attr]
                self._process.stdin.flush()  # type: ignore[union-attr]
            except (OSError, ValueError):
                self._waiting.pop(number, None)
                raise _gone() from None
        try:
            said = future.result(_PATIENCE)
        except TooLate:
            raise Refusal("TooLate", f"No answer within {_PATIENCE:g} s.", 504) from None
        if "error" in said:
            raise Refusal(**said["error"])
        return said["page"]

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _listen(self) -> None:
        try:
            for line in self._process.stdout or ():
                said = json.loads(line)
                if "hello" in said:
                    self._hello.set_result(said)
                elif (future := self._waiting.pop(said["id"], None)) is not None:
                    future.set_result(said)
        except ValueError:  # closed under our hands
            pass
        for future in (*self._waiting.values(), self._hello):
            if not future.done():
                future.set_exception(_gone())


def _other_version(version: str) -> str:
    """Return what to do where assetkit was upgraded under a page that runs; empty: it was not."""
    if version == __version__:
        return ""
    return (
        f"This page was started by assetkit {__version__}; now assetkit {version} is installed. "
        f"End the page, and start it again: assetkit ui"
    )


def _gone() -> Refusal:
    return Refusal("Gone", "The process that reads the project ended. Load the page again.", 503)


class Readers:
    """The reader that answers, and at most one that tries changed code."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problem = ""
        self._lock = Lock()
        self._files = ProjectFiles(Path(source.folder), but=Path(source.catalog).parent.parent)
        self._mark = self._look()
        self._now = Reader(source)
        self._trial: Reader | None = None
        self._is_first = True
        self._asked_at = monotonic()

    def ask(self, name: str, **arguments: Any) -> Any:
        """Return the answer of the last good reader; see `Reader.ask`."""
        with self._lock:
            self._asked_at = monotonic()
            if self._is_first:
                self.problem = self._now.problem()
                self._is_first = False
            if not self._now.is_alive:
                self._now.stop()
                self._now = Reader(self.source)
                self.problem = self._now.problem()
            reader = self._now
        return reader.ask(name, **arguments)

    def follow(self) -> bool:
        """Look whether files changed, and take over what loads; return whether anything did.

        Call it about twice a second; it never waits for the project.
        """
        if self._trial is None:
            mark = self._look()
            if mark != self._mark:
                self._mark = mark
                if self._now.is_alive:  # else the next question loads what is there then
                    self._trial = Reader(self.source)
            return False
        if not (self._trial.is_loaded or not self._trial.is_alive):
            return False
        trial, self._trial = self._trial, None
        problem = trial.problem()
        with self._lock:
            self.problem, self._is_first = problem, False
            old = trial if problem else self._now
            if not problem:
                self._now = trial
        old.stop()
        return True

    def rest(self, unused: float) -> None:
        """End the process if nobody has asked for *unused* seconds; the next question starts one.

        It takes three times the memory of the one that answers browsers.
        """
        with self._lock:
            if self._trial is None and monotonic() - self._asked_at > unused:
                self._now.stop()

    def stop(self) -> None:
        """End all processes."""
        for reader in filter(None, (self._now, self._trial)):
            reader.stop()

    def _look(self) -> object:
        return self._files.mark() if self.source.module else None
