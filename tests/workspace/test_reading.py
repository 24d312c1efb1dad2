"""Published data is read back by asset and partition, and with SQL."""

import pandas as pd
import pyarrow as pa
import pytest

from assetkit import StaticPartitions, asset, materialize, plan
from assetkit.errors import (
    DataMissing,
    InvalidArgument,
    InvalidSelection,
    PlanError,
    UnknownAsset,
    UnknownPartition,
)


@pytest.mark.parametrize(
    ("partitions", "ids"),
    [
        pytest.param("2026-01-02", [20, 21], id="a-key"),
        pytest.param(["2026-01-02", "2026-01-01"], [10, 11, 20, 21], id="a-list"),
        pytest.param("2026-01-04..2026-01-05", [40, 41, 50, 51], id="a-range"),
        pytest.param("2026-01-05..", [50, 51], id="from-a-key-on"),
        pytest.param("latest", [50, 51], id="the-latest"),
        pytest.param("latest:2", [40, 41, 50, 51], id="the-latest-two"),
        pytest.param({"partition": "latest"}, [50, 51], id="by-dimension"),
    ],
)
def test_a_selection_of_partitions_is_loaded_in_order(shop, partitions, ids):
    """Keys, lists, ranges and the latest ones are selected among what is published."""
    assert shop.load("orders", partitions).id.tolist() == ids


def test_several_partitions_say_which_row_is_of_which(shop):
    """The dimension is a column where several partitions are loaded, and not where one is."""
    everything = shop.load("orders")

    assert sorted(everything.partition.unique()) == [f"2026-01-0{day}" for day in range(1, 6)]
    assert list(shop.load("orders", "2026-01-01").columns) == ["id", "amount"]


def test_an_asset_is_found_by_handle_key_or_last_part(shop, assets):
    """All three name the same asset."""
    for name in (assets["total"], "report/total", "total"):
        assert int(shop.load(name).total[0]) == 37


def test_columns_and_type_are_chosen(shop):
    """Only the columns asked for are read, as the type asked for."""
    table = shop.load("orders", "2026-01-01", load_as=pa.Table, columns=["amount"])

    assert table.to_pydict() == {"amount": [1, 2]}


@pytest.mark.parametrize(
    ("asset", "partitions", "error", "words"),
    [
        ("ordres", None, UnknownAsset, "Did you mean orders"),
        ("orders", "2026-01-09", UnknownPartition, "is not materialized"),
        ("orders", "2026-01-04..2026-01-02", InvalidSelection, "reversed"),
        ("total", "2026-01-01", InvalidSelection, "no partitions"),
        ("orders", {"region": "us"}, InvalidSelection, "no dimension 'region'"),
        ("orders", [], InvalidSelection, "selects none of the 5 partitions"),
        ("orders", "latest:0", InvalidSelection, "selects nothing"),
        ("orders", "latest:many", UnknownPartition, "is not materialized"),
        ("orders", "stale", InvalidSelection, "Only a plan knows"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(shop, asset, partitions, error, words):
    """A wrong name or key is refused, with the nearest ones."""
    with pytest.raises(error, match=words):
        shop.load(asset, partitions)


def test_the_events_of_a_run_that_never_was_are_refused(shop):
    """The nearest ids are named."""
    run_id = shop.runs().run_id[0]

    assert len(shop.events(run_id)) == 11
    with pytest.raises(PlanError, match=run_id):
        shop.events(run_id[:-1])


def test_a_plan_is_not_saved_into_a_folder_that_is_not_there(shop, assets, tmp_path):
    """What stood in the way is said in words, for files in the place of folders too."""
    (tmp_path / "file").write_text("")
    for folder in ("nowhere", "file"):
        with pytest.raises(PlanError, match="cannot be written"):
            plan(assets["total"], workspace=shop).save(tmp_path / folder / "plan.json")


def test_a_workspace_without_data_says_so(workspace):
    """Loading from an empty workspace is an error that says that nothing was made."""
    with pytest.raises(UnknownAsset, match="There are no assets here"):
        workspace.load("orders")


def test_deleted_partitions_are_no_data(shop):
    """After deleting all partitions, there is nothing to load; what is there is counted."""
    assert shop.delete("orders") == 5
    with pytest.raises(DataMissing, match="Nothing of 'orders'"):
        shop.load("orders")


def test_sql_sees_every_asset_as_a_view(shop):
    """Keys with prefixes are quoted or told by their last part; partitions are text columns."""
    counted = shop.sql("select partition, count(*) as n from orders group by all order by all")

    assert counted.n.tolist() == [2] * 5
    assert counted.partition[0] == "2026-01-01"
    assert int(shop.sql('select total from "report/total"').total[0]) == 37
    assert int(shop.sql("select total from total").total[0]) == 37
    assert int(shop.sql("select total from report.total").total[0]) == 37


def test_wrong_sql_is_told_in_words(shop):
    """An unknown table is named, with the assets there are."""
    with pytest.raises(InvalidSelection, match="ordres"):
        shop.sql("select * from ordres")
    with pytest.raises(InvalidSelection, match="gives no rows"):
        shop.sql("")


def test_lineage_leads_up_to_the_roots(shop):
    """Each edge has its distance from the asset asked about."""
    edges = shop.lineage("total")

    assert edges.to_dict("list") == {
        "upstream": ["large", "orders"],
        "downstream": ["report/total", "large"],
        "distance": [1, 2],
        "columns": [None, None],
    }


def test_status_runs_events_and_history_are_frames(shop):
    """What happened can be looked up."""
    run_id = shop.runs().run_id[0]

    assert shop.status().set_index("asset").slots.to_dict() == {
        "large": 5,
        "orders": 5,
        "report/total": 1,
    }
    assert len(shop.events(run_id)) == 11
    assert isinstance(shop.history("orders"), pd.DataFrame)
    assert len(shop.history("orders", "2026-01-01")) == 1


def test_views_leave_out_what_is_no_data(workspace):
    """Row positions, results of None and frames without columns do not show in SQL."""

    @asset(partitions=StaticPartitions(["filtered", "empty", "none"]))
    def mixed(context):
        if context.partition_key == "none":
            return None
        if context.partition_key == "empty":
            return pd.DataFrame()
        return pd.DataFrame({"n": [1, 2, 3]}).loc[[0, 2]]

    materialize(mixed, workspace=workspace, progress="none")

    assert workspace.sql("select * from mixed").to_dict("list") == {
        "n": [1, 3],
        "partition": ["filtered", "filtered"],
    }
    assert workspace.load(mixed, "none") is None


def test_sql_says_what_no_table_can_be_made_of(workspace):
    """An object has no rows; queries that do not name it go on as if it were not there."""

    @asset(io_manager="pickle")
    def model():
        return {"weights": [1, 2]}

    @asset
    def model_scores():
        return pd.DataFrame({"score": [1]})

    materialize([model, model_scores], workspace=workspace, progress="none")

    assert workspace.sql("from model_scores").score.tolist() == [1]
    with pytest.raises(InvalidSelection, match="Nothing with columns is published of model"):
        workspace.sql("from model")


def test_one_column_may_go_without_a_list_and_must_be_a_text(shop):
    """A text is one column, not many of a letter each."""
    assert list(shop.load("orders", "2026-01-01", columns="amount").columns) == ["amount"]
    with pytest.raises(InvalidArgument, match=r"columns=\[3\]"):
        shop.load("orders", columns=[3])
