"""Find and remove what nobody needs any more: never data, never what a live run holds.

Files of dead runs, files that were replaced or set aside, uploads to a store that nobody will
finish, and the part of the catalog's history that nothing refers to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from assetkit.definitions.durations import seconds_of
from assetkit.io.object_store import Upload, open_store
from assetkit.io.pins import is_abandoned
from assetkit.io.placing import is_remote
from assetkit.io.remote_places import url_of
from assetkit.io.staged import StagedFiles
from assetkit.io.sweep import sweep_pins, sweep_staging
from assetkit.records import RunStatus
from assetkit.workspace.core import Core

OLD = timedelta(days=30)
"""The age from which logs and files that were set aside are history."""


_LONGEST_UPLOAD = timedelta(days=7)
"""An upload may be that old while any run is alive."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """One file or folder that may go, with its size in bytes, and why."""

    path: Path
    bytes: int
    reason: str


def vacuum(core: Core, *, dry_run: bool, older_than: timedelta | float | str) -> pd.DataFrame:
    """Return what may go, and remove it unless *dry_run*; see `Workspace.vacuum`."""
    if not isinstance(older_than, timedelta):
        age = seconds_of(older_than, owner="vacuum", argument="older_than", zero=True)
        older_than = timedelta(seconds=age)
    before = core.now() - older_than
    found = list(leavings(core, before))
    rows = [(str(one.path), one.bytes, one.reason) for one in found]
    if not dry_run:
        sweep_staging(core.place, core.catalog.is_running, for_good=True)
        sweep_pins(core.place)
        for one in found:
            _remove(one.path)
    rows += _uploads(core, before, dry_run=dry_run) if is_remote(core.place) else []
    rows += _history(core, before, dry_run=dry_run)
    return pd.DataFrame(rows, columns=["path", "bytes", "reason"])


def leavings(core: Core, before: datetime) -> Iterator[Leaving]:
    """Yield what may go; only in the private folder, and beside the catalog what was set aside."""
    private, oldest = core.place.private, before.timestamp()
    for folder in _entries(private / "staging"):
        if folder.is_dir() and not core.catalog.is_running(folder.name):
            yield Leaving(folder, _size(folder), "staged by a run that is dead")
    for folder in _entries(private / "pins"):
        if folder.is_dir() and is_abandoned(folder):
            yield Leaving(folder, 0, "pinned by a process that is gone")
    yield from _versions(core, oldest)
    for folder in _entries(private / "logs"):
        if _changed(folder) < oldest and not core.catalog.is_running(folder.name):
            yield Leaving(folder, _size(folder), "logs of an old run")
    yield from _beside_the_catalog(core, oldest)


def _uploads(core: Core, before: datetime, *, dry_run: bool) -> list[tuple[str, int, str]]:
    """End the uploads in parts that were begun so long ago that nobody will finish them."""
    if RunStatus.RUNNING in core.catalog.runs().column("status").to_pylist():
        before = min(before, core.now() - _LONGEST_UPLOAD)
    store = open_store(core.place)
    data = core.place.data.rstrip("/").rpartition("/")[2] + "/"

    def is_old(one: Upload) -> bool:
        return one.at < before and one.key.startswith(data)

    found = list(filter(is_old, store.uploads()))
    for one in () if dry_run else found:
        store.abort(one)
    return [(url_of(core.place, one.key), 0, "an upload that was never finished") for one in found]


def _history(core: Core, before: datetime, *, dry_run: bool) -> list[tuple[str, int, str]]:
    """Forget what the catalog knows of long ago, and nothing refers to."""
    counts = core.catalog.prune(before, dry_run=dry_run)
    text = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
    path = str(getattr(core.catalog, "path", "the catalog"))
    return [(path, 0, f"history from before {before:%Y-%m-%d}: {text}")] if text else []


def _beside_the_catalog(core: Core, oldest: float) -> Iterator[Leaving]:
    folder = getattr(core.catalog, "path", core.place.private / "catalog.duckdb").parent
    for path in _entries(folder):
        if path.is_file() and _is_aside(path.name) and _changed(path) < oldest:
            yield Leaving(path, _size(path), "set aside when the catalog was made again")
    for path in _entries(folder / "runs"):
        if path.suffix == ".lock" and _is_over(core, path.stem):
            yield Leaving(path, 0, "run file of a run that is over")


def _versions(core: Core, oldest: float) -> Iterator[Leaving]:
    """Yield replaced files beyond what any IO manager here keeps; young ones stay."""
    managers = [one for one in core.io_managers.values() if isinstance(one, StagedFiles)]
    keep = max((one.keep for one in managers), default=0)
    for folder, _, names in os.walk(core.place.private / "versions"):
        kept = sorted(Path(folder) / name for name in names)
        beyond = kept[:-keep] if keep else kept
        for path in beyond:
            if path.stat().st_ctime < oldest:
                yield Leaving(path, _size(path), "replaced long ago")


def _is_over(core: Core, run_id: str) -> bool:
    """Return whether a run is known to have ended: its run file is of no use to anyone."""
    found = core.catalog.runs(run_id=run_id).column("status").to_pylist()
    return bool(found) and found[0] != RunStatus.RUNNING and not core.catalog.is_running(run_id)


def _is_aside(name: str) -> bool:
    return name.startswith("catalog.") and any(
        word in name for word in (".orphan-", ".corrupt-", ".replaced-")
    )


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.is_symlink())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _changed(path: Path) -> float:
    return path.stat().st_mtime


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    elif path.parent.name != "staging":  # there a file bars the name of a dead run
        path.unlink(missing_ok=True)
