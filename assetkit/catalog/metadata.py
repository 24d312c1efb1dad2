"""Metadata as the catalog keeps it: JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def to_json(values: Mapping[str, Any]) -> str | None:
    """Return metadata as JSON, what JSON does not know as text; None where there is none."""
    return json.dumps(dict(values), default=str) if values else None


def from_json(text: str | None) -> dict[str, Any]:
    """Return metadata from JSON; none for None."""
    values: dict[str, Any] = json.loads(text) if text else {}
    return values
