"""One part of an asset's code at a time: a function or class, and what it reaches.

Rule 1: names are resolved now, in the globals and closures that the code has in
memory: a patched or redefined function counts as it is.
Rule 2: a container that the code itself changes (a cache, a counter) is state, not a
constant: what it is first set to counts, not what is in it by now.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from inspect import get_annotations
from types import FunctionType, MethodType, ModuleType
from typing import Any

from assetkit.definitions.bytecode import read_bytecode
from assetkit.definitions.constants import NoLeaves, constant_text
from assetkit.definitions.handles import Asset, MultiAsset
from assetkit.definitions.names import shown_file
from assetkit.definitions.projectcode import is_own_code, is_project, module_of
from assetkit.definitions.references import (
    Reference,
    class_references,
    counting_decorators,
    function_references,
)
from assetkit.definitions.sources import (
    Binding,
    has_source,
    read_binding,
    read_class,
    read_function,
    source_text,
    written_text,
)
from assetkit.records import SourceLocation

# Objects of these modules hold no settings that change what code computes.
_INERT = frozenset({"_contextvars", "_thread", "logging", "threading", "types", "typing"})
_MOST_IMPORTS = 16  # that a name is handed on through
_WRITTEN_IN_PYTHON = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_SETTINGS = (bool, int, float, complex, str, bytes, tuple, frozenset)


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that code refers to. ``text`` None: nothing says what it is.

    ``identity`` tells it apart from others, under whatever names. ``initial`` is
    what it is first set to, as written: it counts where code changes the value.
    """

    name: str
    text: str | None
    source: SourceLocation
    kind: str
    identity: object
    initial: str


@dataclass(frozen=True, slots=True)
class Link:
    """What a name in a part stands for: another part (a function, a class) or a constant."""

    label: str
    target: Any = None
    constant: Constant | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A function or class by itself, and its links by label.

    ``changes`` are the identities of values that it changes.
    """

    name: str
    hash: str
    source: SourceLocation
    text: str
    links: tuple[Link, ...]
    changes: frozenset[object] = frozenset()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class PartReader:
    """Reads parts for assets of one package, each once; lives as long as one look at the code."""

    home: str
    _parts: dict[int, tuple[Any, Part]] = field(default_factory=dict)
    _constants: dict[int, tuple[Any, str | None, list[Any]]] = field(default_factory=dict)

    def read(self, target: Any) -> Part:
        """Return the part of a function or class of the project."""
        known = self._parts.get(id(target))
        if known is None:
            part = self._class(target) if isinstance(target, type) else self._function(target)
            known = self._parts[id(target)] = (target, part)
        return known[1]

    def is_part(self, value: Any) -> bool:
        """Return whether a value is a function or class of the project."""
        if isinstance(value, FunctionType):
            if self._is_own(value):
                return True
            return hasattr(value, "__wrapped__") and self.is_part(value.__wrapped__)
        if not isinstance(value, type):
            return False
        if value.__module__ == "builtins" and value.__flags__ & _WRITTEN_IN_PYTHON:
            return True  # of a namespace without a name, as `exec` makes them
        module = sys.modules.get(value.__module__)
        return is_project(value.__module__, getattr(module, "__file__", None), self.home)

    def _is_own(self, function: FunctionType) -> bool:
        # What `exec` runs in a namespace without a name is at home where the asset is.
        module = function.__globals__.get("__name__") or function.__module__ or self.home
        return is_project(module, function.__code__.co_filename, self.home)

    def _function(self, function: FunctionType) -> Part:
        code = function.__code__
        name = f"{function.__module__}.{function.__qualname__}"
        made = _Making(self, name, code.co_filename, code.co_firstlineno)
        text = "library"  # a wrapper of theirs around a function of the project
        if self._is_own(function):
            reading = read_function(code, function.__globals__)
            if reading is None:
                reading = read_bytecode(function)
                if has_source(code.co_filename):
                    made.warnings.append(_outdated(name, made.source))
            decorators = counting_decorators(reading, function.__globals__, self.home)
            text = reading.text + "".join(f"@{one.text}" for one in decorators)
            for reference in function_references(function, reading, self.home):
                made.add(reference)
        if hasattr(function, "__wrapped__"):
            made.add(Reference("wrapped", function.__wrapped__, "wrapped"))
        return made.part(text, written_text(code))

    def _class(self, cls: type) -> Part:
        module = sys.modules.get(cls.__module__)
        methods = [one for one in _functions(cls) if _is_written_in(one, cls)]
        scope = methods[0].__globals__ if methods else vars(module) if module else {}
        filename = methods[0].__code__.co_filename if methods else scope.get("__file__") or ""
        codes = [method.__code__ for method in methods]
        found = read_class(cls.__qualname__, filename, codes, scope)
        line = found[1] if found else codes[0].co_firstlineno if codes else 1
        made = _Making(self, f"{cls.__module__}.{cls.__qualname__}", filename, line)
        if found is not None:
            reading = found[0]
            decorators = counting_decorators(reading, scope, self.home)
            text = reading.text + "".join(f"@{one.text}" for one in decorators)
            for reference in class_references(reading, scope, self.home):
                made.add(reference)
        else:
            text = f"fields:{list(get_annotations(cls).items())!r}"
            for method in methods:
                made.add(Reference(f"method:{method.__qualname__}", method, method.__name__))
        for base in cls.__bases__:
            made.add(Reference(f"base:{base.__name__}", base, base.__name__))
        text += constant_text(_settings(cls), NoLeaves()) or ""
        return made.part(text, source_text(filename, cls.__qualname__, line))

    def constant(self, value: Any) -> tuple[str | None, list[Any]]:
        """Return what stands for a value, and the functions and classes found in it."""
        known = self._constants.get(id(value))
        if known is None:
            leaves = _Leaves(self)
            known = self._constants[id(value)] = (value, constant_text(value, leaves), leaves.parts)
        return known[1], known[2]


class _Leaves:
    """What stands for functions and objects inside of constants."""

    def __init__(self, reader: PartReader) -> None:
        self.reader = reader
        self.parts: list[Any] = []

    def met(self, kind: type) -> None:
        """Follow a class of the project."""
        if self.reader.is_part(kind):
            self.parts.append(kind)

    def text(self, value: Any) -> str | None:
        """Return a number for a part, a name for library code, the state of an object."""
        if isinstance(value, Asset | MultiAsset | ModuleType) or _is_inert(value):
            return type(value).__name__
        if self.reader.is_part(value):
            self.parts.append(value)
            return f"#{len(self.parts)}"
        if isinstance(value, functools.partial):
            return constant_text(("partial", value.func, value.args, value.keywords), self)
        if isinstance(value, MethodType):
            return constant_text(("method", value.__func__, value.__self__), self)
        if isinstance(getattr(value, "__wrapped__", None), FunctionType):  # such as lru_cache
            return constant_text(("wrapped", value.__wrapped__), self)
        if callable(value) and hasattr(value, "__name__"):
            return f"{getattr(value, '__module__', '')}.{value.__name__}"
        if not self.reader.is_part(type(value)):
            return None
        self.parts.append(type(value))
        state = getattr(value, "__dict__", None)
        return None if state is None else constant_text(("state", state), self)


class _Making:
    """A part in the making."""

    def __init__(self, reader: PartReader, name: str, filename: str, line: int) -> None:
        self.reader, self.name, self.filename = reader, name, filename
        self.source = SourceLocation(file=shown_file(filename) or "<cell>", line=line)
        self.links: list[Link] = []
        self.changes: set[object] = set()
        self.warnings: list[str] = []

    def add(self, reference: Reference) -> None:
        """Add the links of one reference; library code has none."""
        value, label = reference.value, reference.label
        if isinstance(value, Asset | MultiAsset | ModuleType):
            return
        if isinstance(inner := getattr(value, "__wrapped__", None), FunctionType):
            value = value if isinstance(value, FunctionType) else inner  # such as lru_cache
        if self.reader.is_part(value):
            self.links.append(Link(label, value))
            return
        if isinstance(value, type) or _is_inert(value):
            return
        text, parts = self.reader.constant(value)
        self.links += [Link(f"{label}[{number}]", part) for number, part in enumerate(parts)]
        if not parts and callable(value) and hasattr(value, "__name__"):
            return
        constant = self._constant(reference, text)
        if reference.changed:
            self.changes.add(constant.identity)
        self.links.append(Link(label, constant=constant))

    def _constant(self, reference: Reference, text: str | None) -> Constant:
        value, name = reference.value, f"{self.name}.{reference.name}"
        source, initial = self.source, ""
        identity: object = (self.name, reference.name)
        if reference.scope is not None:
            filename, scope, known_as, binding = self._home_of(reference.scope, reference.name)
            name = f"{scope.get('__name__')}.{known_as}"
            identity = (id(scope), known_as)
            if binding is not None:
                source = SourceLocation(file=shown_file(filename), line=binding.line)
                initial = binding.text
        if isinstance(value, dict | list | set):  # the same one under any name
            identity = id(value)
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        return Constant(name, text, source, kind, identity, initial)

    def _home_of(
        self, scope: dict[str, Any], name: str
    ) -> tuple[str, dict[str, Any], str, Binding | None]:
        """Go from import to import, to where a name is set: file, globals, name, binding."""
        for _ in range(_MOST_IMPORTS):
            filename = scope.get("__file__") or self.filename
            binding = read_binding(filename, scope, name)
            if binding is None or binding.imported is None:
                return filename, scope, name, binding
            module = module_of(binding.imported, scope)
            if module is None or vars(module) is scope or binding.imported[1] not in vars(module):
                return filename, scope, name, None
            scope, name = vars(module), binding.imported[1]
        return self.filename, scope, name, None

    def part(self, text: str, written: str) -> Part:
        """Return the part, with its links in the order of their labels."""
        return Part(
            name=self.name,
            hash=hashlib.sha256(text.encode()).hexdigest()[:32],
            source=self.source,
            text=written,
            links=tuple(sorted(self.links, key=lambda link: link.label)),
            changes=frozenset(self.changes),
            warnings=tuple(self.warnings),
        )


def _is_inert(value: Any) -> bool:
    module = type(value).__module__
    return module.partition(".")[0] in _INERT or is_own_code(module)


def _functions(cls: type) -> Iterator[FunctionType]:
    for value in vars(cls).values():
        for name in ("fget", "fset", "__func__", "func", "__wrapped__"):
            if isinstance(inner := getattr(value, name, None), FunctionType):
                yield inner
        if isinstance(value, FunctionType):
            yield value


def _is_written_in(function: FunctionType, cls: type) -> bool:
    code = function.__code__
    return code.co_qualname == f"{cls.__qualname__}.{code.co_name}"


def _settings(cls: type) -> dict[str, Any]:
    """Return the plain values that a class has by now, also where they were computed."""
    return {
        name: value
        for name, value in sorted(vars(cls).items())
        if not name.startswith("__") and type(value) in _SETTINGS
    }


def _outdated(name: str, source: SourceLocation) -> str:
    return (
        f"The code of {name} that is loaded is not what stands at {source} (edited since it was "
        "imported?). What is loaded counts; load the module again for the new code."
    )
