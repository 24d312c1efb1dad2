"""Hold a slot's data to the schema that its asset declares; loaded by name, with Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import pyarrow as pa

from assetkit.definitions.asset import AssetDef
from assetkit.errors import OutputError
from assetkit.execution.subjects import Data, batches_of, schema_of
from assetkit.io.declared import find_misfits
from assetkit.io.misfits import Misfit, told
from assetkit.io.schemas import schema_text


def hold_to_schema(asset: AssetDef, slot: str, data: Data) -> None:
    """Look whether a slot's data fits its asset's schema.

    Raises:
        OutputError: naming each column that does not fit, and the first rows.
    """
    declared = asset.schema
    if misfits := _misfits(declared, data):
        name = getattr(declared, "__name__", None) or type(declared).__name__
        raise OutputError(
            told(misfits, where=f"What {slot} ({asset.source}) returned", schema=name)
        )


def _misfits(declared: Any, data: Data) -> Sequence[Misfit]:
    if isinstance(declared, pa.Schema):
        return _arrow_misfits(declared, data)
    if hasattr(declared, "model_fields"):
        table = data.table()
        schema = schema_of(table)
        if not schema.names:  # and so no row that could not fit
            return ()
        rows = import_module("assetkit.io.row_models")
        found: Sequence[Misfit] = rows.find_misfits(
            declared, schema, lambda columns: batches_of(table, columns)
        )
    else:
        found = import_module("assetkit.io.frame_models").find_misfits(declared, data.load)
    return found


def _arrow_misfits(declared: pa.Schema, data: Data) -> Sequence[Misfit]:
    """Look only at what the IO manager has not held to the schema already, by casting."""
    table = data.table()
    schema = schema_of(table)
    if schema_text(schema) == schema_text(declared):
        return ()
    return find_misfits(schema, declared)
