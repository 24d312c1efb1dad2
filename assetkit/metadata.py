"""Kinds of metadata, so that views show a value well: ``Output(value, metadata={...})``."""

from __future__ import annotations

from assetkit.definitions.metadata import (
    Image,
    Markdown,
    Number,
    PathTo,
    Table,
    Text,
    Url,
)

__all__ = [
    "Image",
    "Markdown",
    "Number",
    "PathTo",
    "Table",
    "Text",
    "Url",
]
