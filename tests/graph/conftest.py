"""Modules that exist in memory only, so that messages name the same places everywhere."""

import sys
import textwrap
from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def module(monkeypatch) -> Callable[[str, str], ModuleType]:
    """Return what makes a module of a name and a source; its file is called after it."""

    def make(name: str, source: str) -> ModuleType:
        made = ModuleType(name)
        file = "notebook.py" if name == "__main__" else name.replace(".", "/") + ".py"
        made.__file__ = file
        if name != "__main__":
            monkeypatch.setitem(sys.modules, name, made)
        header = "from assetkit.definitions.decorator import asset\n"
        imports = "from assetkit.definitions.inputs import AssetIn\n"
        text = header + imports + textwrap.dedent(source)
        exec(compile(text, file, "exec"), vars(made))
        return made

    return make
