"""The daemon: turns of automation, one after another, in one process per workspace.

Rule 1: nothing is kept in memory that a turn could not find in the catalog: it may be killed
at any moment, and the next one goes on.
Rule 2: it sleeps until there is something to do by time, or something has changed: the
catalog, the definitions, work that ended.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from types import FrameType, ModuleType
from typing import Any

from assetkit.api import checked_time, workspace_of
from assetkit.catalog.automation import AutomationState
from assetkit.daemon.lanes import Lanes
from assetkit.daemon.launching import Project
from assetkit.daemon.lease import Lease
from assetkit.daemon.reloading import Origin, Reloader, module_origin, origin_of
from assetkit.daemon.shift import Shift, Turn
from assetkit.definitions.durations import seconds_of
from assetkit.errors import AssetkitError, DaemonReplaced, InvalidArgument
from assetkit.project import Definitions, load_project
from assetkit.workspace import Workspace

_POLL = 1.0
_IDLE = 60.0
_SHARE = 200
"""A turn for no reason comes after so many times what the last one took: half a percent of CPU."""
_PAUSE = 10
"""So, while runs write to the catalog, turns take a tenth of the time."""
_FILES_EVERY = 2.0

log = logging.getLogger("assetkit.daemon")


class Daemon:
    """Looks after a workspace: schedules, sensors, and the policies and promises of assets.

    Args:
        definitions: a `Definitions`, a module, or the name of one; of a module,
            changes are followed, and one that does not load is told of and left aside.
        workspace: as for `materialize`.
        max_runs: how many runs go on at once in `run`.
        grace: how long `run`, asked to stop, waits for runs before it cancels them.
        progress: how runs are shown; nothing by default.

    >>> from assetkit import Definitions, Workspace, asset, schedule
    >>> @asset
    ... def prices():
    ...     return None
    >>> project = Definitions(assets=[prices], schedules=[schedule(prices, "0 6 * * *")])
    >>> with Workspace.temporary() as workspace:
    ...     turn = Daemon(project, workspace).tick(datetime(2026, 1, 31, 6, tzinfo=UTC))
    ...     [(tick.source, tick.key, str(tick.status)) for tick in turn.ticks]
    [('schedule:prices [0 6 * * *]', '2026-01-31T06:00:00Z', 'success')]
    """

    def __init__(
        self,
        definitions: Any,
        workspace: Workspace | str | os.PathLike[str] | None = None,
        *,
        max_runs: int = 8,
        grace: Any = "30s",
        progress: Any = "none",
        folder: Path | None = None,
    ) -> None:
        found, origin = _definitions_of(definitions, folder)
        if type(max_runs) is not int or max_runs < 1:
            raise InvalidArgument(f"max_runs={max_runs!r} leaves no room for any run. Give 1.")
        self._project = Project.of(found)
        self._reloader = Reloader(origin) if origin is not None else None
        self._workspace = workspace_of(workspace)
        self._max_runs, self._progress = max_runs, progress
        self._grace = seconds_of(grace, owner="Daemon", argument="grace", zero=True)
        self._lease = Lease(self._workspace.core.catalog)
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._files_at = 0.0
        self.turns = 0

    @property
    def workspace(self) -> Workspace:
        """What is looked after."""
        return self._workspace

    def tick(self, now: datetime | None = None, *, horizon: Any = 0) -> Turn:
        """Do one turn, and wait for what it runs; a second one at the same time does nothing.

        *now* (timezone-aware; None: the time of the workspace) is what the turn,
        its plans and its runs take for the time. *horizon*: when the next turn comes, so
        that what falls due before it runs now. Where a daemon is at work on the
        workspace, nothing is done, and the turn says who it is.
        """
        asked = checked_time(now)
        ahead = seconds_of(horizon, owner="Daemon.tick", argument="horizon", zero=True)
        workspace = self._workspace if asked is None else _as_of(self._workspace, asked)
        at = (asked or workspace.core.now()).astimezone(UTC)
        other = self._lease.take(at)
        if other is not None:
            return Turn(now=at, standing_by=other)
        lanes = Lanes(beside=False, most=self._max_runs, ended=self._woken.set)
        try:
            shift = Shift(
                self._project, workspace, self._lease.holder, lanes, progress=self._progress
            )
            return shift.turn(at, timedelta(seconds=ahead))
        finally:
            self._lease.give_back()

    def run(self) -> None:
        """Do turn after turn until `stop` is called, or SIGTERM or SIGINT comes.

        Where another process looks after the workspace, stand by, and take over
        when it is gone.
        """
        self._stopping.clear()
        self._hurry.clear()
        self._workspace.core.announce()
        with self._signals():
            standing_by = False
            while not self._stopping.is_set():
                other = self._lease.take(self._workspace.core.now())
                if other is not None:
                    if not standing_by:
                        log.info("standing by: %s looks after %s", other, self._workspace.root)
                    standing_by = True
                    self._woken.wait(_POLL)
                    continue
                log.info(
                    "%s %s", "took over" if standing_by else "looks after", self.workspace.root
                )
                standing_by = False
                self._work()

    def stop(self) -> None:
        """Ask `run` to come to an end; a second call cancels at once what still runs."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()
        self._woken.set()

    # -------------------------------------------------------------------------------- the loop

    def _work(self) -> None:
        """Do turns as long as the lease is held."""
        lanes = Lanes(beside=True, most=self._max_runs, ended=self._woken.set)
        try:
            shift = Shift(
                self._project,
                self._workspace,
                self._lease.holder,
                lanes,
                progress=self._progress,
                woken=self._woken.set,
            )
            self._turns(shift)
            self._wind_up(shift, lanes)
            self._lease.give_back()
        except DaemonReplaced as error:
            log.warning("%s", error)
            self._lease.lose()

    def _turns(self, shift: Shift) -> None:
        core, trouble = self._workspace.core, 0
        while not self._stopping.is_set():
            self._woken.clear()
            if self._lease.take(core.now()) is not None:
                return
            self._follow(shift)
            began = monotonic()
            try:
                turn = shift.turn(core.now())
                trouble = 0
            except DaemonReplaced:
                raise
            except AssetkitError as error:
                trouble += 1
                log.warning("a turn failed, and is done again: %s", error)
                self._woken.wait(min(2.0**trouble, 60.0))
                continue
            self.turns += 1
            self._sleep(turn, monotonic() - began)

    def _sleep(self, turn: Turn, took: float) -> None:
        """Wait until it is time for a turn, or something has changed."""
        core, quiet_until = self._workspace.core, monotonic() + _PAUSE * took
        until = turn.now + timedelta(seconds=max(_IDLE, _SHARE * took))
        if turn.wake_at is not None:
            until = min(until, turn.wake_at)
        seen = _catalog_mark(core.catalog)
        seq = core.catalog.snapshot([]).seq if seen is not None else 0
        # By a clock that is never set, too, so that one set back an hour does not sleep as long.
        deadline = monotonic() + (until - turn.now).total_seconds()
        while not self._stopping.is_set() and not self._woken.is_set():
            left = min((until - core.now()).total_seconds(), deadline - monotonic())
            if left <= 0:
                return
            self._woken.wait(min(left, _POLL))
            mark = _catalog_mark(core.catalog)
            if mark != seen and monotonic() >= quiet_until:
                seen = mark
                if core.catalog.snapshot([]).seq != seq:
                    return
            if self._lease.take(core.now()) is not None or self._files_changed():
                return

    def _files_changed(self) -> bool:
        if self._reloader is None or monotonic() - self._files_at < _FILES_EVERY:
            return False
        self._files_at = monotonic()
        return self._reloader.has_news()

    def _follow(self, shift: Shift) -> None:
        """Take the definitions anew where their files changed; keep the last good ones."""
        if self._reloader is None:
            return
        name = self._reloader.origin.spec
        try:
            definitions = self._reloader.look()
            if definitions is None:
                return
            project = Project.of(definitions)
        except AssetkitError as error:
            text = "%s changed and does not load; the last good definitions stay. %s"
            log.warning(text, name, error)
            shift.note([], [self._loaded("failed", str(error))])
            return
        self._project = project
        shift.take(project)
        log.info("%s changed, and is loaded anew", name)
        shift.note([], [self._loaded("success", "")])

    def _loaded(self, outcome: str, message: str) -> AutomationState:
        now = self._workspace.core.now()
        return AutomationState(
            name="definitions", since=now, checked_at=now, outcome=outcome, message=message, count=1
        )

    def _wind_up(self, shift: Shift, lanes: Lanes) -> None:
        """Let runs end, for as long as they are given; cancel the rest, to go on with later."""
        if not lanes.count:
            return
        log.info("stopping: waits %g s for %d runs", self._grace, lanes.count)
        end = monotonic() + self._grace
        while lanes.count and monotonic() < end and not self._hurry.is_set():
            lanes.wait(0.2)
        shift.stopping = True
        for run_id in shift.running_ids():
            self._workspace.core.catalog.ask_cancel(run_id)
        if not lanes.wait(self._grace if not self._hurry.is_set() else 2.0):
            log.warning("%d runs did not end; the next daemon takes them up", lanes.count)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Come to an end on SIGTERM and SIGINT, where this is the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ended(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        before = {
            number: signal.signal(number, ended) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _definitions_of(given: Any, folder: Path | None) -> tuple[Definitions, Origin | None]:
    if isinstance(given, Definitions):
        return given, origin_of(given)
    if isinstance(given, ModuleType):
        found = Definitions.from_modules(given)
        return found, module_origin(given)
    if isinstance(given, str):
        place = (folder or Path.cwd()).resolve()
        return load_project(given, place), Origin(spec=given, folder=place)
    raise InvalidArgument(f"Daemon({given!r:.80}): give Definitions, a module, or the name of one.")


def _as_of(workspace: Workspace, now: datetime) -> Workspace:
    """Return the same workspace with a clock that shows *now*, and goes on from there."""
    began = monotonic()

    def clock() -> datetime:
        return (now + timedelta(seconds=monotonic() - began)).astimezone(UTC)

    timed = copy(workspace)
    timed.core = replace(workspace.core, clock=clock)
    return timed


def _catalog_mark(catalog: Any) -> Any:
    """Return what changes with the catalog's files; None where it has none."""
    path = getattr(catalog, "path", None)
    if path is None:
        return None
    marks = []
    for file in (path, path.with_name(path.name + ".wal")):
        try:
            found = file.stat()
            marks.append((found.st_mtime_ns, found.st_size))
        except OSError:
            marks.append((0, -1))
    return tuple(marks)
