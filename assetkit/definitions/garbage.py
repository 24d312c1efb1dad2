"""Put off collecting garbage while many objects are made that live until the end."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage inside the block.

    Syntax trees and definitions are many small objects that refer to one another: looking
    through all of them again and again on the way takes a third as long as making them.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
