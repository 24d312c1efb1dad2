"""Find the workspace that is meant, and lay out where it keeps things."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from assetkit.errors import InvalidArgument, LoadError, WorkspaceError
from assetkit.io.base import Place

DEFAULT_ROOT = ".assetkit"
VARIABLE = "ASSETKIT_WORKSPACE"
BASE_VARIABLE = "ASSETKIT_BASE"
_SETTINGS = ("module", "workspace", "base")
_BASE = "base"
"""The file in which a branch remembers its base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What ``[tool.assetkit]`` in the nearest ``pyproject.toml`` says, and where it stands."""

    folder: Path
    settings: Mapping[str, Any]


def find_project(start: Path) -> Project | None:
    """Return the nearest project upwards from *start* that has a ``[tool.assetkit]`` table.

    Raises:
        LoadError: a ``pyproject.toml`` on the way is no valid TOML, or says what cannot be meant.
    """
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if not file.is_file():
            continue
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise LoadError(f"{file} cannot be read as TOML: {error}. Mend it first.") from error
        tools = content.get("tool", {})
        settings = tools.get("assetkit") if isinstance(tools, Mapping) else None
        if settings is not None:
            _check_settings(settings, file)
            return Project(folder=folder, settings=settings)
    return None


def _check_settings(settings: Any, file: Path) -> None:
    if not isinstance(settings, Mapping):
        raise LoadError(f'{file}: assetkit is no table. Write [tool.assetkit], module = "...".')
    for name in _SETTINGS:
        if name in settings and not isinstance(settings[name], str):
            raise LoadError(f"{file}: {name} = {settings[name]!r} in [tool.assetkit] is no text.")


def default_root(environ: Mapping[str, str], here: Path) -> str:
    """Return the workspace that is meant where none is given.

    In this order: the variable ``ASSETKIT_WORKSPACE``, ``workspace`` in the
    nearest ``[tool.assetkit]`` (relative to its file), ``.assetkit`` beside
    that file, ``.assetkit`` here.
    """
    if environ.get(VARIABLE):
        return environ[VARIABLE]
    project = find_project(here)
    if project is None:
        return str(here / DEFAULT_ROOT)
    root = str(project.settings.get("workspace", DEFAULT_ROOT))
    return root if is_url(root) else str(project.folder / root)


def default_base(environ: Mapping[str, str], here: Path) -> str | None:
    """Return the workspace that the one found is a branch of, None where nothing says so.

    In this order: the variable ``ASSETKIT_BASE``, ``base`` in the nearest
    ``[tool.assetkit]`` (relative to its file).
    """
    if environ.get(BASE_VARIABLE):
        return environ[BASE_VARIABLE]
    project = find_project(here)
    if project is None or not project.settings.get("base"):
        return None
    base = str(project.settings["base"])
    return base if is_url(base) else str(project.folder / base)


def remembered_base(place: Place) -> str | None:
    """Return the base that a branch was last used with."""
    try:
        return (place.private / _BASE).read_text(encoding="utf-8").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None


def remember_base(place: Place, root: str) -> None:
    """Keep the base of a branch, so that it is found where nobody names it."""
    if remembered_base(place) != root:
        (place.private / _BASE).write_text(f"{root}\n", encoding="utf-8")


def is_url(root: str) -> bool:
    """Return whether a root names a file system other than the local one."""
    return "://" in root and not root.startswith("file://")


def _refuse_no_folder(folder: Path) -> None:
    try:
        is_other = folder.exists() and not folder.is_dir()
    except OSError as error:
        raise WorkspaceError(
            f"The workspace {folder} cannot be looked at: {error.strerror}. Give another root, "
            f"or mend the rights of the folders above it."
        ) from error
    if is_other:
        raise WorkspaceError(
            f"The workspace {folder} is a file, not a folder. Give another root, or move the file."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """The places of one workspace: its data and private folders, and its catalog file."""

    root: str
    place: Place
    catalog: Path


def lay_out(
    root: str | os.PathLike[str], here: Path, options: Mapping[str, Any] | None = None
) -> Rooms:
    """Return where a workspace at *root* keeps things; nothing is made.

    Data lies in ``ROOT/data``; what is ours alone in ``ROOT/.assetkit``, or in
    ROOT itself where that is called ``.assetkit``. A remote root keeps its
    private files and its catalog in a folder of its own in ``.assetkit`` beside
    the project. *options* are what fsspec needs to get to a remote root.

    Raises:
        InvalidArgument: the root is neither a path nor a URL.
        WorkspaceError: the root is a file, or a URL with credentials in it.
    """
    if not isinstance(root, str | os.PathLike):
        raise InvalidArgument(f"Workspace({root!r:.80}): give the path or URL of one.")
    if not os.fspath(root):
        raise InvalidArgument("Workspace(''): the path is empty; leave it out for the default.")
    text = os.fspath(root).removeprefix("file://")
    if is_url(text):
        return _lay_out_remote(text.rstrip("/"), here, dict(options or {}))
    folder = Path(text).expanduser().resolve()
    _refuse_no_folder(folder)
    private = folder if folder.name == DEFAULT_ROOT else folder / DEFAULT_ROOT
    return Rooms(
        root=str(folder),
        place=Place(data=str(folder / "data"), private=private),
        catalog=folder / "catalog.duckdb",
    )


def _lay_out_remote(root: str, here: Path, options: Mapping[str, Any]) -> Rooms:
    if "@" in urlsplit(root).netloc:
        shown = re.sub(r"//[^/]*@", "//...@", root)
        raise WorkspaceError(
            f"The root {shown} has credentials in it, and roots are shown and logged. Give them by "
            "the environment (AWS_PROFILE, AWS_ACCESS_KEY_ID, ...), fsspec's configuration, or "
            "Workspace(..., storage_options={...})."
        )
    project = find_project(here)
    name = re.sub(r"[^A-Za-z0-9.]+", "-", root)[:60]
    digest = hashlib.sha256(root.encode()).hexdigest()[:8]
    beside = (project.folder if project else here) / DEFAULT_ROOT
    private = beside / "remote" / f"{name}-{digest}"
    return Rooms(
        root=root,
        place=Place(data=f"{root}/data", private=private, options=options),
        catalog=private / "catalog.duckdb",
    )
