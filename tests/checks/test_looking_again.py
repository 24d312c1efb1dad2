"""Checks on what is published, and what is told of them afterwards."""

import pandas as pd
import pytest

from assetkit import (
    Definitions,
    Hooks,
    ProcessExecutor,
    StaticPartitions,
    Workspace,
    asset,
    asset_check,
    checks,
    materialize,
    multi_asset,
)
from assetkit.errors import UnknownPartition

STATE = {"limit": 10}


@asset(partitions=StaticPartitions(["a", "b"]))
def amounts(context) -> pd.DataFrame:
    """Return two amounts a partition."""
    return pd.DataFrame({"n": [1, 9] if context.partition_key == "a" else [1, 99]})


@asset_check(asset=amounts)
def below_the_limit(amounts: pd.DataFrame):
    """Say whether all is below a limit that moves."""
    return bool((amounts.n < STATE["limit"]).all())


@pytest.fixture
def workspace():
    """Give a workspace in which amounts are materialized, below any limit."""
    STATE["limit"] = 1000
    with Workspace.temporary() as made:
        materialize(amounts, workspace=made, progress="none")
        yield made


def test_checks_run_again_on_what_is_published(workspace):
    """What they find now is returned and written down; the data stays as it is."""
    assert workspace.checks().passed.tolist() == [True, True]
    STATE["limit"] = 10

    found = workspace.check(amounts)

    assert found[["partition", "passed"]].values.tolist() == [["a", True], ["b", False]]
    assert workspace.checks("amounts").passed.tolist() == [True, False]
    assert workspace.status().failed_checks.tolist() == [1]
    assert workspace.load(amounts, "b").n.tolist() == [1, 99]


def test_some_partitions_by_name(workspace):
    """A name that the caller sees and a selection do; a partition that is not there is refused."""
    STATE["limit"] = 10

    assert workspace.check("amounts", "a").passed.tolist() == [True]
    assert workspace.check([amounts], ["b"]).passed.tolist() == [False]
    with pytest.raises(UnknownPartition, match=r"amounts@c is not materialized"):
        workspace.check(amounts, "c")


def test_a_new_version_ends_what_was_found_in_the_old_one(workspace):
    """After a rebuild only what its own checks found counts."""
    STATE["limit"] = 10
    workspace.check(amounts)
    STATE["limit"] = 1000

    materialize(amounts, workspace=workspace, partitions="b", force=True, progress="none")

    assert workspace.checks().passed.tolist() == [True, True]


def test_checks_of_definitions_count_too(workspace):
    """Checks given apart from their assets run as those beside them do."""

    @asset_check(asset="amounts", severity="warn")
    def has_ten_rows(amounts):
        return len(amounts) == 10

    project = Definitions(assets=[amounts], checks=[has_ten_rows])
    found = workspace.check(project)

    assert sorted(set(found.check)) == ["below_the_limit", "has_ten_rows"]
    assert workspace.status()[["failed_checks", "warnings"]].values.tolist() == [[0, 2]]


@pytest.mark.parametrize("executor", [None, ProcessExecutor(1)])
def test_what_held_data_back_is_written_down(executor):
    """The results behind a blocking failure reach the catalog from any process."""

    @asset(checks=[checks.not_null("n"), checks.row_count(5, blocking=True)])
    def few() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    @asset
    def other() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    with Workspace.temporary() as place:
        result = materialize(
            [few, other], workspace=place, executor=executor, raise_on_error=False, progress="none"
        )

        assert [(one.check, one.passed) for one in result.checks] == [
            ("not_null(n)", True),
            ("row_count(min=5)", False),
        ]
        found = place.checks(run_id=result.run_id)
        assert found.blocking.tolist() == [False, True]
        assert place.status().set_index("asset").failed_checks["few"] == 1


def test_results_are_told_in_the_run(capsys):
    """The result names what did not pass, and a hook is called for it."""
    told = []

    @asset(checks=[checks.in_range("n", 0, 9, severity="warn")])
    def odd() -> pd.DataFrame:
        return pd.DataFrame({"n": [1, 99]})

    hooks = Hooks(on_check_failed=lambda event: told.append(event.reason))
    with Workspace.temporary() as place:
        result = materialize(
            Definitions(assets=[odd], hooks=hooks), workspace=place, progress="lines"
        )

    line = "odd: check in_range(n, lo=0, hi=9) did not pass (warn): 1 of 2 rows has a value"
    assert result.success
    assert line in str(result)
    assert line in result._repr_html_()
    assert told[0].startswith(line)
    assert "1 check not passed" in capsys.readouterr().err


def test_each_output_of_a_multi_asset_keeps_its_own_results():
    """Results belong to the output that was looked at."""

    @multi_asset(outs=["p", "q"], checks=[checks.row_count(2)])
    def both():
        return {"p": pd.DataFrame({"n": [1]}), "q": pd.DataFrame({"n": [1, 2]})}

    with Workspace.temporary() as place:
        materialize(both, workspace=place, progress="none")

        assert dict(zip(place.checks().asset, place.checks().passed, strict=True)) == {
            "p": False,
            "q": True,
        }
