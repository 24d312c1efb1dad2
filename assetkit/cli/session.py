"""What one call of the command line works with: its options, its project, its workspace.

Everything heavy is imported here and in the bodies of commands, when it is
needed: help, completion and usage errors answer at once.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assetkit.cli.output import Output, surroundings

if TYPE_CHECKING:
    from assetkit.definitions.jobs import Job
    from assetkit.graph.graph import AssetGraph
    from assetkit.planning.plan import Plan
    from assetkit.project import Definitions
    from assetkit.records import AssetKey
    from assetkit.workspace import Workspace

_NAMES = Path("cache") / "names.json"


class Session:
    """The options of a call, and what is loaded for it, each once."""

    module: str | None = None
    workspace_root: str | None = None
    base_root: str | None = None
    color: str = "auto"
    traceback: bool = False
    job: Job | None = None

    @cached_property
    def out(self) -> Output:
        """Where results go."""
        return Output.to(sys.stdout, color=self.color, environ=surroundings())

    @cached_property
    def err(self) -> Output:
        """Where progress, notes and errors go."""
        return Output.to(sys.stderr, color=self.color, environ=surroundings())

    @cached_property
    def module_name(self) -> str:
        """The project that is meant: ``-m``, or what the nearest ``pyproject.toml`` says."""
        return self._project[0]

    def take_job(self, name: str) -> None:
        """Plan a job of the project from now on, with its partitions, configuration and hooks.

        Raises:
            UsageError: there is none of that name.
        """
        from assetkit.errors import did_you_mean

        jobs = {job.name: job for job in self.definitions.jobs}
        if name not in jobs:
            hint = did_you_mean(name, jobs, what="jobs")
            raise click.UsageError(f"there is no job {name!r}. {hint}{self._instead_of_job(name)}")
        self.job = jobs[name]

    def _instead_of_job(self, name: str) -> str:
        """Return how an asset is meant, where the name of one stands for a job."""
        from assetkit.errors import AssetkitError

        with suppress(AssetkitError):
            self.selected([name])
            return f" Assets are selected with -s: -s {shlex.quote(name)}"
        return ""

    @property
    def hooks(self) -> tuple[Any, ...]:
        """What is to be told how steps end: the project's hooks, and the job's."""
        return (*self.definitions.hooks, *(self.job.hooks if self.job is not None else ()))

    @property
    def project_place(self) -> tuple[str, Path]:
        """The project's module or file, and the folder in which it is looked up."""
        return self._project

    @cached_property
    def definitions(self) -> Definitions:
        """The project, loaded; the names of its assets are kept for completion."""
        from assetkit.project import load_project

        # What a project prints while it loads is no result.
        with redirect_stdout(sys.stderr):
            definitions = load_project(*self._project)
        remember_names(self.workspace_root, definitions)
        return definitions

    @cached_property
    def graph(self) -> AssetGraph:
        """The project's graph."""
        return self.definitions.graph

    @cached_property
    def _project(self) -> tuple[str, Path]:
        """The project's module or file, and the folder in which it is looked up."""
        from assetkit.workspace.locate import find_project

        if self.module:
            return self.module, Path.cwd()
        project = find_project(Path.cwd())
        if project is None or not project.settings.get("module"):
            raise click.UsageError(
                "no project is named. Give one with -m package.module or -m file.py, or write "
                '[tool.assetkit] with module = "package.module" into pyproject.toml '
                "(assetkit init makes a project that has it)."
            )
        return str(project.settings["module"]), project.folder

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace; nothing is made on disk by looking at it."""
        from assetkit.workspace import Workspace
        from assetkit.workspace.locate import default_base

        base = self.base_root or default_base(surroundings(), Path.cwd())
        return Workspace(self.workspace_root, base=base)

    @cached_property
    def furnished(self) -> Workspace:
        """The workspace, with the resources, IO managers and executor of the project, if any."""
        from assetkit.targets import find_targets

        try:
            definitions = self.definitions
        except click.UsageError:  # no project is named
            return self.workspace
        return find_targets(definitions, None, {}, Path.cwd()).furnish(self.workspace)

    def selected(self, select: Sequence[str]) -> tuple[AssetGraph, tuple[AssetKey, ...]]:
        """Return the graph and the keys that a selection means in it; none means all."""
        from assetkit.targets import find_targets
        from assetkit.workspace.facts import facts_in

        expression, _ = self.selection(select, None)
        if expression is None:
            return self.graph, tuple(self.graph.assets)
        found = find_targets(self.definitions, expression, {}, Path.cwd())
        return found.graph, found.resolve(facts_in(self.furnished, found.graph))

    def one_asset(self, name: str) -> tuple[AssetGraph, AssetKey]:
        """Return the graph and the key of the one asset of that name.

        Raises:
            UnknownAsset: there is none.
            UsageError: there are several.
        """
        graph, keys = self.selected([name])
        if len(keys) == 1:
            return graph, keys[0]
        raise click.UsageError(f"{name} means {len(keys)} assets: {', '.join(keys)}. Name one.")

    def selection(
        self, select: Sequence[str], partitions: str | None
    ) -> tuple[str | None, str | None]:
        """Join repeated selections into one, and take the partitions behind ``@`` off them."""
        from assetkit.graph.grammar import split_partitions

        parts = [split_partitions(text) for text in select]
        if any(not text.strip() for text, _ in parts):
            raise click.UsageError(
                "an empty selection means nothing, never everything. Name assets, or leave "
                "-s out to mean all."
            )
        behind = {found for _, found in parts if found is not None}
        if partitions is not None:
            behind.add(partitions)
        if len(behind) > 1:
            raise click.UsageError(
                f"different partitions are asked for at once: {', '.join(sorted(behind))}. "
                f"Make one call for each."
            )
        expressions = [text for text, _ in parts]
        joined = " or ".join(f"({text})" for text in expressions)
        only = expressions[0] if len(expressions) == 1 else joined
        return only or None, next(iter(behind), None)

    def plan(self, select: Sequence[str], partitions: str | None, **wishes: Any) -> Plan:
        """Plan a selection of the project's assets; none means all."""
        from assetkit.api import plan

        expression, keys = self.selection(select, partitions)
        return plan(
            self.definitions if self.job is None else [self.definitions, self.job],
            select=expression,
            partitions=keys,
            workspace=self.workspace,
            **wishes,
        )


def remember_names(root: str | None, definitions: Definitions) -> None:
    """Keep the names of assets for completion, where there is a workspace that can be written."""
    file = _names_file(root)
    if file is None or not file.parent.parent.is_dir():
        return
    names = sorted(asset.key for asset in definitions.assets)
    with suppress(OSError):
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"assets": names}), encoding="utf-8")


def remembered_names(root: str | None) -> list[str]:
    """Return the names of the assets loaded last; empty where none are kept."""
    file = _names_file(root)
    if file is None:
        return []
    try:
        return [str(name) for name in json.loads(file.read_text(encoding="utf-8"))["assets"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _names_file(root: str | None) -> Path | None:
    from assetkit.errors import AssetkitError
    from assetkit.workspace.locate import default_root, lay_out

    try:
        rooms = lay_out(root or default_root(surroundings(), Path.cwd()), Path.cwd())
    except AssetkitError:
        return None
    return rooms.place.private / _NAMES
