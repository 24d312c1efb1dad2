"""Plain values as JSON: readable by anyone."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from assetkit.errors import InputError, OutputError
from assetkit.io.sidecar import SidecarFiles


class JSONIOManager(SidecarFiles):
    """Store dicts, lists, strings, numbers, booleans and None as JSON; anything else is refused."""

    filename: ClassVar[str] = "value.json"
    known_as: ClassVar[str] = "json"

    def dump(self, value: Any, where: str) -> bytes:
        """Return a value as JSON text; `OutputError` where it would come back as another."""
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)
            content = text.encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise OutputError(
                f"{where} cannot be written as JSON: {error}. "
                "Return plain dicts, lists, strings and finite numbers, or use io_manager='pickle'"
            ) from error
        if (path := _changed(value, json.loads(text), "result")) is not None:
            raise OutputError(
                f"{where} would come back from JSON changed: {path}. "
                "Use string keys and lists, or io_manager='pickle'"
            )
        return content

    def restore(self, content: bytes, where: str) -> Any:
        """Return the value."""
        try:
            return json.loads(content)
        except ValueError as error:
            raise InputError(f"{where} cannot be loaded from its JSON file: {error}.") from error


def _changed(before: Any, after: Any, path: str) -> str | None:
    """Return where and how a value differs from what JSON made of it, None where it does not."""
    if type(before) is not type(after):
        return f"{path} is a {type(before).__name__} and would be a {type(after).__name__}"
    if isinstance(before, dict):
        for key in before:
            if type(key) is not str:
                return f"{path} has the key {key!r}, which would be a string"
            if (found := _changed(before[key], after[key], f"{path}[{key!r}]")) is not None:
                return found
    elif isinstance(before, list):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            if (found := _changed(one, other, f"{path}[{number}]")) is not None:
                return found
    return None
