"""What the names in a function or class stand for, as it is in memory now."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from assetkit.definitions.projectcode import imported, is_own_code, is_project_module
from assetkit.definitions.syntax import Decorator, Reading


@dataclass(frozen=True, slots=True)
class Reference:
    """A name as it is written (``label``), and its value.

    ``scope`` are the globals of the module that the value was found in, under
    ``name``; None where it was found elsewhere. ``changed``: the code that has
    the reference changes what is in the value.
    """

    label: str
    value: Any
    name: str
    scope: dict[str, Any] | None = None
    changed: bool = False


def function_references(function: FunctionType, reading: Reading, home: str) -> Iterator[Reference]:
    """Yield what a function refers to: names, closure, defaults."""
    seen = _names_in(function.__code__)
    local = _locals_in(function.__code__) - seen
    closure = closure_of(function)
    names = _Names(reading, function.__globals__, home)
    wanted = reading.names.union(*(one.names for one in names.decorators()))
    yield from names.resolve(wanted, closure, hidden=local - closure.keys())
    if "<locals>" not in function.__qualname__:
        return  # defaults are expressions of the module, whose names were read above
    defaults = enumerate(function.__defaults__ or ())
    for name, value in (*defaults, *sorted((function.__kwdefaults__ or {}).items())):
        yield Reference(f"default:{name}", value, f"default {name}")


def class_references(
    reading: Reading, module_globals: dict[str, Any], home: str
) -> Iterator[Reference]:
    """Yield what a class's body and its methods refer to."""
    names = _Names(reading, module_globals, home)
    wanted = reading.names.union(*(one.names for one in names.decorators()))
    yield from names.resolve(wanted, {}, hidden=frozenset())


def counting_decorators(
    reading: Reading, module_globals: dict[str, Any], home: str
) -> tuple[Decorator, ...]:
    """Return decorators but for assetkit's: what those say is not code."""
    return _Names(reading, module_globals, home).decorators()


def closure_of(function: FunctionType) -> dict[str, Any]:
    """Return what a function holds of the function around it, by name."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # a name that is assigned later
            continue
    return found


@dataclass(frozen=True, slots=True)
class _Names:
    reading: Reading
    module_globals: dict[str, Any]
    home: str

    def resolve(
        self, names: frozenset[str], closure: dict[str, Any], hidden: frozenset[str]
    ) -> Iterator[Reference]:
        """Yield a reference for each name that means something, *hidden* ones left out."""
        done: set[str] = set()
        for dotted in sorted(names):
            root, *attributes = dotted.split(".")
            found: Reference | None = None
            if root in closure:
                found = Reference(root, closure[root], root, None, root in self.reading.changed)
            elif root in self.reading.imports:
                value = imported(self.reading.imports[root], self.module_globals, self.home)
                found = Reference(root, value, root)
            elif root in self.module_globals and root not in hidden:
                changed = root in self.reading.changed
                found = Reference(
                    root, self.module_globals[root], root, self.module_globals, changed
                )
            if found is not None:
                found = self._through_modules(found, attributes)
            if found is not None and found.value is not None and found.label not in done:
                done.add(found.label)
                yield found

    def _through_modules(self, found: Reference, attributes: list[str]) -> Reference | None:
        for attribute in attributes:
            module = found.value
            if not isinstance(module, ModuleType):
                return found
            if not is_project_module(module, self.home) or not hasattr(module, attribute):
                return None
            label = f"{found.label}.{attribute}"
            found = Reference(
                label,
                getattr(module, attribute),
                attribute,
                vars(module),
                label in self.reading.changed,
            )
        return None if isinstance(found.value, ModuleType) else found

    def decorators(self) -> tuple[Decorator, ...]:
        return tuple(one for one in self.reading.decorators if not self._declares(one))

    def _declares(self, decorator: Decorator) -> bool:
        root, *attributes = decorator.callee.split(".")
        value = self.module_globals.get(root)
        for attribute in attributes:
            value = getattr(value, attribute, None)
        while isinstance(value, functools.partial):
            value = value.func
        return is_own_code(getattr(value, "__module__", None) or "")


def _names_in(code: CodeType) -> frozenset[str]:
    inner = (_names_in(one) for one in code.co_consts if isinstance(one, CodeType))
    return frozenset(code.co_names).union(*inner)


def _locals_in(code: CodeType) -> frozenset[str]:
    inner = (_locals_in(one) for one in code.co_consts if isinstance(one, CodeType))
    return frozenset(code.co_varnames).union(code.co_cellvars, *inner)
