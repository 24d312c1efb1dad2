"""What changed, told to browsers: a number that grows, and nothing else.

Rule 1: the catalog is never opened for this, nor held: its file is looked at from outside.
Rule 2: pages fetch themselves anew when the number grows; a stream that was lost takes up
where it left off, as the number is all that there is to know.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from assetkit.catalog.liveness import is_alive
from assetkit.web.launching import Launches
from assetkit.web.marks import catalog_mark
from assetkit.web.reading import Readers

_BEAT = 0.4
_HEARTBEAT = 15.0
_UNUSED = 300.0
"""So many seconds without a tab and without a question, and the project is unloaded."""


def running_here(private: Path) -> int:
    """Return how many runs of a workspace's private folder go on, by the files that they lock."""
    return sum(is_alive(file) for file in private.glob("runs/*.lock"))


class Pulse:
    """Counts the changes of a catalog and of a project's code, and launches that ended."""

    def __init__(self, readers: Readers, launches: Launches) -> None:
        self.version = 1
        self.running = 0
        self._readers, self._launches = readers, launches
        self._listeners = 0
        self._changed = asyncio.Condition()

    async def beat(self) -> None:
        """Look twice a second, until cancelled."""
        catalog = Path(self._readers.source.catalog)
        seen = catalog_mark(catalog)
        self.running = running_here(catalog.parent)
        while True:
            await asyncio.sleep(_BEAT)
            mark = catalog_mark(catalog)
            loaded = await asyncio.to_thread(self._readers.follow)
            if not self._listeners:
                await asyncio.to_thread(self._readers.rest, _UNUSED)
            ended = self._launches.ended()
            self.running = running_here(catalog.parent)
            if mark != seen or loaded or ended:
                seen = mark
                async with self._changed:
                    self.version += 1
                    self._changed.notify_all()

    def _is_past(self, version: int) -> bool:
        return self.version != version

    async def stream(self, after: int) -> AsyncIterator[str]:
        """Yield an event for each change after a version, and a comment now and then."""
        self._listeners += 1
        try:
            async for event in self._events(after):
                yield event
        finally:
            self._listeners -= 1

    async def _events(self, after: int) -> AsyncIterator[str]:
        while True:
            if self._is_past(after):
                after = self.version
                said = json.dumps({"version": after, "running": self.running})
                yield f"id: {after}\nevent: changed\ndata: {said}\n\n"
                continue
            try:
                async with asyncio.timeout(_HEARTBEAT), self._changed:
                    await self._changed.wait_for(partial(self._is_past, after))
            except TimeoutError:
                yield ": still here\n\n"
