"""What pages say while the catalog is busy, when something went wrong, and of what is gone."""

import json
import os

import duckdb
import pandas as pd
import pytest

import assetkit as ak
from assetkit import Workspace
from assetkit.project import Definitions
from assetkit.web import reading
from assetkit.web.assets import asset_page
from assetkit.web.board import board_page
from assetkit.web.desk import Desk
from assetkit.web.reading import Refusal
from assetkit.web.source import Source


class Busy:
    """Readers that can be told to have no time."""

    def __init__(self, readers):
        self._readers, self.is_busy = readers, False

    def __getattr__(self, name):
        return getattr(self._readers, name)

    def ask(self, name, **arguments):
        if self.is_busy:
            raise Refusal("CatalogLocked", "Another process writes.", 503)
        return self._readers.ask(name, **arguments)


@pytest.mark.parametrize("path", ["/", "/lineage", "/assets/orders?p=2026-01-02", "/runs/RUN"])
def test_while_the_catalog_is_busy_the_last_page_is_shown(
    open_page, readers_of, see, desk, run_id, path
):
    """It says as of when it is; what was never shown is refused, and tried again later."""
    readers = Busy(readers_of(desk))
    client, path = open_page(readers=readers), path.replace("RUN", run_id)
    assert "The catalog is busy" not in client.get(path).text

    readers.is_busy = True
    said, never = client.get(path), client.get("/runs?status=running")

    assert said.status_code == 200
    assert "The catalog is busy: this is as of 20" in see(said).text
    assert (never.status_code, "Another process writes." in never.text) == (503, True)


def test_an_error_can_be_reported_as_it_is(page, see):
    """Its report has what was asked for and what was answered, and can be copied."""
    seen = see(page.get("/assets/oders?p=2026-01-01"))

    report = next(a["data-copy"] for tag, a in seen.elements if "data-copy" in a)
    assert report.startswith(f"assetkit {ak.__version__}, Python 3.")
    assert "GET /assets/oders?p=2026-01-01\n404 UnknownHere: There is no asset 'oders'." in report
    assert "secret" not in report


def test_an_asset_that_the_code_has_no_longer_is_told_apart(tmp_path):
    """Its data is kept, and how to remove it is said; one that was never built says what first."""

    @ak.asset
    def first() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    @ak.asset
    def second(first: pd.DataFrame) -> pd.DataFrame:
        return first

    with Workspace(tmp_path / "workspace") as workspace:
        ak.materialize(first, workspace=workspace, progress="none")
        other = ak.asset(name="other")(lambda: pd.DataFrame({"n": [1]}))

        gone = asset_page(Desk(workspace, Definitions(assets=[other])), asset="first")
        empty = Workspace(tmp_path / "empty")
        new = asset_page(Desk(empty, Definitions(assets=[first, second])), asset="second")

    assert gone.sentence.startswith("The project no longer defines it. Last built 20")
    assert gone.sentence.endswith("Its data is kept; remove it: assetkit delete first")
    assert new.sentence == "Never built. A plan runs 1 asset above it first."


def test_a_plan_with_nothing_to_do_says_why(page, desk):
    """For each asset that was asked for."""
    said = page.get("/plan.json?select=orders&partitions=2026-01-02").json()

    assert not said["can_launch"]
    assert [key for key, _ in said["resting"]] == ["orders"]
    assert "orders@2026-01-02 is fresh" in json.dumps(said["resting"])


def test_the_board_says_which_source_is_late(tmp_path):
    """Since when it is gone and when it was seen last, also where only what needs it is late."""
    (tmp_path / "clicks.csv").write_text("n\n1\n")
    clicks = ak.external_asset("clicks", path=str(tmp_path / "clicks.csv"))

    @ak.asset(freshness=ak.FreshnessPolicy(max_lag="1s"))
    def visits(clicks: pd.DataFrame) -> pd.DataFrame:
        return clicks

    project = Definitions(assets=[clicks, visits])

    def told(workspace):
        return {row.asset: row.why for row in board_page(Desk(workspace, project)).rows}

    with Workspace(tmp_path / "workspace") as workspace:
        os.utime(tmp_path / "clicks.csv", (0, 0))
        never = told(Workspace(tmp_path / "empty"))
        ak.materialize([visits], workspace=workspace, progress="none")
        late = told(workspace)
        (tmp_path / "clicks.csv").unlink()
        gone = told(workspace)

    assert "never built" in never["visits"]
    assert "the source clicks is of 1970-01-01" in late["visits"]
    assert "clicks is external, last seen new" in late["visits"]
    assert "gone since" not in late["visits"]
    assert gone["visits"].startswith("the source clicks is missing; clicks is external, last seen")
    assert gone["clicks"].startswith("clicks is external, last seen new")
    assert ", gone since" in gone["clicks"]


def test_a_page_says_that_it_is_of_an_earlier_version(tmp_path, monkeypatch):
    """Its reader is of the version that is installed now; what it has kept is still shown."""
    workspace = str(tmp_path / "workspace")
    source = Source(
        module=None, folder=str(tmp_path), root=workspace, base=None,
        catalog=f"{workspace}/catalog.duckdb",
    )  # fmt: skip
    monkeypatch.setattr(reading, "__version__", "0.0.1")
    reader = reading.Reader(source)
    try:
        said = reader.problem()
    finally:
        reader.stop()

    assert said.startswith(
        f"This page was started by assetkit 0.0.1; now assetkit {ak.__version__}"
    )
    assert said.endswith("start it again: assetkit ui")


def test_a_catalog_of_a_later_version_says_what_to_upgrade(tmp_path, open_page, readers_of, see):
    """The board of a project has nothing to show then, and says why."""
    one = ak.asset(name="one")(lambda: pd.DataFrame({"n": [1]}))
    with Workspace(tmp_path / "workspace") as workspace:
        ak.materialize(one, workspace=workspace, progress="none")
        catalog = workspace.core.catalog.path
    with duckdb.connect(str(catalog)) as connection:
        connection.execute("update meta set format = 99")
    desk = Desk(Workspace(tmp_path / "workspace"), Definitions(assets=[one]))

    said = open_page(readers=readers_of(desk)).get("/")

    assert said.status_code == 500
    assert "pip install --upgrade assetkit" in see(said).text
