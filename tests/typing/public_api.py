"""The types of the public API as a user meets them; checked by mypy, never run."""

from collections.abc import Iterator
from typing import assert_type

import pandas as pd

from assetkit import (
    AssetContext,
    AssetIn,
    AssetOut,
    DailyPartitions,
    Output,
    Plan,
    RunResult,
    Workspace,
    asset,
    build_context,
    materialize,
    multi_asset,
    plan,
)

days = DailyPartitions("2026-01-01", end="2026-02-01")


@asset
def plain() -> pd.DataFrame:
    """Without arguments."""
    return pd.DataFrame()


@asset(partitions=days, group="raw", ins={"source": AssetIn("plain", columns=["a"])})
def with_arguments(context: AssetContext, source: Iterator[pd.DataFrame]) -> pd.DataFrame:
    """With arguments."""
    context.log.info("%s", context.partition_key)
    return pd.concat(source)


@multi_asset(outs={"low": AssetOut(group="raw"), "high": AssetOut()}, can_subset=True)
def halves(context: AssetContext, plain: pd.DataFrame) -> Iterator[Output]:
    """Several assets of one function."""
    for name in context.selected_outputs:
        yield Output(plain, name=name)


# An asset called is the plain function: same arguments, same result.
assert_type(plain(), pd.DataFrame)
assert_type(halves(build_context(selected_outputs=["low"]), pd.DataFrame()), Iterator[Output])

assert_type(plan(plain), Plan)
assert_type(materialize([plain, with_arguments], partitions="latest"), RunResult)
assert_type(materialize(plan(plain)), RunResult)
assert_type(Workspace(".assetkit").sql("select 1"), pd.DataFrame)


def misuse() -> None:
    """What mypy must refuse; an ignore that is not needed is an error itself."""
    plain(1)  # type: ignore[call-arg]
    materialize(plain, forced=True)  # type: ignore[call-arg]
    asset(groop="raw")  # type: ignore[call-overload]
