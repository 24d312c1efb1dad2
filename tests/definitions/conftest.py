"""Modules written for a test, and namespaces that behave as a notebook does."""

import ast
import importlib
import linecache
import sys
import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


class Project:
    """Python files in a folder that is on the import path."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, name: str, source: str) -> None:
        """Write a module; packages on the way come into being."""
        path = self.folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in path.parents:
            if parent == self.folder:
                break
            (parent / "__init__.py").touch()
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        importlib.invalidate_caches()

    def load(self, name: str) -> ModuleType:
        """Import a module, as a new process would."""
        return importlib.import_module(name)

    def reload(self, name: str) -> ModuleType:
        """Import a module again, in place."""
        return importlib.reload(sys.modules[name])


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a folder for modules; what was imported from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield Project(tmp_path)
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)):
            del sys.modules[name]


class Notebook:
    """Runs cells in one namespace called ``__main__``, each from a file name of its own."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
        self.cells = 0

    def run(self, source: str) -> dict[str, Any]:
        """Run one cell and return all names that there are."""
        self.cells += 1
        source = textwrap.dedent(source)
        filename = f"/tmp/ipykernel_1/{self.cells:010}.py"
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        for statement in ast.parse(source).body:  # one by one, as notebooks do
            exec(compile(ast.Module([statement], []), filename, "exec"), self.names)
        return self.names


@pytest.fixture
def notebook() -> Notebook:
    """Return a notebook without cells."""
    return Notebook()


@pytest.fixture
def notebooks() -> Callable[[], Notebook]:
    """Return what opens notebooks."""
    return Notebook
