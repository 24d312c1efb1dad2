"""Pools: how many calls of one kind run at once, over all processes of this machine.

Rule 1: a place in a pool is a locked file; the kernel gives it back when its process ends.
Rule 2: a pool that the workspace does not know has one place.
Rule 3: where a workspace has the pool ``"*"``, all steps are in it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Held:
    """Places in pools, or (without *handles*) leave to run without one."""

    handles: tuple[int, ...] = ()

    def give_back(self) -> None:
        """Let others have the places; to be called once."""
        for handle in self.handles:
            os.close(handle)


_FREE = Held()

EVERY = "*"
"""The pool of all steps."""


class Pools:
    """The places of a workspace's pools. *limits* is how many each has."""

    def __init__(self, private: Path, limits: Mapping[str, int]) -> None:
        self._folder, self._limits = private / "pools", limits

    def limit_of(self, pool: str) -> int:
        """Return how many places a pool has."""
        return self._limits.get(pool, 1)

    def numbered(self, pools: Iterable[str | None]) -> dict[str, int]:
        """Return the pools that occur in *pools*, numbered from 0."""
        return {pool: number for number, pool in enumerate(sorted({p for p in pools if p}))}

    def take(self, pool: str | None) -> Held | None:
        """Take a place in a pool, and in that of all steps; None where others have all of them."""
        if EVERY not in self._limits:
            return _FREE if pool is None else self._place(pool)
        held = self._place(EVERY)
        if held is None or pool is None:
            return held
        other = self._place(pool)
        if other is None:
            held.give_back()
            return None
        return Held(held.handles + other.handles)

    def _place(self, pool: str) -> Held | None:
        folder = self._folder / quote(pool, safe="")
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(self.limit_of(pool)):
            handle = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
            else:
                return Held((handle,))
        return None
