"""Old history of the catalog in memory: the rules are those of `pruning`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, TypeVar

from assetkit.catalog.memory_state import AssetState, Entry, State
from assetkit.records import CheckOutcome, RunStatus

_T = TypeVar("_T")


class Pruning:
    """What a catalog in memory can forget."""

    _lock: AbstractContextManager[object]
    _state: State

    def prune(self, before: datetime, *, dry_run: bool) -> Mapping[str, int]:
        """Forget history from before a moment; return how much there is of each kind."""
        with self._lock:
            return prune(self._state, before, dry_run=dry_run)


def prune(state: State, before: datetime, *, dry_run: bool) -> Mapping[str, int]:
    """Return how much is older than *before*, by kind; remove it unless *dry_run*."""
    running = {key for key, run in state.runs.items() if run.record.status == RunStatus.RUNNING}
    histories = [
        (asset.history, _kept(asset.history, _is_kept(asset, before)))
        for asset in state.assets.values()
    ]
    newest = {_check(one): one for one in sorted(state.checks, key=lambda one: one.checked_at)}
    lists: dict[str, list[tuple[list[Any], list[Any]]]] = {
        "results": list(histories),
        "attempts": [
            (
                state.attempts,
                _kept(state.attempts, lambda one: one.open or one.failed.failed_at >= before),
            )
        ],
        "steps": [
            (
                state.steps,
                _kept(state.steps, lambda one: one.run_id in running or one.ended_at >= before),
            )
        ],
        "checks": [
            (
                state.checks,
                _kept(
                    state.checks, lambda one: one is newest[_check(one)] or one.checked_at >= before
                ),
            )
        ],
    }
    found = {
        kind: sum(len(all_) - len(kept) for all_, kept in pairs) for kind, pairs in lists.items()
    }
    if not dry_run:
        for pairs in lists.values():
            for all_, kept in pairs:
                all_[:] = kept
    gone = _unused_runs(state, before)
    if not dry_run:
        for run_id in gone:
            del state.runs[run_id]
            state.made_by.pop(run_id, None)
    return {**found, "runs": len(gone)}


def _kept(all_: Iterable[_T], is_kept: Callable[[_T], bool]) -> list[_T]:
    return [one for one in all_ if is_kept(one)]


def _is_kept(asset: AssetState, before: datetime) -> Callable[[Entry], bool]:
    newest: dict[int, int] = {}
    for entry in asset.history:
        newest[entry.made.ordinal] = max(newest.get(entry.made.ordinal, -1), entry.seq)

    def is_kept(entry: Entry) -> bool:
        made = entry.made
        return entry.current or entry.seq == newest[made.ordinal] or made.materialized_at >= before

    return is_kept


def _check(one: CheckOutcome) -> tuple[str, int, str]:
    return one.asset, one.ordinal, one.check


def _unused_runs(state: State, before: datetime) -> list[str]:
    """Return the runs that ended before a moment, and that nothing refers to."""
    used = {entry.made.run_id for asset in state.assets.values() for entry in asset.history}
    used |= {attempt.failed.run_id for attempt in state.attempts}
    used |= {step.run_id for step in state.steps} | {one.run_id for one in state.checks}
    used |= {run_id for one in state.backfills.values() for run_id in one.runs}
    used |= {*state.leases, *list(state.runs)[-1:]}
    return [
        key
        for key, run in state.runs.items()
        if key not in used
        and run.record.status != RunStatus.RUNNING
        and run.record.ended_at is not None
        and run.record.ended_at < before
    ]
