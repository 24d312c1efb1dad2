"""Read published data back: by asset and partition, or with SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.inputs import columns_asked
from assetkit.definitions.keys import slot_folder, split_key_text
from assetkit.definitions.selecting import names_one, select, settled
from assetkit.errors import (
    DataMissing,
    InvalidArgument,
    InvalidSelection,
    UnknownAsset,
    did_you_mean,
)
from assetkit.io.base import Source
from assetkit.records import AssetKey, AssetRow, Materialization, is_nothing
from assetkit.workspace.core import Core
from assetkit.workspace.decoding import Decoded
from assetkit.workspace.publishedkeys import PublishedKeys
from assetkit.workspace.stock import Stock, stock_of

_STATES = ("missing", "stale", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An asset as the catalog knows it: enough to find its data without its definition."""

    key: AssetKey
    dimensions: tuple[str, ...]
    io_manager: Any
    upstreams: tuple[AssetKey, ...]
    definition: Mapping[str, Any]


class KnownAssets(Decoded[Known]):
    """Assets by key."""

    def __init__(self, rows: Mapping[AssetKey, AssetRow]) -> None:
        super().__init__(rows, _known)


def _known(row: AssetRow) -> Known:
    definition = json.loads(row.definition)
    return Known(
        key=row.asset,
        dimensions=tuple(definition.get("dimensions", ())),
        io_manager=definition.get("io_manager", "parquet"),
        upstreams=tuple(definition.get("upstreams", ())),
        definition=definition,
    )


def known_assets(core: Core) -> KnownAssets:
    """Return all assets that were ever materialized here, or in a base."""
    return KnownAssets(_rows(core))


def _rows(core: Core) -> dict[AssetKey, AssetRow]:
    inherited = {} if core.base is None else _rows(core.base)
    return {**inherited, **_own_rows(core)}


def own_assets(core: Core) -> KnownAssets:
    """Return all assets that were ever materialized in this very workspace."""
    return KnownAssets(_own_rows(core))


def _own_rows(core: Core) -> dict[AssetKey, AssetRow]:
    return {row.asset: row for row in core.catalog.asset_rows()}


def find_known(core: Core, asset: Any) -> Known:
    """Return what the catalog knows of an asset, given as a handle, a key, or its last part.

    Raises:
        UnknownAsset: there is none, or the last part fits several.
    """
    name = getattr(asset, "key", asset)
    known = known_assets(core)
    if name in known:
        return known[name]
    alike = sorted(key for key in known if key.rpartition("/")[2] == name)
    if len(alike) > 1:
        raise UnknownAsset(f"{name!r} may mean {' or '.join(alike)}. Give the whole key.")
    if not alike:
        hint = did_you_mean(str(name), known, what="assets here")
        raise UnknownAsset(f"No asset {name!r} was materialized in {core.root}. {hint}")
    return known[alike[0]]


def manager_of(core: Core, known: Known, asset: Any) -> Any:
    """Return the IO manager of an asset: its definition's, where one was seen, else by name."""
    definition = getattr(asset, "definition", None)
    if definition is not None:
        return core.io_manager_of(definition)
    manager = core.io_manager_known_as(known.io_manager, known.key)
    if manager is not None:
        return manager
    raise InvalidArgument(
        f"Asset {known.key!r} is kept by the IO manager {known.io_manager}, which is not known "
        f"here by name. Give the asset itself instead of its name, or Workspace(io_managers=...)."
    )


def load(
    core: Core, asset: Any, partitions: Any, load_as: Any, columns: Sequence[str] | None
) -> Any:
    """Load published slots; see `Workspace.load`."""
    known = find_known(core, asset)
    manager = manager_of(core, known, asset)
    stock = stock_of(core, known.key)
    if partitions is None or isinstance(partitions, str):
        # What a change of the definition left behind is loaded by its key only.
        stock = stock.without_orphans(but=partitions)
    texts = stock.texts
    places = select_published(known, texts, partitions)
    if not len(places):
        if len(texts) > 0:
            raise InvalidSelection(
                f"{partitions!r} selects none of the {len(texts):,} partitions of {known.key!r} "
                f"that are materialized: an empty selection means nothing, never everything."
            )
        raise DataMissing(
            f"Nothing of {known.key!r} is materialized in {core.root}. "
            f"Run: assetkit materialize {known.key}"
        )
    many = bool(known.dimensions) and not names_one(
        partitions, known.dimensions, set(texts).__contains__
    )
    sources = sources_in(stock, known, places, with_dimensions=many)
    return manager.read(sources, load_as, columns_asked(columns)) if sources else None


def sources_in(stock: Stock, known: Known, places: Ints, *, with_dimensions: bool) -> list[Source]:
    """Return where some slots of a stock lie, in its order; not those without data."""
    return [
        source_of(owner, known, made, with_dimensions=with_dimensions)
        for owner, made in stock.published(known.key, places)
        if not is_nothing(made.data_version)
    ]


def source_of(
    core: Core, known: Known, made: Materialization, *, with_dimensions: bool = False
) -> Source:
    """Return where a published slot lies."""
    keys = _parts(known, made.partition)
    # An orphan of another definition has keys of its own; its location says where it lies.
    fits = len(keys) == len(known.dimensions)
    parts = tuple(zip(known.dimensions, keys, strict=True)) if fits else ()
    folder = slot_folder(known.key, parts)
    if not fits and made.location is not None:
        folder = made.location.rpartition("/")[0]
    return Source(
        asset=known.key,
        partition_key=made.partition,
        dimensions=parts,
        place=core.place,
        folder=folder,
        location=made.location,
        data_version=made.data_version,
        with_dimensions=with_dimensions,
    )


def select_published(known: Known, texts: Sequence[str | None], partitions: Any) -> Ints:
    """Return the places of published slots that a selection means, in partition order.

    Raises:
        UnknownPartition: a key is not among those published; names the nearest.
        InvalidSelection: a range is reversed, or the asset has no partitions.
    """
    partitions = settled(partitions)
    if partitions is None or partitions == "all":
        return np.arange(len(texts), dtype=np.int64)
    if not known.dimensions:
        raise InvalidSelection(
            f"Asset {known.key!r} has no partitions, so {partitions!r} selects nothing of it."
        )
    if partitions in _STATES and partitions not in texts:
        raise InvalidSelection(
            f"Only a plan knows which partitions of {known.key!r} are {partitions}. Load by "
            f"key, a list of keys, 'a..b', 'latest:7' or 'all'."
        )
    keys = PublishedKeys(
        asset=known.key,
        dimensions=known.dimensions,
        texts=texts,
        facts=known.definition.get("partitions") or {},
    )
    try:
        places = select(keys, partitions)
    except InvalidSelection as error:
        raise InvalidSelection(f"Asset {known.key!r}: {error}") from None
    return places


def _parts(known: Known, text: str | None) -> tuple[str, ...]:
    """Return the key of each dimension; a key of one dimension is whole, whatever is in it."""
    if len(known.dimensions) == 1 and text is not None:
        return (text,)
    return tuple(split_key_text(text))
