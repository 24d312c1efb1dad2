"""A check that says which asset it is of is found beside it, or in the Definitions."""

import pandas as pd
import pytest

from assetkit import Definitions, Workspace, asset, asset_check, materialize
from assetkit.errors import CheckFailed


@asset
def prices() -> pd.DataFrame:
    return pd.DataFrame({"price": [1.0, -2.0]})


def test_a_check_in_the_definitions_blocks_its_asset(tmp_path):
    """The asset is not published, and the check is named."""

    @asset
    def costs() -> pd.DataFrame:
        return pd.DataFrame({"cost": [-1.0]})

    @asset_check(asset="costs", blocking=True)
    def costs_are_positive(costs: pd.DataFrame) -> bool:
        return bool((costs.cost > 0).all())

    workspace = Workspace(tmp_path / "w")
    project = Definitions(assets=[costs], checks=[costs_are_positive])
    result = materialize(project, workspace=workspace, progress="none", raise_on_error=False)

    assert result.failed == [("costs", None)]
    assert isinstance(result.errors[0], CheckFailed)
    assert "costs_are_positive" in str(result.errors[0])


@asset_check(asset="prices", blocking=True)
def prices_are_positive(prices: pd.DataFrame) -> bool:
    return bool((prices.price > 0).all())


def test_a_check_beside_its_asset_is_found(tmp_path):
    """A module's own checks need no list."""
    with pytest.raises(Exception, match="prices_are_positive"):
        materialize(prices, workspace=Workspace(tmp_path / "w"), progress="none")
