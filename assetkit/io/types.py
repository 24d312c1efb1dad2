"""Tell Arrow types apart by what they hold, not by how they lay it out."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.types as pt


def is_text(type_: Any) -> bool:
    """Tell strings of any layout."""
    return bool(pt.is_string(type_) or pt.is_large_string(type_) or pt.is_string_view(type_))


def is_bytes(type_: Any) -> bool:
    """Tell bytes of any length and layout."""
    return bool(pt.is_binary(type_) or pt.is_large_binary(type_) or pt.is_binary_view(type_))


def is_list(type_: Any) -> bool:
    """Tell lists of any length and layout; maps and lists of a fixed size are others."""
    return bool(
        pt.is_list(type_)
        or pt.is_large_list(type_)
        or pt.is_list_view(type_)
        or pt.is_large_list_view(type_)
    )


def is_extension(type_: Any) -> bool:
    """Tell types that give another type's values a meaning."""
    return isinstance(type_, pa.BaseExtensionType)


@lru_cache(maxsize=4096)
def type_name(type_: Any) -> str:
    """Return a type's name without its variants of layout.

    >>> type_name(pa.dictionary(pa.int8(), pa.large_string()))
    'string'
    >>> type_name(pa.large_list(pa.timestamp("us", "UTC")))
    'list<timestamp[us, tz=UTC]>'
    """
    if is_extension(type_):
        return f"{type_.extension_name}<{type_name(type_.storage_type)}>"
    if pt.is_dictionary(type_) or pt.is_run_end_encoded(type_):
        return type_name(type_.value_type)
    if is_text(type_):
        return "string"
    if is_bytes(type_):
        return "binary"
    if pt.is_fixed_size_list(type_):
        return f"list[{type_.list_size}]<{type_name(type_.value_type)}>"
    if pt.is_map(type_):
        return f"map<{type_name(type_.key_type)}, {type_name(type_.item_type)}>"
    if is_list(type_):
        return f"list<{type_name(type_.value_type)}>"
    if pt.is_struct(type_):
        return f"struct{json.dumps([[field.name, type_name(field.type)] for field in type_])}"
    return str(type_)
