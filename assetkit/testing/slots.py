"""Slots of a made-up asset in an empty folder, to write to and read from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assetkit.definitions.keys import slot_folder
from assetkit.io.base import Place, Source, Target

RECORD = {"code": "c1", "materialized_at": "2026-01-31T06:00:00+00:00", "ordinal": 0}
"""What a run would say of where data comes from, in short."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Where the slots of a suite lie."""

    place: Place

    @classmethod
    def under(cls, folder: Path) -> Slots:
        """Make an empty place in a folder."""
        data = folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        return cls(Place(data=str(data), private=folder / ".assetkit"))

    def target(self, key: str | None = None, asset: str = "things", **changes: Any) -> Target:
        """Return a slot to write: of an asset by date, or without partitions."""
        said: dict[str, Any] = {"run_id": "run-1", "provenance": RECORD, **changes}
        return Target(**_slot(self.place, asset, key), **said)

    def source(self, key: str | None = None, asset: str = "things", **changes: Any) -> Source:
        """Return a slot to read."""
        return Source(**_slot(self.place, asset, key), **changes)


def expect(is_so: object, otherwise: str) -> None:
    """Raise `AssertionError` with what is wrong, unless *is_so*."""
    if not is_so:
        raise AssertionError(otherwise)


def _slot(place: Place, asset: str, key: str | None) -> dict[str, Any]:
    parts = () if key is None else (("date", key),)
    return {
        "asset": asset,
        "partition_key": key,
        "dimensions": parts,
        "place": place,
        "folder": slot_folder(asset, parts),
    }
