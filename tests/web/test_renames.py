"""An asset that was renamed is found by the names that it had."""

import pandas as pd
import pytest

import assetkit as ak
from assetkit import Workspace
from assetkit.project import Definitions
from assetkit.web.desk import Desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A workspace in which one asset was renamed twice."""
    with Workspace(tmp_path_factory.mktemp("renamed")) as workspace:
        make = ak.asset(name="sales")(lambda: pd.DataFrame({"n": [1]}))
        other = ak.asset(name="other")(lambda: pd.DataFrame({"n": [2]}))
        ak.materialize([make, other], workspace=workspace, progress="none")
        workspace.rename("sales", "revenue")
        workspace.rename("revenue", "shop/revenue")
        now = ak.asset(name="shop/revenue")(lambda: pd.DataFrame({"n": [1]}))
        ak.materialize([now, other], workspace=workspace, progress="none")
        yield Desk(workspace, Definitions(assets=[now, other]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/assets/sales", "/assets/shop%2Frevenue"),
        ("/assets/revenue?p=2026-01-01", "/assets/shop%2Frevenue?p=2026-01-01"),
        ("/assets/revenue.json", "/assets/shop%2Frevenue.json"),
        ("/backfill?select=sales&size=3", "/backfill?select=shop%2Frevenue&size=3"),
        ("/lineage?select=sales&depth=1", "/lineage?select=shop%2Frevenue&depth=1"),
        ("/lineage.svg?select=sales", "/lineage.svg?select=shop%2Frevenue"),
        (
            "/plan.json?select=%2Bsales+or+other&without=a&without=b",
            "/plan.json?select=%2Bshop%2Frevenue+or+other&without=a&without=b",
        ),
    ],
)
def test_old_addresses_lead_to_the_new_name(page, old, new):
    """Also after two renames and a run under the new name; the rest of the address stays."""
    said = page.get(old, follow_redirects=False)

    assert (said.status_code, said.headers["location"]) == (302, new)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("/assets/other/p/2026-01-01", "/assets/other?p=2026-01-01"),
        ("/assets/shop%2Frevenue/p/eu.json", "/assets/shop%2Frevenue.json?p=eu"),
    ],
)
def test_a_partition_has_an_address_of_its_own(page, short, long):
    """It leads to its asset, with the partition chosen."""
    said = page.get(short, follow_redirects=False)

    assert (said.status_code, said.headers["location"]) == (302, long)


def test_other_names_lead_nowhere_else(page):
    """Who has a name now is shown, and who never had one is not there."""
    assert page.get("/assets/other", follow_redirects=False).status_code == 200
    assert page.get("/assets/never", follow_redirects=False).status_code == 404
