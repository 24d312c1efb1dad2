"""`sql_asset`: an asset that is a query over other assets.

The text is read when the definition is first asked for: DuckDB parses it, so that
its upstreams are the tables that it names.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

from assetkit.definitions.arguments import check_arguments
from assetkit.definitions.asset import AssetDef, Input
from assetkit.definitions.bodies import Stand, calling_code, function_at
from assetkit.definitions.handles import Asset, Declaration, handle_of
from assetkit.definitions.inputs import AssetIn
from assetkit.definitions.names import check_key, invalid
from assetkit.errors import DefinitionError, InvalidArgument, did_you_mean
from assetkit.records import AssetKey, SourceLocation

_CONTEXT = "assetkit context"
_FENCE = "---"
_FROM_FILE = frozenset(
    {"name", "group", "description", "owners", "tags", "metadata", "deps", "pool"}
)


def sql_asset(name: str, sql: str | os.PathLike[str], **arguments: Any) -> Asset[..., Any]:
    """Declare a DuckDB query to be an asset; its upstreams are the tables that it names.

    ``sales.orders`` and ``"sales/orders"`` are the asset ``sales/orders``. Common
    tables, table functions and file paths are no upstreams. ``{{ partition_key }}``,
    ``{{ partition_start }}`` and ``{{ partition_end }}`` are values of the partition
    that is made; they take no quotes.

    Args:
        name: its name, with prefixes after ``/`` if wanted.
        sql: the query, or the `pathlib.Path` of a ``.sql`` file.
        **arguments: those of `asset`; ``ins`` by the name of the table in the query.

    Raises:
        DefinitionError: the query cannot be read (told when the definition is first
            used, with its line), or an argument does not do.

    >>> late = sql_asset("late", "select * from flights where delay > 15")
    >>> [one.upstream for one in late.definition.inputs]
    ['flights']
    """
    stand = calling_code()
    if isinstance(sql, os.PathLike):
        path = Path(sql)
        source = SourceLocation(file=str(path), line=1)
        return _declare(name, _text_of(path), dict(arguments), stand, source)
    text: Any = sql
    if not isinstance(text, str) or not text.strip():
        raise invalid(f"sql_asset ({stand.source})", "sql", sql, "a query, or the Path of a file")
    return _declare(name, text, dict(arguments), stand, stand.source)


def sql_assets(folder: str | os.PathLike[str], **arguments: Any) -> list[Asset[..., Any]]:
    """Return an asset for each ``.sql`` file in a folder; below it, folders are prefixes.

    A file may begin with comments between two lines ``-- ---`` that say more in
    TOML: ``name``, ``group``, ``description``, ``owners``, ``tags``, ``metadata``, ``deps``,
    ``pool``. *arguments* hold for all files. A relative folder is looked for beside the
    calling module first.

    Raises:
        DefinitionError: there is no such folder, or a file says what it may not.
    """
    stand = calling_code()
    place = Path(folder)
    beside = Path(str(stand.module_globals.get("__file__", ""))).parent / place
    place = beside if beside.is_dir() else place
    if not place.is_dir():
        raise DefinitionError(f"sql_assets ({stand.source}): there is no folder {place}.")
    found = []
    for path in sorted(place.rglob("*.sql")):
        text = _text_of(path)
        key = path.relative_to(place).with_suffix("").as_posix()
        source = SourceLocation(file=str(path), line=1)
        said: dict[str, Any] = {**arguments, **_front_matter(text, source)}
        name = said.pop("name", key)
        found.append(_declare(name, text, said, stand, source))
    return found


@dataclass(frozen=True, slots=True)
class Query:
    """The function of a SQL asset: it runs the query over what it gets."""

    parsed: Any
    owner: str

    def __call__(self, **tables: Any) -> Any:
        """Return the rows as an Arrow stream; tables go by their names in the query."""
        context = tables.pop(_CONTEXT, None)
        values = _values(self.parsed.parameters, context, self.owner)
        window = getattr(context, "partition_window", None)
        zone = str(window.start.tzinfo) if window is not None else "UTC"
        return import_module("assetkit.io.sql_run").run_query(
            self.parsed, tables, values, timezone=zone, owner=self.owner
        )


def _declare(
    name: str, text: str, given: dict[str, Any], stand: Stand, source: SourceLocation
) -> Asset[..., Any]:
    key = check_key(name, where=f"sql_asset at {source}")
    owner = f"SQL asset {key!r} ({source})"
    checked = check_arguments(given, owner=owner)
    return handle_of(
        Declaration(
            key=key,
            function=function_at(stand, key, partial(_call, text, owner)),
            source=source,
            arguments=checked,
            scope=stand.scope,
            define=partial(_define, text, owner),
        )
    )


def _call(text: str, owner: str, **tables: Any) -> Any:
    return Query(_parse(text, owner), owner)(**tables)


@lru_cache(maxsize=1024)
def _parse(text: str, owner: str) -> Any:
    return import_module("assetkit.io.sql_text").parse_query(text, owner=owner)


def _define(text: str, owner: str, declaration: Declaration) -> AssetDef:
    parsed = _parse(text, owner)
    arguments = dict(declaration.arguments)
    ins: Mapping[str, AssetIn] = arguments.pop("ins", {})
    deps: tuple[Input, ...] = arguments.pop("deps", ())
    for name in ins.keys() - parsed.tables.keys():
        hint = did_you_mean(name, parsed.tables, what="tables")
        raise InvalidArgument(f"{owner}: ins has {name!r}, which the query does not name. {hint}")
    if parsed.parameters and arguments.get("partitions") is None:
        raise DefinitionError(
            f"{owner} has {{{{ {parsed.parameters[0]} }}}}, but no partitions. Give partitions=..."
        )
    arguments.setdefault("code_version", parsed.version)
    return AssetDef(
        key=declaration.key,
        function=declaration.function,
        source=declaration.source,
        inputs=(*(_input(name, key, ins) for name, key in parsed.tables.items()), *deps),
        wants_context=_CONTEXT if parsed.parameters else None,
        kind="sql",
        query=text,
        **arguments,
    )


def _input(name: str, key: AssetKey, ins: Mapping[str, AssetIn]) -> Input:
    said = ins.get(name) or AssetIn()
    return Input(
        parameter=name,
        upstream=key if said.key is None else said.key,
        mapping=said.partitions,
        columns=None if said.columns is None else tuple(said.columns),
        load_as=import_module("pyarrow.dataset").Dataset,
        need=said.need,
        grace=said.grace,
    )


def _values(parameters: tuple[str, ...], context: Any, owner: str) -> dict[str, Any]:
    """Return what the placeholders stand for."""
    if not parameters:
        return {}
    window = context.partition_window
    values: dict[str, Any] = {}
    for name in parameters:
        if name == "partition_key":
            values[name] = str(context.partition_key)
        elif window is None:
            raise DefinitionError(
                f"{owner} has {{{{ {name} }}}}, but its partitions are no windows of time. "
                "Use {{ partition_key }}."
            )
        else:
            values[name] = window.start if name == "partition_start" else window.end
    return values


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"The query in {path} cannot be read: {error}") from error


def _front_matter(text: str, source: SourceLocation) -> dict[str, Any]:
    """Return what the comments at the head of a file say."""
    lines = [line.removeprefix("--").strip() for line in text.splitlines()]
    if not lines or lines[0] != _FENCE or not text.startswith("--"):
        return {}
    try:
        said = tomllib.loads("\n".join(lines[1 : lines.index(_FENCE, 1)]))
    except ValueError as error:
        raise DefinitionError(
            f"{source}: what stands before the query cannot be read as TOML: {error}. "
            f"It begins and ends with the line '-- {_FENCE}'."
        ) from error
    for name in said.keys() - _FROM_FILE:
        hint = did_you_mean(name, _FROM_FILE, what="arguments")
        raise DefinitionError(f"{source}: a .sql file cannot say {name!r}. {hint}")
    return said
