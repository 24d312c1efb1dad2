"""Configuration as it comes in: mappings, files, and several of these on top of one another."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assetkit.errors import ConfigError, InvalidArgument


def config_from(given: Any) -> dict[str, Any]:
    """Return configuration by asset: *given*, or what the file *given* says; None: none.

    Raises:
        ConfigError: the file cannot be read, or is no TOML or JSON.
        InvalidArgument: it is neither a mapping nor a path.
    """
    if given is None:
        return {}
    if isinstance(given, str | os.PathLike):
        return read_config(Path(given))
    if not isinstance(given, Mapping):
        raise InvalidArgument(
            f'config={given!r:.60} does not do. Allowed: {{"asset": {{"field": value}}}}, or the '
            "path of a TOML or JSON file that says the same."
        )
    return dict(given)


def read_config(path: Path) -> dict[str, Any]:
    """Return what a ``.toml`` or ``.json`` file says: a table per asset."""
    readers = {".toml": tomllib.loads, ".json": json.loads}
    if path.suffix not in readers:
        raise ConfigError(f"Configuration in {path}: it should be a .toml or .json file.")
    found: Any
    try:
        found = readers[path.suffix](path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Configuration in {path}: {error}.") from error
    except ValueError as error:
        kind = path.suffix.removeprefix(".").upper()
        raise ConfigError(f"Configuration in {path}: that is no {kind}: {error}.") from error
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise ConfigError(f"Configuration in {path}: it should have a table of fields per asset.")
    return found


def over(under: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Return *under* with what *upper* says instead, table by table.

    >>> over({"report": {"limit": 5, "by": {"a": 1}}}, {"report": {"by": {"b": 2}}})
    {'report': {'limit': 5, 'by': {'a': 1, 'b': 2}}}
    """
    both = dict(under)
    for name, value in upper.items():
        known = both.get(name)
        nested = isinstance(known, Mapping) and isinstance(value, Mapping)
        both[name] = over(known, value) if nested else value  # type: ignore[arg-type]
    return both
