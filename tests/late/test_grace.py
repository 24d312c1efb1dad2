"""What is late: waited for during grace, waived after it, and made good when it arrives."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from assetkit import AssetIn, DailyPartitions, StaticPartitions, Workspace, asset, materialize, plan
from assetkit.errors import MaterializationError
from assetkit.mappings import all_partitions
from assetkit.planning.model import VERDICTS
from assetkit.records import Verdict

DAYS = DailyPartitions("2026-01-01")
REGIONS = StaticPartitions(["eu", "us"])


def at(day, hour=0):
    return datetime(2026, 1, day, hour, tzinfo=UTC)


class Shop:
    """Orders by region arrive when they are put in ``there``; a report a day reads all regions."""

    def __init__(self):
        self.there = {"eu": 1}
        self.broken = False

        @asset(partitions=REGIONS, code_version="1")
        def orders(context) -> pd.DataFrame:
            if self.broken and context.partition_key == "us":
                raise ValueError("no file")
            return pd.DataFrame({"n": [self.there[context.partition_key]]})

        orders_in = AssetIn(partitions=all_partitions(), grace="2h")

        @asset(partitions=DAYS, ins={"orders": orders_in}, code_version="1")
        def report(orders: pd.DataFrame) -> pd.DataFrame:
            return orders[["n"]]

        self.orders, self.report = orders, report


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def workspace():
    with Workspace.temporary() as made:
        yield made


def verdicts(made, name):
    part = next(part for part in made.assets if part.asset == name)
    return [VERDICTS[code] for code in part.verdict]


def test_during_grace_a_slot_waits(shop, workspace):
    """Less than two hours after the day ended, the report is blocked by what is missing."""
    materialize(shop.orders, partitions="eu", workspace=workspace, now=at(2))

    made = plan(shop.report, upstream=False, workspace=workspace, now=at(2, 1))

    assert verdicts(made, "report") == [Verdict.BLOCKED]
    assert len(made) == 0


def test_after_grace_it_is_made_without_and_again_when_the_rest_arrives(shop, workspace):
    """The waived input leaves a partial result; its arrival is a cause to make it again."""
    materialize(shop.orders, partitions="eu", workspace=workspace, now=at(2))
    later = {"upstream": False, "workspace": workspace, "now": at(2, 2)}

    result = materialize(shop.report, **later)

    assert result.load("report").n.tolist() == [1]
    assert workspace.history("report").partial.tolist() == [True]
    waiting = plan(shop.report, **later)
    assert verdicts(waiting, "report") == [Verdict.PARTIAL]
    assert len(waiting) == 0
    assert "made again when the rest arrives" in waiting.explain("report", "2026-01-01")

    shop.there["us"] = 2
    materialize(shop.orders, partitions="us", workspace=workspace, now=at(2, 3))
    due = plan(shop.report, **later)
    assert verdicts(due, "report") == [Verdict.PARTIAL]
    assert due.steps[0].causes == ("input orders",)
    assert materialize(shop.report, **later).load("report").n.tolist() == [1, 2]
    assert workspace.history("report").partial.tolist() == [False, True]
    assert len(plan(shop.report, **later)) == 0


def test_an_input_that_fails_in_the_same_run_is_waived_too(shop, workspace):
    """After grace, a failing upstream does not hold up the report; before, it does."""
    shop.broken = True
    with pytest.raises(MaterializationError, match="orders@us"):
        materialize(shop.report, workspace=workspace, now=at(2, 1))
    assert workspace.status().set_index("asset").slots.to_dict() == {"orders": 1, "report": 0}

    with pytest.raises(MaterializationError, match="orders@us"):
        materialize(shop.report, workspace=workspace, now=at(2, 5))

    assert workspace.history("report").partial.tolist() == [True]
    assert workspace.load("report").n.tolist() == [1]


def test_without_windows_of_its_own_grace_counts_from_what_is_read(workspace):
    """A total over days waits for the newest day, until grace has passed since it ended."""
    days = DailyPartitions("2026-01-01", end="2026-01-03")

    @asset(partitions=days, code_version="1")
    def orders(context) -> pd.DataFrame:
        return pd.DataFrame({"day": [context.partition_key]})

    @asset(ins={"orders": AssetIn(grace="1d")}, code_version="1")
    def total(orders: pd.DataFrame) -> pd.DataFrame:
        return orders[["day"]]

    materialize(orders, partitions="2026-01-01", workspace=workspace, now=at(3))

    early = plan(total, upstream=False, workspace=workspace, now=at(3, 23))
    assert verdicts(early, "total") == [Verdict.BLOCKED]
    result = materialize(total, upstream=False, workspace=workspace, now=at(4))
    assert result.load("total").day.tolist() == ["2026-01-01"]
    assert workspace.history("total").partial.tolist() == [True]


def test_a_count_that_is_met_is_not_partial(workspace):
    """``need`` says what is enough: where that is there, nothing is waived, nothing is partial."""
    keys = StaticPartitions(["a", "b", "c"])

    @asset(partitions=keys, code_version="1")
    def parts(context) -> pd.DataFrame:
        return pd.DataFrame({"k": [context.partition_key]})

    @asset(ins={"parts": AssetIn(need=2)}, code_version="1")
    def total(parts: pd.DataFrame) -> pd.DataFrame:
        return parts[["k"]]

    materialize(parts, partitions="a", workspace=workspace)
    assert verdicts(plan(total, upstream=False, workspace=workspace), "total") == [Verdict.BLOCKED]
    materialize(parts, partitions="c", workspace=workspace)
    materialize(total, upstream=False, workspace=workspace)

    assert workspace.history("total").partial.tolist() == [False]
    materialize(parts, partitions="b", workspace=workspace)
    again = plan(total, workspace=workspace)
    assert [step.causes for step in again.steps] == [("input parts",)]
