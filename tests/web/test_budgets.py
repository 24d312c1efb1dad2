"""What pages cost where much is there: elements, bytes, looks at the catalog, modules. No times:
those are benchmarks/page.py's.
"""

import subprocess
import sys

import pandas as pd
import pytest

import assetkit as ak
from assetkit import DailyPartitions, Workspace
from assetkit.catalog import store
from assetkit.project import Definitions, load_project
from assetkit.web.desk import Desk

MANY = 1_000
LOADED = """
import sys
import assetkit.web.reader as reader
from assetkit.project import load_project
from assetkit.workspace import Workspace
from pathlib import Path
desk = reader.Desk(Workspace("workspace"), load_project("plain", Path()))
reader.board_page(desk), reader.lineage_page(desk), reader.runs_page(desk)
assert reader.asset_page(desk, asset="numbers").data.slot == "numbers"
print(",".join(sys.modules))
"""


def numbered(number):
    """Return an asset of a chain of ten, in one of 25 groups."""
    upstream = [f"a{number - 1:04}"] if number % 10 else []

    @ak.asset(name=f"a{number:04}", group=f"g{number % 25}", deps=upstream)
    def made():
        return pd.DataFrame({"number": [number]})

    return made


@ak.asset(partitions=DailyPartitions("1999-01-01", end="2026-06-01"))
def long(context) -> pd.DataFrame:
    """Ten thousand days."""
    return pd.DataFrame({"day": [context.partition_key]})


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A project of a thousand assets, and one of ten thousand partitions, of which some are."""
    project = Definitions(assets=[long, *map(numbered, range(MANY))])
    with Workspace(tmp_path_factory.mktemp("large") / "workspace") as workspace:
        workspace.core.place.private.mkdir(parents=True)
        ak.materialize(
            project, select="long@2020-01-01..2020-01-10", workspace=workspace, progress="none"
        )
        yield Desk(workspace, project)


@pytest.fixture
def large_page(open_page, large, readers_of):
    """The page of that project."""
    return open_page(readers=readers_of(large))


@pytest.mark.parametrize(
    ("address", "elements", "size"),
    [
        pytest.param("/", 4_500, 180_000, id="a board of 1,000 assets"),
        pytest.param("/lineage", 5_000, 150_000, id="a lineage of 1,000 assets"),
        pytest.param("/lineage?select=a0505&depth=2", 400, 20_000, id="a focus of 1,000 assets"),
        pytest.param("/assets/long", 1_500, 60_000, id="an asset of 10,000 partitions"),
        pytest.param("/plan?select=long", 400, 20_000, id="a plan of 10,000 steps"),
        pytest.param("/backfill?select=long", 400, 30_000, id="a backfill of 10,000 partitions"),
    ],
)
def test_pages_of_large_projects_stay_small(large_page, see, address, elements, size):
    """What is shown is bounded, whatever the project has."""
    said = large_page.get(address)

    assert said.status_code == 200
    assert len(see(said).elements) < elements
    assert len(said.content) < size


@pytest.mark.parametrize(
    ("address", "reads"),
    [("/", 5), ("/lineage", 0), ("/assets/orders", 3), ("/runs", 3), ("/runs/RUN", 4)],
)
def test_pages_look_at_the_catalog_a_few_times(page, run_id, monkeypatch, address, reads):
    """How all stands is known from before: nothing was written since."""
    address = address.replace("RUN", run_id)
    page.get(address)
    opened, attached = [], store.attached
    monkeypatch.setattr(store, "attached", lambda *how: opened.append(how[1]) or attached(*how))

    page.get(address)
    assert len(opened) <= reads
    assert set(opened) <= {"read"}


def test_what_reads_loads_no_more_than_it_needs(tmp_path):
    """Neither pandas nor what else is slow to load, where the project does not; no server."""
    (tmp_path / "plain.py").write_text(
        "from assetkit import asset\n\n"
        "@asset(io_manager='pickle')\ndef numbers():\n    return [1]\n"
    )
    with Workspace(tmp_path / "workspace") as workspace:
        ak.materialize(load_project("plain", tmp_path), workspace=workspace, progress="none")
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    unwanted = {"pandas", "rich", "pydantic", "starlette", "uvicorn", "jinja2"}
    unwanted |= {f"pyarrow.{name}" for name in ("compute", "dataset", "fs", "parquet")}
    assert unwanted.isdisjoint(done.stdout.strip().split(","))
