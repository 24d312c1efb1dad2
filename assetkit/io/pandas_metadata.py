"""What a table's schema says of the pandas frame that it was; needs no pandas itself.

pandas' own metadata tells dtypes and index. What that does not know (object
columns, the frequency of an index) stands beside it under our key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from assetkit.errors import OutputError

OURS = b"assetkit.pandas"
"""The key in a schema's metadata under which stands what pandas' own does not say."""


def index_fields(schema: pa.Schema) -> list[str]:
    """Return the fields that keep an index."""
    pandas = schema.pandas_metadata
    if not pandas:
        return []
    names = set(schema.names)
    return [name for name in pandas["index_columns"] if isinstance(name, str) and name in names]


def position_fields(schema: pa.Schema) -> list[str]:
    """Return the fields that keep an unnamed index of integers: positions, not data."""
    return [
        name
        for name in index_fields(schema)
        if name.startswith("__index_level_") and pa.types.is_integer(schema.field(name).type)
    ]


def joined_metadata(schemas: Sequence[pa.Schema]) -> dict[Any, Any]:
    """Return the metadata for tables of these schemas put one after another.

    What the schemas do not agree on is left out.
    """
    known = [schema.metadata or {} for schema in schemas]
    if not all(b"pandas" in metadata for metadata in known):
        return {}
    pandas = json.loads(known[0][b"pandas"])
    notes = [json.loads(metadata.get(OURS, b"{}")) for metadata in known]
    for other in (json.loads(text) for text in {metadata[b"pandas"] for metadata in known}):
        if other["index_columns"] != pandas["index_columns"]:
            pandas["index_columns"] = []
        seen = {column["field_name"]: column for column in other["columns"]}
        pandas["columns"] = [
            column
            for column in pandas["columns"]
            if _same_dtype(column, seen.get(column["field_name"], column))
        ]
    cells = _joined_cells(schemas, [note.get("cells", {}) for note in notes])
    noted: dict[str, Any] = {"cells": cells} if cells else {}
    if "label" in notes[0] and all(note.get("label") == notes[0]["label"] for note in notes):
        noted["label"] = notes[0]["label"]
    joined = {b"pandas": json.dumps(pandas).encode()}
    return joined | ({OURS: json.dumps(noted).encode()} if noted else {})


def _joined_cells(
    schemas: Sequence[pa.Schema], cells: Sequence[Mapping[str, list[str]]]
) -> dict[str, list[str]]:
    """Return what object columns hold, where all tables that have them hold the same or nothing."""
    joined = {}
    for name in {name: None for noted in cells for name in noted}:
        holders = [
            noted.get(name)
            for schema, noted in zip(schemas, cells, strict=True)
            if name in schema.names
        ]
        pairs = [pair for pair in holders if pair is not None]
        kinds, gaps = ({pair[part] for pair in pairs} - {""} for part in (0, 1))
        if len(pairs) == len(holders) and len(kinds) <= 1 and len(gaps) <= 1:
            joined[name] = [next(iter(kinds), ""), next(iter(gaps), "")]
    return joined


def check_cells(found: pa.Schema, decided: pa.Schema, *, where: str) -> None:
    """Refuse a piece of a stream whose objects would come back as another kind.

    Raises:
        OutputError: naming the first such column.
    """
    wanted = json.loads((decided.metadata or {}).get(OURS, b"{}")).get("cells", {})
    there = (found.metadata or {}).get(OURS, b"{}")
    for name, (kind, missing) in json.loads(there).get("cells", {}).items():
        known_kind, known_missing = wanted.get(name, (kind, missing))
        fits = missing in {"", known_missing} or (missing, known_missing) == ("None", "")
        if kind in {"", known_kind} and fits:
            continue
        raise OutputError(
            f"{where}: column {name!r} holds {kind or 'nothing'} with missing values as "
            f"{missing or 'none'}, but {known_kind or 'nothing'} with "
            f"{known_missing or 'none'} in the items before. "
            f"Give it one dtype in all: df[{name!r}] = df[{name!r}].astype('str')"
        )


def _same_dtype(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one["numpy_type"] == other["numpy_type"] and one["metadata"] == other["metadata"])
