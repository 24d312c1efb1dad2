"""Where processes that are started here print to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def printing_as_here() -> Iterator[None]:
    """Let processes that start inside the block print to where `sys.stdout` leads here.

    They inherit a file descriptor. Where this process sends its prints elsewhere, as the
    command line does so that results are alone on stdout, that has to be lent to them.
    """
    try:
        ours, kept = sys.stdout.fileno(), os.dup(1)
    except (AttributeError, OSError, ValueError):  # no stream, or none that a process could have
        yield
        return
    try:
        os.dup2(ours, 1, inheritable=True)
        yield
    finally:
        os.dup2(kept, 1, inheritable=True)
        os.close(kept)
