"""The model project: trained, scored and registered, and no step more than needed."""

import shutil
import sys
from pathlib import Path

import pytest

from assetkit import Workspace, materialize, plan
from assetkit.project import load_project

pytest.importorskip("sklearn")

EXAMPLE = Path(__file__).parents[2] / "examples" / "tumour_model"
QUICK = {"model": {"trees": 20}}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return what loads a copy of the example, after an edit if one is given."""
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".assetkit", "__pycache__"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(old="", new=""):
        file = folder / "tumours.py"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new) if old else text, encoding="utf-8")
        sys.modules.pop("tumours", None)
        return load_project("tumours", folder)

    yield load
    sys.modules.pop("tumours", None)


def run(definitions, workspace, **arguments):
    """Materialize quietly, with few trees."""
    arguments = {"config": QUICK, "progress": "none", **arguments}
    return materialize(definitions, workspace=workspace, **arguments)


def assets_of(slots):
    """Return the names of assets in a list of slots."""
    return {asset for asset, _ in slots}


def test_models_are_trained_scored_and_registered(project):
    """Both are scored on data they have not seen; the registered one can be used."""
    with Workspace.temporary() as workspace:
        definitions = project()
        run(definitions, workspace)

        scores = workspace.load("scores")
        assert sorted(scores.algorithm) == ["forest", "logistic"]
        assert scores.accuracy.min() > 0.9
        card = workspace.load("registered", load_as=dict)
        assert card["recall"] == scores.recall.max()
        holdout = workspace.load("holdout")
        found = workspace.load("classifier", load_as=object).predict(
            holdout.drop(columns="malignant")
        )
        assert (found == holdout.malignant).mean() == pytest.approx(card["accuracy"])
        metadata = workspace.describe("scores", "forest").metadata
        assert metadata["accuracy"]["kind"] == "number"
        assert len(metadata["confusion"]["value"]) == 2
        assert len(plan(definitions, workspace=workspace, config=QUICK)) == 0


def test_only_what_a_change_concerns_runs(project):
    """Scoring in another way trains nothing; other settings of training deal out nothing."""
    with Workspace.temporary() as workspace:
        run(project(), workspace)

        scored = run(project("round(value, 4)", "round(value, 3)"), workspace)
        assert assets_of(scored.materialized) | assets_of(scored.unchanged) == {"scores"}

        trained = run(project(), workspace, config={"model": {"trees": 3}})
        assert trained.materialized[0] == ("model", "forest")
        assert ("model", "logistic") in trained.unchanged
        assert ("scores", "logistic") in trained.skipped
        assert not {"features", "training"} & assets_of(trained.materialized)


def test_a_worse_model_is_not_registered(project):
    """The blocking check keeps the card and the classifier that are there."""
    with Workspace.temporary() as workspace:
        run(project(), workspace)
        before = workspace.load("registered", load_as=dict)

        worse = project(
            "found, likely = model.predict(data), model.predict_proba(data)[:, 1]",
            "found, likely = model.predict(data) & False, model.predict_proba(data)[:, 1]",
        )
        result = run(worse, workspace, raise_on_error=False)

        assert result.failed == [("registered", None)]
        assert result.blocked == [("classifier", None)]
        assert [one.check for one in result.unmet_checks] == ["good_enough"]
        assert workspace.load("registered", load_as=dict) == before
