"""From a function in memory to its source, and only if that is the source that it came from.

Rule 1: what runs is what counts. A file that was edited after it was imported says
nothing about the function in memory, so a source is believed only where compiling it
gives the same code.
Rule 2: what was once read of a code object stays true for as long as it lives.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from types import CodeType
from typing import Any
from weakref import ref

from assetkit.definitions.names import is_cell
from assetkit.definitions.syntax import Definition, Reading, read_definition, read_expression

_FUTURE_FLAGS = ~0xFFFF  # how annotations are kept does not change what a function does


@dataclass(frozen=True, slots=True)
class Binding:
    """What a name is first set to: an expression, or (module, attribute, level) of an import."""

    line: int
    value: ast.expr | None = None
    imported: tuple[str, str, int] | None = None

    @property
    def text(self) -> str:
        """The expression as text."""
        return "" if self.value is None else read_expression(self.value)


@dataclass(frozen=True, slots=True)
class _File:
    """One file as parsed: definitions by qualified name, with their first lines, and constants."""

    lines: list[str]
    nodes: dict[str, list[tuple[int, Definition]]]
    codes: dict[str, list[CodeType]]
    bindings: dict[str, Binding]
    tree: ast.Module

    def find(self, code: CodeType) -> Definition | None:
        """Return the definition that *code* was compiled from, wherever it stands by now."""
        candidates = [one for one in self.codes.get(code.co_qualname, ()) if same_code(one, code)]
        # Of several that are alike, the one on the same line.
        candidates.sort(key=lambda one: abs(one.co_firstlineno - code.co_firstlineno))
        for compiled in candidates:
            for node in self._at(code.co_qualname, compiled.co_firstlineno):
                return node
        return None

    def _at(self, qualname: str, line: int) -> Iterator[Definition]:
        if qualname.endswith("<lambda>"):
            found = [
                node
                for node in ast.walk(self.tree)
                if isinstance(node, ast.Lambda) and node.lineno == line
            ]
            if len(found) == 1:  # two on one line cannot be told apart
                yield found[0]
            return
        yield from (node for first, node in self.nodes.get(qualname, ()) if first == line)


_files: dict[str, _File] = {}
_readings: dict[int, tuple[ref[CodeType], Reading, str]] = {}


def read_function(code: CodeType, module_globals: dict[str, Any]) -> Reading | None:
    """Return what counts of a function's source; None where there is no source that fits."""
    known = _readings.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    file = _file(code.co_filename, module_globals)
    node = file.find(code) if file else None
    if node is None:
        return None
    reading = read_definition(node)
    # By identity: code that was loaded again may be equal, and its decorators may not.
    written = source_text(code.co_filename, code.co_qualname, _first_line(node))
    _readings[id(code)] = (ref(code, partial(_forget, id(code))), reading, written)
    return reading


def written_text(code: CodeType) -> str:
    """Return a function as it is written, once it was read; empty where no source fits it."""
    known = _readings.get(id(code))
    return known[2] if known is not None and known[0]() is code else ""


def _first_line(node: Definition) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


def _forget(number: int, gone: ref[CodeType]) -> None:
    known = _readings.get(number)
    if known is not None and known[0] is gone:
        del _readings[number]


def read_class(
    qualname: str, filename: str, methods: list[CodeType], module_globals: dict[str, Any]
) -> tuple[Reading, int] | None:
    """Return what counts of a class's source, and its line; None where none fits its methods."""
    file = _file(filename, module_globals)
    if file is None or not all(map(file.find, methods)):
        return None
    nodes = file.nodes.get(qualname, [])
    if len(nodes) != 1 or not isinstance(nodes[0][1], ast.ClassDef):
        return None
    return read_definition(nodes[0][1]), nodes[0][0]


def forget_files() -> None:
    """Let go of parsed files, which take a thousand bytes a line; what was read of them stays."""
    _files.clear()


def has_source(filename: str) -> bool:
    """Return whether there is any source under a code object's file name."""
    return bool(linecache.getlines(filename))


def source_text(filename: str, qualname: str, line: int) -> str:
    """Return the definition that begins on a line, as it is written; empty where there is none."""
    file = _files.get(filename)
    for first, node in file.nodes.get(qualname, ()) if file else ():
        if first == line:
            return "".join(file.lines[first - 1 : node.end_lineno]) if file else ""
    return ""


def read_binding(filename: str, module_globals: dict[str, Any], name: str) -> Binding | None:
    """Return how a file first binds a name at its top level; None: it does not."""
    file = _file(filename, module_globals)
    return file.bindings.get(name) if file else None


def _bindings(body: list[ast.stmt]) -> dict[str, Binding]:
    found: dict[str, Binding] = {}
    for statement in body:
        line = statement.lineno
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, Binding(line, value))
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                found.setdefault(name, Binding(line, value))
            case ast.ImportFrom(module=module, names=names, level=level):
                for one in names:
                    bound = Binding(line, imported=(module or "", one.name, level))
                    found.setdefault(one.asname or one.name, bound)
    return found


def same_code(one: CodeType, other: CodeType) -> bool:
    """Return whether two code objects do the same, wherever they stand."""
    return (
        one.co_code == other.co_code
        and one.co_names == other.co_names
        and one.co_varnames == other.co_varnames
        and one.co_freevars == other.co_freevars
        and one.co_cellvars == other.co_cellvars
        and one.co_argcount == other.co_argcount
        and one.co_kwonlyargcount == other.co_kwonlyargcount
        and one.co_flags & ~_FUTURE_FLAGS == other.co_flags & ~_FUTURE_FLAGS
        and len(one.co_consts) == len(other.co_consts)
        and all(map(_same_constant, one.co_consts, other.co_consts))
    )


def _same_constant(one: object, other: object) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return same_code(one, other)
    if isinstance(one, frozenset):
        return one == other
    return type(one) is type(other) and repr(one) == repr(other)


def _file(filename: str, module_globals: dict[str, Any]) -> _File | None:
    linecache.checkcache(filename)
    lines = linecache.getlines(filename, module_globals)
    known = _files.get(filename)
    if known is not None and (known.lines is lines or known.lines == lines):
        return known
    parsed = _parsed(lines, filename) if lines else None
    if parsed is not None:
        _files[filename] = parsed
    return parsed


def _parsed(lines: list[str], filename: str) -> _File | None:
    source = "".join(lines)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # as notebooks do
    try:
        tree: ast.Module = compile(
            source, filename, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True
        )
        code = compile(tree, filename, "exec", flags, dont_inherit=True)
        # A notebook compiles statement by statement, and what an import in the same unit
        # binds is called by other bytecode.
        alone = tree.body if is_cell(filename) else []
        units = [
            compile(ast.Module([one], []), filename, "exec", flags, dont_inherit=True)
            for one in alone
        ]
    except (SyntaxError, ValueError):  # not Python, or edited and broken by now
        return None
    nodes: dict[str, list[tuple[int, Definition]]] = {}
    _collect_nodes(tree.body, "", nodes)
    codes: dict[str, list[CodeType]] = {}
    for unit in (code, *units):
        _collect_codes(unit, codes)
    return _File(lines, nodes, codes, _bindings(tree.body), tree)


def _collect_nodes(
    body: list[ast.stmt], prefix: str, nodes: dict[str, list[tuple[int, Definition]]]
) -> None:
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            qualname = prefix + statement.name
            decorators = statement.decorator_list
            first = decorators[0].lineno if decorators else statement.lineno
            nodes.setdefault(qualname, []).append((first, statement))
            inside = "." if isinstance(statement, ast.ClassDef) else ".<locals>."
            _collect_nodes(statement.body, qualname + inside, nodes)
            continue
        for block in ("body", "orelse", "finalbody"):
            _collect_nodes(getattr(statement, block, []), prefix, nodes)
        for arm in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            _collect_nodes(arm.body, prefix, nodes)


def _collect_codes(code: CodeType, codes: dict[str, list[CodeType]]) -> None:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            codes.setdefault(constant.co_qualname, []).append(constant)
            _collect_codes(constant, codes)
