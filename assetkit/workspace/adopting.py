"""Take files that are there already as an asset's partitions, as if its function had made them.

Rule 1: the files are read, and stay as they are; what is stored is a copy in the
workspace's own form, with its record, or the very file by another name.
Rule 2: it is a run like any other: leased, checked, published and written down.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from assetkit.columns import Ints
from assetkit.definitions.asset import AssetDef
from assetkit.definitions.handles import Asset
from assetkit.definitions.keys import path_part, split_key_text
from assetkit.definitions.policies import BackfillPolicy
from assetkit.definitions.universe import Universe
from assetkit.errors import DataMissing, InvalidArgument, OutputError
from assetkit.executors.local import InProcessExecutor
from assetkit.graph.build import build_graph
from assetkit.graph.graph import AssetGraph
from assetkit.io.base import Source
from assetkit.io.external import ExternalFiles
from assetkit.io.linked import FileOfOthers
from assetkit.io.listing import is_url, list_files
from assetkit.io.parquet import ParquetIOManager
from assetkit.planning.request import Request
from assetkit.records import AssetKey, partition_text
from assetkit.workspace.branching import members_of
from assetkit.workspace.core import Core
from assetkit.workspace.places import sources_of
from assetkit.workspace.planning import plan_in
from assetkit.workspace.running import RunWishes, run_in
from assetkit.workspace.situation import describe_graph, universe_of

_CONTEXT = "context"


def adopt(core: Core, asset: Any, path: str | os.PathLike[str], *, copy: bool) -> int:
    """Make slots of existing files; see `Workspace.adopt`."""
    if not isinstance(asset, Asset):
        raise InvalidArgument(
            f"To adopt files, the asset itself is needed, not {asset!r}: its definition says "
            "which partitions there are."
        )
    graph, key = build_graph([asset]), asset.key
    definition = graph.assets[key]
    if definition.outside is not None:
        raise InvalidArgument(f"{key!r} is external: it is read where it lies, never adopted.")
    universe = universe_of(definition, core.now(), members_of(core))
    found = _find_files(os.fspath(path), key, universe, core)
    if not found:
        raise DataMissing(_nothing(os.fspath(path), definition, universe))
    if not copy:
        _refuse_to_link(core, definition)
    reader = _Reader({text: one.pattern for text, one in found.items()}, core, copy)
    real = describe_graph(graph, {})
    plan = plan_in(
        core,
        _reading(graph, key, reader),
        Request(
            targets=(key,),
            slots={key: [(one.ordinal, one.ordinal + 1) for one in found.values()]},
            upstream=False,
            forced=frozenset([key]),
        ),
        config={},
        now=core.now(),
    )
    wishes = RunWishes(executor=InProcessExecutor(), tags={"adopted": os.fspath(path)})
    result = run_in(core, replace(plan, bases=real.bases, code=real.code), wishes)
    return len(result.materialized) + len(result.unchanged)


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one slot."""

    ordinal: int
    pattern: str


@dataclass(frozen=True, slots=True)
class _Reader:
    """Stands for an asset's function: it returns what lies in the files of a partition."""

    patterns: Mapping[str | None, str]
    core: Core
    copy: bool

    def __call__(self, context: Any) -> Any:
        text = partition_text(context.partition_key)
        if not self.copy:
            return FileOfOthers(_one_file(context.asset_name, self.patterns[text]))
        source = Source(
            asset=context.asset_name,
            partition_key=context.partition_key,
            dimensions=(),
            place=self.core.place,
            folder="",
            location=self.patterns[text],
        )
        dataset = import_module("pyarrow.dataset").Dataset
        return ExternalFiles().read([source], dataset, None)


def _refuse_to_link(core: Core, asset: AssetDef) -> None:
    """Refuse to take files as they are for an asset that keeps no such files."""
    manager = core.io_manager_of(asset)
    if type(manager) is not ParquetIOManager:
        raise InvalidArgument(
            f"{asset.key!r} is kept by {type(manager).__name__}, and only Parquet files on this "
            f"machine can be adopted without a copy. Adopt them with one."
        )


def _one_file(asset: AssetKey, pattern: str) -> Path:
    files = list_files(pattern)
    if len(files) != 1 or is_url(pattern):
        raise OutputError(
            f"{pattern} is {len(files)} files for one partition of {asset}. To be adopted without "
            f"a copy, each partition is one local file. Adopt it with a copy."
        )
    return Path(files[0].path)


def _reading(graph: AssetGraph, key: AssetKey, reader: _Reader) -> AssetGraph:
    """Return the graph with *reader* in place of an asset's function; nothing else is loaded."""
    asset = replace(
        graph.assets[key],
        function=reader,
        wants_context=_CONTEXT,
        config=None,
        resources={},
        backfill=BackfillPolicy.per_partition(),
        retry=None,
        timeout=None,
        code_version="adopted",  # the reader's own code is nobody's business
        together=None,
    )
    edges = tuple(
        replace(edge, input=replace(edge.input, parameter=None, need="optional", grace=None))
        for edge in graph.edges[key]
    )
    return replace(graph, assets={**graph.assets, key: asset}, edges={**graph.edges, key: edges})


def _find_files(
    path: str, key: AssetKey, universe: Universe, core: Core
) -> dict[str | None, _Files]:
    """Return the files of each slot that has any."""
    positions: Ints = np.arange(len(universe), dtype=np.int64)
    ordinals = universe.ordinals(positions).tolist()
    found: dict[str | None, _Files] = {}
    sources = sources_of(key, universe, positions, core.place)
    for source, ordinal in zip(sources, ordinals, strict=True):
        for pattern in _patterns(path, source):
            if list_files(pattern):
                found[partition_text(source.partition_key)] = _Files(ordinal, pattern)
                break
    return found


def _patterns(path: str, source: Source) -> list[str]:
    """Return where the files of a slot may lie, best guess first."""
    if not source.dimensions:
        return [path]
    if "{" in path:
        return [ExternalFiles(path).pattern_of(source)]
    base = glob.escape(path.rstrip("/"))
    hive = "/".join(path_part(name, value) for name, value in source.dimensions)
    plain = "/".join(f"{name}={value}" for name, value in source.dimensions)
    text = "|".join(split_key_text(partition_text(source.partition_key)))
    # The slash at the end: what is above belongs to the partition, and is no column.
    return [
        f"{base}/{glob.escape(hive)}/*",
        f"{base}/{glob.escape(plain)}/*",
        f"{base}/{glob.escape(text)}.*",
    ]


def _nothing(path: str, asset: AssetDef, universe: Universe) -> str:
    if not universe.dimensions:
        return f"There is nothing to adopt for {asset.key!r}: no file {path}."
    hive = "/".join(f"{name}=KEY" for name in universe.dimensions)
    beside = "" if Path(path).exists() or "{" in path else " (there is no such folder)"
    return (
        f"There is nothing to adopt for {asset.key!r} in {path}{beside}: no file of any of its "
        f"{len(universe):,} partitions. They are looked for as {hive}/* and KEY.*; another "
        f"layout goes as a path with {{partition_key}} in it."
    )
