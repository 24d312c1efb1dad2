"""What a function may return beside its value: `Output`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from assetkit.definitions.names import caller, invalid

_VERSION = re.compile(r"\S(?:.{0,198}\S)?\Z")


@dataclass(frozen=True, slots=True)
class Output:
    """Return a value together with what is known of it.

    *name*: which asset it is for, where a function makes several. *metadata* is
    kept with the materialization. *data_version* (a text) stands for the
    content instead of a hash of it. *data_time* (timezone-aware): the data
    reflects the world up to then.

    >>> Output([1, 2], metadata={"source": "api"}).metadata["source"]
    'api'
    """

    value: Any = None
    name: str | None = field(default=None, kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    data_version: str | None = field(default=None, kw_only=True)
    data_time: datetime | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        owner = f"Output ({caller()})"
        if self.name is not None and not isinstance(self.name, str):
            raise invalid(owner, "name", self.name, "the name of an asset")
        if not _has_text_keys(self.metadata):
            raise invalid(owner, "metadata", self.metadata, "a dict with text keys")
        if self.data_version is not None and not _is_version(self.data_version):
            raise invalid(owner, "data_version", self.data_version, "a text of 1 to 200 characters")
        if self.data_time is not None:
            object.__setattr__(self, "data_time", _utc(self.data_time, owner=owner))


def _has_text_keys(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _is_version(value: object) -> bool:
    return isinstance(value, str) and _VERSION.match(value) is not None


def _utc(time: object, *, owner: str) -> datetime:
    if not isinstance(time, datetime) or time.tzinfo is None:
        allowed = "a datetime with a time zone, such as datetime.now(UTC)"
        raise invalid(owner, "data_time", time, allowed)
    return time.astimezone(UTC)
