"""Commands work with the resources and IO managers that the project's `Definitions` bring."""

import pytest

PROJECT = """
import pandas as pd
from assetkit import Definitions, Resource, asset
from assetkit.io import PickleIOManager


class Shop(Resource):
    name: str


@asset
def place(shop: Shop):
    return pd.DataFrame({"name": [shop.name]})


@asset(io_manager="drawer")
def things(place):
    return set(place["name"])


defs = Definitions(
    assets=[place, things],
    resources={"shop": Shop(name="ours")},
    io_managers={"drawer": PickleIOManager()},
)
"""


@pytest.fixture
def project(shop):
    """Put the project in the place of the shop's."""
    (shop.folder / "shop.py").write_text(PROJECT)
    return shop


def test_a_project_runs_and_is_changed_with_what_it_brings(run, project):
    """Building, planning, doing again and deleting need no more than the module."""
    assert run("materialize").code == 0
    assert run("plan", "--exit-code").code == 0
    assert run("backfill", "-s", "things", "--force", "--yes").code == 0
    assert run("plan", "-s", "things", "--force", "--out", "plan.json").code == 0
    assert run("materialize", "plan.json").code == 0
    assert "1 partition deleted" in run("delete", "things", "--yes").out
    assert run("plan", "--exit-code").code == 4


def test_what_lacks_an_input_is_no_success(run, project):
    """Nothing was done of what was asked, so the exit code says so, and the text why."""
    ended = run("materialize", "-s", "things", "--no-upstream")

    assert ended.code == 1
    assert "input place: never built" in ended.out
    assert "Nothing ran: 1 blocked." in ended.out
