"""Sizes: what is longer than this wants splitting by noun."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "assetkit"
TESTS = PROJECT / "tests"
MODULE_LINES = 450
FUNCTION_LINES = 50

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(folder: Path) -> list[Path]:
    """Return the modules below *folder*, sorted."""
    return sorted(folder.rglob("*.py"))


def functions_in(path: Path) -> Iterator[Function]:
    """Yield each function and method of a module, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    """Return the lines of a function without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1)


@pytest.mark.parametrize("path", python_files(PACKAGE), ids=lambda path: path.name)
def test_modules_are_short(path):
    """No module is longer than 450 lines, no function longer than 50."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    long = {f.name: length(f) for f in functions_in(path) if length(f) > FUNCTION_LINES}

    assert lines <= MODULE_LINES
    assert long == {}


def test_every_test_says_what_it_is_about():
    """Each test has a docstring."""
    silent = [
        f"{path.relative_to(PROJECT)}:{function.lineno} {function.name}"
        for path in python_files(TESTS)
        for function in functions_in(path)
        if function.name.startswith("test_") and ast.get_docstring(function) is None
    ]

    assert silent == []
