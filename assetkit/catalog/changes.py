"""Rules of changes to what is known, which both catalogs follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assetkit.errors import CatalogError, UnknownAsset, did_you_mean
from assetkit.records import AssetKey


def with_orphans(published: Iterable[int], ordinals: Mapping[int, int]) -> dict[int, int]:
    """Return the moves of a rebase; published slots without one get negative ordinals.

    >>> with_orphans([0, 1, 2], {0: 5, 1: -1})
    {0: 5, 1: -1, 2: -2}
    """
    moves = dict(ordinals)
    last = min([0, *moves.values()])
    for ordinal in published:
        if ordinal not in moves:
            last -= 1
            moves[ordinal] = last
    return {old: new for old, new in moves.items() if old != new}


def orphan_ordinals(known: Iterable[int], count: int) -> list[int]:
    """Return ordinals that no slot has, for slots that are to be found by their keys.

    >>> orphan_ordinals([-2, 0, 7], 2)
    [-3, -4]
    """
    last = min([0, *known])
    return list(range(last - 1, last - 1 - count, -1))


def moved_location(location: str | None, old: AssetKey, new: AssetKey) -> str | None:
    """Return where data lies once its asset's folder has another name.

    >>> moved_location("a/b/part.parquet", "a", "c"), moved_location("/mnt/a/x.csv", "a", "c")
    ('c/b/part.parquet', '/mnt/a/x.csv')
    """
    if location is None or not location.startswith(f"{old}/"):
        return location
    return f"{new}{location.removeprefix(old)}"


def unknown_asset(asset: AssetKey, known: Iterable[AssetKey]) -> UnknownAsset:
    """Return the error for an asset that the catalog does not know."""
    hint = did_you_mean(asset, known, what="assets")
    return UnknownAsset(f"The catalog knows no asset {asset!r}. {hint}")


def key_taken(old: AssetKey, new: AssetKey) -> CatalogError:
    """Return the error for a new key under which there is data."""
    return CatalogError(
        f"{old!r} cannot be renamed to {new!r}: the catalog has published data of {new!r}. "
        f"Delete that first, or choose another name."
    )
