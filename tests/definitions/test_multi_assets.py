"""Several assets that one function makes."""

import json
from pathlib import Path

import pandas as pd
import pytest

from assetkit import (
    AssetOut,
    BackfillPolicy,
    Config,
    DailyPartitions,
    Definitions,
    InProcessExecutor,
    Output,
    ProcessExecutor,
    ThreadExecutor,
    Workspace,
    asset,
    build_context,
    materialize,
    multi_asset,
    plan,
)
from assetkit.checks import row_count
from assetkit.errors import (
    ConfigError,
    CycleError,
    DuplicateAsset,
    InvalidArgument,
    MaterializationError,
    UnknownAsset,
)

DAYS = DailyPartitions("2026-01-01", end="2026-01-04")


@pytest.fixture
def workspace():
    """Give a workspace of its own to each test."""
    with Workspace.temporary() as made:
        yield made


@asset(partitions=DAYS)
def orders(context) -> pd.DataFrame:
    """Return three orders a day."""
    return pd.DataFrame({"day": [context.partition_key] * 3, "amount": [1, 20, 300]})


@multi_asset(outs={"small": AssetOut(), "large": AssetOut("sales/large")}, partitions=DAYS)
def by_size(orders: pd.DataFrame):
    """Tell small orders from large ones."""
    yield Output(orders[orders.amount < 100], name="small", metadata={"limit": 100})
    yield Output(orders[orders.amount >= 100], name="large")


@asset
def total(small: pd.DataFrame, large: pd.DataFrame) -> pd.DataFrame:
    """Add all up."""
    return pd.DataFrame({"total": [small.amount.sum() + large.amount.sum()]})


def halves(calls, *, can_subset=False, **arguments):
    """Return a multi-asset that notes for which outputs it is called."""

    @multi_asset(outs=["low", "high"], can_subset=can_subset, **arguments)
    def halved(context):
        calls.append(context.selected_outputs)
        for name in context.selected_outputs:
            yield Output(pd.DataFrame({"n": [len(name)]}), name=name)

    return halved


def test_called_directly_it_is_the_plain_function():
    """The function is called as it was written, and the outputs come as they are yielded."""
    found = list(by_size(pd.DataFrame({"amount": [5, 500]})))

    assert [one.name for one in found] == ["small", "large"]
    assert found[0].value.amount.tolist() == [5]
    assert build_context(selected_outputs=["low"]).selected_outputs == ("low",)


@pytest.mark.parametrize("executor", [InProcessExecutor(), ThreadExecutor(2), ProcessExecutor(2)])
def test_each_executor_makes_all_outputs_of_all_partitions(workspace, executor):
    """Outputs are assets: loaded by name, with metadata, up to date afterwards."""
    result = materialize(total, workspace=workspace, executor=executor, progress="none")

    assert result.load("total").total.tolist() == [3 * 321]
    assert len(result.materialized) == 3 * 3 + 1
    assert workspace.load("sales/large").amount.tolist() == [300] * 3
    assert json.loads(workspace.history("small").metadata[0])["limit"] == 100
    assert len(plan([total, by_size], workspace=workspace)) == 0


def test_one_call_makes_all_outputs_of_a_partition(workspace):
    """The function is called once per partition, whatever the number of outputs."""
    calls = []
    halved = halves(calls, partitions=DAYS)

    materialize(halved, workspace=workspace, progress="none")

    assert calls == [("low", "high")] * 3


def test_one_call_may_make_several_partitions(workspace):
    """With a backfill policy, a call makes all outputs of several partitions."""
    calls = []

    @multi_asset(outs=["one", "two"], partitions=DAYS, backfill=BackfillPolicy.batched(2))
    def batched(context):
        keys = list(context.partition_keys)
        calls.append((keys, context.partition_window.end.day))
        yield Output(pd.DataFrame({"partition": keys, "n": 1}), name="one")
        yield Output({key: pd.DataFrame({"n": [2]}) for key in keys}, name="two")

    result = materialize(batched, workspace=workspace, progress="none")

    assert calls == [(["2026-01-01", "2026-01-02"], 3), (["2026-01-03"], 4)]
    assert result.load("one").n.tolist() == [1] * 3
    assert result.load("two").n.tolist() == [2] * 3


def test_what_is_made_anyway_is_planned_too(workspace):
    """Where one output is asked for, the others of its partition run with it, and say so."""
    halved = halves(calls := [])
    materialize(halved, workspace=workspace, progress="none")
    workspace.delete("low")

    made = plan(halved["low"], workspace=workspace)

    assert {step.asset: step.causes for step in made.steps} == {"low": (), "high": ("with low",)}
    assert "one call of its function makes both" in made.explain("high")
    result = materialize(made, workspace=workspace, progress="none")
    assert (result.materialized, result.unchanged) == ([("low", None)], [("high", None)])
    assert calls == [("low", "high")] * 2


def test_one_that_can_subset_makes_only_what_is_needed(workspace):
    """The context says which outputs are wanted; the others are left as they are."""
    halved = halves(calls := [], can_subset=True)
    materialize(halved["low"], workspace=workspace, progress="none")
    materialize(halved, workspace=workspace, progress="none")
    materialize(halved, workspace=workspace, progress="none", force=True)

    assert calls == [("low",), ("high",), ("low", "high")]


def test_what_nobody_asked_for_is_dropped(workspace):
    """An output beyond those wanted is not stored, though the function gave it."""

    @multi_asset(outs=["p", "q"], can_subset=True)
    def both():
        return {"p": 1, "q": 2}

    result = materialize(both["q"], workspace=workspace, progress="none", raise_on_error=False)

    assert [slot for slot, _ in (*result.materialized, *result.failed)] == ["q"]


def test_content_that_stays_the_same_stops_there(workspace):
    """Early cutoff is per output: what needs only the other one is skipped."""
    state = {"low": 1, "high": 1}

    @multi_asset(outs=["low", "high"])
    def levels():
        return {name: pd.DataFrame({"n": [value]}) for name, value in state.items()}

    @asset
    def of_low(low: pd.DataFrame):
        return low

    @asset
    def of_high(high: pd.DataFrame):
        return high

    targets = [of_low, of_high]
    extra = Definitions(assets=[levels, *targets])
    materialize(extra, workspace=workspace, progress="none")
    state["high"] = 2
    workspace.delete("low")

    result = materialize(extra, workspace=workspace, progress="none")

    assert ("of_high", None) in result.materialized
    assert ("of_low", None) not in [*result.materialized, *result.unchanged]


def test_each_output_has_a_schema_checks_and_storage_of_its_own(workspace):
    """A blocking check of one output fails that one alone; the others are published."""

    @multi_asset(
        outs={
            "table": AssetOut(checks=[row_count(min=5, blocking=True)]),
            "words": AssetOut(io_manager="json", description="All words."),
        },
        group="text",
    )
    def read():
        """Read a text."""
        yield Output(pd.DataFrame({"n": [1]}), name="table")
        yield Output(["a", "b"], name="words")

    assert read["words"].definition.description == "All words."
    assert read["table"].definition.description == "Read a text."
    assert read["words"].definition.group == "text"
    result = materialize(read, workspace=workspace, progress="none", raise_on_error=False)

    assert (result.failed, result.materialized) == ([("table", None)], [("words", None)])
    assert workspace.load("words", load_as=list) == ["a", "b"]


def test_a_function_that_raises_publishes_none_of_its_outputs(workspace):
    """What was yielded before the error is discarded, and all outputs have failed."""

    @multi_asset(outs=["first", "second"], io_manager="parquet")
    def broken():
        yield Output(pd.DataFrame({"n": [1]}), name="first")
        raise ValueError("no second")

    with pytest.raises(MaterializationError, match="no second") as failed:
        materialize(broken, workspace=workspace, progress="none")

    assert failed.value.result.failed == [("first", None), ("second", None)]
    assert not list(Path(workspace.root).rglob("*.parquet"))


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        pytest.param([Output(1, name="p")], "gave no output 'q'", id="lacking"),
        pytest.param([Output(1, name="r")], "'r', which it has not", id="unknown"),
        pytest.param([Output(1)], "an Output without a name", id="nameless"),
        pytest.param([1, 2], "gave a int", id="bare"),
        pytest.param([Output(1, name="p")] * 2, "'p' twice", id="twice"),
        pytest.param((1, 2, 3), "a tuple of 3", id="tuple"),
        pytest.param(pd.DataFrame(), "returned a DataFrame", id="table"),
    ],
)
def test_outputs_that_do_not_fit_are_told(workspace, returned, told):
    """What a function may not give is said with its name, its place and the remedy."""

    @multi_asset(outs=["p", "q"], io_manager="json")
    def odd():
        return returned

    with pytest.raises(MaterializationError, match=told):
        materialize(odd, workspace=workspace, progress="none")


def test_outputs_come_in_several_forms(workspace):
    """A dict by name, a tuple in order and an async generator do as well as a generator."""

    @multi_asset(outs=["p", "q"], io_manager="json")
    def in_order():
        return 1, 2

    @multi_asset(outs=["r", "s"], io_manager="json")
    async def awaited():
        yield Output(3, name="r")
        yield Output(None, name="s")

    result = materialize([in_order, awaited], workspace=workspace, progress="none")

    assert [result.load(one, load_as=int) for one in "pqr"] == [1, 2, 3]
    assert result.load("s") is None


def test_the_last_value_of_an_output(workspace):
    """`context.previous` asks for the name of the output."""

    @multi_asset(outs=["seen", "new"], io_manager="json")
    def crawl(context):
        seen = context.previous(list, output="seen") or []
        return {"seen": [*seen, len(seen)], "new": [len(seen)]}

    for _ in range(3):
        materialize(crawl, workspace=workspace, progress="none", force=True)

    assert workspace.load("seen", load_as=list) == [0, 1, 2]


def test_the_name_of_the_function_selects_its_outputs(workspace):
    """As any name does in a selection; an asset that has the same name comes first."""
    everything = [orders, by_size, total]
    chosen = plan(everything, select="by_size", workspace=workspace)
    beyond = plan(everything, select="by_size+ and not by_size", workspace=workspace)

    assert {step.asset for step in chosen.steps} == {"orders", "small", "sales/large"}
    assert beyond.steps[-1].asset == "total"


def test_configuration_goes_by_the_name_of_the_function(workspace):
    """All outputs have it in their fingerprints; two that differ are refused."""

    class Limits(Config):
        at: int = 1

    @multi_asset(outs=["p", "q"], io_manager="json")
    def limited(limits: Limits):
        return limits.at, -limits.at

    result = materialize(
        limited, workspace=workspace, config={"limited": {"at": 7}}, progress="none"
    )

    assert [result.load(one, load_as=int) for one in "pq"] == [7, -7]
    assert len(plan(limited, workspace=workspace, config={"q": {"at": 7}})) == 0
    with pytest.raises(ConfigError, match="given twice"):
        plan(limited, workspace=workspace, config={"p": {"at": 1}, "q": {"at": 2}})


def test_retries_are_for_what_failed(workspace):
    """An output that failed is tried again without publishing the other a second time."""
    sizes = iter([1, 9])

    @multi_asset(
        outs={"rows": AssetOut(checks=[row_count(min=5, blocking=True)]), "note": AssetOut()},
        retry=1,
    )
    def read():
        yield Output(pd.DataFrame({"n": range(next(sizes))}), name="rows")
        yield Output(pd.DataFrame({"n": [0]}), name="note")

    result = materialize(read, workspace=workspace, progress="none")

    assert sorted(result.materialized) == [("note", None), ("rows", None)]
    assert len(workspace.history("note")) == 1


def test_a_definition_that_does_not_do_is_refused():
    """Names, outs and own outputs as inputs are checked where they are written."""
    with pytest.raises(InvalidArgument, match="outs="):
        multi_asset(outs={})
    with pytest.raises(InvalidArgument, match="name="):
        multi_asset(outs=["a"], name="x")
    with pytest.raises(InvalidArgument, match="@multi_asset has no argument 'group_name'"):
        multi_asset(outs=["a"], group_name="x")(lambda: None)
    with pytest.raises(DuplicateAsset, match="'a'"):
        multi_asset(outs={"a": AssetOut(), "b": AssetOut("a")})
    with pytest.raises(UnknownAsset, match=r"no output 'smal'.*small"):
        by_size["smal"]

    @multi_asset(outs=["first", "second"])
    def selfish(first):
        return first, first

    with pytest.raises(CycleError, match="reads none of its own outputs"):
        _ = Definitions(assets=[selfish]).graph
