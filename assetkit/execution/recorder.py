"""Writes results down while a run goes on: in groups, from a thread of its own.

Rule 1: a step waits for no commit; what was published and not yet recorded is
adopted after a crash, as the data says itself what it is.
Rule 2: the sequence number that steps read at grows only while nobody else
writes: then all that came since is the run's own, and no input has changed.
Rule 3: an error of the catalog reaches the run at its next call, and nothing is lost quietly.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Self

from assetkit.catalog.base import Catalog, Commit
from assetkit.records import AssetKey, CheckOutcome, FailedAttempt, Materialization, StepRecord

_SHARE = 10
"""A run spends at most the tenth part of its time on writing down: the rest is for its steps."""

_LATEST = 1.0
"""Seconds until results are written down, at most, however long that takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often, in seconds, a run says that it is alive and writes results down."""

    heartbeat: float
    commit_every: float
    commit_size: int


@dataclass(slots=True)
class _Batch:
    """What is to be written down next."""

    materializations: list[Materialization] = field(default_factory=list)
    failures: list[FailedAttempt] = field(default_factory=list)
    steps: list[StepRecord] = field(default_factory=list)
    checks: list[CheckOutcome] = field(default_factory=list)

    def __len__(self) -> int:
        return max(len(self.materializations), len(self.failures), len(self.steps))


class Recorder:
    """The one writer of a run. A context manager: after leaving it, `rest` is not written yet.

    ``seq`` is the sequence number of what the run knows. ``fence`` counts the
    claims that its results rest on.
    """

    def __init__(
        self, catalog: Catalog, run_id: str, clock: Callable[[], datetime], pace: Pace
    ) -> None:
        self._catalog, self._run_id, self._clock, self._pace = catalog, run_id, clock, pace
        self.seq = 0
        self.fence = 0
        self.cancel_asked = threading.Event()
        self.refused: list[tuple[AssetKey, int]] = []
        self._alone = True
        self._batch = _Batch()
        self._error: BaseException | None = None
        self._number = 0
        self._state = threading.Lock()
        self._wake = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(
            target=self._keep_writing, name="assetkit-recorder", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._wake.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def add(
        self,
        step: StepRecord | None,
        made: Materialization | None = None,
        failed: FailedAttempt | None = None,
        checks: Sequence[CheckOutcome] = (),
    ) -> None:
        """Note how a step ended. Raises the error of an earlier commit, if there was one."""
        if self._error is not None:
            raise self._error
        with self._state:
            batch = self._batch
            if made is not None:
                batch.materializations.append(made)
            if failed is not None:
                batch.failures.append(failed)
            batch.checks += checks
            if step is not None:
                batch.steps.append(step)
            full = len(batch) >= self._pace.commit_size
        if full:
            self._wake.set()

    def rest(self) -> Commit | None:
        """Take what is noted and not written down yet; nothing where the catalog failed."""
        with self._state:
            batch, self._batch = self._batch, _Batch()
        if self._error is not None or not len(batch):
            return None
        return self._commit_of(batch)

    def _flush(self) -> float:
        """Write down what is noted; return how long to wait with the next."""
        with self._state:
            batch, self._batch = self._batch, _Batch()
        if not len(batch):
            return 0.0
        began = monotonic()
        self._write(self._commit_of(batch))
        return min(_SHARE * (monotonic() - began), _LATEST)

    def _commit_of(self, batch: _Batch) -> Commit:
        self._number += 1
        return Commit(
            commit_id=f"{self._run_id}-{self._number}",
            run_id=self._run_id,
            fence=self.fence,
            materializations=tuple(batch.materializations),
            read_seqs=(self.seq,) * len(batch.materializations),
            failures=tuple(batch.failures),
            steps=tuple(batch.steps),
            checks=tuple(batch.checks),
        )

    def _write(self, commit: Commit) -> None:
        known = self.seq
        receipt = self._catalog.commit(commit)
        self.refused.extend(receipt.refused)
        self._alone = self._alone and receipt.previous_seq == known
        if self._alone:
            self.seq = receipt.seq

    def _keep_writing(self) -> None:
        beat, due = monotonic() + self._pace.heartbeat, 0.0
        try:
            while not self._over.is_set():
                full = self._wake.wait(self._pace.commit_every)
                self._wake.clear()
                if self._over.is_set():
                    break
                if full or monotonic() >= due:
                    due = self._flush() + monotonic()
                if monotonic() >= beat or self._is_called():
                    beat = monotonic() + self._pace.heartbeat
                    if self._catalog.heartbeat(self._run_id, self._clock()):
                        self.cancel_asked.set()
        except BaseException as error:
            self._error = error
            self.cancel_asked.set()

    def _is_called(self) -> bool:
        return not self.cancel_asked.is_set() and self._catalog.is_called(self._run_id)
