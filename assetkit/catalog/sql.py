"""The SQL of the catalog: named queries and migrations, read from their files once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def queries() -> Mapping[str, str]:
    """Return the queries of ``queries.sql`` by name; a name stands in a line ``-- name: x``."""
    text = (files("assetkit.catalog") / "queries.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (body.strip() for body in parts[1::2]), strict=True))


@cache
def migrations() -> tuple[str, ...]:
    """Return the migrations in order; the format of a catalog is how many it went through."""
    folder = files("assetkit.catalog") / "migrations"
    found = sorted((item for item in folder.iterdir() if item.name.endswith(".sql")), key=str)
    return tuple(item.read_text("utf-8") for item in found)
