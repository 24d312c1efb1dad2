"""Python code as it counts for a fingerprint: what it does, not how it is laid out.

Rule 1: comments, layout, docstrings and the annotations of functions do not count;
neither does the name of the function itself, nor where it stands.
Rule 2: the text does not depend on the version of Python: fields that are empty, and
those that only some versions have, are left out.
Rule 3: every name that is read is noted, with the attributes read of it (``fx.to_eur``).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda

_LEFT_OUT = frozenset({"ctx", "type_comment", "type_ignores", "kind", "returns", "annotation"})
_OF_DEFINITION = frozenset({"name", "decorator_list"})
_CHANGING = (
    "add append appendleft clear discard extend extendleft insert move_to_end pop popitem "
    "popleft remove reverse setdefault sort subtract update"
)
_MUTATORS = frozenset(_CHANGING.split(" "))


@dataclass(frozen=True, slots=True)
class Decorator:
    """One decorator: the dotted name of what is called, and the whole as text."""

    callee: str
    text: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one function or class.

    ``names`` are dotted; ``changed`` are names whose content the code itself
    changes; ``imports`` maps names bound by an import inside of it to (module,
    attribute or None, level of a relative import).
    """

    text: str
    names: frozenset[str]
    changed: frozenset[str] = frozenset()
    imports: Mapping[str, tuple[str, str | None, int]] = field(default_factory=dict)
    decorators: tuple[Decorator, ...] = ()


def read_definition(node: Definition) -> Reading:
    """Return what counts of a function, lambda or class."""
    writer = _Writer()
    writer.definition(node)
    return Reading(
        text="".join(writer.out),
        names=frozenset(writer.names),
        changed=frozenset(writer.changed),
        imports=writer.imports,
        decorators=tuple(map(_read_decorator, getattr(node, "decorator_list", ()))),
    )


def read_expression(node: ast.expr) -> str:
    """Return an expression as text."""
    writer = _Writer()
    writer.node(node)
    return "".join(writer.out)


def _read_decorator(node: ast.expr) -> Decorator:
    writer = _Writer()
    writer.node(node)
    callee = node.func if isinstance(node, ast.Call) else node
    return Decorator(_dotted(callee) or "", "".join(writer.out), frozenset(writer.names))


class _Writer:
    """Writes nodes as text and notes the names on the way."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.names: set[str] = set()
        self.changed: set[str] = set()
        self.imports: dict[str, tuple[str, str | None, int]] = {}
        self.in_class = False

    def definition(self, node: Definition) -> None:
        """Write the definition that is asked for: without its name and its decorators."""
        self._scope(node, _OF_DEFINITION)

    def node(self, node: Any) -> None:
        """Write one node and all below it."""
        kind = node.__class__
        special = _SPECIAL.get(kind)
        if special is None:
            self._plain(node, kind)
        else:
            special(self, node)

    def _plain(self, node: Any, kind: type[ast.AST], without: frozenset[str] = frozenset()) -> None:
        out = self.out
        out.append(kind.__name__)
        out.append("(")
        for name in _fields(kind):
            value = getattr(node, name, None)
            if value is None or name in without:
                continue
            if isinstance(value, ast.AST):
                out.append(name)
                self.node(value)
            elif isinstance(value, list):
                self._list(name, value)
            else:
                out.append(f"{name}{value};")
        out.append(")")

    def _list(self, name: str, values: list[Any]) -> None:
        if not values:
            return
        self.out.append(f"{name}[")
        for one in values:
            if isinstance(one, ast.AST):
                self.node(one)
            else:  # names of a global statement, None for ** in a dict
                self.out.append(f"{one};")
        self.out.append("]")

    def _scope(self, node: Any, without: frozenset[str] = frozenset()) -> None:
        around, self.in_class = self.in_class, isinstance(node, ast.ClassDef)
        body = node.body
        if isinstance(body, list) and _is_docstring(body[0]):
            node = _copy_with_body(node, body[1:])
        self._plain(node, node.__class__, without)
        self.in_class = around

    def _name(self, node: ast.Name) -> None:
        self.out.append(f"Name({node.id})")
        if isinstance(node.ctx, ast.Load):
            self.names.add(node.id)

    def _attribute(self, node: ast.Attribute) -> None:
        if dotted := _dotted(node):
            self.names.add(dotted)
            if not isinstance(node.ctx, ast.Load):
                self.changed.add(dotted.rpartition(".")[0])
            self.out.append(f"Attribute({dotted})")
        else:
            self._plain(node, ast.Attribute)

    def _subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load) and (dotted := _dotted(node.value)):
            self.changed.add(dotted)
        self._plain(node, ast.Subscript)

    def _call(self, node: ast.Call) -> None:
        called = node.func
        if (
            isinstance(called, ast.Attribute)
            and called.attr in _MUTATORS
            and (dotted := _dotted(called.value))
        ):
            self.changed.add(dotted)
        self._plain(node, ast.Call)

    def _constant(self, node: ast.Constant) -> None:
        self.out.append(f"{node.value!r};")

    def _global(self, node: ast.Global) -> None:
        self.changed.update(node.names)
        self._plain(node, ast.Global)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if self.in_class:  # the fields of a data class or a pydantic model
            self.out.append("field:")
            self.node(node.annotation)
            self._plain(node, ast.AnnAssign)
            return
        self.out.append("Assign(targets=[")
        self.node(node.target)
        self.out.append(",]")
        if node.value is not None:
            self.out.append("value=")
            self.node(node.value)
        self.out.append(")")

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            self.imports[bound] = (alias.name if alias.asname else bound, None, 0)
        self._plain(node, ast.Import)

    def _import_from(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self.imports[alias.asname or alias.name] = (node.module or "", alias.name, node.level)
        self._plain(node, ast.ImportFrom)


_SPECIAL: dict[type, Any] = {
    ast.Name: _Writer._name,  # noqa: SLF001  a table of the class's own methods
    ast.Attribute: _Writer._attribute,  # noqa: SLF001
    ast.Subscript: _Writer._subscript,  # noqa: SLF001
    ast.Call: _Writer._call,  # noqa: SLF001
    ast.Constant: _Writer._constant,  # noqa: SLF001
    ast.Global: _Writer._global,  # noqa: SLF001
    ast.AnnAssign: _Writer._annotated,  # noqa: SLF001
    ast.Import: _Writer._import,  # noqa: SLF001
    ast.ImportFrom: _Writer._import_from,  # noqa: SLF001
    ast.FunctionDef: _Writer._scope,  # noqa: SLF001
    ast.AsyncFunctionDef: _Writer._scope,  # noqa: SLF001
    ast.ClassDef: _Writer._scope,  # noqa: SLF001
    ast.Lambda: _Writer._scope,  # noqa: SLF001
}

_known_fields: dict[type, tuple[str, ...]] = {}


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    fields = _known_fields.get(kind)
    if fields is None:
        names = kind._fields
        fields = _known_fields[kind] = tuple(name for name in names if name not in _LEFT_OUT)
    return fields


def _dotted(node: ast.expr) -> str | None:
    """Return ``a.b.c`` for attributes of a name, None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join((node.id, *reversed(parts)))


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _copy_with_body(node: Any, body: list[ast.stmt]) -> Any:
    fields = {name: getattr(node, name) for name in node._fields if hasattr(node, name)}
    return type(node)(**{**fields, "body": body})
