"""Launch what was previewed: a process of its own, which outlives the page.

Rule 1: what runs is the kept plan, by ``assetkit materialize FILE``: the same code as in a
terminal, which looks once more whether the plan still fits.
Rule 2: the process leads a session of its own: neither Ctrl-C nor a restart of the page ends it.
Rule 3: nobody waits for it. Its run has an id before it begins, and so an address; what happens
until the run is on record, `Launches` tells.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from assetkit.web.source import Source

_KEPT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """Ranges of an asset's partitions, in the order in which to fill them.

    ``stop_after``: so many batches that failed are the last; 0: none is.
    """

    run_id: str
    asset: str
    batches: Sequence[str]
    at_once: int = 1
    stop_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A run that was begun from here. ``state`` is "starting", "empty" (nothing had to be done)
    or "refused"; ``words`` say why.
    """

    run_id: str
    state: str
    words: str


class Launches:
    """What was launched from this page; safe to use from several threads."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._notes = Path(source.catalog).parent / "ui" / "launches"
        self._begun: dict[str, subprocess.Popen[bytes]] = {}
        self._latest: dict[str, str] = {}
        self._going: set[str] = set()
        self._lock = Lock()

    def plan(self, run_id: str, file: Path, *, at_once: int = 0) -> str:
        """Begin to run a kept plan, with so many calls at once at most; return its run's id.

        That is another than *run_id* where the plan was launched a moment ago.
        """
        words = ["materialize", str(file), "--json", "--yes", "--run-id", run_id]
        words += ["--max-concurrency", str(at_once)] if at_once else []
        command = ["assetkit", *self._source.arguments(), *words]
        return self._begin(run_id, file.stem, command)

    def backfill(self, backfill: Backfill, mark: str) -> str:
        """Begin to run the batches of a backfill, one after another, as `plan` does.

        *mark* tells one backfill from another.
        """
        begun = [*self._source.arguments(), "backfill", "-s", backfill.asset, "--json", "--yes"]
        begun += ["--max-concurrency", str(backfill.at_once)] if backfill.at_once > 1 else []
        commands = [[*begun, "--partitions", one] for one in backfill.batches]
        commands[0] += ["--run-id", backfill.run_id]
        self._notes.mkdir(parents=True, exist_ok=True)
        file = self._notes / f"{backfill.run_id}.json"
        # More batches than fit into a command line are common: they are in a file.
        asked = {"commands": commands, "stop_after": backfill.stop_after}
        file.write_text(json.dumps(asked), encoding="utf-8")
        return self._begin(backfill.run_id, mark, ["assetkit.web.batches", str(file)])

    def starting(self, what: str) -> str | None:
        """Return the run of a plan or a backfill that was launched and has yet to begin, if any:
        what the second click of a double one means.
        """
        with self._lock:
            return self._starting(what)

    def _starting(self, what: str) -> str | None:
        run_id = self._latest.get(what, "")
        process = self._begun.get(run_id)
        if process is None or process.poll() is not None:
            return None
        has_begun = (self._notes / f"{run_id}.jsonl").stat().st_size > 0
        return None if has_begun else run_id

    def ended(self) -> bool:
        """Return whether any process has ended since this was last asked; leave no zombie."""
        with self._lock:
            over = {run_id for run_id in self._going if self._begun[run_id].poll() is not None}
            self._going -= over
        return bool(over)

    def find(self, run_id: str) -> Launched | None:
        """Return how a run that is not on record yet stands; None: it was not launched here."""
        with self._lock:
            process = self._begun.get(run_id)
        if process is None:
            return None
        code = process.poll()
        if code is None:
            return Launched(run_id=run_id, state="starting", words="")
        if not code:
            return Launched(run_id=run_id, state="empty", words="")
        said = (self._notes / f"{run_id}.err").read_text(encoding="utf-8", errors="replace")
        words = said.strip().removeprefix("error: ") or f"It ended with exit code {code}."
        return Launched(run_id=run_id, state="refused", words=words)

    def wait(self, timeout: float) -> None:
        """Return once all processes have ended; raises `subprocess.TimeoutExpired`."""
        for process in tuple(self._begun.values()):
            process.wait(timeout)

    def _begin(self, run_id: str, what: str, words: Sequence[str]) -> str:
        with self._lock:
            if starting := self._starting(what):
                return starting
            self._begun[run_id] = self._process(run_id, words)
            self._latest[what] = run_id
            self._going.add(run_id)
            for old in [one for one in self._begun if one not in self._going][:-_KEPT]:
                del self._begun[old]
            self._latest = {key: one for key, one in self._latest.items() if one in self._begun}
        return run_id

    def _process(self, run_id: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
        self._notes.mkdir(parents=True, exist_ok=True)
        out, err = (self._notes / f"{run_id}{suffix}" for suffix in (".jsonl", ".err"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            return subprocess.Popen(  # noqa: S603  our own command line
                [sys.executable, "-m", *words],
                cwd=self._source.folder,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
