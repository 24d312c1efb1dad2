"""The reports in SQL, as the README tells it: built, corrected, tried on a branch, published."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assetkit import Workspace, materialize, plan
from assetkit.project import load_project

EXAMPLE = Path(__file__).parents[2] / "examples" / "sql_marts"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return what loads a copy of the example in the current folder, with a week of receipts."""
    folder = tmp_path / "sql_marts"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".assetkit", "__pycache__"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    subprocess.run([sys.executable, "receive.py"], check=True)

    def load():
        sys.modules.pop("marts", None)
        return load_project("marts", folder)

    yield load
    sys.modules.pop("marts", None)


def test_reports_as_the_readme_tells(project):
    """A corrected file, and a changed query on a branch, touch what depends on them."""
    result = materialize(project(), progress="none")
    assert len(result.materialized) == 9
    assert result.load("revenue_by_day").total.iloc[-1] == result.load("sales").revenue.sum()
    assert result.load("best_product")["product"].tolist() == ["cheese"]
    assert Workspace().lineage("sales")["columns"][0]["revenue"] == ["pieces", "price"]

    with Path("inbox/2026-01-03.csv").open("a") as file:
        file.write("wine,10,9.0\n")
    stale = [(step.asset, step.partition) for step in plan(project()).steps]
    assert stale[0] == ("sales", "2026-01-03")
    assert {asset for asset, _ in stale[1:]} == {"revenue_by_day", "best_product"}
    materialize(project(), progress="none")

    query = Path("marts/models/daily/sales.sql")
    query.write_text(query.read_text().replace("is not null", "<> 'wine'"))
    changed = project()
    assert (
        "    +where product <> 'wine'" in plan(changed).explain("sales", "2026-01-03").splitlines()
    )
    branch = Workspace(".try", base=Workspace())
    materialize(changed, workspace=branch, progress="none")
    found = branch.diff("sales")
    assert (found.removed.tolist(), found.added.tolist()) == ([1] * 7, [0] * 7)

    branch.promote(list(changed.assets))
    assert len(plan(project())) == 0
    assert "wine" not in set(Workspace().load("sales")["product"])
