"""Fingerprints: what a slot's result depends on, but for the content of its inputs.

A slot is stale where the basis recorded with it differs from today's; which
field differs is the cause that a plan shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from assetkit.definitions.asset import AssetDef, Input
from assetkit.graph.graph import Edge
from assetkit.records import Basis

# Parts of a partitions definition that say which partitions exist, not what one of them means:
# extending a range must not make the partitions that are there already stale.
_EXTENT = frozenset(
    {"start", "end", "end_offset", "available_after", "exclude", "keys", "key_format"}
)

_encode = json.JSONEncoder(sort_keys=True, default=str).encode


def make_basis(
    asset: AssetDef, edges: Sequence[Edge], *, code: str, config: Mapping[str, Any] | None
) -> Basis:
    """Return what *asset*'s fingerprint would be now, given its *code* version and its *config*."""
    return Basis(
        code=code,
        config=_digest(config) if config else "",
        definition=_digest(definition_facts(asset, edges)),
        schema=_digest(schema_text(asset.schema)) if asset.schema is not None else "",
        inputs=tuple(edge.upstream for edge in edges),
    )


def definition_facts(asset: AssetDef, edges: Sequence[Edge]) -> dict[str, Any]:
    """Return the parts of a definition that decide what a slot's data is, as JSON values."""
    return {
        "partitions": _partition_meaning(asset.partitions),
        "io_manager": io_manager_name(asset.io_manager),
        "inputs": [_input_facts(edge.input, edge) for edge in edges],
    }


def io_manager_name(io_manager: Any) -> str:
    """Return how an IO manager is told apart from others: its name, or its class."""
    # A subclass is another one: only the class's own word counts.
    name = vars(type(io_manager)).get("known_as", io_manager)
    if isinstance(name, str):
        return name
    return f"{type(io_manager).__module__}.{type(io_manager).__qualname__}"


def schema_text(schema: Any) -> str:
    """Return a schema as text that changes when the schema does."""
    if hasattr(schema, "model_json_schema"):
        return json.dumps(schema.model_json_schema(), sort_keys=True)
    if hasattr(schema, "to_json") and not hasattr(schema, "remove_metadata"):
        return str(schema.to_json())
    return str(schema)


def _partition_meaning(partitions: Any) -> Any:
    if partitions is None:
        return None
    return _without_extent(json.loads(partitions.to_json()))


def _without_extent(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_extent(part) for name, part in value.items() if name not in _EXTENT}
    if isinstance(value, list):
        return [_without_extent(part) for part in value]
    return value


def _input_facts(declared: Input, edge: Edge) -> dict[str, Any]:
    """Say how an input is used; whose it is stands in the basis, where a rename can find it."""
    return {
        "mapping": edge.mapping.name,
        "columns": list(declared.columns) if declared.columns is not None else None,
        "loaded": declared.parameter is not None,
        "need": declared.need,
    }


def _digest(value: Any) -> str:
    text = value if isinstance(value, str) else _encode(value)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
