"""Where a step of a run stands, and what can happen to it."""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """Where a step stands. From `DONE` on, it has ended."""

    WAITING = 0
    READY = 1
    RUNNING = 2
    RESTING = 3
    DONE = 4
    FAILED = 5
    BLOCKED = 6
    CANCELLED = 7


class Change(IntEnum):
    """What can happen to a step."""

    CLEAR = 0
    START = 1
    SUCCEED = 2
    FAIL = 3
    REST = 4
    WAKE = 5
    BLOCK = 6
    CANCEL = 7
