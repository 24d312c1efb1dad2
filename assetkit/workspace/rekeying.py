"""Give partitions other keys: their data and history go along, the definition follows in code.

Rule 1: the catalog keeps a renamed slot as one that no definition has a place for, until the
next plan finds its key; so it does not matter whether code or workspace changes first.
Rule 2: what was made from it saw the old key: to its readers the new one is another slot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assetkit.catalog.base import NewKey
from assetkit.definitions.keys import check_key, slot_folder, split_key_text
from assetkit.errors import CatalogError, InvalidArgument, UnknownPartition, did_you_mean
from assetkit.records import Materialization, MultiPartitionKey, partition_text
from assetkit.workspace.core import Core
from assetkit.workspace.data import Known, find_known, manager_of
from assetkit.workspace.relocating import relocate
from assetkit.workspace.upkeep import target_of


def rename_key(core: Core, asset: Any, new: Any, old: Any = None) -> int:
    """Rename a key, or a key of one dimension (``region=mx``); return how many slots moved.

    Without *old*, it stands behind the ``@`` of *asset*, as the new key does in *new*.

    Raises:
        InvalidArgument: the new key is another asset's, or none of these dimensions.
        UnknownPartition: nothing is published under the old key.
        CatalogError: something is under the new one.
    """
    if old is None:
        asset, _, old = asset.partition("@")
        new = _of_the_same(asset, new)
    known = find_known(core, asset)
    if core.base is not None:
        raise InvalidArgument(
            f"Partitions of {known.key!r} cannot be renamed in the branch {core.root}: its base "
            f"would keep the old key. Rename them in {core.base.root}."
        )
    ordinals, texts = core.catalog.slot_keys(known.key)
    moves = _moves(known, texts, old, new)
    taken = [text for text in moves.values() if text in texts]
    if taken:
        raise CatalogError(
            f"{known.key}@{next(iter(moves))} cannot be renamed: {known.key}@{taken[0]} is "
            f"published already. Delete that first, or choose another key."
        )
    chosen = [number for number, text in zip(ordinals, texts, strict=True) if text in moves]
    made = list(core.catalog.published(known.key, np.array(chosen, dtype=np.int64)))
    pairs = [(one, _renamed(known, one, moves[str(one.partition)])) for one in made]
    manager = manager_of(core, known, asset)
    left = relocate(core, manager, ((known, one, known, then) for one, then in pairs))
    core.catalog.rename_slots(
        known.key,
        [
            NewKey(ordinal=then.ordinal, partition=str(then.partition), location=then.location)
            for _, then in pairs
        ],
    )
    for source in left:
        manager.delete(target_of(source))
    return len(pairs)


def _of_the_same(asset: str, new: Any) -> str:
    """Return the key in ``asset@key``."""
    name, at, key = str(new).partition("@")
    if not at or name != asset:
        raise InvalidArgument(
            f"A partition stays in its asset. Write {asset}@{key or new} instead of {new}."
        )
    return key


def _moves(known: Known, texts: Sequence[str | None], old: Any, new: Any) -> Mapping[str, str]:
    """Return the new text of each published key that is meant."""
    published = [text for text in texts if text is not None]
    dimension, _, part = str(old).partition("=")
    if dimension in known.dimensions and part and partition_text(_key(old)) not in published:
        name, _, key = str(new).rpartition("=")
        if name not in ("", dimension):
            raise InvalidArgument(
                f"{old!r} names the dimension {dimension!r}, and {new!r} another. A key stays in "
                f"its dimension: write {dimension}={key}."
            )
        found = _moves_in(known, published, dimension, part, key)
    else:
        found = {
            text: _checked(known, new) for text in published if text == partition_text(_key(old))
        }
    if found:
        return found
    known_keys = _parts(published) if dimension in known.dimensions and part else published
    hint = did_you_mean(part or str(old), known_keys, what="partitions")
    raise UnknownPartition(f"Nothing of {known.key!r} is published under {str(old)!r}. {hint}")


def _moves_in(
    known: Known, published: Iterable[str], dimension: str, old: str, new: str
) -> dict[str, str]:
    place = known.dimensions.index(dimension)
    check_key(new, owner=f"The new key of {known.key}")
    found = {}
    for text in published:
        parts = _split(known, text)
        if len(parts) == len(known.dimensions) and parts[place] == old:
            found[text] = _text((*parts[:place], new, *parts[place + 1 :]))
    return found


def _checked(known: Known, new: Any) -> str:
    """Return the text of a new key, whose parts are keys and as many as there are dimensions."""
    text = partition_text(_key(new)) or ""
    parts = tuple(new) if isinstance(new, tuple) else _split(known, text)
    if len(parts) != len(known.dimensions):
        raise InvalidArgument(
            f"{text!r} is no key of {known.key!r}, whose dimensions are "
            f"{', '.join(known.dimensions) or 'none'}."
        )
    for part in parts:
        check_key(part, owner=f"The new key of {known.key}")
    return text


def _key(key: Any) -> Any:
    return MultiPartitionKey(key) if isinstance(key, tuple) else key


def _split(known: Known, text: str) -> tuple[str, ...]:
    return split_key_text(text) if len(known.dimensions) > 1 else (text,)


def _parts(texts: Iterable[str]) -> list[str]:
    return sorted({part for text in texts for part in split_key_text(text)})


def _text(parts: tuple[str, ...]) -> str:
    return str(MultiPartitionKey(parts)) if len(parts) > 1 else parts[0]


def _renamed(known: Known, made: Materialization, text: str) -> Materialization:
    folders = [
        slot_folder(known.key, zip(known.dimensions, _split(known, key), strict=False))
        for key in (str(made.partition), text)
    ]
    location = made.location
    if location is not None and location.startswith(folders[0]):
        location = f"{folders[1]}{location.removeprefix(folders[0])}"
    return replace(made, partition=text, location=location)
