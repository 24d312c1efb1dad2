"""Jobs: a selection of assets under a name, with what belongs to running them."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assetkit.definitions.names import caller, invalid, is_own
from assetkit.records import SourceLocation

_NAME = re.compile(r"[A-Za-z_][\w.-]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """A selection under a name; made by `job`.

    ``select`` are assets, the text of a selection, or a list of these.
    ``scope`` is what the module that defines the job knows by name.
    """

    name: str
    select: Any
    source: SourceLocation
    partitions: Any = None
    config: Mapping[str, Any] | None = None
    hooks: tuple[Any, ...] = ()
    scope: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return f"<Job {self.name} ({self.source})>"


def job(
    name: str,
    select: Any,
    *,
    partitions: Any = None,
    config: Mapping[str, Any] | None = None,
    hooks: Any = (),
) -> Job:
    """Give a selection of assets a name, under which it is run by hand, schedule or sensor.

    *select*: assets, the text of a selection (``"+report"``), or a list of these.
    *partitions*, *config* and *hooks* are used wherever a call says nothing else.

    >>> job("nightly", "group:marts or +report").name
    'nightly'
    """
    owner = f"job ({caller()})"
    if not _NAME.match(str(name)):
        raise invalid(owner, "name", name, "a name of letters, digits, '_', '-' and '.'")
    if config is not None and not isinstance(config, Mapping):
        raise invalid(owner, "config", config, "a dict by asset: {'report': {'limit': 5}}")
    listed = tuple(hooks) if isinstance(hooks, list | tuple | set) else (hooks,)
    if odd := [one for one in listed if not callable(getattr(one, "of", None))]:
        raise invalid(owner, "hooks", odd[0], "Hooks(on_failure=..., ...), or a list of them")
    return Job(
        name=name,
        select=checked_target(select, owner=owner, argument="select"),
        source=caller(),
        partitions=partitions,
        config=config,
        hooks=listed,
        scope=_names_around(),
    )


def checked_target(target: Any, *, owner: str, argument: str = "target") -> Any:
    """Return a target that may be one: a job, assets, texts, lists of these.

    Raises `InvalidArgument` for anything else, and for nothing.
    """
    parts = list(target) if isinstance(target, list | tuple | set) else [target]
    good = all(
        isinstance(part, Job)
        or (isinstance(part, str) and part.strip())
        or hasattr(part, "definition")
        or hasattr(part, "assets")
        for part in parts
    )
    if not parts or not good:
        raise invalid(
            owner, argument, target, "a job, an asset, the text of a selection, or a list of these"
        )
    return tuple(parts) if isinstance(target, list | tuple | set) else target


def target_text(target: Any) -> str:
    """Return a target as people call it.

    >>> target_text(["+report", job("nightly", "a")])
    '+report, nightly'
    """
    if isinstance(target, tuple | list):
        return ", ".join(map(target_text, target))
    if isinstance(target, str):
        return target
    return str(getattr(target, "key", None) or getattr(target, "name", target))


def _names_around() -> Mapping[str, Any]:
    """Return what the code that defines a job knows by name, as it is when the job is used."""
    frame = sys._getframe(1)  # noqa: SLF001  as in `caller`
    while frame.f_back is not None and is_own(frame.f_globals):
        frame = frame.f_back
    inside = frame.f_locals is not frame.f_globals
    return {**frame.f_globals, **frame.f_locals} if inside else frame.f_globals
