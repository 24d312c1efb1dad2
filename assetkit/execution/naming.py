"""The names of one asset's slots: text, key, parts and folder, from one look at the universe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.keys import slot_folder, split_key_text
from assetkit.definitions.universe import Universe
from assetkit.records import AssetKey, MultiPartitionKey, PartitionKey

AT_ONCE = 100_000
"""Of up to so many slots, all texts are made at once, which takes no longer than a few."""


class SlotNames:
    """Names slots by position of their universe."""

    def __init__(self, asset: AssetKey, universe: Universe) -> None:
        self._asset, self._universe = asset, universe
        self._dimensions = universe.dimensions
        self._is_large = len(universe) > AT_ONCE
        self._texts: Sequence[str | None] | None = None
        self._folders: dict[int, str] = {}

    def texts(self, positions: Ints) -> Sequence[str | None]:
        """Return the texts of some keys."""
        if self._is_large:
            return self._universe.texts(positions)
        return [self.text(position) for position in positions.tolist()]

    def text(self, position: int) -> str | None:
        """Return the text of one key; None without partitions."""
        if self._is_large:
            return self._universe.texts(np.array([position], dtype=np.int64))[0]
        if self._texts is None:
            every = np.arange(len(self._universe), dtype=np.int64)
            self._texts = self._universe.texts(every)
        return self._texts[position]

    def key(self, position: int) -> PartitionKey | None:
        """Return one key; None without partitions."""
        text = self.text(position)
        if len(self._dimensions) < 2:
            return text
        return MultiPartitionKey(split_key_text(text))

    def parts(self, position: int) -> tuple[tuple[str, str], ...]:
        """Return (dimension, key) pairs."""
        text = self.text(position)
        if text is None:
            return ()
        if len(self._dimensions) == 1:
            return ((self._dimensions[0], text),)
        return tuple(zip(self._dimensions, split_key_text(text), strict=True))

    def folder(self, position: int) -> str:
        """Return where a slot's data lies, below the data folder."""
        found = self._folders.get(position)
        if found is None:
            found = slot_folder(self._asset, self.parts(position))
            if not self._is_large:
                self._folders[position] = found
        return found
