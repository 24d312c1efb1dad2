"""Files are held against the catalog: what a crash or another hand did is found, and mended."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from assetkit import ParquetIOManager, StaticPartitions, Workspace, asset, materialize, plan
from assetkit.errors import WorkspaceError
from assetkit.planning.request import Request
from assetkit.workspace.evaluating import evaluate_beside
from assetkit.workspace.reconcile import Looks
from assetkit.workspace.situation import describe_graph


def part(workspace, asset, key):
    """Return the file of a partition."""
    return Path(workspace.root) / "data" / asset / f"partition={key}" / "part.parquet"


def test_a_file_deleted_by_hand_is_made_again(shop, assets):
    """It counts as missing, the plan says why, and only what depends on a change follows."""
    part(shop, "orders", "2026-01-02").unlink()
    made = plan(assets["total"], workspace=shop)

    first = made.steps[0]
    assert (first.asset, first.partition, str(first.verdict)) == ("orders", "2026-01-02", "missing")
    assert "gone" in made.explain("orders", "2026-01-02")
    result = materialize(assets["total"], workspace=shop, progress="none")
    assert result.materialized == [("orders", "2026-01-02")]
    assert result.skipped == [("large", "2026-01-02"), ("report/total", None)]
    assert len(plan(assets["total"], workspace=shop)) == 0


def test_a_file_replaced_by_another_hand_is_made_again(shop, assets):
    """A foreign file in the place of a partition is no data of it."""
    file = part(shop, "orders", "2026-01-02")
    file.write_bytes(b"not ours")
    result = materialize(assets["orders"], workspace=shop, progress="none")

    assert result.materialized == [("orders", "2026-01-02")]
    assert shop.load("orders", "2026-01-02").id.tolist() == [20, 21]


def test_what_was_published_but_not_recorded_is_adopted(shop, assets, tmp_path):
    """A lost catalog costs no data: the files say what they are, and nothing runs again."""
    shop.close()
    for file in Path(shop.root).glob("catalog.duckdb*"):
        file.unlink()
    again = Workspace(shop.root)

    assert len(plan(assets["total"], workspace=again)) == 0
    assert int(again.load(assets["total"]).total[0]) == 37


def test_a_newer_file_that_the_catalog_missed_is_taken(shop, assets, workspace, tmp_path):
    """A crash between publishing and recording leaves a file that is found by the next plan."""
    old = tmp_path / "old"
    shop.close()
    shutil.copytree(shop.root, old)
    materialize(assets["total"], force=True, workspace=shop, progress="none")
    materialize(assets["orders"], force=True, workspace=shop, progress="none")
    shop.close()
    for file in Path(shop.root).glob("catalog.duckdb*"):
        file.unlink()
    for file in old.glob("catalog.duckdb*"):
        shutil.copy(file, shop.root)
    again = Workspace(shop.root)

    assert len(plan(assets["total"], workspace=again)) == 0


def test_a_plan_looks_at_no_files_of_assets_that_it_is_not_about(tmp_path):
    """Only those of its targets and of what they are made from, however many others there are."""
    looked_at = set()

    class Seen(ParquetIOManager):
        def signatures(self, sources):
            looked_at.update(one.asset for one in sources)
            return super().signatures(sources)

    @asset(io_manager="seen")
    def source():
        return pd.DataFrame({"n": [1]})

    @asset(io_manager="seen")
    def wanted(source):
        return source

    @asset(io_manager="seen", deps=[wanted])
    def other():
        return pd.DataFrame({"n": [2]})

    everything = [source, wanted, other]
    with Workspace(tmp_path / "made", io_managers={"seen": Seen()}) as workspace:
        materialize(everything, workspace=workspace, progress="none")
        looked_at.clear()
        plan(everything, select="wanted", workspace=workspace)
        assert looked_at == {"source", "wanted"}
        plan(everything, workspace=workspace)
        assert looked_at == {"source", "wanted", "other"}


def test_who_looks_again_looks_at_what_the_catalog_says_something_new_of(tmp_path):
    """A file that is gone meanwhile is seen once all are to be looked at again."""
    looked_at = []

    class Seen(ParquetIOManager):
        def signatures(self, sources):
            looked_at.extend(one.asset for one in sources)
            return super().signatures(sources)

    days = StaticPartitions(["mon", "tue"])

    @asset(io_manager="seen", partitions=days)
    def kept(context):
        return pd.DataFrame({"day": [context.partition_key]})

    @asset(io_manager="seen")
    def changed():
        return pd.DataFrame({"n": [1]})

    with Workspace(tmp_path / "made", io_managers={"seen": Seen()}) as workspace:
        materialize([kept, changed], workspace=workspace, progress="none")
        described, looks = (
            describe_graph(plan([kept, changed], workspace=workspace).graph, {}),
            Looks(),
        )

        def missing():
            looked_at.clear()
            request, now = Request(targets=("kept", "changed")), workspace.core.now()
            made, _ = evaluate_beside(workspace.core, described, request, now=now, looks=looks)
            return [step.asset for step in made.steps]

        assert missing() == []
        assert sorted(looked_at) == ["changed", "kept", "kept"]
        materialize(changed, force=True, workspace=workspace, progress="none")
        part(workspace, "kept", "mon").unlink()
        assert missing() == []
        assert looked_at == ["changed"]
        looks.forget()
        assert missing() == ["kept"]
        assert missing() == ["kept"]
        assert looked_at == []


def test_a_root_that_cannot_be_a_workspace_is_refused(tmp_path):
    """A file in the place of the folder is said."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkspaceError, match="is a file, not a folder"):
        Workspace(tmp_path / "file")
