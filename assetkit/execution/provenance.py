"""The record that travels with the data: enough to make a catalog row again from the file alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from assetkit.definitions.metadata import Metadata
from assetkit.execution.masking import mask
from assetkit.io.base import Stored
from assetkit.records import Basis, InputUse, Materialization, Outcome

FORMAT = 1
"""Version of the record's form; a reader takes what it knows of a newer one."""


def provenance_of(made: Materialization) -> dict[str, Any]:
    """Return what is to travel with a slot's data, as JSON values.

    What only the written file knows (rows, schema, its ``data_version``) is not
    part of it: the IO manager adds it. A data version that is there already was
    given by the author, and counts instead.
    """
    given = {"data_version": made.data_version} if made.data_version else {}
    return given | {
        "v": FORMAT,
        "asset": made.asset,
        "partition": made.partition,
        "ordinal": made.ordinal,
        "run_id": made.run_id,
        "attempt": made.attempt,
        "code": made.basis.code,
        "config": made.basis.config,
        "definition": made.basis.definition,
        "schema_basis": made.basis.schema,
        "inputs": [
            {
                "asset": use.asset,
                "digest": f"{use.digest:016x}",
                "count": use.count,
                "versions": [list(pair) for pair in use.versions],
            }
            for use in made.inputs
        ],
        "data_time": _text(made.data_time),
        "materialized_at": _text(made.materialized_at),
        "partial": made.partial,
        "metadata": made.metadata,
    }


def materialization_from_record(stored: Stored) -> Materialization | None:
    """Make the catalog row of data that was found in its place, from its own record.

    Returns None where the record is missing, or is not one of ours.
    """
    if stored.record is None:
        return None
    try:
        return _from_record(stored.record, stored)
    except (KeyError, TypeError, ValueError):
        return None


def _from_record(record: Mapping[str, Any], stored: Stored) -> Materialization:
    inputs = tuple(_input_use(item) for item in record["inputs"])
    return Materialization(
        asset=record["asset"],
        partition=record["partition"],
        ordinal=int(record["ordinal"]),
        run_id=record["run_id"],
        attempt=int(record["attempt"]),
        data_version=record["data_version"],
        basis=Basis(
            code=record["code"],
            config=record["config"],
            definition=record["definition"],
            schema=record["schema_basis"],
            inputs=tuple(use.asset for use in inputs),
        ),
        inputs=inputs,
        materialized_at=datetime.fromisoformat(record["materialized_at"]),
        data_time=_time(record["data_time"]),
        outcome=Outcome.MATERIALIZED,
        partial=bool(record["partial"]),
        rows=stored.rows,
        bytes=stored.bytes,
        location=stored.source.location,
        signature=stored.signature,
        metadata=dict(record.get("metadata") or {}),
    )


def json_value(value: Any) -> Any:
    """Return *value* as JSON knows it, without secrets; what JSON does not know becomes text.

    >>> json_value({"rows": 3, "files": (1, 2), "at": datetime(2026, 1, 31)})
    {'rows': 3, 'files': [1, 2], 'at': '2026-01-31T00:00:00'}
    """
    if isinstance(value, str):
        return mask(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Metadata):
        return value.json
    if isinstance(value, Mapping):
        return {str(key): json_value(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [json_value(part) for part in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return json_value(value.item())
    return str(value)


def _input_use(item: Mapping[str, Any]) -> InputUse:
    return InputUse(
        asset=item["asset"],
        digest=int(item["digest"], 16),
        count=int(item["count"]),
        versions=tuple((partition, version) for partition, version in item["versions"]),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
