"""A correction of an old slot reaches every slot that depends on it, and no other."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit import (
    AssetIn,
    DailyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    StaticPartitions,
    Workspace,
    asset,
    materialize,
    plan,
)
from assetkit.mappings import all_partitions, by_dimension, identity, window

NOW = datetime(2026, 2, 11, tzinfo=UTC)
DAYS = DailyPartitions("2026-01-22")
REGIONS = StaticPartitions(["eu", "us"])
BOTH = MultiPartitions(date=DAYS, region=REGIONS)
SIDES = by_dimension(date=identity(), region=all_partitions())
SOURCE: dict[str, int] = {}


@asset(partitions=BOTH, code_version="1")
def sales(context) -> pd.DataFrame:
    return pd.DataFrame({"n": [SOURCE.get(str(context.partition_key), 0)]})


@asset(partitions=DAYS, ins={"sales": AssetIn(partitions=SIDES)}, code_version="1")
def daily(sales: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"n": [int(sales.n.sum())]})


@asset(partitions=DAYS, ins={"daily": AssetIn(partitions=window(-2, 0))}, code_version="1")
def rolling(daily: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"n": [int(daily.n.sum())]})


@asset(partitions=MonthlyPartitions("2026-01-01"), code_version="1")
def monthly(rolling: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"n": [int(rolling.n.sum())]})


@asset(
    partitions=DAYS,
    ins={"balance": AssetIn(partitions=window(-1, -1)), "daily": AssetIn()},
    code_version="1",
)
def balance(balance: pd.DataFrame, daily: pd.DataFrame) -> pd.DataFrame:
    before = int(balance.n.sum()) if len(balance) else 0
    return pd.DataFrame({"n": [before + int(daily.n.sum())]})


@asset(code_version="1")
def total(rolling: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"n": [int(rolling.n.sum())]})


ALL = [sales, daily, rolling, monthly, balance, total]
KEYS = list(DAYS.keys(NOW))


def reached(corrected):
    """Return by brute force all slots that a set of corrected slots of `sales` reaches."""
    days = {key.split("|")[0] for key in corrected}
    rolled = {key for i, key in enumerate(KEYS) if days & set(KEYS[max(0, i - 2) : i + 1])}
    after = {key for key in KEYS if any(key >= day for day in days)}
    return {
        *(("sales", key) for key in corrected),
        *(("daily", key) for key in days),
        *(("rolling", key) for key in rolled),
        *(("monthly", "2026-01") for key in rolled if key.startswith("2026-01")),
        *(("balance", key) for key in after),
        *([("total", "None")] if days else []),
    }


@pytest.fixture(scope="module")
def workspace():
    with Workspace.temporary() as made:
        materialize(ALL, workspace=made, now=NOW)
        yield made


@settings(max_examples=4, deadline=None)
@given(
    corrected=st.sets(
        st.tuples(st.sampled_from(KEYS), st.sampled_from(["eu", "us"])), min_size=1, max_size=3
    ),
    amount=st.integers(min_value=1, max_value=10**6),
)
def test_corrections_reach_what_depends_on_them_and_only_that(workspace, corrected, amount):
    """Through dimensions, rolling windows, months and a running balance, as by brute force."""
    texts = ["|".join(key) for key in corrected]
    # Each its own power of two, so that no two corrections cancel out in a sum.
    for place, text in enumerate(sorted(texts)):
        SOURCE[text] = SOURCE.get(text, 0) + (amount << (21 * place))
    selected = [tuple(key) for key in corrected]
    materialize(sales, partitions=selected, force=True, workspace=workspace, now=NOW)
    expected = reached(texts) - {("sales", text) for text in texts}

    made = plan(ALL, workspace=workspace, now=NOW)
    result = materialize(made, workspace=workspace)

    assert {(step.asset, str(step.partition)) for step in made.steps} == expected
    assert {(name, str(key)) for name, key in result.materialized} == expected
    last = result.load("balance", KEYS[-1]).n.tolist()
    assert last == [sum(SOURCE.values())]
    assert len(plan(ALL, workspace=workspace, now=NOW)) == 0


def test_forcing_a_slot_forces_no_other(workspace):
    """What a forced slot needs of its own asset's past, or another target, stays as it is."""
    asked = {"partitions": KEYS[-2:], "force": True, "workspace": workspace, "now": NOW}

    assert [step.partition for step in plan(balance, **asked).steps] == KEYS[-2:]
    both = plan([daily, rolling], **asked)
    assert [(step.asset, step.partition) for step in both.steps if "forced" in step.causes] == [
        (name, key) for name in ("daily", "rolling") for key in KEYS[-2:]
    ]
    assert len(both) == 4
