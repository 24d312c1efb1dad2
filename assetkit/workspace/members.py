"""The keys of dynamic partitions: added and removed by call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from assetkit.definitions.keys import check_key
from assetkit.definitions.keytable import folded
from assetkit.errors import InvalidArgument, InvalidName
from assetkit.workspace import journal
from assetkit.workspace.branching import members_of, take_over_members
from assetkit.workspace.core import Core


def add(core: Core, name: str, keys: Iterable[str]) -> list[str]:
    """Add keys; return those that are new. See `Workspace.add_partitions`."""
    wanted = _checked(name, keys)
    if not wanted:
        return []
    _refuse_twins(name, wanted, core)
    core.announce()
    return _change(core, name, add=wanted)


def remove(core: Core, name: str, keys: Iterable[str]) -> list[str]:
    """Remove keys; return those that were there. See `Workspace.remove_partitions`."""
    wanted = _checked(name, keys)
    if not wanted:
        return []
    return _change(core, name, remove=wanted)


def _change(
    core: Core, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> list[str]:
    """Change a set in the catalog, and note it beside; return the keys on which it had effect."""
    private = core.place.private
    with journal.changing(private):
        taken_over = take_over_members(core, name)
        without = set(core.catalog.change_partitions(name, add=add, remove=remove))
        added = [key for key in add if key not in without]
        removed = [key for key in remove if key not in without]
        if taken_over or added or removed:
            journal.note(private, name, add=[*taken_over, *added], remove=removed)
    return added or removed


def _refuse_twins(name: str, wanted: list[str], core: Core) -> None:
    """Refuse keys that would share a folder where a file system ignores case."""
    known = (key for _, key in members_of(core).get(name, ()))
    seen: dict[str, str] = {}
    for key in (*known, *wanted):
        other = seen.setdefault(folded(key), key)
        if other != key:
            raise InvalidName(
                f"Dynamic partitions {name!r}: the keys {other!r} and {key!r} would share a folder "
                f"where a file system ignores case. Choose another key for one of them."
            )


def _checked(name: Any, keys: Any) -> list[str]:
    if not isinstance(name, str) or not name.strip():
        raise InvalidArgument(
            f"Dynamic partitions are told apart by a name, as in DynamicPartitions('customers'); "
            f"found {name!r}."
        )
    if isinstance(keys, str):
        raise InvalidArgument(
            f"The keys of {name!r} must be a list of texts; found the one text {keys!r}. "
            f"Write [{keys!r}]."
        )
    if not isinstance(keys, Iterable):
        raise InvalidArgument(f"The keys of {name!r} must be a list of texts; found {keys!r}.")
    wanted = list(dict.fromkeys(keys))
    for key in wanted:
        check_key(key, owner=f"Dynamic partitions {name!r}")
    return wanted
