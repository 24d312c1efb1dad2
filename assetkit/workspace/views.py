"""Query published data with SQL: each asset is a view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
from pyarrow.dataset import Dataset

from assetkit.errors import InvalidSelection, did_you_mean
from assetkit.io.base import is_staged
from assetkit.io.duckdb_engine import connected
from assetkit.io.duckdb_scan import query_of, query_over
from assetkit.io.external import ExternalFiles
from assetkit.records import AssetKey, is_nothing
from assetkit.workspace.core import Core
from assetkit.workspace.data import Known, known_assets, manager_of, source_of
from assetkit.workspace.stock import stock_of

if TYPE_CHECKING:
    import pandas as pd


def run_query(core: Core, query: str) -> pd.DataFrame:
    """Run one DuckDB query over views of all assets.

    Only the assets that the query names are looked at. Raises `InvalidSelection`
    with DuckDB's words where the query is wrong.
    """
    known = known_assets(core)
    names = view_names(known)
    with connected() as connection:
        # Held, so that the files stay as they are until the query is done.
        held = {
            name: _make_view(connection, name, core, known[names[name]])
            for name in _named_in(query, names)
        }
        try:
            asked = connection.sql(query)
            if asked is None:
                raise InvalidSelection(
                    "The query gives no rows. Ask with one, as in: select * from NAME."
                )
            # Arrow first: DuckDB's own conversion to pandas is several times slower for text.
            table = asked.to_arrow_table()
        except duckdb.CatalogException as error:
            empty = sorted({names[name] for name, table in held.items() if table is None})
            hint = f" Nothing with columns is published of {', '.join(empty)}." if empty else ""
            raise InvalidSelection(
                f"{_first_line(error).rstrip('!.')}.{hint} Assets: {_known(names)}."
            ) from error
        except duckdb.Error as error:
            raise InvalidSelection(f"The query cannot be run: {error}") from error
    del held
    frame: pd.DataFrame = table.to_pandas()
    return frame


def view_names(known: Mapping[AssetKey, Known]) -> dict[str, AssetKey]:
    """Return what a query may call each asset.

    Its key, ``sales/orders`` also as the table ``sales.orders``, and its last part where that
    is unique.
    """
    names = {key: key for key in known}
    names |= {key.replace("/", "."): key for key in known if key.count("/") == 1}
    shorts = [key.rpartition("/")[2] for key in known]
    for key, short in zip(known, shorts, strict=True):
        if shorts.count(short) == 1:
            names.setdefault(short, key)
    return names


def _named_in(query: str, names: Mapping[str, AssetKey]) -> list[str]:
    """Return the names that occur in a query at all: a view that is not used costs its listing."""
    lowered = query.lower()
    return [name for name in names if name.lower() in lowered]


def _make_view(
    connection: duckdb.DuckDBPyConnection, name: str, core: Core, known: Known
) -> Any | None:
    """Make a view of an asset; return what it reads, None where there is nothing to read."""
    stock = stock_of(core, known.key)
    # DuckDB cannot read a file without columns, and a result of None has no file.
    sources = [
        source_of(owner, known, made, with_dimensions=bool(known.dimensions))
        for owner, made in stock.published(known.key, np.arange(len(stock.texts)))
        if made.schema != "[]" and not is_nothing(made.data_version)
    ]
    if not sources:
        return None
    manager = manager_of(core, known, known.key)
    table = manager.read(
        sources, Dataset if is_staged(manager) or isinstance(manager, ExternalFiles) else None, None
    )
    origin = query_over(table)
    if origin is None:
        try:
            connection.register(f"assetkit {name}", table)
        except duckdb.InvalidInputException:  # an object, which has no rows to select
            return None
        origin = query_of(f"assetkit {name}", table)
    schema, dot, last = name.rpartition(".")
    if dot:
        connection.execute(f"create schema if not exists {_quoted(schema)}")
    view = f"{_quoted(schema)}.{_quoted(last)}" if dot else _quoted(name)
    # A view takes no bound values; names and paths are quoted.
    connection.execute(
        f"create view {view} as select columns(lambda name: not "  # noqa: S608
        f"starts_with(name, '__index_level_')) from ({origin})"
    )
    return table


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].removeprefix("Catalog Error: ")


def _known(names: Mapping[str, AssetKey]) -> str:
    return ", ".join(sorted(set(names.values()))) or did_you_mean("", (), what="assets here")
