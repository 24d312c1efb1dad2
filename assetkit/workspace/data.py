"""Read published data back: by asset and partition, or with SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.keys import slot_folder, split_key_text
from assetkit.errors import (
    DataMissing,
    InvalidArgument,
    InvalidSelection,
    UnknownAsset,
    UnknownPartition,
    did_you_mean,
)
from assetkit.io.base import Source
from assetkit.records import (
    AssetKey,
    Materialization,
    MultiPartitionKey,
    is_nothing,
    slot_name,
)
from assetkit.workspace.core import Core
from assetkit.workspace.stock import Stock, stock_of

_LATEST = re.compile(r"latest(?::([0-9]+))?\Z")
_STATES = ("missing", "stale", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An asset as the catalog knows it: enough to find its data without its definition."""

    key: AssetKey
    dimensions: tuple[str, ...]
    io_manager: Any
    upstreams: tuple[AssetKey, ...]
    definition: Mapping[str, Any]


def known_assets(core: Core) -> dict[AssetKey, Known]:
    """Return all assets that were ever materialized here, or in a base."""
    found = {} if core.base is None else known_assets(core.base)
    return {**found, **own_assets(core)}


def own_assets(core: Core) -> dict[AssetKey, Known]:
    """Return all assets that were ever materialized in this very workspace."""
    found = {}
    for row in core.catalog.asset_rows():
        definition = json.loads(row.definition)
        found[row.asset] = Known(
            key=row.asset,
            dimensions=tuple(definition.get("dimensions", ())),
            io_manager=definition.get("io_manager", "parquet"),
            upstreams=tuple(definition.get("upstreams", ())),
            definition=definition,
        )
    return found


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
    many = bool(known.dimensions and not _is_one(partitions, texts))
    sources = sources_in(stock, known, places, with_dimensions=many)
    return manager.read(sources, load_as, columns) if sources else None


def sources_in(stock: Stock, known: Known, places: Ints, *, with_dimensions: bool) -> list[Source]:
    """Return where some slots of a stock lie, in its order; not those without data."""
    return [
        source_of(owner, known, made, with_dimensions=with_dimensions)
        for owner, made in stock.published(known.key, places)
        if not is_nothing(made.data_version)
    ]


def _is_one(partitions: Any, texts: Sequence[str | None]) -> bool:
    """Return whether a selection can only mean one partition; *texts* are those published."""
    if isinstance(partitions, str):
        return (
            (".." not in partitions or partitions in texts)
            and partitions not in ("all", "latest")
            and not (partitions.startswith("latest:"))
        )
    return isinstance(partitions, tuple)


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
    everything = np.arange(len(texts), dtype=np.int64)
    if partitions is None or partitions == "all":
        return everything
    if not known.dimensions:
        raise InvalidSelection(
            f"Asset {known.key!r} has no partitions, so {partitions!r} selects nothing of it."
        )
    place = {text: number for number, text in enumerate(texts)}
    if isinstance(partitions, Mapping):
        return _by_dimension(known, texts, partitions)
    if isinstance(partitions, str) and partitions not in place:
        newest = _LATEST.match(partitions)
        if newest is not None:
            return everything[len(texts) - min(int(newest[1] or 1), len(texts)) :]
        if partitions in _STATES:
            raise InvalidSelection(
                f"Only a plan knows which partitions of {known.key!r} are {partitions}. Load by "
                f"key, a list of keys, 'a..b', 'latest:7' or 'all'."
            )
    if isinstance(partitions, str) and ".." in partitions and partitions not in place:
        return _between(known, place, *partitions.split("..", 1))
    keys = [partitions] if isinstance(partitions, str | tuple) else list(partitions)
    return np.array([_place(known, place, _text(key)) for key in keys], dtype=np.int64)


def _parts(known: Known, text: str | None) -> tuple[str, ...]:
    """Return the key of each dimension; a key of one dimension is whole, whatever is in it."""
    if len(known.dimensions) == 1 and text is not None:
        return (text,)
    return tuple(split_key_text(text))


def _text(key: Any) -> str | None:
    return key if key is None or isinstance(key, str) else str(MultiPartitionKey(key))


def _place(known: Known, place: Mapping[str | None, int], text: str | None) -> int:
    if text not in place:
        published = [key for key in place if key is not None]
        hint = did_you_mean(str(text), published, what="partitions")
        raise UnknownPartition(
            f"{slot_name(known.key, text)} is not materialized. {hint or 'None is.'}"
        )
    return place[text]


def _between(known: Known, place: Mapping[str | None, int], first: str, last: str) -> Ints:
    """Return the published slots from one key to another; the keys need not be published."""
    if first and last and first > last and not (first in place and last in place):
        raise InvalidSelection(f"The range {first}..{last} of {known.key!r} is reversed.")
    if (not first or first in place) and (not last or last in place):
        low = place[first] if first else 0
        high = place[last] if last else len(place) - 1
        if low > high:
            raise InvalidSelection(f"The range {first}..{last} of {known.key!r} is reversed.")
        return np.arange(low, high + 1, dtype=np.int64)
    inside = [
        number
        for text, number in place.items()
        if text is not None and (not first or text >= first) and (not last or text <= last)
    ]
    return np.array(inside, dtype=np.int64)


def _by_dimension(known: Known, texts: Sequence[str | None], partitions: Mapping[str, Any]) -> Ints:
    unknown = set(partitions) - set(known.dimensions)
    if unknown:
        raise InvalidSelection(
            f"Asset {known.key!r} has no dimension {' or '.join(sorted(unknown))}; "
            f"it has {', '.join(known.dimensions)}."
        )
    parts = [_parts(known, text) for text in texts]
    hit = np.ones(len(texts), dtype=np.bool_)
    for number, dimension in enumerate(known.dimensions):
        if dimension not in partitions:
            continue
        own = [part[number] for part in parts]
        unique = sorted(set(own), key=own.index)
        single = Known(
            key=f"{known.key} ({dimension})",
            dimensions=(dimension,),
            io_manager=known.io_manager,
            upstreams=(),
            definition={},
        )
        chosen = {unique[i] for i in select_published(single, unique, partitions[dimension])}
        hit &= np.array([key in chosen for key in own], dtype=np.bool_)
    return np.flatnonzero(hit).astype(np.int64)
