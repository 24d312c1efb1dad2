"""Where runs of automation run: in the turn itself, or beside it, a thread each."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Lanes:
    """Runs work by source, at most so many at once; *beside*: in threads, else at once.

    *ended* is called, in the thread of the work, when one is over.
    """

    def __init__(self, *, beside: bool, most: int, ended: Callable[[], None]) -> None:
        self.beside, self.most, self._ended = beside, most, ended
        self._running: dict[tuple[str, str], threading.Thread | None] = {}
        self._lock = threading.Lock()

    def busy(self, source: str) -> int:
        """Return how much work of a source is under way."""
        with self._lock:
            return sum(1 for one, _ in self._running if one == source)

    def has(self, source: str, key: str) -> bool:
        """Return whether this very work is under way."""
        with self._lock:
            return (source, key) in self._running

    @property
    def count(self) -> int:
        """How much work is under way."""
        with self._lock:
            return len(self._running)

    @property
    def has_room(self) -> bool:
        """Whether more may begin."""
        return self.count < self.most

    def begin(self, source: str, key: str, work: Callable[[], None]) -> None:
        """Do *work*; returns when it is done, or, beside the turn, at once."""
        if not self.beside:
            work()
            return

        def run() -> None:
            try:
                work()
            finally:
                with self._lock:
                    del self._running[source, key]
                self._ended()

        thread = threading.Thread(target=run, name=f"run-{source}", daemon=True)
        with self._lock:
            self._running[source, key] = thread
        thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait so long for all work to end; return whether it has."""
        with self._lock:
            threads = [one for one in self._running.values() if one is not None]
        for thread in threads:
            thread.join(seconds / max(len(threads), 1))
        return not self.count
