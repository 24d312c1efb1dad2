"""What other hands did to files is said in plans, and mended."""

import pandas as pd
import pytest

from assetkit import DailyPartitions, Workspace, asset, materialize, plan

DAYS = DailyPartitions("2026-01-01", end="2026-01-05")


@asset(partitions=DAYS)
def orders(context) -> pd.DataFrame:
    return pd.DataFrame({"day": [context.partition_key]})


@pytest.fixture
def workspace(tmp_path):
    """Return a workspace in which two of four days are built."""
    with Workspace(tmp_path / "a place") as made:
        chosen = "2026-01-01..2026-01-02"
        materialize(orders, partitions=chosen, workspace=made, progress="none")
        yield made


def spoil(file):
    file.write_bytes(file.read_bytes()[:40])


@pytest.mark.parametrize("harm", [lambda file: file.unlink(), spoil], ids=["deleted", "cut"])
def test_a_plan_tells_lost_files_from_what_was_never_built(workspace, tmp_path, harm):
    """The row of the asset counts both, and running mends both."""
    (file,) = (tmp_path / "a place").glob("data/orders/*2026-01-02/*.parquet")
    harm(file)

    made = plan(orders, workspace=workspace)

    assert made.summary().assets[0].causes == (("missing", 2), ("gone", 1))
    assert "never built (2), file gone or changed by hand (1)" in " ".join(str(made).split())
    assert len(materialize(made, workspace=workspace, progress="none").materialized) == 3
    assert len(plan(orders, workspace=workspace)) == 0
