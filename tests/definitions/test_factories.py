"""Assets that a function makes, and assets whose function is async."""

import asyncio

import pandas as pd
import pytest

from assetkit import Definitions, Workspace, asset, external_asset, materialize, sql_asset
from assetkit.errors import DuplicateAsset


def table_of(name, rows):
    """Return an asset made by a factory."""

    @asset(name=name)
    def table() -> pd.DataFrame:
        return pd.DataFrame({"n": range(rows)})

    return table


def test_a_factory_makes_assets_of_many_names():
    """Assets made in a loop are told apart by the names that they are given."""
    made = [table_of(f"table_{number}", number) for number in range(1, 4)]
    everything = sql_asset(
        "everything",
        " union all ".join(f"select n from table_{number}" for number in range(1, 4)),
    )

    with Workspace.temporary() as workspace:
        result = materialize([*made, everything], workspace=workspace, progress="none")

        assert result.load("everything").n.tolist() == [0, 0, 0, 1, 1, 2]
        assert [row[0] for row in result.materialized][-1] == "everything"


def test_two_assets_of_one_name_are_refused():
    """A factory that gives one name twice is told so, with both places."""
    with pytest.raises(DuplicateAsset, match="table_1"):
        Definitions(assets=[table_of("table_1", 1), table_of("table_1", 2)]).validate()


def test_declared_by_call_is_known_by_name():
    """External and SQL assets that a function makes find one another like any others."""

    def feed(name):
        raw = external_asset(f"{name}_raw", observe=lambda: 1)
        return raw, sql_asset(f"{name}_clean", "select 1 as n", deps=[raw])

    pairs = [feed(name) for name in ("a", "b")]

    found = set(Definitions(assets=pairs).graph.assets)

    assert found == {"a_raw", "a_clean", "b_raw", "b_clean"}


def test_async_functions_and_generators_are_awaited():
    """An asset's function may be async, and may yield as it goes."""

    @asset
    async def fetched() -> pd.DataFrame:
        await asyncio.sleep(0)
        return pd.DataFrame({"n": [1, 2]})

    @asset
    async def streamed(fetched: pd.DataFrame):
        for value in fetched.n:
            await asyncio.sleep(0)
            yield pd.DataFrame({"n": [value * 10]})

    with Workspace.temporary() as workspace:
        result = materialize(streamed, workspace=workspace, progress="none")

        assert result.load("streamed").n.tolist() == [10, 20]
