"""Records as rows: Arrow tables for DuckDB to take in, and records made of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa

from assetkit.catalog.arrays import column
from assetkit.catalog.metadata import from_json, to_json
from assetkit.catalog.times import from_micros, known_time, to_micros
from assetkit.columns import join_version, split_version
from assetkit.records import (
    AssetKey,
    Basis,
    FailedAttempt,
    FileSignature,
    InputUse,
    Materialization,
    Observation,
    Outcome,
    StepRecord,
)

Column: TypeAlias = "pa.Array[Any]"

DIGEST_COLUMNS = 4
"""So many digests of a slot have columns of their own; the others share a list."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What stands for the names in a batch of records."""

    assets: Mapping[AssetKey, int]
    runs: Mapping[str, int]
    bases: Mapping[Basis, int]


def materialization_table(
    made: Sequence[Materialization], numbers: Numbers, *, seq: int, read_seqs: Sequence[int]
) -> pa.Table:
    """Return materializations as rows, each as new (``ver_seq`` is *seq*)."""
    versions = [split_version(one.data_version) for one in made]
    return pa.table(
        {
            "asset_id": column([numbers.assets[one.asset] for one in made], pa.int32()),
            "ordinal": _ints(one.ordinal for one in made),
            "key": column([one.partition for one in made], pa.string()),
            "current": column(_newest(made), pa.bool_()),
            "seq": _ints([seq] * len(made)),
            "ver_seq": _ints([seq] * len(made)),
            "read_seq": _ints(read_seqs),
            "basis_id": _ints(numbers.bases[one.basis] for one in made),
            "run_no": column([numbers.runs[one.run_id] for one in made], pa.int32()),
            "outcome": column([one.outcome.value for one in made], pa.string()),
            "partial": column([one.partial for one in made], pa.bool_()),
            "data_time": _ints(to_micros(one.data_time) for one in made),
            "materialized_at": _ints(to_micros(one.materialized_at) for one in made),
            "version_hi": column([hi for hi, _ in versions], pa.uint64()),
            "version_lo": column([lo for _, lo in versions], pa.uint64()),
            "rows": _ints(-1 if one.rows is None else one.rows for one in made),
            "bytes": _ints(-1 if one.bytes is None else one.bytes for one in made),
            "duration": _ints(round(one.duration * 1e6) for one in made),
            "attempt": column([one.attempt for one in made], pa.int32()),
            "location": column([one.location for one in made], pa.string()),
            "schema": column([one.schema for one in made], pa.string()),
            "metadata": column([to_json(one.metadata) for one in made], pa.string()),
            **_input_columns(made),
            **_signature_columns([one.signature for one in made]),
        }
    )


def _ints(values: Iterable[int]) -> Column:
    return column(values, pa.int64())


def _newest(made: Sequence[Materialization]) -> list[bool]:
    """Return for each whether no later one of the batch is of the same slot."""
    last = {(one.asset, one.ordinal): i for i, one in enumerate(made)}
    return [last[one.asset, one.ordinal] == i for i, one in enumerate(made)]


def _input_columns(made: Sequence[Materialization]) -> dict[str, Column]:
    digests = [[use.digest for use in one.inputs] for one in made]
    columns: dict[str, Column] = {
        f"digest_{i}": column([row[i] if i < len(row) else 0 for row in digests], pa.uint64())
        for i in range(DIGEST_COLUMNS)
    }
    more = [row[DIGEST_COLUMNS:] or None for row in digests]
    counts = [[use.count for use in one.inputs] or None for one in made]
    columns["digests"] = column(more, pa.list_(pa.uint64()))
    columns["counts"] = column(counts, pa.list_(pa.int64()))
    return columns


def _signature_columns(signatures: Sequence[FileSignature | None]) -> dict[str, Column]:
    return {
        "size": _ints(-1 if sign is None else sign.size for sign in signatures),
        "mtime_ns": _ints(-1 if sign is None else sign.mtime_ns for sign in signatures),
        "inode": _ints(-1 if sign is None else sign.inode for sign in signatures),
        "etag": column([sign and sign.etag for sign in signatures], pa.string()),
    }


def materialization_of(row: Mapping[str, Any], asset: AssetKey, basis: Basis) -> Materialization:
    """Return the materialization of a row of the table; times and ids as the table has them."""
    return Materialization(
        asset=asset,
        partition=row["key"],
        ordinal=row["ordinal"],
        run_id=row["run_id"],
        data_version=join_version(row["version_hi"], row["version_lo"]),
        basis=basis,
        inputs=_inputs_of(row, basis),
        materialized_at=known_time(row["materialized_at"]),
        data_time=from_micros(row["data_time"]),
        outcome=Outcome(row["outcome"]),
        partial=row["partial"],
        rows=_or_none(row["rows"]),
        bytes=_or_none(row["bytes"]),
        duration=row["duration"] / 1e6,
        attempt=row["attempt"],
        location=row["location"],
        signature=_signature_of(row),
        schema=row["schema"],
        metadata=from_json(row["metadata"]),
    )


def _or_none(count: int) -> int | None:
    return None if count < 0 else count


def _inputs_of(row: Mapping[str, Any], basis: Basis) -> tuple[InputUse, ...]:
    counts = row["counts"] or []
    digests = [row[f"digest_{i}"] for i in range(DIGEST_COLUMNS)] + (row["digests"] or [])
    return tuple(
        InputUse(asset=asset, digest=digest, count=count)
        for asset, digest, count in zip(basis.inputs, digests, counts, strict=False)
    )


def _signature_of(row: Mapping[str, Any]) -> FileSignature | None:
    if row["size"] < 0:
        return None
    return FileSignature(
        size=row["size"], mtime_ns=row["mtime_ns"], inode=row["inode"], etag=row["etag"]
    )


def step_table(steps: Sequence[StepRecord], numbers: Numbers) -> pa.Table:
    """Return ended steps as rows."""
    return pa.table(
        {
            "run_no": column([numbers.runs[one.run_id] for one in steps], pa.int32()),
            "asset_id": column([numbers.assets[one.asset] for one in steps], pa.int32()),
            "ordinal": _ints(one.ordinal for one in steps),
            "key": column([one.partition for one in steps], pa.string()),
            "outcome": column([one.outcome.value for one in steps], pa.string()),
            "ended_at": _ints(to_micros(one.ended_at) for one in steps),
            "duration": _ints(round(one.duration * 1e6) for one in steps),
            "attempts": column([one.attempts for one in steps], pa.int32()),
            "reason": column([one.reason for one in steps], pa.string()),
            "log": column([one.log for one in steps], pa.string()),
        }
    )


def attempt_table(
    failures: Sequence[FailedAttempt], numbers: Numbers, still_open: Sequence[bool]
) -> pa.Table:
    """Return failed attempts as rows; *still_open*: no success came after it."""
    return pa.table(
        {
            "asset_id": column([numbers.assets[one.asset] for one in failures], pa.int32()),
            "ordinal": _ints(one.ordinal for one in failures),
            "key": column([one.partition for one in failures], pa.string()),
            "run_no": column([numbers.runs[one.run_id] for one in failures], pa.int32()),
            "attempt": column([one.attempt for one in failures], pa.int32()),
            "fingerprint": column([one.fingerprint for one in failures], pa.string()),
            "error_type": column([one.error_type for one in failures], pa.string()),
            "message": column([one.message for one in failures], pa.string()),
            "traceback": column([one.traceback for one in failures], pa.string()),
            "failed_at": _ints(to_micros(one.failed_at) for one in failures),
            "duration": _ints(round(one.duration * 1e6) for one in failures),
            "open": column(still_open, pa.bool_()),
        }
    )


def observation_table(seen: Sequence[Observation], assets: Mapping[AssetKey, int]) -> pa.Table:
    """Return observations as rows."""
    return pa.table(
        {
            "asset_id": column([assets[one.asset] for one in seen], pa.int32()),
            "ordinal": _ints(one.ordinal for one in seen),
            "key": column([one.partition for one in seen], pa.string()),
            "data_version": column([one.data_version for one in seen], pa.string()),
            "observed_at": _ints(to_micros(one.observed_at) for one in seen),
            "data_time": _ints(to_micros(one.data_time) for one in seen),
            "metadata": column([to_json(one.metadata) for one in seen], pa.string()),
        }
    )


def observation_of(row: Sequence[Any], asset: AssetKey) -> Observation:
    """Return the observation of a row of the query ``observations``."""
    _, ordinal, key, data_version, observed_at, data_time, metadata = row
    return Observation(
        asset=asset,
        partition=key,
        ordinal=ordinal,
        data_version=data_version,
        observed_at=known_time(observed_at),
        data_time=from_micros(data_time),
        metadata=from_json(metadata),
    )
