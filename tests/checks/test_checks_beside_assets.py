"""A check that says which asset it is of is found beside it, or in the Definitions."""

import sys
from importlib import import_module

import pandas as pd
import pytest

from assetkit import Definitions, Workspace, asset, asset_check, materialize
from assetkit.errors import CheckFailed, DefinitionError


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


def test_a_check_of_nothing_is_a_mistake():
    """A name that no asset has is told, with the nearest, before anything runs."""

    @asset_check(asset="pricse")
    def has_rows(value) -> bool:
        return len(value) > 0

    project = Definitions(assets=[prices], checks=[has_rows])

    for refused in (project.validate, lambda: project.graph):
        with pytest.raises(DefinitionError, match=r"'has_rows' .* is of 'pricse'.*prices"):
            refused()


def test_a_misspelt_check_in_a_module_is_found_by_validation(tmp_path, monkeypatch):
    """One of an asset that the module knows, and the project leaves out, is none."""
    (tmp_path / "some_checks.py").write_text(
        "from assetkit import Definitions, asset, asset_check\n"
        "@asset\ndef orders(): return None\n"
        "@asset\ndef other(): return None\n"
        "@asset_check(asset='other')\ndef fine(value): return True\n"
        "@asset_check(asset='ordres')\ndef odd(value): return True\n"
        "project = Definitions(assets=[orders])\n"
    )
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])

    with pytest.raises(DefinitionError, match=r"^Check 'odd' .* is of 'ordres'.*orders"):
        import_module("some_checks").project.validate()
