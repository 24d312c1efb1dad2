"""Values that many tasks share: packed once, and unpacked once by each worker.

Rule 1: a shipped value is pickled once, by value where it comes from a notebook.
Rule 2: a worker keeps what it has unpacked; the same bytes give the same object.
"""

from __future__ import annotations

import hashlib
import inspect
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

import cloudpickle

T = TypeVar("T")

_KEPT = 512
_unpacked: OrderedDict[bytes, Shipped[object]] = OrderedDict()


class Shipped(Generic[T]):
    """A value, with its pickled form once that was needed."""

    __slots__ = ("_packed", "value")

    def __init__(self, value: T) -> None:
        self.value = value
        self._packed: tuple[bytes, bytes] | None = None

    def pack(self) -> tuple[bytes, bytes]:
        """Return the name of the packed value, and the value packed."""
        if self._packed is None:
            content = cloudpickle.dumps(self.value)
            self._packed = hashlib.sha256(content).digest(), content
        return self._packed

    def __reduce__(self) -> tuple[object, tuple[bytes, bytes]]:
        return _unpack, self.pack()


def unshippable(function: Callable[..., object]) -> list[str]:
    """Return the names outside of a function that it uses and that cannot be packed.

    >>> import threading
    >>> lock, limit = threading.Lock(), 3
    >>> unshippable(lambda: lock.locked() and limit)
    ['lock']
    """
    try:
        used = inspect.getclosurevars(inspect.unwrap(function))
    except TypeError:  # it is no function of Python
        return []
    named = {**used.nonlocals, **used.globals}
    return [name for name, value in named.items() if not _packs(value)]


def _packs(value: object) -> bool:
    try:
        cloudpickle.dumps(value)
    except Exception:
        return False
    return True


def _unpack(name: bytes, content: bytes) -> Shipped[object]:
    if name in _unpacked:
        _unpacked.move_to_end(name)
        return _unpacked[name]
    shipped: Shipped[object] = Shipped(cloudpickle.loads(content))
    _unpacked[name] = shipped
    while len(_unpacked) > _KEPT:
        _unpacked.popitem(last=False)
    return shipped
