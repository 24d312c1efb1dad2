"""Branches: reads fall through to the base, writes stay, and what is made can be published."""

import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from assetkit import (
    AssetIn,
    DynamicPartitions,
    StaticPartitions,
    Workspace,
    asset,
    external_asset,
    materialize,
    plan,
    sql_asset,
)
from assetkit.checks import row_count
from assetkit.errors import (
    BaseMoved,
    InvalidArgument,
    PlanError,
    StorageError,
    UnknownAsset,
    WorkspaceError,
)
from assetkit.io import DuckDBIOManager

KEYS = StaticPartitions(["a", "b", "c"])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a workspace in which all of version 1 is made; to be copied."""
    folder = tmp_path_factory.mktemp("model") / "base"
    with Workspace(folder) as made:
        run(shop("1"), made)
    return folder


@pytest.fixture
def base(model, tmp_path):
    """A workspace in which all of version 1 is made."""
    shutil.copytree(model, tmp_path / "base")
    with Workspace(tmp_path / "base") as made:
        yield made


@pytest.fixture
def branch(base, tmp_path):
    """A branch of it in which nothing is made yet."""
    with Workspace(tmp_path / "branch", base=base) as made:
        yield made


def shop(version, *, keys=KEYS, factor=2):
    """Return assets: raw, doubled (of the version given) and their total."""

    @asset(partitions=keys, code_version="1")
    def raw(context) -> pd.DataFrame:
        return pd.DataFrame({"n": [1, 2], "key": [context.partition_key] * 2})

    @asset(partitions=keys, code_version=version)
    def doubled(raw: pd.DataFrame) -> pd.DataFrame:
        return raw.assign(n=raw.n * factor)

    @asset(code_version="1")
    def total(doubled: pd.DataFrame) -> pd.DataFrame:
        return doubled.groupby("key", as_index=False).n.sum()

    return [raw, doubled, total]


def run(targets, workspace, **arguments):
    """Materialize in a workspace, quietly."""
    return materialize(targets, workspace=workspace, progress="none", **arguments)


def would_run(targets, workspace):
    """Return what a plan would run."""
    return [(step.asset, step.partition) for step in plan(targets, workspace=workspace).steps]


def files(workspace):
    """Return what lies in a workspace's folder, and when it was written."""
    return {
        path: path.stat().st_mtime_ns
        for path in Path(workspace.root).rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def test_a_new_branch_has_all_that_its_base_has(base, branch):
    """Nothing is to be made, and everything can be read: by load, by SQL, in status."""
    before = files(base)

    assert would_run(shop("1"), branch) == []
    assert branch.load("total").n.tolist() == [6, 6, 6]
    assert branch.load("doubled", "b").n.tolist() == [2, 4]
    assert branch.sql("select sum(n) as n from doubled where partition <> 'a'").n.tolist() == [12]
    assert branch.status().set_index("asset").slots.to_dict() == {
        "doubled": 3,
        "raw": 3,
        "total": 1,
    }
    assert branch.status().own.tolist() == [0, 0, 0]
    assert len(branch.history("total")) == 1
    assert branch.lineage("total").upstream.tolist() == ["doubled", "raw"]
    assert files(base) == before


def test_writes_stay_in_the_branch(base, branch):
    """Changed code runs in the branch over the base's inputs, and changes nothing there."""
    before = files(base)
    new = shop("2", factor=10)

    assert would_run(new, branch) == [("doubled", key) for key in "abc"] + [("total", None)]
    result = run(new, branch)

    assert sorted(result.materialized)[:3] == [("doubled", key) for key in "abc"]
    assert result.load("total").n.tolist() == branch.load("total").n.tolist() == [30, 30, 30]
    assert result.load("raw").shape == (6, 3)
    assert base.load("total").n.tolist() == [6, 6, 6]
    assert files(base) == before
    assert would_run(new, branch) == []
    assert branch.verify().empty
    assert base.verify().empty


def test_own_and_lent_partitions_are_read_together(branch):
    """One partition of the branch's own stands among those of the base."""
    new = shop("2", factor=10)
    run(new[1], branch, partitions="b", upstream=False)

    assert branch.load("doubled").n.tolist() == [2, 4, 10, 20, 2, 4]
    assert branch.sql("select sum(n) n from doubled").n.tolist() == [42]
    assert branch.status().set_index("asset").loc["doubled", ["slots", "own"]].tolist() == [3, 1]
    assert would_run(new, branch) == [("doubled", "a"), ("doubled", "c"), ("total", None)]
    assert run(new, branch).load("total").n.tolist() == [30, 30, 30]


def test_the_same_result_moves_nothing_downstream(base, branch):
    """What comes out as it is in the base is unchanged, and nothing runs for it."""
    result = run(shop("2"), branch)

    assert result.unchanged == [("doubled", key) for key in "abc"]
    assert result.skipped == [("total", None)]


def test_base_moving_on_is_seen(base, branch):
    """What the branch reads from the base changes with it; what it made itself becomes stale."""
    new = shop("2", factor=10)
    run(new, branch)

    @asset(name="raw", partitions=KEYS, code_version="1")
    def raw(context) -> pd.DataFrame:
        return pd.DataFrame({"n": [5], "key": [context.partition_key]})

    run(raw, base, partitions="c", force=True)

    assert branch.load("raw", "c").n.tolist() == [5]
    assert would_run(new, branch) == [("doubled", "c"), ("total", None)]
    assert plan(new, workspace=branch).steps[0].causes == ("input raw",)
    assert run(new, branch).load("total").n.tolist() == [30, 30, 50]


def test_diff_compares_rows_columns_and_content(base, branch):
    """A row for each partition that the branch made itself."""

    @asset(partitions=StaticPartitions(["a", "b", "c", "d"]), code_version="2")
    def doubled(context) -> pd.DataFrame:
        if context.partition_key == "a":
            return pd.DataFrame({"n": [2, 4], "key": ["a", "a"]})
        rows = {"b": [2, 5, 5], "d": [9]}[context.partition_key]
        return pd.DataFrame({"n": rows, "more": 1.5})

    run(doubled, branch, partitions=["a", "b", "d"])
    found = branch.diff().set_index("partition")

    assert found.change.to_dict() == {"a": "same", "b": "changed", "d": "added"}
    assert found.loc["b", ["rows", "base_rows", "added", "removed"]].tolist() == [3, 2, 2, 1]
    assert found.loc["b", "columns"] == "+more double, -key large_string" or (
        found.loc["b", "columns"] == "+more double, -key string"
    )
    assert found.loc["d", ["rows", "added", "removed"]].tolist() == [1, 1, 0]
    assert not found.base_moved.any()
    assert branch.diff("doubled", "b").partition.tolist() == ["b"]


def test_promote_publishes_in_the_base(base, branch):
    """The base has the branch's data and records, nothing is stale, and the branch is empty."""
    new = shop("2", factor=10)
    run(new, branch)

    assert branch.promote() == 4
    assert base.load("total").n.tolist() == [30, 30, 30]
    assert would_run(new, base) == would_run(new, branch) == []
    assert branch.diff().empty
    assert branch.load("doubled", "a").n.tolist() == [10, 20]
    assert base.verify(deep=True).empty
    assert base.runs().origin.tolist()[0] == "promote"
    assert branch.promote() == 0


def test_promote_takes_a_selection(base, branch):
    """One partition of one asset is published; the rest stays in the branch."""
    new = shop("2", factor=10)
    run(new, branch)

    assert branch.promote(new[1], "b") == 1
    assert base.load("doubled").n.tolist() == [2, 4, 10, 20, 2, 4]
    assert sorted(branch.diff("doubled").partition) == ["a", "c"]
    assert would_run(shop("2", factor=10), branch) == []


def test_promote_is_refused_where_the_base_moved(base, branch):
    """What the base made since is not replaced, unless that is asked for."""
    new = shop("2", factor=10)
    run(new, branch)
    run(shop("3", factor=7)[1], base, partitions="b")

    assert branch.diff("doubled").base_moved.tolist() == [False, True, False]
    with pytest.raises(BaseMoved, match="doubled@b, made after"):
        branch.promote()
    assert base.load("doubled", "b").n.tolist() == [7, 14]

    assert branch.promote(overwrite=True) == 4
    assert base.load("doubled", "b").n.tolist() == [10, 20]


def test_promote_waits_for_no_one(base, branch):
    """A partition that a run of the base is building is not published behind its back."""
    run(shop("2", factor=10), branch)
    refused = []

    @asset(name="doubled", partitions=KEYS, code_version="2")
    def doubled(context) -> pd.DataFrame:
        try:
            branch.promote("doubled")
        except StorageError as error:
            refused.append(str(error))
        return pd.DataFrame({"n": [1]})

    run(doubled, base, partitions="a")

    assert "is being built in" in refused[0]
    assert base.load("doubled", "a").n.tolist() == [1]


def test_promote_of_new_partitions_and_dynamic_keys(tmp_path):
    """Keys that only the branch knows come along, as the definition numbers them."""
    keys = DynamicPartitions("customers")

    @asset(partitions=keys)
    def orders(context) -> pd.DataFrame:
        return pd.DataFrame({"who": [context.partition_key]})

    base = Workspace(tmp_path / "base")
    base.add_partitions("customers", ["ann", "bob", "cy"])
    base.remove_partitions("customers", ["bob"])
    run(orders, base)
    branch = Workspace(tmp_path / "branch", base=base)
    assert would_run(orders, branch) == []
    branch.add_partitions("customers", ["dora"])
    base.add_partitions("customers", ["eve"])
    assert would_run(orders, branch) == [("orders", "dora")]
    run(orders, branch)

    with pytest.raises(InvalidArgument, match="Give the asset itself"):
        branch.promote()
    assert branch.promote(orders) == 1
    assert sorted(base.load(orders).who) == ["ann", "cy", "dora"]
    assert would_run(orders, base) == [("orders", "eve")]


def test_branch_of_a_branch(base, branch, tmp_path):
    """Reads fall through two workspaces; promoting goes one step."""
    run(shop("2", factor=10)[:2], branch, partitions="a")
    top = Workspace(tmp_path / "top", base=branch)
    run(shop("3", factor=100)[:2], top, partitions="b")

    assert top.load("doubled").n.tolist() == [10, 20, 100, 200, 2, 4]
    top.promote()
    assert branch.load("doubled", "b").n.tolist() == [100, 200]
    assert base.load("doubled", "b").n.tolist() == [2, 4]


def test_deleting_in_a_branch_uncovers_the_base(base, branch):
    """The branch's own goes; what the base lends is there again, and cannot be deleted here."""
    run(shop("2", factor=10), branch)

    assert branch.delete("doubled", "a") == 1
    assert branch.load("doubled", "a").n.tolist() == [2, 4]
    assert base.load("doubled", "a").n.tolist() == [2, 4]
    assert would_run(shop("2", factor=10), branch) == [("doubled", "a"), ("total", None)]


def test_other_partitions_meet_by_their_keys(base, branch):
    """A definition that numbers its partitions otherwise still finds the base's."""
    more = shop("1", keys=StaticPartitions(["z", "c", "a"]))

    assert would_run(more[0], branch) == [("raw", "z")]
    run(more[0], branch)
    assert sorted(branch.load("raw").key.unique()) == ["a", "b", "c", "z"]
    assert branch.promote(more[0]) == 1
    assert would_run(more[0], base) == []


def test_results_of_other_managers(tmp_path):
    """Objects, tables of an engine, results of None and what was adopted are lent and promoted."""

    @asset(io_manager="pickle", code_version="1")
    def model():
        return {"weights": [1, 2]}

    @asset(io_manager=DuckDBIOManager(), code_version="1")
    def table() -> pa.Table:
        return pa.table({"n": [1, 2]})

    @asset(io_manager="memory", code_version="1")
    def kept(table: pa.Table) -> pa.Table:
        return table

    @asset(code_version="1")
    def nothing(model: dict, kept: pa.Table) -> None:
        return None

    everything = [model, table, kept, nothing]
    base = Workspace(tmp_path / "base")
    run(everything, base)
    branch = Workspace(tmp_path / "branch", base=base)
    assert would_run(everything, branch) == []
    assert branch.load("model", load_as=dict) == {"weights": [1, 2]}
    assert branch.load(table).n.tolist() == branch.load("kept").n.tolist() == [1, 2]

    run(everything, branch, force=True)
    assert branch.promote(everything) == 4
    assert would_run(everything, base) == []
    assert base.load(table).n.tolist() == base.load("kept").n.tolist() == [1, 2]


def test_what_would_write_into_the_base_is_refused(tmp_path):
    """A database at a fixed path is the base's, too."""
    shared = DuckDBIOManager(tmp_path / "shared.duckdb")

    @asset(io_manager=shared)
    def table() -> pa.Table:
        return pa.table({"n": [1]})

    base = Workspace(tmp_path / "base")
    run(table, base)
    branch = Workspace(tmp_path / "branch", base=base)

    with pytest.raises(PlanError, match="would change its base"):
        run(table, branch, force=True)


def test_outside_data_is_observed_by_the_branch(tmp_path):
    """What others make is looked at anew, and never promoted."""
    (tmp_path / "in.csv").write_text("n\n1\n")
    source = external_asset("source", path=tmp_path / "in.csv")
    twice = sql_asset("twice", "select n * 2 as n from source")
    base = Workspace(tmp_path / "base")
    run([source, twice], base)
    branch = Workspace(tmp_path / "branch", base=base)
    assert would_run([source, twice], branch) == []

    (tmp_path / "in.csv").write_text("n\n10\n")

    assert would_run([source, twice], branch) == [("twice", None)]
    assert run([source, twice], branch).load("twice").n.tolist() == [20]
    assert branch.promote() == 1
    assert would_run([source, twice], base) == []


def test_own_earlier_value_and_changes_come_from_the_base(branch):
    """`context.previous` finds what the base has."""
    seen = []

    @asset(partitions=KEYS, code_version="9", ins={"raw": AssetIn(columns=["n"])})
    def doubled(context, raw: pd.DataFrame) -> pd.DataFrame:
        seen.append(context.previous(pd.DataFrame).n.tolist())
        return raw

    run([shop("1")[0], doubled], branch, partitions="a", select="doubled")

    assert seen == [[2, 4]]


def test_a_branch_remembers_its_base(base, branch, tmp_path, monkeypatch):
    """Once written to, it is a branch wherever it is opened; settings name a base, too."""
    run(shop("2"), branch)
    assert Workspace(tmp_path / "branch").base == base.root

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSETKIT_WORKSPACE", str(tmp_path / "other"))
    monkeypatch.setenv("ASSETKIT_BASE", str(base.root))
    assert Workspace().load("total").n.tolist() == [6, 6, 6]
    monkeypatch.setenv("ASSETKIT_WORKSPACE", str(base.root))
    assert Workspace().base is None
    monkeypatch.delenv("ASSETKIT_BASE")
    monkeypatch.setenv("ASSETKIT_WORKSPACE", str(tmp_path / "third"))
    (tmp_path / "pyproject.toml").write_text('[tool.assetkit]\nbase = "base"\n')
    assert Workspace().base == base.root


def test_what_is_no_branch_says_so(base, branch, tmp_path):
    """Diff, promote and rename are refused where they cannot be, with what to do."""
    with pytest.raises(PlanError, match="is no branch"):
        base.diff()
    with pytest.raises(PlanError, match="is no branch"):
        base.promote()
    with pytest.raises(InvalidArgument, match="Rename it in"):
        branch.rename("raw", "rawer")
    with pytest.raises(InvalidArgument, match="base=3 does not do"):
        Workspace(tmp_path / "x", base=3)
    with pytest.raises(InvalidArgument, match="branch of itself"):
        Workspace(base.root, base=branch)
    with pytest.raises(WorkspaceError, match=r"no workspace .*/misspelt"):
        Workspace(tmp_path / "y", base=tmp_path / "misspelt")
    with pytest.raises(UnknownAsset, match="no assets here"):
        Workspace(tmp_path / "y", base=Workspace(tmp_path / "empty")).load(shop("1")[0])


def test_results_of_checks_come_along(tmp_path):
    """What checks found in the branch is known in the base, without checking again."""

    @asset(code_version="1", checks=[row_count(5, severity="warn")])
    def few() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    base = Workspace(tmp_path / "base")
    branch = Workspace(tmp_path / "branch", base=base)
    run(few, branch)

    branch.promote()

    found = base.checks("few").iloc[0]
    assert (found.check, found.passed, found.severity) == ("row_count(min=5)", False, "warn")
