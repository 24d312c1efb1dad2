"""What an author may say of one input: `AssetIn`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from assetkit.definitions.durations import seconds_of
from assetkit.definitions.handles import Asset
from assetkit.definitions.names import caller, check_key, invalid

NEEDS = ("all", "any", "optional")


@dataclass(frozen=True, slots=True)
class AssetIn:
    """Say more of an input than its name.

    *key*: another asset than the one that the parameter is called after.
    *partitions*: a mapping (see `assetkit.mappings`) or a function of the
    downstream key; None: inferred. *columns*: only these are read. *load_as*:
    the type to load, instead of the annotation. *need*: which of the mapped
    upstream partitions must be there: ``"all"``, ``"any"``, a minimum count, or
    ``"optional"``. *grace*: after so long (kept as seconds) a late one is waived.

    >>> AssetIn("sales/orders", columns=["id", "amount"], grace="2h").grace
    7200.0
    """

    key: Any = None
    partitions: Any = None
    columns: Sequence[str] | None = None
    load_as: Any = None
    need: str | int = "all"
    grace: Any = None

    def __post_init__(self) -> None:
        owner = f"AssetIn ({caller()})"
        if self.key is not None and not isinstance(self.key, Asset):
            check_key(self.key, where=owner)
        if self.partitions is not None and not _is_mapping(self.partitions):
            allowed = (
                "a mapping such as all_partitions() or window(-6, 0), or a function of the key"
            )
            raise invalid(owner, "partitions", self.partitions, allowed)
        _check_need(self.need, owner=owner)
        if self.columns is not None:
            object.__setattr__(self, "columns", _column_names(self.columns, owner=owner))
        if self.grace is not None:
            grace = seconds_of(self.grace, owner=owner, argument="grace", zero=True)
            object.__setattr__(self, "grace", grace)


def _is_mapping(value: object) -> bool:
    if isinstance(value, type):
        return False
    return callable(value) or hasattr(value, "upstream_of")


def _check_need(need: object, *, owner: str) -> None:
    if need in NEEDS and isinstance(need, str):
        return
    if isinstance(need, bool) or not isinstance(need, int) or need < 1:
        raise invalid(owner, "need", need, "'all', 'any', 'optional', or a minimum count from 1")


def columns_asked(columns: Any) -> list[str] | None:
    """Return the columns that a load asks for, one alone as a list; None: all of them.

    Raises:
        InvalidArgument: they are no texts.
    """
    listed = [columns] if isinstance(columns, str) else columns
    if listed is None:
        return None
    if not isinstance(listed, Iterable) or not all(isinstance(one, str) for one in listed):
        raise invalid(
            "load", "columns", columns, "a list of column names, such as ['id', 'amount']"
        )
    return list(listed)


def _column_names(columns: object, *, owner: str) -> tuple[str, ...]:
    names = tuple(columns) if isinstance(columns, list | tuple) else ()
    if not names or not all(isinstance(name, str) and name for name in names):
        raise invalid(owner, "columns", columns, "a list of column names, such as ['id', 'amount']")
    if len(set(names)) != len(names):
        raise invalid(owner, "columns", columns, "each column once")
    return names
