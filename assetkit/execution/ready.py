"""What could start next: calls whose steps wait for nothing any more, in order.

Rule 1: of the calls that could start, the one of the lowest rank does; of equals, the first.
Rule 2: a call in a pool holds one of its places until its last step has ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TypeAlias

import numpy as np

from assetkit.execution.states import State
from assetkit.execution.waiting import WaitingGraph

_Call: TypeAlias = tuple[int, tuple[int, ...]]
"""The rank of a call, and its steps."""


@dataclass(frozen=True, slots=True)
class StepPools:
    """Which pool each step is in (-1: none), and how many calls of each pool may run at once."""

    of_step: Sequence[int]
    limits: Sequence[int]


class Ready:
    """The calls that could start, lowest rank first, as far as their pools have room."""

    def __init__(self, pools: StepPools | None, ranks: Sequence[int] | None) -> None:
        self._pools, self._ranks = pools, ranks
        self._free = [] if pools is None else list(pools.limits)
        # The last queue is that of the steps without a pool: -1.
        self._queues: list[list[_Call]] = [[] for _ in range(len(self._free) + 1)]
        self._under_way: dict[int, list[int]] = {}

    @property
    def startable(self) -> bool:
        """True where a call could start now."""
        return bool(self._queues[-1]) or any(self._open_queues())

    def push(self, steps: tuple[int, ...]) -> None:
        """Add the steps of a call."""
        rank = 0 if self._ranks is None else self._ranks[steps[0]]
        heappush(self._queues[self._pool_of(steps[0])], (rank, steps))

    def pop(self) -> tuple[int, ...]:
        """Return the steps of the next call; none where no call can start."""
        queue = self._queues[-1]
        if self._free:
            queue = min((one for one in self._open_queues() if one), default=queue)
        if not queue:
            return ()
        _, steps = heappop(queue)
        if (pool := self._pool_of(steps[0])) >= 0:
            self._free[pool] -= 1
            left = [pool, len(steps)]
            self._under_way.update(dict.fromkeys(steps, left))
        return steps

    def ended(self, step: int) -> None:
        """Take note that a step does not run any more."""
        if not self._free or (left := self._under_way.pop(step, None)) is None:
            return
        left[1] -= 1
        if not left[1]:
            self._free[left[0]] += 1

    def clear(self) -> None:
        """Forget all."""
        for queue in self._queues:
            queue.clear()

    def _open_queues(self) -> Iterator[list[_Call]]:
        yield self._queues[-1]
        for queue, free in zip(self._queues, self._free, strict=False):
            if free > 0:
                yield queue

    def _pool_of(self, step: int) -> int:
        return -1 if self._pools is None else self._pools.of_step[step]


class Calls:
    """Which steps are started together, and how many of each call still wait."""

    def __init__(self, graph: WaitingGraph) -> None:
        self._call_of: list[int] | None = None
        if graph.calls is None:
            return
        self._call_of = graph.calls.tolist()
        names, sizes = np.unique(graph.calls, return_counts=True)
        self._left: dict[int, int] = dict(zip(names.tolist(), sizes.tolist(), strict=True))
        members = np.argsort(graph.calls, kind="stable")
        parts = np.split(members, np.cumsum(sizes)[:-1])
        self._members = dict(zip(names.tolist(), parts, strict=True))

    def settle(self, step: int, state: bytearray) -> tuple[int, ...]:
        """Count a step that waits no more; return the ready steps of a call that is complete."""
        if self._call_of is None:
            return (step,) if state[step] == State.READY else ()
        call = self._call_of[step]
        self._left[call] -= 1
        if self._left[call]:
            return ()
        return tuple(one for one in self._members[call].tolist() if state[one] == State.READY)
