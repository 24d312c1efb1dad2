"""A project: its definitions tied together, and how one is loaded.

Rule 1: what a module holds by name, or in a list, tuple or dict that it names, is what
it defines.
Rule 2: loading is strict: one name defined twice in one load is a mistake, even where
a notebook would take the second for a correction.
Rule 3: an error of the user's code is told with the line of the user's code.
"""

from __future__ import annotations

import os
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from importlib import import_module, invalidate_caches
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from assetkit.definitions.handles import Asset, Declaration, assets_of, recording
from assetkit.definitions.names import caller, invalid, is_own
from assetkit.definitions.projectcode import is_library_file
from assetkit.definitions.scheme import check_now
from assetkit.errors import (
    AssetkitError,
    DefinitionError,
    DuplicateAsset,
    LoadError,
    did_you_mean,
)
from assetkit.execution.alerts import Alerts
from assetkit.execution.hooks import Hooks
from assetkit.graph.build import build_graph, find_problems
from assetkit.graph.checked import stray_checks, with_checks
from assetkit.graph.graph import AssetGraph
from assetkit.graph.triggers import Triggers, find_triggers
from assetkit.graph.views import graph_html

if TYPE_CHECKING:
    from assetkit.planning.plan import Plan
    from assetkit.workspace import Workspace

_LISTED = ("assets", "checks", "jobs", "schedules", "sensors", "hooks")
_NAMED = ("resources", "io_managers")
_TRIGGERS = ("jobs", "schedules", "sensors")
_NOT_THE_PROJECT = frozenset({"__main__", "conftest", "setup", "tests"})


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """Tie a project together: its assets, and what they need to run.

    *assets* may be assets, modules that define some, or lists of these.
    *resources* and *io_managers* are by name.

    >>> from assetkit.definitions.decorator import asset
    >>> @asset
    ... def numbers():
    ...     return [1, 2, 3]
    >>> list(Definitions(assets=[numbers]).graph.assets)
    ['numbers']
    """

    assets: Any = ()
    checks: Any = ()
    jobs: Any = ()
    schedules: Any = ()
    sensors: Any = ()
    resources: Mapping[str, Any] = field(default_factory=dict)
    io_managers: Mapping[str, Any] = field(default_factory=dict)
    hooks: Any = ()
    executor: Any = None

    def __post_init__(self) -> None:
        owner = f"Definitions ({caller()})"
        for name in _NAMED:
            value = getattr(self, name)
            if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
                raise invalid(owner, name, value, "a dict with text keys")
        for name in _LISTED:
            value = getattr(self, name)
            listed = tuple(value) if isinstance(value, list | tuple | set) else (value,)
            object.__setattr__(self, name, listed)
        if odd := [one for one in self.hooks if not isinstance(one, Hooks | Alerts)]:
            allowed = "Hooks(on_failure=..., ...), Alerts(to=...), or a list of these"
            raise invalid(owner, "hooks", odd[0], allowed)
        if odd := [one for one in self.checks if getattr(one, "asset", None) is None]:
            raise invalid(owner, "checks", odd[0], "what @asset_check(asset=...) makes, in a list")
        if self.executor is not None and not callable(getattr(self.executor, "submit", None)):
            raise invalid(owner, "executor", self.executor, "an executor, as ThreadExecutor(4)")
        found = tuple(dict.fromkeys(_assets_in(self.assets, owner)))
        given = {name: getattr(self, name) for name in _TRIGGERS}
        triggers = find_triggers(given, _modules_in(self.assets), owner)
        triggers.check(asset.key for asset in found)
        for name in _TRIGGERS:
            object.__setattr__(self, name, getattr(triggers, name))
        object.__setattr__(self, "assets", found)

    @classmethod
    def from_modules(cls, *modules: ModuleType) -> Definitions:
        """Collect what modules define (or import: an asset is the same wherever it is seen)."""
        owner = f"Definitions.from_modules ({caller()})"
        for module in modules:
            if not isinstance(module, ModuleType):
                raise invalid(owner, "modules", module, "imported modules")
        return cls(assets=list(modules))

    @property
    def graph(self) -> AssetGraph:
        """The graph of all assets, as they are defined now.

        Raises `DefinitionError`: the first problem found.
        """
        graph = build_graph(self.assets)
        for problem in stray_checks(graph, self.checks):
            raise problem
        return with_checks(graph, self.checks)

    @property
    def triggers(self) -> Triggers:
        """The jobs, schedules and sensors, as one value."""
        return Triggers(jobs=self.jobs, schedules=self.schedules, sensors=self.sensors)

    def validate(self) -> None:
        """Raise a `DefinitionError` that names everything that is wrong; None where all is well.

        The one-line test of a project.
        """
        problems = find_problems(self.assets) or [
            *stray_checks(build_graph(self.assets), self.checks, beside=True),
        ]
        problems = problems or list(self.triggers.problems(self.graph))
        if len(problems) == 1:
            raise problems[0]
        if problems:
            listed = "\n".join(f"{number}. {text}" for number, text in enumerate(problems, 1))
            raise DefinitionError(f"{len(problems)} problems:\n{listed}")

    def evaluate(
        self,
        now: datetime | None = None,
        workspace: Workspace | str | os.PathLike[str] | None = None,
    ) -> Plan:
        """Return the plan that automation would launch now; nothing runs.

        Its ``decisions`` say what is done about each asset, and why.
        `materialize` applies it as it stands. *now*: timezone-aware; None: the current time.

        >>> from assetkit import AutoMaterializePolicy, Workspace
        >>> from assetkit.definitions.decorator import asset
        >>> @asset(automation=AutoMaterializePolicy.eager())
        ... def numbers():
        ...     return None
        >>> with Workspace.temporary() as workspace:
        ...     print(*Definitions(assets=[numbers]).evaluate(workspace=workspace).decisions)
        numbers: launch, never built
        """
        # Loading a project takes no engine; evaluating it does.
        found = import_module("assetkit.workspace").Workspace
        place = workspace if isinstance(workspace, found) else found(workspace)
        place = place.furnished(
            resources=self.resources, io_managers=self.io_managers, executor=self.executor
        )
        now = None if now is None else check_now(now)
        place = import_module("assetkit.workspace.timing").as_of(place, now)
        evaluate = import_module("assetkit.workspace.evaluating").evaluate
        made = evaluate(place.core, self.graph, now=now)
        plan: Plan = replace(made.plan, workspace=place)
        return plan

    def _repr_html_(self) -> str | None:
        try:
            return graph_html(self.graph)
        except DefinitionError:  # then the plain text must do
            return None

    def __repr__(self) -> str:
        said = ((one.name, getattr(self, one.name)) for one in fields(self))
        counts = (
            f"{len(value)} {name}" if hasattr(value, "__len__") else f"{name}={value!r}"
            for name, value in said
            if value
        )
        return f"<Definitions: {', '.join(counts) or 'empty'}>"


def load_project(spec: str, folder: Path | None = None) -> Definitions:
    """Import a project: a dotted module name, or the path of a ``.py`` file.

    It is the `Definitions` found there, or what the module (or, of a package,
    its modules) defines. Names and relative paths are looked up in *folder*
    first (None: the current one), which is put on the import path.

    Raises:
        LoadError: it does not exist or does not import, or defines nothing.
        DuplicateAsset: one name is defined twice in one module.
    """
    folder = (folder or Path.cwd()).resolve()
    with recording() as declared:
        if spec.endswith(".py") or "/" in spec or "\\" in spec:
            module = _import_file(folder / spec)
        else:
            _put_on_path(folder)
            module = _import(spec)
        definitions = _definitions_of(module)
    _refuse_repeats(declared)
    return definitions


def _definitions_of(module: ModuleType) -> Definitions:
    named = {name: one for name, one in vars(module).items() if isinstance(one, Definitions)}
    distinct = list({id(one): one for one in named.values()}.values())
    if len(distinct) > 1:
        raise LoadError(
            f"{_where(module)} has {len(distinct)} Definitions: {', '.join(sorted(named))}. "
            "A project has one; put them together."
        )
    if distinct:
        return distinct[0]
    found = Definitions(assets=[module, *_submodules(module)])
    if not found.assets:
        raise LoadError(
            f"{_where(module)} defines no assets. Decorate a function with @asset, or name the "
            "module that holds the project's Definitions."
        )
    return found


def _submodules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        last = found.name.rpartition(".")[2]
        if last not in _NOT_THE_PROJECT and not last.startswith("test_"):
            yield _import(found.name)


def _modules_in(value: Any) -> Iterator[ModuleType]:
    for item in value:
        if isinstance(item, ModuleType):
            yield item
        elif isinstance(item, list | tuple | set):
            yield from _modules_in(item)


def _assets_in(value: Any, owner: str) -> Iterator[Asset[..., Any]]:
    for item in value:
        if found := assets_of(item):
            yield from found
        elif isinstance(item, ModuleType):
            yield from _assets_of(item)
        elif isinstance(item, list | tuple | set):
            yield from _assets_in(item, owner)
        else:
            hint = "; decorate the function with @asset" if callable(item) else ""
            raise invalid(owner, "assets", item, f"assets, modules, and lists of these{hint}")


def _assets_of(module: ModuleType) -> Iterator[Asset[..., Any]]:
    for value in list(vars(module).values()):
        listed = value.values() if isinstance(value, dict) else value
        for one in listed if isinstance(value, list | tuple | dict) else (value,):
            yield from assets_of(one)


def _refuse_repeats(declared: Iterable[Declaration]) -> None:
    first: dict[tuple[str, str], Declaration] = {}
    for one in declared:
        if "<locals>" in one.function.__qualname__:  # a factory's; the graph compares those
            continue
        other = first.setdefault((one.function.__module__, one.key), one)
        if other is not one:
            raise DuplicateAsset(
                f"The asset {one.key!r} is defined twice: at {other.source} and at {one.source}. "
                "Rename one: @asset(name=...)."
            )


def _import_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        near = [one.name for one in path.parent.glob("*.py")] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, near, what=f"files in {path.parent}")
        raise LoadError(f"There is no file {path}. {hint}".rstrip())
    parts = [path.stem] if path.stem != "__init__" else []
    root = path.parent
    while (root / "__init__.py").is_file():
        parts.insert(0, root.name)
        root = root.parent
    name = ".".join(parts)
    if not all(part.isidentifier() for part in parts):
        raise LoadError(f"{path} cannot be imported as {name!r}. Rename it to a Python name.")
    _make_way(name, path)
    _put_on_path(root)
    return _import(name)


def _make_way(name: str, path: Path) -> None:
    """See to it that importing *name* imports *path*, not another file of that name."""
    loaded = sys.modules.get(name)
    file = getattr(loaded, "__file__", None)
    if loaded is None or (file is not None and Path(file).resolve() == path):
        return
    if file is None or is_library_file(file):
        taken = file or "Python itself"
        raise LoadError(f"{path} cannot be loaded as {name!r}: {taken} has that name. Rename it.")
    for other in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
        del sys.modules[other]  # of a project loaded earlier


def _put_on_path(folder: Path) -> None:
    if str(folder) in sys.path:
        sys.path.remove(str(folder))
    sys.path.insert(0, str(folder))
    invalidate_caches()


def _import(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise LoadError(
            f"{name!r} is no module. Name one as in 'package.module', or a file as in 'file.py'."
        )
    try:
        return import_module(name)
    except AssetkitError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise LoadError(_missing(name, error.name)) from None
        raise LoadError(_failed(name, error)) from error
    except (Exception, SystemExit) as error:
        raise LoadError(_failed(name, error)) from error


def _missing(name: str, missing: str) -> str:
    parent, _, last = missing.rpartition(".")
    paths = getattr(sys.modules.get(parent), "__path__", None) if parent else None
    if parent and paths is None:
        return f"There is no module {name!r}: {parent} is no package."
    places = list(paths) if paths is not None else [path for path in sys.path if path]
    near = {
        found.name
        for found in pkgutil.iter_modules([one for one in places if not is_library_file(f"{one}/")])
        if PathFinder.find_spec(found.name, places) is not None
    }
    inside = f" in {parent}" if parent else ""
    return f"There is no module {last!r}{inside}. {did_you_mean(last, near, what='modules')}"


def _failed(name: str, error: BaseException) -> str:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SyntaxError):
        return f"{name} is no valid Python: {error.msg}, at {error.filename}:{error.lineno}."
    frames = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not (is_own(frame.f_globals) or is_library_file(frame.f_code.co_filename))
        and not frame.f_code.co_filename.startswith("<")
    ]
    at = f" at {frames[-1]}" if frames else ""
    return f"{name} does not load. {what.rstrip('.')},{at}.".replace(",.", ".")


def _where(module: ModuleType) -> str:
    return f"{module.__name__} ({getattr(module, '__file__', None) or 'a namespace package'})"
