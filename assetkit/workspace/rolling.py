"""Publish an earlier version of a slot again, from the files that its IO manager kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from assetkit.catalog.base import Claim, Commit
from assetkit.catalog.liveness import this_process
from assetkit.errors import DataMissing, InvalidArgument, StorageError, did_you_mean
from assetkit.execution.provenance import materialization_from_record
from assetkit.execution.runner import new_run_id
from assetkit.io.base import Source, Target
from assetkit.io.refusals import slot_of
from assetkit.io.staged import StagedFiles
from assetkit.io.sweep import staging
from assetkit.records import Materialization, RunRecord, RunStatus
from assetkit.workspace.core import Core
from assetkit.workspace.data import find_known, manager_of, select_published, source_of

_SHORTEST = 6
"""Digits of a data version that say which one is meant."""


def rollback(core: Core, asset: Any, partition: Any, to: str | None) -> str:
    """Publish a kept version; return its data version. See `Workspace.rollback`."""
    known = find_known(core, asset)
    manager = manager_of(core, known, asset)
    ordinals, texts = core.catalog.slot_keys(known.key)
    places = select_published(known, texts, partition)
    if len(places) != 1:
        raise InvalidArgument(
            f"{known.key!r} has {len(places)} partitions that this may mean. Name the one to roll "
            f"back: workspace.rollback({known.key!r}, partition)."
        )
    now_there = next(iter(core.catalog.published(known.key, ordinals[places])))
    source = source_of(core, known, now_there)
    if not isinstance(manager, StagedFiles):
        raise InvalidArgument(
            f"{slot_of(source)} is kept by {type(manager).__name__}, which keeps no earlier "
            f"versions. IO managers for files do: ParquetIOManager(keep=3)."
        )
    kept = _choose(manager, source, now_there, to)
    return _publish(core, manager, kept, now_there, source)


def _choose(
    manager: StagedFiles, source: Source, now_there: Materialization, to: str | None
) -> Path:
    """Return the kept file that is meant: the newest that differs, or that of a version or run."""
    found = {path: manager.read_record(path) or {} for path in manager.kept_versions(source)}
    others = [
        path
        for path, record in found.items()
        if record.get("data_version") != now_there.data_version
    ]
    if to is None and others:
        return others[-1]
    for path in reversed(found):
        if to is not None and _is_meant(to, found[path]):
            return path
    versions = [str(found[path].get("data_version")) for path in others]
    hint = (
        did_you_mean(to or "", versions, what="kept versions")
        if versions
        else ("None is kept: give its IO manager room for some, ParquetIOManager(keep=3).")
    )
    wanted = f"no version {to!r}" if to else "no earlier version"
    raise DataMissing(f"Of {slot_of(source)} there is {wanted}. {hint}")


def _is_meant(to: str, record: Mapping[str, Any]) -> bool:
    version = str(record.get("data_version"))
    return to == record.get("run_id") or (len(to) >= _SHORTEST and version.startswith(to))


def _publish(
    core: Core, manager: StagedFiles, kept: Path, now_there: Materialization, source: Source
) -> str:
    """Publish under a lease, as a run of its own: nothing else builds the slot meanwhile."""
    catalog, run_id = core.catalog, new_run_id(core.now())
    record = RunRecord(
        run_id=run_id,
        owner=this_process(),
        started_at=core.now(),
        targets=(now_there.asset,),
        steps=1,
        origin="rollback",
    )
    with staging(core.place, run_id), catalog.guard(run_id):
        catalog.start_run(record)
        status = RunStatus.FAILED
        try:
            made = _under_lease(core, manager, kept, now_there, source, run_id)
            status = RunStatus.SUCCESS
        finally:
            catalog.finish_run(run_id, status, core.now())
    return made.data_version


def _under_lease(
    core: Core,
    manager: StagedFiles,
    kept: Path,
    now_there: Materialization,
    source: Source,
    run_id: str,
) -> Materialization:
    ordinal = np.array([now_there.ordinal], dtype=np.int64)
    grant = core.catalog.claim(run_id, [Claim(asset=now_there.asset, ordinals=ordinal)])
    if grant.busy:
        raise StorageError(
            f"{slot_of(source)} is being built by {grant.busy[0].owner}, run "
            f"{grant.busy[0].run_id}. Wait for it, then roll back."
        )
    target = Target(
        asset=source.asset,
        partition_key=source.partition_key,
        dimensions=source.dimensions,
        place=source.place,
        folder=source.folder,
        run_id=run_id,
    )
    manager.bring_back(kept, target)
    stored = manager.find(source)
    found = None if stored is None else materialization_from_record(stored)
    if found is None:
        raise StorageError(f"What was kept of {slot_of(source)} has no record: {kept}.")
    made = replace(found, ordinal=now_there.ordinal, run_id=run_id, location=now_there.location)
    commit = Commit(
        commit_id=f"{run_id}-1",
        run_id=run_id,
        fence=grant.fence,
        materializations=(made,),
        read_seqs=(0,),
    )
    core.catalog.commit(commit)
    return made
