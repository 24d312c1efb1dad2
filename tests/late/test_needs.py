"""How much of an input must be there: ``AssetIn.need``, in plans and runs, and when more comes."""

import pandas as pd
import pytest

from assetkit import (
    AssetIn,
    DailyPartitions,
    StaticPartitions,
    Workspace,
    asset,
    materialize,
    plan,
)
from assetkit.catalog.memory import MemoryCatalog
from assetkit.errors import InvalidArgument
from assetkit.mappings import window
from assetkit.planning.model import VERDICTS
from assetkit.records import Verdict

KEYS = ["a", "b", "c", "d"]
DAYS = DailyPartitions("2026-01-01", end="2026-01-06")


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path, catalog=MemoryCatalog())


def verdict(made, name="total"):
    part = next(part for part in made.assets if part.asset == name)
    return [VERDICTS[code] for code in part.verdict]


class Parts:
    """Parts by key, those in ``broken`` fail; a total of those that are there, as *need* says."""

    def __init__(self, need):
        self.broken = set()

        @asset(partitions=StaticPartitions(KEYS), code_version="1")
        def parts(context) -> pd.DataFrame:
            if context.partition_key in self.broken:
                raise ValueError("no file")
            return pd.DataFrame({"k": [context.partition_key]})

        @asset(ins={"parts": AssetIn(need=need)}, code_version="1")
        def total(parts: pd.DataFrame) -> pd.DataFrame:
            return pd.DataFrame({"k": list(parts["k"]) if len(parts) else []}, dtype="str")

        self.parts, self.total = parts, total


@pytest.mark.parametrize(("need", "least"), [("all", 4), ("any", 1), (3, 3), ("optional", 0)])
@pytest.mark.parametrize("there", range(5))
def test_it_is_made_of_what_is_there_once_that_is_enough(workspace, need, least, there):
    """Below what is needed it is blocked, by plan and run; from then on it is made of all there."""
    shop = Parts(need)
    keys = KEYS[:there]
    if keys:
        materialize(shop.parts, partitions=keys, workspace=workspace)
    only = {"upstream": False, "workspace": workspace}

    made = plan(shop.total, **only)
    result = materialize(shop.total, raise_on_error=False, **only)

    if there < least:
        assert (len(made), verdict(made)) == (0, [Verdict.BLOCKED])
        assert result.materialized == []
        return
    assert verdict(made) == [Verdict.MISSING]
    assert result.load("total").k.tolist() == keys
    assert workspace.history("total").partial.tolist() == [False]
    assert len(plan(shop.total, **only)) == 0


@pytest.mark.parametrize("need", ["any", 2, "optional"])
def test_what_arrives_later_is_a_cause_to_make_it_again(workspace, need):
    """More of the input, or less of it, makes the result stale; nothing else does."""
    shop = Parts(need)
    only = {"upstream": False, "workspace": workspace}
    materialize(shop.parts, partitions=["a", "b"], workspace=workspace)
    materialize(shop.total, **only)
    materialize(shop.parts, partitions=["c"], workspace=workspace)

    assert [step.causes for step in plan(shop.total, **only).steps] == [("input parts",)]
    assert materialize(shop.total, **only).load("total").k.tolist() == ["a", "b", "c"]
    workspace.delete("parts", "b")
    assert [step.causes for step in plan(shop.total, **only).steps] == [("input parts",)]
    assert materialize(shop.total, **only).load("total").k.tolist() == ["a", "c"]


@pytest.mark.parametrize(
    ("need", "made"), [("all", 0), ("any", 1), (3, 1), (4, 0), ("optional", 1)]
)
def test_a_part_that_fails_in_the_same_run_counts_as_not_there(workspace, need, made):
    """One of four fails: what can do without is made, what cannot is blocked."""
    shop = Parts(need)
    shop.broken = {"b"}

    result = materialize(shop.total, workspace=workspace, raise_on_error=False)

    assert result.failed == [("parts", "b")]
    assert len(result.blocked) == 1 - made
    if made:
        assert result.load("total").k.tolist() == ["a", "c", "d"]
    shop.broken.clear()
    again = materialize(shop.total, workspace=workspace)
    assert again.materialized == [("parts", "b"), ("total", None)]
    assert again.load("total").k.tolist() == KEYS


def test_needs_are_counted_in_each_window(workspace):
    """Two of three days will do; a window that reaches before the first day needs no more."""

    @asset(partitions=DAYS, code_version="1")
    def days(context) -> pd.DataFrame:
        return pd.DataFrame({"day": [context.partition_key]})

    @asset(
        partitions=DAYS,
        ins={"days": AssetIn(partitions=window(-2, 0), need=2)},
        code_version="1",
    )
    def rolling(days: pd.DataFrame) -> pd.DataFrame:
        return days[["day"]]

    materialize(days, partitions=["2026-01-01", "2026-01-03"], workspace=workspace)

    made = plan(rolling, upstream=False, workspace=workspace)

    assert [step.partition for step in made.steps] == ["2026-01-01", "2026-01-03"]
    result = materialize(rolling, upstream=False, workspace=workspace, raise_on_error=False)
    assert result.load("rolling", "2026-01-03").day.tolist() == ["2026-01-01", "2026-01-03"]
    assert result.blocked == [
        ("rolling", "2026-01-02"),
        ("rolling", "2026-01-04"),
        ("rolling", "2026-01-05"),
    ]


@pytest.mark.parametrize("need", ["any", 1, "optional"])
def test_an_asset_may_need_some_of_its_own_past(workspace, need):
    """A gap in the past of a running total is passed over where that is declared."""

    @asset(
        partitions=DAYS,
        ins={"running": AssetIn(partitions=window(-2, -1), need=need)},
        code_version="1",
    )
    def running(context, running: pd.DataFrame) -> pd.DataFrame:
        if context.partition_key == "2026-01-03":
            raise ValueError("no file")
        return pd.DataFrame({"n": [1 + (int(running.n.max()) if len(running) else 0)]})

    result = materialize(running, workspace=workspace, raise_on_error=False)

    assert result.failed == [("running", "2026-01-03")]
    assert result.blocked == []
    assert result.load("running", "2026-01-05").n.tolist() == [4]


@pytest.mark.parametrize("need", [0, -1, 1.5, True, "some", None])
def test_a_need_that_is_none_is_refused(need):
    """The message lists what may be."""
    with pytest.raises(InvalidArgument, match="need="):
        AssetIn(need=need)
