"""What waits for an input that nobody makes is told, and is no failure."""

import pandas as pd
import pytest

from assetkit import DailyPartitions, Workspace, asset, materialize

DAYS = DailyPartitions("2026-01-01", end="2026-01-04")


@asset(partitions=DAYS)
def orders(context):
    return pd.DataFrame({"day": [context.partition_key]})


@asset(partitions=DAYS)
def large(orders):
    return orders


@pytest.fixture
def workspace():
    """Return a workspace in which one day of orders is built."""
    with Workspace.temporary() as made:
        materialize(orders, partitions="2026-01-02", workspace=made, progress="none")
        yield made


def test_what_lacks_an_input_is_blocked_and_the_rest_runs(workspace):
    """Without its upstream, only the day that is there is made; the result names the others."""
    made = materialize(large, upstream=False, workspace=workspace, progress="none")

    assert made.materialized == [("large", "2026-01-02")]
    assert made.blocked == [("large", "2026-01-01"), ("large", "2026-01-03")]
    assert not made.success
    assert "input orders: missing 2026-01-01" in str(made)
    assert "1 materialized, 2 blocked" in str(made)


def test_a_request_that_lacks_everything_does_not_say_that_all_is_done(workspace):
    """Nothing ran, and the text says why instead of that nothing is to be done."""
    made = materialize(
        large, partitions="2026-01-03", upstream=False, workspace=workspace, progress="none"
    )

    assert made.blocked == [("large", "2026-01-03")]
    assert str(made).endswith("Nothing ran: 1 blocked.")
    assert "input orders: missing 2026-01-03" in made._repr_html_()


def test_what_is_there_again_is_no_longer_blocked(workspace):
    """With its upstream, everything is made."""
    materialize(large, upstream=False, workspace=workspace, progress="none")

    assert materialize(large, workspace=workspace, progress="none").success
