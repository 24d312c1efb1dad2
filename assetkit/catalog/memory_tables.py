"""The tables that the catalog in memory hands out; the columns are those of `frames`."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from assetkit.catalog.memory_state import AssetState, Attempt, Entry, RunState, State
from assetkit.catalog.metadata import to_json
from assetkit.columns import Ints, VersionColumns
from assetkit.records import AssetKey, CheckOutcome, RunStatus

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]


def _table(rows: list[Row], name: str) -> pa.Table:
    """Return rows as the table of that name in `frames`; only now is Arrow loaded."""
    from assetkit.catalog import frames  # noqa: PLC0415

    return frames.from_rows(rows, name)


def runs(state: State, dead: Container[str], limit: int | None, run_id: str | None) -> pa.Table:
    """Return runs, newest first; those whose process is gone as lost."""
    rows = [
        _run(run, is_lost=key in dead)
        for key, run in reversed(state.runs.items())
        if run_id in (None, key)
    ]
    rows.sort(key=lambda row: row["started_at"], reverse=True)
    return _table(rows[:limit], "runs")


def _run(run: RunState, *, is_lost: bool) -> Row:
    record = run.record
    length = None if record.ended_at is None else record.ended_at - record.started_at
    return {
        "run_id": record.run_id,
        "status": RunStatus.LOST.value if is_lost else record.status.value,
        "origin": record.origin,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "duration": None if length is None else length.total_seconds(),
        "targets": list(record.targets),
        "steps": record.steps,
        "tags": to_json(record.tags) or "{}",
        "message": record.message,
        "host": record.owner.host,
        "pid": record.owner.pid,
        "command": record.owner.command,
        "heartbeat_at": run.heartbeat_at,
    }


def steps(state: State, run_id: str) -> pa.Table:
    """Return a run's ended steps and failed attempts, in order of time."""
    rows: list[Row] = [
        {
            "time": one.ended_at,
            "asset": one.asset,
            "partition": one.partition,
            "event": one.outcome.value,
            "attempt": one.attempts,
            "duration": one.duration,
            "reason": one.reason,
            "log": one.log,
        }
        for one in state.steps
        if one.run_id == run_id
    ]
    rows += [
        {
            "time": one.failed_at,
            "asset": one.asset,
            "partition": one.partition,
            "event": "attempt failed",
            "attempt": one.attempt,
            "duration": one.duration,
            "reason": "",
            "error_type": one.error_type,
            "message": one.message,
            "traceback": one.traceback,
        }
        for one in (attempt.failed for attempt in state.attempts)
        if one.run_id == run_id
    ]
    rows.sort(key=lambda row: (row["time"], row["asset"], row["partition"] or "", row["attempt"]))
    return _table(rows, "events")


def history(state: State, asset: AssetKey, partition: str | None) -> pa.Table:
    """Return an asset's materializations and deletions, newest first."""
    known = state.assets.get(asset)
    entries = [] if known is None else known.history
    found = [one for one in entries if partition in (None, one.made.partition)]
    found.sort(key=lambda one: (one.seq, one.made.ordinal), reverse=True)
    return _table([_version(one) for one in found], "history")


def slot_keys(slots: Mapping[int, Entry]) -> tuple[Ints, list[str | None]]:
    """Return the ordinals and partition texts of published slots, by ordinal."""
    ordinals = sorted(slots)
    texts = [slots[ordinal].made.partition for ordinal in ordinals]
    return np.array(ordinals, dtype=np.int64), texts


def slot_sizes(slots: Mapping[int, Entry]) -> tuple[Ints, Ints, Ints]:
    """Return the ordinals, rows and bytes of published slots, by ordinal; -1: not known."""
    rows = [
        (ordinal, *(-1 if one is None else one for one in (entry.made.rows, entry.made.bytes)))
        for ordinal, entry in sorted(slots.items())
    ]
    ordinals, counts, sizes = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return ordinals, counts, sizes


def versions(state: State, asset: AssetKey) -> VersionColumns:
    """Return all versions in numbers, without tombstones, by ordinal and in order."""
    known = state.assets.get(asset)
    rows = [
        (one.made.ordinal, one.seq, one.ver_seq, one.read_seq, *one.numbers()[4:])
        for one in (known.history if known else ())
        if one.outcome != "deleted"
    ]
    numbers = np.array(sorted(rows), dtype=np.int64).reshape(-1, 6).T
    return VersionColumns(**dict(zip(VersionColumns.__dataclass_fields__, numbers, strict=True)))


def _version(entry: Entry) -> Row:
    made = entry.made
    return {
        "asset": made.asset,
        "partition": made.partition,
        "ordinal": made.ordinal,
        "outcome": entry.outcome,
        "run_id": made.run_id,
        "data_version": made.data_version,
        "materialized_at": made.materialized_at,
        "data_time": made.data_time,
        "rows": made.rows,
        "bytes": made.bytes,
        "duration": made.duration,
        "attempt": made.attempt,
        "partial": made.partial,
        "code": made.basis.code,
        "metadata": to_json(made.metadata) or "{}",
    }


def checks(state: State, asset: AssetKey | None, run_id: str | None) -> pa.Table:
    """Return what the last look at each slot found, or all that one run found."""
    if run_id is None:
        found = _newest_checks(state)
    else:
        found = [one for one in state.checks if one.run_id == run_id]
    wanted = [one for one in found if asset in (None, one.asset)]
    wanted.sort(key=lambda one: (one.asset, one.ordinal))
    return _table([_check(one) for one in wanted], "checks")


def _newest_checks(state: State) -> list[CheckOutcome]:
    last: dict[tuple[AssetKey, int], datetime] = {}
    for one in state.checks:
        slot = (one.asset, one.ordinal)
        last[slot] = max(one.checked_at, last.get(slot, one.checked_at))
    for key in {asset for asset, _ in last}:
        for entry in state.assets[key].history:
            slot, at = (key, entry.made.ordinal), entry.made.materialized_at
            if slot in last and at > last[slot]:
                del last[slot]  # that version was replaced or deleted
    return [one for one in state.checks if last.get((one.asset, one.ordinal)) == one.checked_at]


def _check(one: CheckOutcome) -> Row:
    return {name: getattr(one, name) for name in one.__slots__} | {
        "metadata": to_json(one.metadata) or "{}"
    }


def status(state: State) -> pa.Table:
    """Return one row per asset known, by key."""
    unmet = [one for one in _newest_checks(state) if not one.passed]
    rows = [_status(state, key, one) for key, one in sorted(state.assets.items())]
    for row in rows:
        own = [one.severity == "error" for one in unmet if one.asset == row["asset"]]
        row |= {"failed_checks": sum(own), "warnings": len(own) - sum(own)}
    return _table(rows, "status")


def _status(state: State, key: AssetKey, asset: AssetState) -> Row:
    made = [one.made for one in asset.slots.values()]
    rows = [one.rows for one in made if one.rows is not None]
    sizes = [one.bytes for one in made if one.bytes is not None]
    newest = max(made, key=lambda one: one.materialized_at, default=None)
    return {
        "asset": key,
        "slots": len(made),
        "rows": sum(rows) if rows else None,
        "bytes": sum(sizes) if sizes else None,
        "materialized_at": max((one.materialized_at for one in made), default=None),
        "data_time": max((one.data_time for one in made if one.data_time), default=None),
        "partial": sum(one.partial for one in made),
        "failing": sum(owner == key for owner, _ in state.failing),
        "metadata": (to_json(newest.metadata) if newest else None) or "{}",
    }


def export(state: State) -> dict[str, pa.Table]:
    """Return all that is known as the tables that `frames.EXPORT` names."""
    rows: dict[str, list[Row]] = {
        "assets": [_asset(one) for _, one in sorted(state.assets.items())],
        "materializations": _materializations(state),
        "attempts": _attempts(state.attempts),
        "steps": _steps(state),
        "runs": [_run(run, is_lost=False) for run in state.runs.values()],
        "leases": _leases(state),
        "observations": _observations(state),
        "partitions": [
            {"name": name, "ordinal": i, "key": key, "present": present}
            for name, members in sorted(state.partitions.items())
            for i, (key, present) in enumerate(members.items())
        ],
        "checks": [_check(one) for one in state.checks],
    }
    return {name: _table(found, name) for name, found in rows.items()}


def _asset(asset: AssetState) -> Row:
    row = asset.row
    return {
        "asset": row.asset,
        "layout": row.layout,
        "universe": row.universe,
        "definition": row.definition,
        "universe_seq": row.universe_seq,
    }


def _materializations(state: State) -> list[Row]:
    entries = [one for asset in state.assets.values() for one in asset.history]
    entries.sort(key=lambda one: (one.seq, one.made.asset, one.made.ordinal))
    return [{**_version(one), **_bookkeeping(one)} for one in entries]


def _bookkeeping(entry: Entry) -> Row:
    made, sign = entry.made, entry.made.signature
    return {
        "current": entry.current,
        "seq": entry.seq,
        "ver_seq": entry.ver_seq,
        "read_seq": entry.read_seq,
        "inputs": list(made.basis.inputs),
        "digests": [use.digest for use in made.inputs],
        "counts": [use.count for use in made.inputs],
        "location": made.location,
        "size": sign and sign.size,
        "mtime_ns": sign and sign.mtime_ns,
        "inode": sign and sign.inode,
        "etag": sign and sign.etag,
        "schema": made.schema,
    }


def _attempts(attempts: Iterable[Attempt]) -> list[Row]:
    rows = [
        {**{name: getattr(one.failed, name) for name in one.failed.__slots__}, "open": one.open}
        for one in attempts
    ]
    return sorted(
        rows, key=lambda row: (row["failed_at"], row["asset"], row["ordinal"], row["attempt"])
    )


def _steps(state: State) -> list[Row]:
    rows = [
        {name: getattr(one, name) for name in one.__slots__} | {"outcome": one.outcome.value}
        for one in state.steps
    ]
    return sorted(
        rows, key=lambda row: (row["run_id"], row["ended_at"], row["asset"], row["ordinal"])
    )


def _leases(state: State) -> list[Row]:
    rows = sorted(chain.from_iterable(state.leases.values()), key=lambda one: (one.asset, one.lo))
    return [{name: getattr(one, name) for name in one.__slots__} for one in rows]


def _observations(state: State) -> list[Row]:
    return [
        {name: getattr(one, name) for name in one.__slots__}
        | {"metadata": to_json(one.metadata) or "{}"}
        for _, asset in sorted(state.assets.items())
        for _, one in sorted(asset.observations.items())
    ]
