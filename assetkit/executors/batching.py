"""Small tasks travel to workers together, so that they share what a trip costs.

Rule 1: whoever gives tasks notices nothing of it: each comes back on its own.
Rule 2: what is not known to be small travels alone, and so does what has a timeout.
Rule 3: a trip whose worker was lost is made again, each task on its own: that shows
which of them is to blame, and harms no other.
Rule 4: where a trip takes much longer than thought, what it has not begun comes back
and goes to whoever is free.
Rule 5: the more is to be done, the longer the trips; what is left at the end is shared out.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias

from assetkit.errors import StepCancelled
from assetkit.executors.base import NO_DEMANDS, Demands, Done, Executor, Unfinished, finished

TRIP_SECONDS = 0.1
"""How long the tasks of one trip are to take together, where there are enough."""

_LEAST_SECONDS = 0.01
"""How long they are to take where there are few, and workers wait for some."""

MOST = 100
"""Tasks of one trip, at most."""

_TOO_LONG = 4 * TRIP_SECONDS
_FINISHING = 4
_LATEST = 0.5
_log = logging.getLogger("assetkit.executors")

Outcome: TypeAlias = tuple[Any, Exception | None, float]
"""What a task returned, what it raised, and the seconds that it took."""


@dataclass(slots=True)
class _Item:
    """One task on its way."""

    task_id: int
    function: Callable[[Any], Any]
    task: Any
    demands: Demands
    seconds: float
    losses: int = 0


_Trip: TypeAlias = list[_Item]
"""Tasks that go to a worker together."""


class Batching:
    """Gives tasks to another executor, small ones several at a time."""

    in_process = False
    lost_retries = 0

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._clear()

    def _clear(self) -> None:
        self._gathered: list[_Item] = []
        self._seconds = 0.0
        self._ready: deque[_Trip] = deque()
        self._under_way: dict[int, _Trip] = {}
        self._back: list[Done] = []
        self._cancelled: set[int] = set()
        self._count = self._trips = 0
        self._pace: dict[str, float] = {}

    @property
    def capacity(self) -> int:
        room = 0 if self._ready else self._room()
        is_full = self._seconds >= room * TRIP_SECONDS or len(self._gathered) >= room * MOST
        return self._count + (not is_full)

    def start(self) -> None:
        self._clear()
        self._executor.start()

    def check(self, options: Mapping[str, Any]) -> None:
        self._executor.check(options)

    def submit(
        self,
        task_id: int,
        function: Callable[[Any], Any],
        task: Any,
        demands: Demands = NO_DEMANDS,
    ) -> None:
        item = _Item(task_id, function, task, demands, self._expected(demands))
        self._count += 1
        self._gathered.append(item)
        self._seconds += item.seconds

    def wait(self, timeout: float | None) -> Sequence[Done]:
        self._set_off()
        if not self._back:
            for done in self._executor.wait(timeout):
                self._take_in(self._under_way.pop(done.task_id), done)
            self._send()
        found, self._back = self._back, []
        self._count -= len(found)
        self._cancelled.difference_update(done.task_id for done in found)
        return found

    def cancel(self, task_id: int) -> None:
        """Take a task back; where its trip is under way, the others are made anew."""
        self._cancelled.add(task_id)
        self._set_off()
        for trip_id, trip in self._under_way.items():
            if any(item.task_id == task_id for item in trip):
                self._executor.cancel(trip_id)
                return
        for trip in tuple(self._ready):
            if any(item.task_id == task_id for item in trip):
                self._ready.remove(trip)
                self._again(trip)

    def stop(self, *, kill: bool = False) -> None:
        self._clear()
        self._executor.stop(kill=kill)

    def _room(self) -> int:
        return self._executor.capacity - len(self._under_way)

    def _expected(self, demands: Demands) -> float:
        if demands.kind is None:
            return TRIP_SECONDS
        known = self._pace.get(demands.kind, demands.seconds)
        return TRIP_SECONDS if known is None else known

    def _set_off(self) -> None:
        """Share out what was gathered among the workers that wait for some."""
        gathered, self._gathered = self._gathered, []
        share = self._seconds / max(1, self._room())
        self._seconds = 0.0
        self._ready += _trips_of(gathered, min(max(share, _LEAST_SECONDS), TRIP_SECONDS))
        self._send()

    def _send(self) -> None:
        while self._ready and self._room() > 0:
            trip = self._ready.popleft()
            self._trips += 1
            self._under_way[self._trips] = trip
            first = trip[0]
            work = [(item.function, item.task) for item in trip]
            self._executor.submit(self._trips, do_all, work, first.demands)

    def _take_in(self, trip: _Trip, done: Done) -> None:
        if done.error is None:
            outcomes: list[Outcome] = done.value
            for item, outcome in zip(trip, outcomes, strict=False):
                self._note(item, outcome)
            self._again(trip[len(outcomes) :])
        elif len(trip) > 1:
            self._again(trip)
        else:
            self._take_in_error(trip[0], done)

    def _note(self, item: _Item, outcome: Outcome) -> None:
        value, error, seconds = outcome
        self._back.append(Done(item.task_id, value, error))
        if (kind := item.demands.kind) is not None:
            known = self._pace.get(kind, seconds)
            self._pace[kind] = known + _LATEST * (seconds - known)

    def _take_in_error(self, item: _Item, done: Done) -> None:
        tries_left = item.losses < self._executor.lost_retries
        if done.lost and tries_left and item.task_id not in self._cancelled:
            _log.warning("A worker was lost (%s); its step is tried again.", done.error)
            item.losses += 1
            self._ready.append([item])
        else:
            self._back.append(Done(item.task_id, error=done.error, lost=done.lost))

    def _again(self, items: Iterable[_Item]) -> None:
        """Send tasks each on its own, but for those that were taken back."""
        for item in items:
            if item.task_id in self._cancelled:
                error = StepCancelled("The step was stopped.")
                self._back.append(Done(item.task_id, error=error))
            else:
                self._ready.append([item])

    def __repr__(self) -> str:
        return repr(self._executor)


def together(executor: Executor) -> Executor:
    """Return an executor to which small tasks travel together, where they travel at all."""
    return executor if executor.in_process else Batching(executor)


def _trips_of(items: Iterable[_Item], longest: float) -> Iterator[_Trip]:
    """Yield trips of so many seconds, of tasks that may go together, in their order."""
    trip: _Trip = []
    seconds = 0.0
    for item in items:
        is_full = seconds >= longest or len(trip) >= MOST
        if trip and (is_full or not _fits(trip, item)):
            yield trip
            trip, seconds = [], 0.0
        trip.append(item)
        seconds += item.seconds
    if trip:
        yield trip


def _fits(trip: _Trip, item: _Item) -> bool:
    """Return whether a task may go along with those of a trip."""
    last = trip[-1]
    is_small = max(last.seconds, item.seconds) < TRIP_SECONDS
    return is_small and last.demands.options == item.demands.options


def do_all(work: Sequence[tuple[Callable[[Any], Any], Any]]) -> list[Outcome]:
    """Do tasks one after another, in a worker; what only waits for a disk, beside the next.

    Returns what came of those that were begun, in order: all, unless they take too long.
    """
    if len(work) == 1:
        function, task = work[0]
        return [_timed(lambda: finished(function(task)))]
    found: list[Outcome | tuple[Future[Any], float]] = []
    with ThreadPoolExecutor(_FINISHING) as finishers:
        end = perf_counter() + _TOO_LONG
        for function, task in work:
            if found and perf_counter() >= end:
                break
            value, error, seconds = _timed(lambda: function(task))  # noqa: B023  called at once
            if isinstance(value, Unfinished):
                found.append((finishers.submit(value.finish), seconds))
            else:
                found.append((value, error, seconds))
    return [one if len(one) == 3 else _settled(*one) for one in found]


def _timed(call: Callable[[], Any]) -> Outcome:
    began = perf_counter()
    try:
        return call(), None, perf_counter() - began
    except Exception as error:
        return None, error, perf_counter() - began


def _settled(future: Future[Any], seconds: float) -> Outcome:
    error = future.exception()
    if isinstance(error, Exception):
        return None, error, seconds
    return future.result(), None, seconds
