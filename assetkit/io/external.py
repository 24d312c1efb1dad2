"""Read files that others made: Parquet, CSV and JSON lines, at a path, URL or glob.

These files are read, never written and never deleted.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, NoReturn

from assetkit.errors import InputError, StorageError
from assetkit.io.base import Source, Target, Written
from assetkit.io.loading import load
from assetkit.io.slot_tables import name_of


@dataclass(frozen=True, slots=True)
class ExternalFiles:
    """Read the files of an external asset. *path* has the partition in braces, if any.

    Without a path, each slot's own location is read.
    """

    path: str | None = None
    known_as: ClassVar[str] = "external"

    def read(self, sources: Sequence[Source], load_as: Any, columns: Sequence[str] | None) -> Any:
        """Load the slots as one value of the type *load_as*, in the order given.

        Raises:
            DataMissing: nothing lies there any more.
            InputError: it is no Parquet, CSV or JSON, or lacks a column.
        """
        return load(_tables(self.pattern_of), sources, load_as, columns).value

    def write(self, value: Any, target: Target) -> Written:
        """Refuse: the data is others'."""
        _refuse(target.asset)

    def delete(self, target: Target) -> None:
        """Refuse: the data is others'."""
        _refuse(target.asset)

    def pattern_of(self, source: Source) -> str:
        """Return the path, URL or glob of one slot; raise `InputError` where there is none."""
        if self.path is not None:
            values = {name: glob.escape(key) for name, key in source.dimensions}
            if len(values) == 1:
                values["partition_key"] = next(iter(values.values()))
            return self.path.format(**values)
        if source.location is None:
            raise InputError(
                f"{name_of(source)} has no path, so it cannot be loaded. Give "
                f"external_asset({source.asset!r}, path=...), or depend on it with deps=[...]."
            )
        return source.location


def _tables(pattern_of: Any) -> Any:
    return import_module("assetkit.io.external_tables").ExternalTables(pattern_of)


def _refuse(asset: str) -> NoReturn:
    raise StorageError(f"{asset!r} is external: others make its data, so nothing is changed here.")
