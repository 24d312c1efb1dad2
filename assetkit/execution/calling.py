"""Call an asset's function, whether it is plain, async, or yields as it goes."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import copy_context
from typing import Any


def call(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call *function*; wait for what it awaits, and turn an async generator into a plain one."""
    result = function(**arguments)
    if inspect.isawaitable(result):
        return _wait_for(result)
    if inspect.isasyncgen(result):
        return _drain(result)
    return result


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _wait_for(awaitable: Awaitable[Any]) -> Any:
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


def _drain(stream: AsyncIterator[Any]) -> Iterator[Any]:
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
