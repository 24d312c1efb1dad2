"""Definitions that follow their files: loaded anew when these change, if they load.

Rule 1: what changed is tried in a process of its own first, so that a module that does not
load, or hangs, leaves what is at work as it was.
Rule 2: a change that does not load is told once, and tried again when a file changes again.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from types import ModuleType

from assetkit.definitions.projectcode import is_library_file
from assetkit.errors import LoadError
from assetkit.project import Definitions, load_project

_PACKAGE = __name__.partition(".")[0]
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where definitions come from: a module or file, looked up in a folder."""

    spec: str
    folder: Path


def origin_of(definitions: Definitions) -> Origin | None:
    """Return the module that holds *definitions* by a name; None where none does."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is None or _is_foreign(file, name):
            continue
        if any(value is definitions for value in list(vars(module).values())):
            return module_origin(module)
    return None


def module_origin(module: ModuleType) -> Origin | None:
    """Return where a module is imported from; None for a script or a notebook."""
    file = getattr(module, "__file__", None)
    if file is None or module.__name__ == "__main__":
        return None
    folder = Path(file).resolve().parent
    for _ in range(module.__name__.count(".") + (Path(file).stem == "__init__")):
        folder = folder.parent
    return Origin(spec=module.__name__, folder=folder)


class Reloader:
    """Watches the files of a project, and loads it anew when they change."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._marks = _marks(origin.folder)
        self._trial: _Trial | None = None

    def has_news(self) -> bool:
        """Return whether `look` has something to do."""
        return self._changed() if self._trial is None else self._trial.is_over

    def look(self) -> Definitions | None:
        """Return the definitions, where they changed and load; None where there is nothing new.

        Raises:
            LoadError: they changed and do not load.
        """
        if self._trial is None:
            if self._changed():
                self._marks = {file: _mark(file) for file in self._marks}
                self._trial = _Trial(self.origin)
            return None
        if not self._trial.is_over:
            return None
        trial, self._trial = self._trial, None
        trial.check()
        return None if self._changed() else self._load()

    def _changed(self) -> bool:
        return any(_mark(file) != mark for file, mark in self._marks.items())

    def _load(self) -> Definitions:
        before = _own_modules(self.origin.folder)
        for name in before:
            del sys.modules[name]
        try:
            definitions = load_project(self.origin.spec, self.origin.folder)
        except BaseException:
            for name in _own_modules(self.origin.folder):
                del sys.modules[name]
            sys.modules.update(before)
            raise
        self._marks = _marks(self.origin.folder)
        return definitions


class _Trial:
    """A process that loads and checks a project."""

    def __init__(self, origin: Origin) -> None:
        self._origin, self._until = origin, monotonic() + _PATIENCE
        self._said = TemporaryFile(mode="w+", encoding="utf-8")  # noqa: SIM115  closed by check
        command = [sys.executable, "-m", _PACKAGE, "-m", origin.spec, "validate"]
        self._process = subprocess.Popen(  # noqa: S603  our command line, on the user's project
            command,
            cwd=origin.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
        )

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or takes too long."""
        return self._process.poll() is not None or monotonic() > self._until

    def check(self) -> None:
        """Raise `LoadError` where the project does not load."""
        code = self._process.poll()
        if code is None:
            self._process.kill()
            self._process.wait()
        self._said.seek(0)
        said = self._said.read().strip().removeprefix("error: ")
        self._said.close()
        if code is None:
            raise LoadError(f"{self._origin.spec} took longer than {_PATIENCE:g} s to load.")
        if code:
            raise LoadError(said or f"{self._origin.spec} does not load.")


def _own_modules(folder: Path) -> dict[str, ModuleType]:
    """Return the loaded modules of a project: those of its folder, but no library's."""
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name == "__main__" or file is None or _is_foreign(file, name):
            continue
        if Path(file).is_relative_to(folder):
            found[name] = module
    return found


def _is_foreign(file: str, name: str) -> bool:
    return name.partition(".")[0] == _PACKAGE or is_library_file(file)


def _files(folder: Path) -> Iterator[str]:
    for module in _own_modules(folder).values():
        file = str(module.__file__)
        yield file
        if Path(file).stem == "__init__":
            yield str(Path(file).parent)  # a module more or less


def _marks(folder: Path) -> dict[str, tuple[int, int]]:
    return {file: _mark(file) for file in _files(folder)}


def _mark(file: str) -> tuple[int, int]:
    try:
        found = Path(file).stat()
    except OSError:
        return 0, -1
    return found.st_mtime_ns, found.st_size
