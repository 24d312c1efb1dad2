"""What a project brings, and what a caller gives, decides what a run works with."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from assetkit import (
    Definitions,
    InProcessExecutor,
    Resource,
    ThreadExecutor,
    Workspace,
    asset,
    backfill,
    materialize,
    plan,
)
from assetkit.errors import InvalidArgument
from assetkit.io import MemoryIOManager, PickleIOManager


class Shop(Resource):
    name: str


class Counted(ThreadExecutor):
    """Threads that count what they are given."""

    calls = 0

    def submit(self, *arguments):
        self.calls += 1
        super().submit(*arguments)


@asset
def place(shop: Shop):
    return pd.DataFrame({"name": [shop.name]})


@asset(io_manager="drawer")
def things(place):
    return {*place["name"]}


def project(**arguments):
    """Return a project whose assets need a resource and an IO manager."""
    own = {"resources": {"shop": Shop(name="ours")}, "io_managers": {"drawer": PickleIOManager()}}
    return Definitions(**{"assets": [place, things], **own, **arguments})


def test_a_project_brings_resources_io_managers_and_executor(workspace):
    """What `Definitions` hold is used without being given again, and loads as it was kept."""
    executor = Counted(1)
    made = materialize(project(executor=executor), workspace=workspace, progress="none")

    assert made.load("things") == {"ours"}
    assert executor.calls == 2
    assert len(plan(project(), workspace=workspace)) == 0


def test_backfills_take_what_a_project_brings(workspace):
    """`backfill` works with a project's surroundings as `materialize` does."""
    assert backfill(project(), workspace=workspace, progress="none").load("things") == {"ours"}


def test_what_is_given_nearer_goes_first(tmp_path):
    """A call's resources go before a workspace's, and those before a project's."""
    with Workspace(tmp_path, resources={"shop": Shop(name="its")}) as workspace:
        first = materialize(project(), workspace=workspace, progress="none")
        assert first.load("things") == {"its"}
        nearer = {"shop": Shop(name="mine")}
        again = materialize(
            project(), workspace=workspace, resources=nearer, force=True, progress="none"
        )
        assert again.load("things") == {"mine"}


def test_the_executor_of_a_workspace_goes_before_a_projects(tmp_path):
    """An executor that a workspace was given is kept, also where it is the default one."""
    theirs = Counted(1)
    with Workspace(tmp_path, executor=InProcessExecutor()) as workspace:
        materialize(project(executor=theirs), workspace=workspace, progress="none")

    assert theirs.calls == 0


def test_what_is_kept_in_memory_is_there_for_every_call(workspace):
    """A project's own IO managers leave the workspace's as they are."""

    @asset(io_manager="memory")
    def kept():
        return 5

    @asset
    def used(kept: int):
        return pd.DataFrame({"kept": [kept]})

    materialize(project(assets=[kept]), workspace=workspace, progress="none")
    made = materialize(project(assets=[kept, used]), workspace=workspace, progress="none")

    assert made.materialized == [("used", None)]
    assert workspace.load("kept") == 5


def test_what_an_asset_was_kept_by_is_found_again_by_its_name(workspace):
    """Whatever the manager: one of the project's, an object, a ready one by name."""

    @asset(io_manager=MemoryIOManager())
    def thought():
        return 7

    @asset(io_manager=PickleIOManager())
    def written():
        return {8}

    @asset(io_manager="duckdb")
    def stored():
        return pd.DataFrame({"n": [9]})

    project_ = project(assets=[place, things, thought, written, stored])
    materialize(project_, workspace=workspace, progress="none")

    assert workspace.load("things") == {"ours"}
    assert workspace.load("thought") == 7
    later = Workspace(workspace.root)
    assert (later.load("written"), later.load("stored").n.tolist()) == ({8}, [9])
    with pytest.raises(InvalidArgument, match="not known here by name"):
        later.load("thought")
    assert workspace.verify().empty
    assert later.verify().empty, "nobody can say whose files they are"


def test_verification_knows_where_tables_lie(workspace):
    """A database and its lock are no files of strangers; what lies beside them is."""

    @asset(io_manager="duckdb")
    def stored():
        return pd.DataFrame({"n": [9]})

    materialize(stored, workspace=workspace, progress="none")
    stray = Path(workspace.root) / "data" / "stray.txt"
    stray.write_text("not ours")

    assert workspace.verify().problem.tolist() == [
        f"{stray} belongs to no asset that the catalog knows"
    ]


def test_a_saved_plan_is_applied_with_what_the_project_brings(workspace, tmp_path):
    """A plan that was saved and loaded runs with the surroundings of its project."""
    plan(project(), workspace=workspace).save(tmp_path / "plan.json")
    saved = plan(project(), workspace=workspace).load(tmp_path / "plan.json", definitions=project())

    assert materialize(saved, workspace=workspace, progress="none").load("things") == {"ours"}


def test_a_path_stands_for_the_workspace_in_it(tmp_path):
    """``workspace=`` takes the path of one, too."""
    materialize(project(), workspace=tmp_path / "here", progress=False)

    assert len(plan(project(), workspace=str(tmp_path / "here"))) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        {"workspace": 3},
        {"executor": "threads"},
        {"executor": ThreadExecutor},
        {"resources": ["shop"]},
        {"run_tags": "nightly"},
        {"now": "2026-01-01"},
        {"progress": 3},
        {"progress": "loud"},
    ],
    ids="-".join,
)
def test_arguments_of_the_wrong_kind_are_named(arguments):
    """What cannot be meant is refused by name before anything runs."""
    (name,) = arguments
    with pytest.raises(InvalidArgument, match=name):
        materialize(project(), **arguments)


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (lambda: Workspace(3), r"Workspace\(3\): give the path or URL"),
        (lambda: Workspace(""), "the path is empty"),
        (lambda: project().evaluate(workspace=3), r"Workspace\(3\): give the path or URL"),
        (lambda: Workspace(executor=ThreadExecutor), "executor=.*ThreadExecutor\\(4\\)"),
        (lambda: Workspace(resources=3), "resources=3"),
        (lambda: Workspace(pools=3), "pools=3"),
        (lambda: Workspace(io_managers="parquet"), "io_managers='parquet'"),
        (lambda: Workspace(catalog=3), "catalog=3"),
        (lambda: Workspace().sql(3), "must be a text"),
        (lambda: Workspace().status(now="2026-01-01"), "now='2026-01-01'"),
        (lambda: Workspace().vacuum(older_than="soon"), "older_than='soon'"),
        (lambda: Workspace().add_partitions("shops", 3), "list of texts; found 3"),
        (lambda: project(executor=3), "executor=3"),
        (lambda: project(checks=[len]), "checks=.*asset_check"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_given(refused, said):
    """Not only when something runs."""
    with pytest.raises(InvalidArgument, match=said):
        refused()


def test_a_selection_is_looked_up_in_the_project_above(tmp_path, monkeypatch):
    """From any folder of a project, its assets are found by name."""
    (tmp_path / "shop_above.py").write_text(
        "from assetkit import asset\n\n\n@asset\ndef orders():\n    return None\n"
    )
    (tmp_path / "pyproject.toml").write_text('[tool.assetkit]\nmodule = "shop_above"\n')
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setattr("sys.path", [*sys.path])

    made = eval("plan('orders')", {"plan": plan})  # as a caller that knows no assets

    assert [step.asset for step in made.steps] == ["orders"]
    assert made.workspace.root == str(tmp_path / ".assetkit")
