"""Slots in a temporary workspace, for the tests of storage."""

from pathlib import Path
from typing import Any

from assetkit.io.base import Place, Source, Target


def make_place(root: Path) -> Place:
    """Return a place with an empty data folder."""
    (root / "data").mkdir(parents=True)
    return Place(data=str(root / "data"), private=root / ".assetkit")


def target(place: Place, key: str | None = None, **changes: Any) -> Target:
    """Return a slot of the asset ``flights`` to write."""
    named: dict[str, Any] = {"run_id": "run-1", "provenance": {"code": "c1"}} | changes
    return Target(**_slot(place, key) | named)


def source(place: Place, key: str | None = None, **changes: Any) -> Source:
    """Return a slot of the asset ``flights`` to read."""
    return Source(**_slot(place, key) | changes)


def store(manager: Any, value: Any, slot: Target) -> Any:
    """Write and publish."""
    return manager.publish(manager.write(value, slot), slot)


def _slot(place: Place, key: str | None) -> dict[str, Any]:
    return {
        "asset": "flights",
        "partition_key": key,
        "dimensions": () if key is None else (("date", key),),
        "place": place,
        "folder": "flights" if key is None else f"flights/date={key}",
    }
