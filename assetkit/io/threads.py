"""Share work on many things out to threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_threads(
    threads: int, work: Callable[[Iterable[_Item]], Iterable[_Result]], items: Sequence[_Item]
) -> list[_Result]:
    """Return what *work* makes of the items, one result each; each thread has a share of them.

    A future for each item would wake this thread as often. An interrupt leaves out
    what is not begun.

    >>> in_threads(2, lambda share: (item * item for item in share), [1, 2, 3])
    [1, 4, 9]
    """
    if threads == 1 or len(items) < 2:
        return list(work(items))
    interrupted = Event()

    def share(first: int) -> Iterator[_Item]:
        for item in items[first::threads]:
            if interrupted.is_set():
                return
            yield item

    with ThreadPoolExecutor(threads, thread_name_prefix="assetkit-store") as pool:
        shares = [pool.submit(lambda n: list(work(share(n))), first) for first in range(threads)]
        try:
            found = [one.result() for one in shares]
        except BaseException:
            interrupted.set()
            raise
    return [found[place % threads][place // threads] for place in range(len(items))]
