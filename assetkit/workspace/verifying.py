"""Hold the catalog and the files against each other, and name each difference with its remedy."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from assetkit.errors import DataChanged, StorageError
from assetkit.io.base import Place, Source, StagedIOManager, Stored
from assetkit.io.placing import is_remote
from assetkit.io.remote_places import names_in
from assetkit.records import AssetKey, Materialization, slot_name
from assetkit.workspace.core import Core
from assetkit.workspace.data import Known, own_assets, source_of

_KEEP_NO_FILES = ("external", "memory")
_COLUMNS = ("asset", "partition", "problem", "remedy")
_NEWER = "the file is newer than what is known: it was published and not written down"
_ADOPTED = "none needed: the next plan takes it up"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be. ``asset`` is empty for files of no asset."""

    asset: AssetKey
    partition: str | None
    problem: str
    remedy: str


def verify(core: Core, *, deep: bool) -> pd.DataFrame:
    """Return all differences, one a row; see `Workspace.verify`."""
    found = list(differences(core, deep=deep))
    rows = [(one.asset, one.partition, one.problem, one.remedy) for one in found]
    return pd.DataFrame(rows, columns=list(_COLUMNS), dtype="object")


def differences(core: Core, *, deep: bool) -> Iterator[Difference]:
    """Yield what the catalog and the files say differently, by asset; then the foreign files.

    Where an asset is kept by an IO manager that is not known here, or tells no names, nobody
    can say which files are foreign.
    """
    expected: set[str] = set()
    homes: set[str] = set()
    tells_all = True
    for key, known in sorted(own_assets(core).items()):
        manager = core.io_manager_known_as(known.io_manager, key)
        if hasattr(manager, "where"):
            homes.add(manager.where(core.place))
        tells_all &= hasattr(manager, "names_of") or known.io_manager in _KEEP_NO_FILES
        if not isinstance(manager, StagedIOManager):
            continue
        found = manager.find_all(core.place, key, known.dimensions)
        yield from _of_asset(core, known, manager, found, deep=deep)
        if hasattr(manager, "names_of"):
            expected.update(name for one in found for name in manager.names_of(one.source))
    if tells_all:
        yield from _foreign(core.place, expected, tuple(homes))


def _of_asset(
    core: Core, known: Known, manager: Any, found: Sequence[Stored], *, deep: bool
) -> Iterator[Difference]:
    """Yield what is wrong with an asset's slots; *found* is all that lies in its folder."""
    whole = {one.source.folder: one for one in found if one.record is not None}
    recorded = set()
    for made in core.catalog.published(known.key):
        recorded.add(made.partition)
        if made.signature is not None:
            source = source_of(core, known, made)
            yield from _of_slot(made, source, manager, whole.get(source.folder), deep=deep)
    yield from _unrecorded(found, recorded)


def _of_slot(
    made: Materialization, source: Source, manager: Any, stored: Stored | None, *, deep: bool
) -> Iterator[Difference]:
    remedy = f"assetkit materialize {slot_name(made.asset, made.partition)}"
    try:
        # Of what is torn, gone or elsewhere, only a closer look can tell which.
        stored = stored or manager.find(source)
        problem = _problem(made, stored)
        if problem is None and deep:
            problem = _content_problem(source, stored, manager)
    except DataChanged as torn:
        problem = f"the file is damaged: {torn}"
    except StorageError as error:
        problem, remedy = str(error), "mend the rights of the file"
    if problem is not None:
        yield Difference(
            made.asset, made.partition, problem, _ADOPTED if problem == _NEWER else remedy
        )


def _problem(made: Materialization, stored: Stored | None) -> str | None:
    if stored is None:
        return "the file is gone"
    if stored.record is None:
        return "the file was written by another hand"
    if stored.record.get("asset") != made.asset or stored.record.get("partition") != made.partition:
        told = slot_name(str(stored.record.get("asset")), stored.record.get("partition"))
        return f"the file belongs to {told}"
    if stored.record.get("data_version") != made.data_version:
        return _NEWER
    if made.bytes is not None and stored.bytes != made.bytes:
        return f"the file has {stored.bytes:,} bytes instead of {made.bytes:,}"
    return None


def _content_problem(source: Source, stored: Stored | None, manager: Any) -> str | None:
    """Hash the content anew, where the manager can, and compare it with the file's own record."""
    record = stored.record if stored is not None else None
    if record is None or not hasattr(manager, "content_of"):
        return None
    if manager.content_of(source) == record.get("content"):
        return None
    return "the content is not what was written: its hash differs from the record's"


def _unrecorded(found: Sequence[Stored], recorded: set[str | None]) -> Iterator[Difference]:
    for stored in found:
        key = stored.source.partition_key
        text = None if key is None else str(key)
        if text in recorded:
            continue
        if stored.record is None:
            problem, remedy = "a file without a record lies in its place", "move the file away"
        else:
            problem, remedy = "the file is published but not written down", _ADOPTED
        yield Difference(stored.source.asset, text, problem, remedy)


def _foreign(place: Place, expected: set[str], homes: tuple[str, ...]) -> Iterator[Difference]:
    """Yield what lies below the data folder and belongs to no slot.

    *homes* are files and folders in which tables are kept, with what lies beside a file.
    """
    within = tuple(f"{home}{more}" for home in homes for more in ("/", "."))
    for name in names_in(place) if is_remote(place) else _files_in(Path(place.data)):
        if name not in expected and name not in homes and not name.startswith(within):
            problem = f"{name} belongs to no asset that the catalog knows"
            remedy = "move it away; if it is yours: assetkit catalog rebuild"
            yield Difference("", None, problem, remedy)


def _files_in(data: Path) -> Iterator[str]:
    for folder, _, names in os.walk(data):
        for name in sorted(names):
            yield str(Path(folder) / name)
