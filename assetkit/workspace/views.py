"""Query published data with SQL: each asset is a view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import duckdb

from assetkit.errors import InvalidSelection, did_you_mean
from assetkit.io.base import Source
from assetkit.records import AssetKey, is_nothing
from assetkit.workspace.core import Core
from assetkit.workspace.data import Known, known_assets, manager_of, source_of

if TYPE_CHECKING:
    import pandas as pd


def run_query(core: Core, query: str) -> pd.DataFrame:
    """Run one DuckDB query over views of all assets.

    Only the assets that the query names are looked at. Raises `InvalidSelection`
    with DuckDB's words where the query is wrong.
    """
    known = known_assets(core)
    names = view_names(known)
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        for name in _named_in(query, names):
            _make_view(connection, name, core, known[names[name]])
        try:
            # Arrow first: DuckDB's own conversion to pandas is several times slower for text.
            table = connection.sql(query).to_arrow_table()
        except duckdb.CatalogException as error:
            raise InvalidSelection(f"{_first_line(error)} Assets: {_known(names)}.") from error
        except duckdb.Error as error:
            raise InvalidSelection(f"The query cannot be run: {error}") from error
    frame: pd.DataFrame = table.to_pandas()
    return frame


def view_names(known: Mapping[AssetKey, Known]) -> dict[str, AssetKey]:
    """Return what a query may call each asset: its key, and its last part where that is unique."""
    names = {key: key for key in known}
    shorts = [key.rpartition("/")[2] for key in known]
    for key, short in zip(known, shorts, strict=True):
        if shorts.count(short) == 1:
            names.setdefault(short, key)
    return names


def _named_in(query: str, names: Mapping[str, AssetKey]) -> list[str]:
    """Return the names that occur in a query at all: a view that is not used costs its listing."""
    lowered = query.lower()
    return [name for name in names if name.lower() in lowered]


def _make_view(connection: duckdb.DuckDBPyConnection, name: str, core: Core, known: Known) -> None:
    # DuckDB cannot read a file without columns, and a result of None has no file.
    made = [
        each
        for each in core.catalog.published(known.key)
        if each.schema != "[]" and not is_nothing(each.data_version)
    ]
    sources = [
        source_of(core, known, each, with_dimensions=bool(known.dimensions)) for each in made
    ]
    if not sources:
        return
    paths = _parquet_paths(sources)
    quoted = '"' + name.replace('"', '""') + '"'
    if paths is None:
        table = manager_of(core, known, known.key).read(sources, None, None)
        connection.register(name, table)
        return
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    hive = "true" if known.dimensions else "false"
    # A view takes no bound values; names and paths are quoted above.
    connection.execute(
        f"create view {quoted} as select columns(lambda name: not "  # noqa: S608
        f"starts_with(name, '__index_level_')) from read_parquet([{listed}], "
        f"hive_partitioning={hive}, hive_types_autocast=false, union_by_name=true)"
    )


def _parquet_paths(sources: list[Source]) -> list[str] | None:
    paths = [source.path / "part.parquet" for source in sources]
    if all(source.location is None for source in sources) and paths[0].exists():
        return [str(path) for path in paths]
    return None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].removeprefix("Catalog Error: ")


def _known(names: Mapping[str, AssetKey]) -> str:
    return ", ".join(sorted(set(names.values()))) or did_you_mean("", (), what="assets here")
