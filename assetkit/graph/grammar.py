"""Which assets a text selects: ``+group:marts and not tag:pii``.

::

    target  := expr ["@" partitions]
    expr    := and ("or" and)*
    and     := not ("and" not)*
    not     := ["not"] edge
    edge    := [[N] "+"] atom ["+" [N]]           +x  x+  2+x+1
    atom    := name | attribute ":" value | function "(" expr ")" | "(" expr ")"

A selection is read here into a tree; `selection` says what a tree means in a graph.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from assetkit.errors import InvalidSelection, did_you_mean

ATTRIBUTES = (
    "key", "group", "tag", "owner", "kind", "path", "check", "io", "state", "changed",
)  # fmt: skip
FUNCTIONS = ("roots", "sinks", "upstream", "downstream", "between")


@dataclass(frozen=True, slots=True)
class Name:
    """Assets by name: a key or the last part of one, with ``*`` for anything."""

    pattern: str
    at: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """Assets by an attribute: ``group:raw``."""

    kind: str
    value: str
    at: int


@dataclass(frozen=True, slots=True)
class Reach:
    """Assets and their neighbours, ``up`` and ``down`` so many steps (None: all the way)."""

    of: Node
    up: int | None
    down: int | None


@dataclass(frozen=True, slots=True)
class Not:
    """All assets but these."""

    of: Node


@dataclass(frozen=True, slots=True)
class And:
    """Assets that both sides have."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Or:
    """Assets that either side has."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function of selections: ``roots(x)``, ``between(x, y)``."""

    function: str
    arguments: tuple[Node, ...]


Node: TypeAlias = Name | Attribute | Reach | Not | And | Or | Call


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection as read: the tree, and the text of the partitions behind ``@`` (None: none)."""

    text: str
    expression: Node
    partitions: str | None = None


_NAME = r"[A-Za-z_*][\w*]*(?:/[\w*]+)*"
_MAIL = r"[^\s@()\"',]+@[\w-]+(?:\.[\w-]+)+(?![\w.-])"
_TOKENS = re.compile(
    rf"""\s*(?:
      (?P<attribute>[A-Za-z_]+):(?:"(?P<quoted>[^"]*)"|(?P<value>{_MAIL}|[^\s@()"',+]+))?
    | (?P<function>(?!(?:and|or|not)\b)[A-Za-z_]+)\s*\(
    | (?P<name>{_NAME})
    | (?P<number>\d+)
    | (?P<sign>[()+,])
    | (?P<at>@)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int
    value: str = ""


def parse_selection(text: str) -> Selection:
    """Read a selection.

    Raises `InvalidSelection` with a caret under what cannot be read.

    >>> parse_selection("orders@latest:7").partitions
    'latest:7'
    """
    if not isinstance(text, str):
        raise InvalidSelection(f"A selection is a text, not {text!r}.")
    tokens, partitions = _tokens(text)
    parser = _Parser(text, tokens)
    if not tokens:
        parser.fail("A selection has to name assets", 0)
    expression = parser.expression()
    parser.finish()
    return Selection(text, expression, partitions)


def split_partitions(text: str) -> tuple[str, str | None]:
    """Return the expression of a selection, and the text of the partitions behind it (or None).

    >>> split_partitions("orders@2026-11-01..2026-11-07")
    ('orders', '2026-11-01..2026-11-07')
    """
    _, partitions = _tokens(text)
    if partitions is None:
        return text, None
    return text[: text.rindex("@", 0, text.rindex(partitions))].strip(), partitions


def mentioned_names(selection: Selection) -> list[str]:
    """Return the names, also those with wildcards, in a selection.

    >>> mentioned_names(parse_selection("+orders and not (group:raw or tmp_*)"))
    ['orders', 'tmp_*']
    """
    return [name.pattern for name in _names(selection)]


def with_names(selection: Selection, names: Mapping[str, str]) -> str:
    """Return the text of a selection with other names, where *names* has one for what it says.

    >>> with_names(parse_selection("+sales and not old@latest"), {"sales": "shop/sales"})
    '+shop/sales and not old@latest'
    """
    text = selection.text
    for name in sorted(_names(selection), key=lambda name: name.at, reverse=True):
        end = name.at + len(name.pattern)
        text = text[: name.at] + names.get(name.pattern, name.pattern) + text[end:]
    return text


def _names(selection: Selection) -> list[Name]:
    found: list[Name] = []
    waiting: list[Node] = [selection.expression]
    while waiting:
        node = waiting.pop()
        match node:
            case Name():
                found.append(node)
            case Reach(of) | Not(of):
                waiting.append(of)
            case And(left, right) | Or(left, right):
                waiting += (right, left)
            case Call(_, arguments):
                waiting += reversed(arguments)
    return found


def _tokens(text: str) -> tuple[list[_Token], str | None]:
    tokens: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKENS.match(text, at)
        if match is None:
            begin = at + len(text[at:]) - len(text[at:].lstrip())
            _fail(text, f"{text[begin]!r} has no meaning here", begin)
        kind = str(match.lastgroup)
        if kind == "at":
            partitions = text[match.end() :].strip()
            if not partitions:
                _fail(text, "Partitions have to follow '@', as in orders@latest", match.start("at"))
            return tokens, partitions
        tokens.append(_token(match, kind))
        at = match.end()
    return tokens, None


def _token(match: re.Match[str], kind: str) -> _Token:
    if kind in ("attribute", "quoted", "value"):
        value = match["quoted"] if match["quoted"] is not None else match["value"] or ""
        return _Token("attribute", match["attribute"], match.start("attribute"), value)
    return _Token(kind, match[kind], match.start(kind))


class _Parser:
    """Reads tokens from left to right, one of look-ahead."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text, self.tokens, self.place = text, tokens, 0

    def fail(self, problem: str, at: int | None = None) -> NoReturn:
        token = self._peek()
        _fail(self.text, problem, at if at is not None else token.at if token else len(self.text))

    def expression(self) -> Node:
        left = self._and()
        while self._word("or"):
            left = Or(left, self._and())
        return left

    def finish(self) -> None:
        token = self._peek()
        if token is None:
            return
        if token.text == ",":
            self.fail("A comma means opposite things in dbt and Dagster: write 'and' or 'or'")
        if token.text == ")":
            self.fail("This parenthesis closes nothing")
        self.fail("Between two selections stands 'and' or 'or'")

    def _and(self) -> Node:
        left = self._not()
        while self._word("and"):
            left = And(left, self._not())
        return left

    def _not(self) -> Node:
        return Not(self._not()) if self._word("not") else self._edge()

    def _edge(self) -> Node:
        up: int | None = 0
        number = self._take("number")
        if self._sign("+"):
            up = int(number.text) if number else None
        elif number:
            self.fail("A number of steps is followed by '+', as in 2+orders", number.at)
        atom = self._atom()
        down: int | None = 0
        if self._sign("+"):
            number = self._take("number")
            down = int(number.text) if number else None
        return Reach(atom, up, down) if (up, down) != (0, 0) else atom

    def _atom(self) -> Node:
        token = self._peek()
        if token is None:
            self.fail("Something is missing at the end")
        if token.kind == "name" and token.text not in ("and", "or", "not"):
            self.place += 1
            return Name(token.text, token.at)
        if token.kind == "attribute":
            self.place += 1
            return self._attribute(token)
        if token.kind == "function":
            self.place += 1
            return self._call(token)
        if self._sign("("):
            inside = self.expression()
            self._close(token)
            return inside
        return self.fail(f"Here a name is expected, not {token.text!r}")

    def _attribute(self, token: _Token) -> Attribute:
        kind, value = token.text, token.value
        if kind not in ATTRIBUTES:
            self.fail(f"There is no attribute {kind!r}. {did_you_mean(kind, ATTRIBUTES)}", token.at)
        if not value:
            self.fail(f"A value has to follow '{kind}:'", token.at)
        return Attribute(kind, value, token.at)

    def _call(self, token: _Token) -> Node:
        if token.text not in FUNCTIONS:
            hint = did_you_mean(token.text, FUNCTIONS)
            self.fail(f"There is no function {token.text!r}. {hint}", token.at)
        arguments = [self.expression()]
        if token.text == "between":
            if not self._sign(","):
                self.fail("between() takes two selections: between(a, b)")
            arguments.append(self.expression())
        self._close(token)
        return Call(token.text, tuple(arguments))

    def _close(self, opened: _Token) -> None:
        if self._sign(")"):
            return
        if self._peek() is None:
            self.fail("This parenthesis is not closed", opened.at)
        self.finish()

    def _peek(self) -> _Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def _take(self, kind: str) -> _Token | None:
        token = self._peek()
        if token is None or token.kind != kind:
            return None
        self.place += 1
        return token

    def _sign(self, sign: str) -> bool:
        token = self._peek()
        if token is None or token.kind != "sign" or token.text != sign:
            return False
        self.place += 1
        return True

    def _word(self, word: str) -> bool:
        token = self._peek()
        if token is None or token.kind != "name" or token.text != word:
            return False
        self.place += 1
        return True


def _fail(text: str, problem: str, at: int) -> NoReturn:
    raise InvalidSelection(caret_message(text, problem, at))


def caret_message(text: str, problem: str, at: int) -> str:
    """Return a problem with the selection and a caret under the place in it.

    >>> print(caret_message("a, b", "No comma", 1))
    No comma.
      a, b
       ^
    """
    ending = "" if problem.endswith((".", "?")) else "."
    return f"{problem}{ending}\n  {text}\n  {' ' * at}^" if text.strip() else problem + ending
