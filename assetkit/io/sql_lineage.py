"""Which columns the columns of a query are made of, by DuckDB's own plan of it.

Rule 1: nothing is parsed here: DuckDB binds the query to empty tables, and says which
column each name is.
Rule 2: what counts is what a value is made of; a filter or a join decides which rows there
are, and is no source of their values.
Rule 3: an operator that is not known here makes the answer unknown, never wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from assetkit.io.duckdb_engine import connected
from assetkit.io.sql_text import ParsedQuery

Sources: TypeAlias = frozenset[tuple[str, str]]
"""Tables, by their names in the query, each with a column."""

_NOTHING: Sources = frozenset()
_SAMPLES = {
    "partition_key": "''",
    "partition_start": "timestamptz '2000-01-01'",
    "partition_end": "timestamptz '2000-01-01'",
}
_LIKE_CHILD = frozenset({"FILTER", "ORDER_BY", "LIMIT", "TOP_N", "SAMPLE", "DISTINCT"})
_JOINS = frozenset({"COMPARISON_JOIN", "DELIM_JOIN", "ANY_JOIN", "ASOF_JOIN", "DEPENDENT_JOIN"})
_SIDE_BY_SIDE = frozenset({"CROSS_PRODUCT", "POSITIONAL_JOIN"})
_LEFT_ONLY = frozenset({"SEMI", "ANTI"})


class Unknown(Exception):
    """The plan has something that is not known here."""


def column_lineage(
    query: ParsedQuery, schemas: Mapping[str, pa.Schema]
) -> dict[str, Sources] | None:
    """Return what each column of a query is made of; None where that cannot be told.

    *schemas* are those of its tables, by their names in the query.

    >>> from assetkit.io.sql_text import parse_query
    >>> query = parse_query("select a + b as c, 1 as one from t where d > 0", owner="x")
    >>> schema = pa.schema({"a": pa.int64(), "b": pa.int64(), "d": pa.int64()})
    >>> {name: sorted(found) for name, found in column_lineage(query, {"t": schema}).items()}
    {'c': [('t', 'a'), ('t', 'b')], 'one': []}
    """
    if query.tables.keys() - schemas.keys():
        return None
    with connected() as connection:
        try:
            for name, schema in schemas.items():
                _make_table(connection, name, schema)
            for name in query.parameters:
                connection.execute(f"create macro {name}() as {_SAMPLES[name]}")
            columns = connection.sql(query.text).columns
            said = connection.execute(
                "select json_serialize_plan($query::varchar, optimize := false)",
                {"query": query.text},
            ).fetchone()
            plan = json.loads(said[0]) if said else {}
            found = _Plan().outputs(plan["plans"][-1])
        except (duckdb.Error, Unknown, KeyError, IndexError, TypeError):
            return None
    return dict(zip(columns, found, strict=True)) if len(columns) == len(found) else None


def _make_table(connection: Any, name: str, schema: pa.Schema) -> None:
    prefix, dot, last = name.rpartition(".")
    if dot:
        connection.execute(f'create schema if not exists "{prefix}"')
    connection.register("assetkit_empty", schema.empty_table())
    # Names of assets have letters, digits, "_" and "/" only.
    table = f'"{prefix}"."{last}"' if dot else f'"{last}"'
    connection.execute(f"create table {table} as from assetkit_empty")
    connection.unregister("assetkit_empty")


@dataclass(slots=True)
class _Plan:
    """Walks a plan: what each column that an operator gives is made of."""

    common: dict[int, list[Sources]] = field(default_factory=dict)
    correlated: list[list[Sources]] = field(default_factory=list)

    def outputs(self, node: Mapping[str, Any]) -> list[Sources]:
        """Return the sources of the columns of an operator, in order."""
        kind = str(node["type"]).removeprefix("LOGICAL_")
        children: Sequence[Mapping[str, Any]] = node.get("children", ())
        if kind == "GET":
            return _of_table(node)
        if kind == "DELIM_GET":
            return self.correlated[-1]
        if kind == "CTE_REF":
            return self.common[node["cte_index"]]
        if kind in ("DUMMY_SCAN", "EMPTY_RESULT"):
            return [_NOTHING] * max(1, len(node.get("bindings", ())))
        if kind in ("MATERIALIZED_CTE", "RECURSIVE_CTE"):
            return self._of_common(node, children, is_recursive=kind == "RECURSIVE_CTE")
        if kind in _JOINS:
            return self._of_join(node, children)
        if kind in _SIDE_BY_SIDE:
            return [one for child in children for one in self.outputs(child)]
        if kind in ("UNION", "EXCEPT", "INTERSECT"):
            sides = [self.outputs(child) for child in children]
            sides = sides if kind == "UNION" else sides[:1]
            return [frozenset().union(*rows) for rows in zip(*sides, strict=True)]
        return self._of_one(kind, node, self.outputs(children[0]) if children else [])

    def _of_one(self, kind: str, node: Mapping[str, Any], child: list[Sources]) -> list[Sources]:
        """Return the outputs of an operator over one other."""
        if kind in _LIKE_CHILD:
            return _picked(child, node.get("projection_map"))
        made = [_sources(one, child) for one in node.get("expressions", ())]
        if kind in ("PROJECTION", "EXPRESSION_GET"):
            return made
        if kind in ("WINDOW", "UNNEST"):
            return [*child, *made]
        if kind == "AGGREGATE_AND_GROUP_BY":
            groups = [_sources(one, child) for one in node.get("groups", ())]
            return [*groups, *made, *[_NOTHING] * len(node.get("grouping_functions", ()))]
        raise Unknown(kind)

    def _of_common(
        self,
        node: Mapping[str, Any],
        children: Sequence[Mapping[str, Any]],
        *,
        is_recursive: bool,
    ) -> list[Sources]:
        """Return the outputs of what uses a common table, which is known from then on."""
        first = self.common[node["table_index"]] = self.outputs(children[0])
        if not is_recursive:
            return self.outputs(children[1])
        # Twice: what the second round finds of its own earlier rows, the first did not know.
        for _ in range(2):
            again = self.outputs(children[1])
            first = [one | other for one, other in zip(first, again, strict=True)]
            self.common[node["table_index"]] = first
        return first

    def _of_join(
        self, node: Mapping[str, Any], children: Sequence[Mapping[str, Any]]
    ) -> list[Sources]:
        left = self.outputs(children[0])
        outer = [_sources(one, left) for one in node.get("duplicate_eliminated_columns", ())]
        self.correlated.append(outer)
        right = self.outputs(children[1])
        self.correlated.pop()
        kind = node.get("join_type")
        kept = _picked(left, node.get("left_projection_map"))
        if kind in _LEFT_ONLY:
            return kept
        if kind == "MARK":
            return [*kept, frozenset().union(*right)]
        return [*kept, *_picked(right, node.get("right_projection_map"))]


def _of_table(node: Mapping[str, Any]) -> list[Sources]:
    """Return the columns of a table; what a table function gives comes from nowhere."""
    function = node.get("function_data") or {}
    schema, table = function.get("schema"), function.get("table")
    name = table if schema in (None, "main") else f"{schema}.{table}"
    names = node["names"]
    columns: list[Sources] = []
    for one in node["column_indexes"]:
        number = one["index"]
        is_real = table is not None and number < len(names)
        columns.append(frozenset({(str(name), names[number])}) if is_real else _NOTHING)
    return _picked(columns, node.get("projection_ids"))


def _picked(columns: list[Sources], places: Sequence[int] | None) -> list[Sources]:
    return [columns[place] for place in places] if places else columns


def _sources(expression: Any, child: Sequence[Sources]) -> Sources:
    """Return what an expression is made of."""
    if isinstance(expression, list):
        return frozenset[tuple[str, str]]().union(*(_sources(one, child) for one in expression))
    if not isinstance(expression, Mapping):
        return _NOTHING
    if expression.get("type") == "BOUND_REF":
        return child[expression["index"]]
    if expression.get("type") == "BOUND_COLUMN_REF":
        raise Unknown("a reference that is not resolved")
    return frozenset[tuple[str, str]]().union(
        *(_sources(part, child) for part in expression.values())
    )
