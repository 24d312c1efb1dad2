"""Read a query with DuckDB's own parser: which tables it names, and what it says.

Rule 1: comments and layout do not count, neither for the tables nor for the version.
Rule 2: placeholders become calls of the same length or less, so that places in DuckDB's
errors are places in the text that the author wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb

from assetkit.errors import DefinitionError, did_you_mean

PARAMETERS = ("partition_key", "partition_start", "partition_end")

_PIECE = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<brace>\{\{(?P<name>[^{}]*)\}\})""",
    re.DOTALL,
)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:/[A-Za-z_][A-Za-z0-9_]*)*\Z")
_NO_ASSETS = frozenset({"information_schema", "pg_catalog", "main", "temp", "system"})
_UNORDERED = ("SET_OPERATION_NODE",)


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query: as it is run, its tables by the name in the query, and its version.

    ``tables`` maps a name (with its schema before a dot) to an asset's key.
    ``version`` is the query as DuckDB would write it.
    """

    text: str
    tables: Mapping[str, str]
    parameters: tuple[str, ...]
    version: str


def parse_query(text: str, *, owner: str) -> ParsedQuery:
    """Read a query; *owner* says whose it is.

    Raises `DefinitionError` with the line and the place where it cannot be read.

    >>> found = parse_query("with a as (from b) select * from a, sales.c", owner="x")
    >>> dict(found.tables)
    {'b': 'b', 'sales.c': 'sales/c'}
    """
    bound, parameters = _bind(text, owner)
    bound = bound.rstrip().removesuffix(";")
    with _parser().cursor() as connection:
        found = connection.execute(
            "select t, case when (t->>'error') = 'false' then json_deserialize_sql(t) end "
            "from (select json_serialize_sql($query::varchar) as t)",
            {"query": bound},
        ).fetchone()
    tree, version = (json.loads(found[0]), found[1]) if found else ({}, None)
    if tree.get("error"):
        raise DefinitionError(_unreadable(tree, text, owner))
    statements = tree["statements"]
    if len(statements) != 1:
        raise DefinitionError(
            f"{owner}: a query is one SELECT statement; found {len(statements)}. "
            "Make an asset of each."
        )
    node = statements[0]["node"]
    tables = dict.fromkeys(_tables_in(node, frozenset()))
    if _is_unordered(node):
        # What DuckDB's threads find first comes first; the same rows would be another version.
        bound += "\norder by all"
    return ParsedQuery(
        text=bound,
        tables={name: name.replace(".", "/") for name in tables},
        parameters=parameters,
        version=str(version),
    )


@lru_cache(maxsize=1)
def _parser() -> duckdb.DuckDBPyConnection:
    """Return the engine that reads queries; it has no tables."""
    # To start one takes as long as to parse a hundred queries.
    return duckdb.connect(config={"autoinstall_known_extensions": "false"})


def place_in(text: str, position: int) -> str:
    r"""Return the line of a place in a query, with a caret below it.

    >>> print(place_in("select 1\nfrom wher", 14))
    line 2: from wher
                 ^
    """
    before = text[:position]
    number = before.count("\n") + 1
    start = before.rfind("\n") + 1
    line = text[start:].split("\n", 1)[0]
    head = f"line {number}: "
    return f"{head}{line}\n{' ' * (len(head) + position - start)}^"


def _bind(text: str, owner: str) -> tuple[str, tuple[str, ...]]:
    """Return the query with a call in place of each placeholder, and the placeholders' names."""
    names: dict[str, None] = {}

    def replaced(match: re.Match[str]) -> str:
        if match["comment"] is not None:
            return match[0]
        if match["quoted"] is not None:
            inside = re.search(r"\{\{\s*(\w+)\s*\}\}", match[0])
            if inside and inside[1] in PARAMETERS:
                raise DefinitionError(
                    f"{owner}: {match[0]} has a placeholder in quotes. It is a value, not text "
                    f"that is pasted: take the quotes away.\n{place_in(text, match.start())}"
                )
            return match[0]
        name = match["name"].strip()
        if name not in PARAMETERS:
            hint = did_you_mean(name, PARAMETERS, what="placeholders")
            raise DefinitionError(
                f"{owner}: there is no placeholder {match[0]!r}. {hint}\n"
                f"{place_in(text, match.start())}"
            )
        names[name] = None
        return f"{name}()".ljust(len(match[0]))

    return _PIECE.sub(replaced, text), tuple(names)


def _unreadable(tree: Mapping[str, Any], text: str, owner: str) -> str:
    message = str(tree.get("error_message", "it cannot be read")).rstrip("!.")
    if "Only SELECT" in message:
        return f"{owner}: a query is one SELECT statement, which says what the asset's rows are."
    if tree.get("position") is None:
        return f"{owner}: the query cannot be read: {message}."
    # DuckDB counts bytes.
    before = text.encode()[: int(tree["position"])].decode(errors="ignore")
    return f"{owner}: the query cannot be read: {message}.\n{place_in(text, len(before))}"


def _tables_in(value: Any, known: frozenset[str]) -> Iterator[str]:
    """Yield the tables below a part of the tree that are none of its own common tables."""
    if isinstance(value, list):
        for part in value:
            yield from _tables_in(part, known)
    if not isinstance(value, dict):
        return
    for entry in value.get("cte_map", {}).get("map", ()):
        yield from _tables_in(entry["value"], known)
        known |= {entry["key"].lower()}
    named = value.get("cte_name") or value.get("ctename")
    if named:
        known |= {named.lower()}
    if value.get("type") == "BASE_TABLE":
        yield from _asset_of(value, known)
    for name, part in value.items():
        if name != "cte_map":
            yield from _tables_in(part, known)


def _asset_of(table: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    schema, name = table["schema_name"], table["table_name"]
    if table["catalog_name"] or schema.lower() in _NO_ASSETS:
        return
    if not schema and (name.lower() in known or name.lower().startswith("duckdb_")):
        return
    if _KEY.match(name) and (not schema or _KEY.match(schema)):
        yield f"{schema}.{name}" if schema else name


def _is_unordered(node: Mapping[str, Any]) -> bool:
    """Return whether rows come in any order: grouped, made distinct or put together."""
    kinds = {modifier["type"] for modifier in node["modifiers"]}
    if kinds & {"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER"}:
        return False
    grouped = node.get("group_expressions") or node.get("group_sets")
    is_all = node.get("aggregate_handling") == "FORCE_AGGREGATES"
    return bool(grouped or is_all or "DISTINCT_MODIFIER" in kinds or node["type"] in _UNORDERED)
