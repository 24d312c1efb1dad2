"""Wait for what an asset's function awaits; loaded by name, as event loops take long to load."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextvars import copy_context
from typing import Any


def wait_for(awaitable: Awaitable[Any]) -> Any:
    """Run an awaitable to its end in an event loop of its own.

    A notebook's thread has a loop already; there, a thread of its own is needed.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_await(awaitable))
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.extend((True, asyncio.run(_await(awaitable))))
        except BaseException as error:
            outcome.extend((False, error))

    thread = threading.Thread(target=copy_context().run, args=(run,), name="assetkit-async")
    thread.start()
    thread.join()
    succeeded, result = outcome
    if not succeeded:
        raise result
    return result


def drain(stream: AsyncIterator[Any]) -> Iterator[Any]:
    """Yield what an async generator yields, each item as it comes."""
    loop = _Loop()
    try:
        while True:
            try:
                item = loop.run(anext(stream))
            except StopAsyncIteration:
                return
            yield item
    finally:
        loop.close(stream)


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


class _Loop:
    """An event loop in a thread of its own, so that it runs beside any other."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._loop.run_forever,), name="assetkit-async"
        )
        self._thread.start()

    def run(self, awaitable: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(_await(awaitable), self._loop).result()

    def close(self, stream: Any) -> None:
        self.run(stream.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
