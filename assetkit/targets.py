"""What the targets of a call mean: handles, definitions, names and selections, as one graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from assetkit.definitions.checks import checks_among
from assetkit.definitions.handles import Asset, assets_among
from assetkit.definitions.jobs import Job
from assetkit.errors import EmptySelection, InvalidArgument
from assetkit.graph.build import build_graph
from assetkit.graph.checked import with_checks
from assetkit.graph.grammar import parse_selection
from assetkit.graph.graph import AssetGraph
from assetkit.graph.selection import Facts, select
from assetkit.graph.triggers import expression_of, parts_of
from assetkit.project import Definitions, load_project
from assetkit.records import AssetKey
from assetkit.workspace import Workspace
from assetkit.workspace.locate import find_project


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What a call is about: a graph, the keys asked for, and what a selection still has to say.

    ``expressions`` are selection strings; they add to ``keys``.
    ``partitions`` is what stood behind an ``@``, None where nothing did.
    ``projects`` are the `Definitions` that the assets came with, ``jobs`` the jobs asked for.
    """

    graph: AssetGraph
    keys: tuple[AssetKey, ...]
    expressions: tuple[str, ...] = ()
    partitions: str | None = None
    projects: tuple[Definitions, ...] = ()
    jobs: tuple[Job, ...] = ()

    def furnish(self, workspace: Workspace) -> Workspace:
        """Return a workspace with the resources, IO managers and executor of the projects."""
        for project in self.projects:
            if project.resources or project.io_managers or project.executor is not None:
                workspace = workspace.furnished(
                    resources=project.resources,
                    io_managers=project.io_managers,
                    executor=project.executor,
                )
        return workspace

    def resolve(self, facts: Facts | None) -> tuple[AssetKey, ...]:
        """Return the keys of all targets, in graph order.

        Raises:
            EmptySelection: nothing is asked for.
            InvalidSelection, UnknownAsset: an expression cannot be read.
        """
        chosen = set(self.keys)
        for expression in self.expressions:
            chosen |= select(expression, self.graph, facts)
        if not chosen:
            raise EmptySelection(
                "Nothing is asked for: the list of targets is empty. "
                "Name at least one asset; an empty selection never means everything."
            )
        return tuple(key for key in self.graph.assets if key in chosen)


def find_targets(
    asked: Any, selection: str | None, names: Mapping[str, Any], here: Path
) -> Targets:
    """Find out what *asked* means, for a caller that sees *names*.

    Strings are selections over the assets given beside them, those that the
    caller sees, or (where it sees none) the project configured nearby.
    """
    handles: list[Asset[..., Any]] = []
    texts: list[str] = []
    projects: list[Definitions] = []
    jobs: list[Job] = []
    for item in _flattened(asked):
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, Asset):
            handles.append(item)
        elif isinstance(item, Job):
            jobs.append(item)
        elif isinstance(item, Definitions):
            projects.append(item)
            handles += item.assets
        else:
            raise InvalidArgument(
                f"A target must be an asset, a job, Definitions, a module, or the text of a "
                f"selection; found {type(item).__name__}: {item!r:.80}."
            )
    extra = list(handles)
    if texts or (selection is not None and not handles):
        seen = _seen(names)
        if not seen and (project := _configured(here)) is not None:
            projects.append(project)
            seen = list(project.assets)
        extra += seen
        texts, named = _without_jobs(texts, extra, names, projects)
        jobs += named
    for job in jobs:
        texts.append(expression_of(job, {}))
        extra += [*assets_among(parts_of(job)), *_seen(job.scope)]
    narrowing = [selection] if selection is not None else []
    expressions, partitions = _without_partitions([*texts, *narrowing])
    checks = [check for project in projects for check in checks_among(project.checks)]
    graph = with_checks(build_graph(extra if expressions else handles, extra=extra), checks)
    by_identity = {handle.key for handle in handles}
    # Beside a job, definitions are where its assets are found, not what is asked for.
    is_place = bool(jobs and projects)
    keys = by_identity if selection is None and not is_place else set()
    return Targets(
        graph=graph,
        keys=tuple(key for key in graph.assets if key in keys),
        expressions=expressions,
        partitions=partitions,
        projects=tuple(projects),
        jobs=tuple(jobs),
    )


def _flattened(asked: Any) -> Iterator[Any]:
    if asked is None:
        return
    if isinstance(asked, ModuleType):
        yield from Definitions.from_modules(asked).assets
    elif isinstance(asked, Iterable) and not isinstance(asked, str | Asset | Definitions):
        for item in asked:
            yield from _flattened(item)
    else:
        yield asked


def _without_jobs(
    texts: list[str],
    assets: Iterable[Asset[..., Any]],
    names: Mapping[str, Any],
    projects: Iterable[Definitions],
) -> tuple[list[str], list[Job]]:
    """Take out of *texts* what is no asset's name, but a job's."""
    known = {one.name: one for one in names.values() if isinstance(one, Job)}
    known |= {job.name: job for project in projects for job in project.jobs}
    taken = {name for asset in assets for name in (asset.key, asset.name)} if known else set()
    named = [text for text in texts if text in known and text not in taken]
    return [text for text in texts if text not in named], [known[text] for text in named]


def _without_partitions(texts: list[str]) -> tuple[tuple[str, ...], str | None]:
    """Take the ``@partitions`` off selections; at most one may have any."""
    expressions, partitions = [], None
    for text in texts:
        behind = parse_selection(text).partitions
        expressions.append(text)
        if behind is not None and partitions not in (None, behind):
            raise InvalidArgument(
                f"Two selections ask for different partitions (@{partitions} and @{behind}). "
                f"Make one call for each."
            )
        partitions = behind if behind is not None else partitions
    return tuple(expressions), partitions


def _seen(names: Mapping[str, Any]) -> list[Asset[..., Any]]:
    return list(assets_among(names.values()))


def _configured(here: Path) -> Definitions | None:
    project = find_project(here)
    if project is None or "module" not in project.settings:
        return None
    return load_project(str(project.settings["module"]), project.folder)
