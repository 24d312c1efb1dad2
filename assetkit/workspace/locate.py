"""Find the workspace that is meant, and lay out where it keeps things."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assetkit.errors import WorkspaceError
from assetkit.io.base import Place

DEFAULT_ROOT = ".assetkit"
VARIABLE = "ASSETKIT_WORKSPACE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What ``[tool.assetkit]`` in the nearest ``pyproject.toml`` says, and where it stands."""

    folder: Path
    settings: Mapping[str, Any]


def find_project(start: Path) -> Project | None:
    """Return the nearest project upwards from *start* that has a ``[tool.assetkit]`` table.

    Raises:
        WorkspaceError: a ``pyproject.toml`` on the way is no valid TOML.
    """
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if not file.is_file():
            continue
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise WorkspaceError(
                f"{file} cannot be read as TOML: {error}. Mend it first."
            ) from error
        settings = content.get("tool", {}).get("assetkit")
        if settings is not None:
            return Project(folder=folder, settings=settings)
    return None


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


def lay_out(root: str | os.PathLike[str], here: Path) -> Rooms:
    """Return where a workspace at *root* keeps things; nothing is made.

    Data lies in ``ROOT/data``; what is ours alone in ``ROOT/.assetkit``, or in
    ROOT itself where that is called ``.assetkit``. A remote root keeps its
    private files and its catalog in ``.assetkit`` beside the project.
    """
    text = os.fspath(root).removeprefix("file://")
    if is_url(text):
        project = find_project(here)
        private = (project.folder if project else here) / DEFAULT_ROOT
        return Rooms(
            root=text,
            place=Place(data=f"{text.rstrip('/')}/data", private=private),
            catalog=private / "catalog.duckdb",
        )
    folder = Path(text).expanduser().resolve()
    _refuse_no_folder(folder)
    private = folder if folder.name == DEFAULT_ROOT else folder / DEFAULT_ROOT
    return Rooms(
        root=str(folder),
        place=Place(data=str(folder / "data"), private=private),
        catalog=folder / "catalog.duckdb",
    )
