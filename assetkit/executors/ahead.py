"""How many tasks to hold ready beside those that run, so that no worker waits for its next one.

Rule 1: what takes long is not held: until it runs, something more urgent may come up.
"""

from __future__ import annotations

_SHORT = 1.0
"""Seconds that a task may take to count as short."""

_LATEST = 0.5


class Ahead:
    """Learns how long tasks take.

    >>> ahead = Ahead(workers=4)
    >>> before = ahead.count
    >>> ahead.note(0.02)
    >>> before, ahead.count
    (0, 4)
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._seconds: float | None = None

    @property
    def count(self) -> int:
        """How many tasks may wait: one for each worker, where tasks are known to be short."""
        return self._workers if self._seconds is not None and self._seconds < _SHORT else 0

    def note(self, seconds: float) -> None:
        """Take note of how long a task took."""
        known = seconds if self._seconds is None else self._seconds
        self._seconds = known + _LATEST * (seconds - known)
