"""What a value of metadata is, so that views show it well: a number, a link, a table.

Rule 1: metadata is JSON. A typed value is ``{"kind": ..., "value": ...}``; plain
values stay as they are.
Rule 2: the text of a user is data: views escape it.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from assetkit.definitions.names import caller, invalid

_IMAGE_AT_MOST = 1 << 20
_ROWS_AT_MOST = 100
_SCHEMES = ("http", "https", "mailto", "s3", "gs", "abfs", "file")
_IMAGES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


@dataclass(frozen=True, slots=True)
class Metadata:
    """A value with a kind."""

    kind: ClassVar[str] = "text"

    @property
    def json(self) -> dict[str, Any]:
        """The value as it is kept."""
        return {"kind": self.kind, "value": self._value()}

    def _value(self) -> Any:
        raise TypeError(f"{type(self).__name__} is no kind of metadata by itself")


@dataclass(frozen=True, slots=True)
class Number(Metadata):
    """A number, with what it counts: ``Number(0.93)``, ``Number(12.5, unit="s")``.

    >>> Number(3, unit="rows").json
    {'kind': 'number', 'value': 3, 'unit': 'rows'}
    """

    kind: ClassVar[str] = "number"
    number: float
    unit: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.number, bool) or not math.isfinite(self.number):
            raise invalid(f"Number ({caller()})", "number", self.number, "a finite number")

    @property
    def json(self) -> dict[str, Any]:
        """The number, and its unit where it has one."""
        said = {"kind": self.kind, "value": self.number}
        return said | {"unit": self.unit} if self.unit else said


@dataclass(frozen=True, slots=True)
class Text(Metadata):
    """Text as it is."""

    kind: ClassVar[str] = "text"
    text: str

    def _value(self) -> Any:
        return self.text


@dataclass(frozen=True, slots=True)
class Markdown(Metadata):
    """Text to be shown as Markdown; HTML in it is shown as text."""

    kind: ClassVar[str] = "markdown"
    text: str

    def _value(self) -> Any:
        return self.text


@dataclass(frozen=True, slots=True)
class Url(Metadata):
    """A link. Only schemes that lead somewhere: http, https, mailto, s3, gs, abfs, file."""

    kind: ClassVar[str] = "url"
    url: str

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in _SCHEMES:
            allowed = f"a URL that begins with {', '.join(_SCHEMES)}"
            raise invalid(f"Url ({caller()})", "url", self.url, allowed)

    def _value(self) -> Any:
        return self.url


@dataclass(frozen=True, slots=True)
class PathTo(Metadata):
    """Where a file lies."""

    kind: ClassVar[str] = "path"
    path: str | Path

    def _value(self) -> Any:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class Table(Metadata):
    """A small table: rows as mappings, or anything with ``to_dict("records")`` or ``to_pylist()``.

    At most 100 rows are kept.

    >>> Table([{"carrier": "UA", "late": 3}]).json["value"]
    [{'carrier': 'UA', 'late': 3}]
    """

    kind: ClassVar[str] = "table"
    rows: Any

    def _value(self) -> Any:
        return [_plain(row) for row in self._records()[:_ROWS_AT_MOST]]

    def _records(self) -> Sequence[Mapping[str, Any]]:
        for name, arguments in (("to_dicts", ()), ("to_pylist", ()), ("to_dict", ("records",))):
            if not isinstance(self.rows, Mapping) and hasattr(self.rows, name):
                found: Sequence[Mapping[str, Any]] = getattr(self.rows, name)(*arguments)
                return found
        listed = list(self.rows)
        if not all(isinstance(row, Mapping) for row in listed):
            raise invalid(f"Table ({caller()})", "rows", self.rows, "a frame, or a list of dicts")
        return listed


@dataclass(frozen=True, slots=True)
class Image(Metadata):
    """A picture: the bytes of a PNG, JPEG or GIF; at most 1 MB."""

    kind: ClassVar[str] = "image"
    image: bytes

    def __post_init__(self) -> None:
        if self._type is None or len(self.image) > _IMAGE_AT_MOST:
            allowed = "the bytes of a PNG, JPEG or GIF of at most 1 MB"
            raise invalid(f"Image ({caller()})", "image", self.image[:20], allowed)

    @property
    def _type(self) -> str | None:
        return next((name for start, name in _IMAGES.items() if self.image.startswith(start)), None)

    def _value(self) -> Any:
        return f"data:{self._type};base64,{base64.b64encode(self.image).decode()}"


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): _cell(value) for name, value in row.items()}


def _cell(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
