"""The public surface is a short, sorted list; each name on it says what it is."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import assetkit
from assetkit.executors.base import Executor
from assetkit.io.base import StagedIOManager

PROJECT = Path(__file__).parents[2]
REFERENCE = PROJECT / "docs" / "reference"
MOST_NAMES = 80
MODULES = ["checks", "executors", "io", "mappings", "metadata", "testing"]


def public_methods(value: type) -> list[str]:
    """Return the names of the methods and properties that *value* itself defines."""
    kinds = (property, classmethod, staticmethod)
    return [
        name
        for name, member in vars(value).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, kinds))
    ]


def is_in_reference(name: str) -> bool:
    """Tell whether a page of the reference has the name in code."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md"))
    return re.search(rf"`{name}\b", pages) is not None


def is_explained(value: type, method: str) -> bool:
    """Tell whether a method has a docstring: its own, or that of the port it implements."""
    homes = (value, Executor, StagedIOManager)
    return any(
        inspect.getdoc(getattr(home, method, None)) for home in homes if hasattr(home, method)
    )


def test_all_is_sorted_and_is_what_dir_shows():
    """`__all__` is in order, without doubles, and equals the public part of `dir`."""
    shown = {name for name in dir(assetkit) if not name.startswith("_")}

    assert list(assetkit.__all__) == sorted(set(assetkit.__all__))
    assert set(assetkit.__all__) <= shown


def test_the_surface_stays_small():
    """A name more is a decision, not an accident."""
    assert len(assetkit.__all__) <= MOST_NAMES


@pytest.mark.parametrize("name", MODULES)
def test_public_modules_are_documented(name):
    """What the public modules offer is in the reference, too."""
    module = import_module(f"assetkit.{name}")

    assert [found for found in module.__all__ if not is_in_reference(found)] == []
    assert [found for found in module.__all__ if not inspect.getdoc(getattr(module, found))] == []


@pytest.mark.parametrize("name", assetkit.__all__)
def test_public_names_are_documented(name):
    """Each public name has a docstring, its methods too, and an entry in the reference."""
    value = getattr(assetkit, name)
    silent = []
    if inspect.isclass(value) or inspect.isroutine(value):
        silent = [] if inspect.getdoc(value) else [name]
    if inspect.isclass(value):
        silent += [m for m in public_methods(value) if not is_explained(value, m)]

    assert silent == []
    assert is_in_reference(name)
