"""What the catalog's rows of assets say, decoded once it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from assetkit.records import AssetKey, AssetRow

_T = TypeVar("_T")


class Decoded(Mapping[AssetKey, _T]):
    """Something of each asset, by key: of most, the key is all that is ever asked."""

    def __init__(self, rows: Mapping[AssetKey, AssetRow], decode: Callable[[AssetRow], _T]) -> None:
        self._rows, self._decode = rows, decode

    def __getitem__(self, key: AssetKey) -> _T:
        return self._decode(self._rows[key])

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[AssetKey]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
