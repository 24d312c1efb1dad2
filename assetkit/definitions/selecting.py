"""Selections of partitions as users write them, and the positions they stand for.

    all | latest | latest:N | KEY | FROM..TO | FROM.. | ..TO       one dimension
    DIMENSION=SELECTION[,SELECTION...][,DIMENSION=...]             several
    a list of these; a dict of these by dimension

Rule 1: both ends of a range belong to it. For windows of time a date, month or
year stands for all windows that start in it.
Rule 2: a key wins over the grammar, but for ``all`` and ``latest``; a static
key of such a name is reached in a list.
Rule 3: nothing selected is nothing, never everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any, Protocol

import numpy as np

from assetkit.columns import Ints, empty_ints
from assetkit.errors import InvalidSelection, UnknownPartition, did_you_mean

_LATEST = re.compile(r"latest(?::(\d+))?\Z")
_NAMED = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)=")
_STATES = ("missing", "stale", "failed")


class Selectable(Protocol):
    """What `select` asks of a universe."""

    @property
    def dimensions(self) -> tuple[str, ...]: ...

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of the windows, None where there are none."""
        ...

    def __len__(self) -> int: ...

    def find(self, key: Any) -> int:
        """Return the position of a key, -1 where it does not exist."""
        ...

    def stretch(self, text: str) -> tuple[int, int] | None:
        """Return the positions (first, end) of what a text that is no key stands for, or None."""
        ...

    def range_end(self, text: str) -> tuple[int, int]:
        """Return the positions (first, end) of one end of a range; raise `UnknownPartition`."""
        ...

    def newest(self, count: int) -> Ints:
        """Return the sorted positions of the newest windows, or of what was added last."""
        ...

    def by_dimension(self, selections: Mapping[str, Any]) -> Ints:
        """Return the sorted positions of a selection per dimension."""
        ...

    def unknown(self, key: object) -> UnknownPartition:
        """Return the error for a key that does not exist."""
        ...


def select(universe: Selectable, selection: Any) -> Ints:
    """Return the sorted positions of a selection; see the top of this module.

    Raises `UnknownPartition`, or `InvalidSelection` where it cannot be read.
    """
    if isinstance(selection, str):
        return _select_text(universe, selection)
    if isinstance(selection, Mapping):
        if not selection:  # nothing, never everything
            return empty_ints()
        return universe.by_dimension(_known_dimensions(universe, selection))
    if isinstance(selection, date):
        return _select_key(universe, date_text(selection, universe.zone))
    if isinstance(selection, tuple) and len(universe.dimensions) > 1 and _is_key(selection):
        return _select_parts(universe, selection)
    if isinstance(selection, Iterable) and not isinstance(selection, bytes):
        return _union([_select_item(universe, item) for item in selection])
    raise InvalidSelection(
        f"{selection!r} is no selection of partitions. Give a key, a list of keys, a range such "
        "as '2026-01-01..2026-01-31', 'latest', 'latest:7', 'all', or a dict by dimension."
    )


def settled(selection: Any) -> Any:
    """Return a selection that can be read twice and compared: lists of texts, where it can be."""
    if isinstance(selection, date):
        moment = isinstance(selection, datetime) and selection.tzinfo is not None
        return selection if moment else date_text(selection, None)
    if isinstance(selection, Mapping):
        return {name: settled(part) for name, part in selection.items()}
    if isinstance(selection, str | bytes | tuple) or not isinstance(selection, Iterable):
        return selection
    return [settled(item) for item in selection]


def names_one(selection: Any, dimensions: Sequence[str], is_key: Callable[[str], bool]) -> bool:
    """Say whether a selection can only mean one slot, whatever there is: a key, or a moment."""
    if isinstance(selection, datetime):
        return True
    if isinstance(selection, date):
        selection = selection.isoformat()
    if isinstance(selection, str):
        return selection not in ("all", "latest") and is_key(selection)
    return isinstance(selection, tuple) and len(dimensions) > 1 and _is_key(selection)


def _select_item(universe: Selectable, item: Any) -> Ints:
    """Select one item of a list, where a key wins over any word."""
    if isinstance(item, str) and (position := universe.find(item)) >= 0:
        return np.array([position], dtype=np.int64)
    return select(universe, item)


def _select_text(universe: Selectable, text: str) -> Ints:
    if text == "all":
        return np.arange(len(universe), dtype=np.int64)
    if match := _LATEST.match(text):
        return universe.newest(_count(text, match[1]))
    if (position := universe.find(text)) >= 0:
        return np.array([position], dtype=np.int64)
    if text in _STATES:
        raise InvalidSelection(f"{text!r} says a state, not which partitions; it goes by itself.")
    if _NAMED.match(text):
        return universe.by_dimension(_known_dimensions(universe, _read_named(text)))
    if ".." in text:
        return _select_range(universe, text)
    if (found := universe.stretch(text)) is not None:
        return np.arange(*found, dtype=np.int64)
    raise universe.unknown(text)


def _select_key(universe: Selectable, key: Any) -> Ints:
    position = universe.find(key)
    if position >= 0:
        return np.array([position], dtype=np.int64)
    if isinstance(key, str) and (found := universe.stretch(key)) is not None:
        return np.arange(*found, dtype=np.int64)
    raise universe.unknown(key)


def _select_parts(universe: Selectable, key: tuple[Any, ...]) -> Ints:
    """Select by the parts of a key of several dimensions, dates among them or not."""
    if len(key) == len(universe.dimensions) and any(isinstance(part, date) for part in key):
        return universe.by_dimension(dict(zip(universe.dimensions, key, strict=True)))
    return _select_key(universe, tuple(str(part) for part in key))


def _select_range(universe: Selectable, text: str) -> Ints:
    first, _, last = text.partition("..")
    first, last = first.strip(), last.strip()
    if len(universe.dimensions) > 1:
        example = ", ".join(f"{name!r}: ..." for name in universe.dimensions)
        raise InvalidSelection(
            f"The range {text!r} does not say of which dimension. Give a dict: {{{example}}}, "
            f"or text such as '{universe.dimensions[0]}={text}'."
        )
    if ".." in last or not (first or last):
        raise InvalidSelection(f"{text!r} is no range. A range is FROM..TO, FROM.. or ..TO.")
    lo = universe.range_end(first)[0] if first else 0
    hi = universe.range_end(last)[1] if last else len(universe)
    if first and last and universe.range_end(first)[0] > universe.range_end(last)[0]:
        raise InvalidSelection(f"The range {text!r} is reversed. Did you mean '{last}..{first}'?")
    return np.arange(lo, max(lo, min(hi, len(universe))), dtype=np.int64)


def _read_named(text: str) -> dict[str, list[str]]:
    """Split ``date=a..b,region=us,eu`` into selections by dimension."""
    selections: dict[str, list[str]] = {}
    name = ""
    for item in text.split(","):
        if match := _NAMED.match(item):
            name, item = match[1], item[match.end() :]  # noqa: PLW2901
            if name in selections:
                raise InvalidSelection(f"{text!r} names the dimension {name!r} twice.")
            selections[name] = []
        selections[name].append(item.strip())
    return selections


def _known_dimensions(universe: Selectable, selections: Mapping[Any, Any]) -> dict[str, Any]:
    for name in selections:
        if name not in universe.dimensions:
            hint = did_you_mean(str(name), universe.dimensions, what="dimensions")
            raise InvalidSelection(f"There is no dimension {name!r}. {hint}")
    return dict(selections)


def _is_key(selection: tuple[Any, ...]) -> bool:
    return all(isinstance(part, str | date) for part in selection)


def date_text(when: date, zone: tzinfo | None) -> str:
    """Return a date, or the wall time of a moment, as keys are written."""
    if not isinstance(when, datetime):
        return when.isoformat()
    wall = when if when.tzinfo is None or zone is None else when.astimezone(zone)
    return wall.replace(tzinfo=None).isoformat(timespec="seconds")


def _count(text: str, digits: str | None) -> int:
    count = 1 if digits is None else int(digits)
    if count < 1:
        raise InvalidSelection(f"{text!r} selects nothing. 'latest:7' are the newest 7.")
    return count


def _union(parts: list[Ints]) -> Ints:
    return np.unique(np.concatenate(parts)) if parts else empty_ints()
