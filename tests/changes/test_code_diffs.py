"""Plans show what changed in the code, line by line, where the old text is kept."""

import shutil

import pandas as pd

from assetkit import Workspace, asset, materialize, plan, sql_asset


def rate(x):
    """Return a rate."""
    return x * 2


def priced(factor):
    """Return an asset whose function differs with a factor."""
    if factor == 2:

        @asset
        def prices() -> pd.DataFrame:
            return pd.DataFrame({"x": [rate(1)]})
    else:

        @asset
        def prices() -> pd.DataFrame:
            found = rate(1)
            return pd.DataFrame({"x": [found]})

    return prices


def made(targets, workspace):
    """Materialize, quietly."""
    materialize(targets, workspace=workspace, progress="none")


def test_function_that_changed():
    """Old lines and new ones are told below the cause."""
    with Workspace.temporary() as workspace:
        made(priced(2), workspace)
        lines = plan(priced(3), workspace=workspace).explain("prices").splitlines()

    assert '    -    return pd.DataFrame({"x": [rate(1)]})' in lines
    assert "    +    found = rate(1)" in lines


def test_query_that_changed_in_a_branch(tmp_path):
    """The text of a query is kept, and a branch finds it in its base."""
    base = Workspace(tmp_path / "base")
    made(sql_asset("q", "select 1 as one,\n  2 as two"), base)
    branch = Workspace(tmp_path / "branch", base=base)

    text = plan(sql_asset("q", "select 1 as one,\n  3 as two"), workspace=branch).explain("q")

    assert text.splitlines()[2:] == ["     select 1 as one,", "    -  2 as two", "    +  3 as two"]


def test_without_the_old_text_names_must_do(tmp_path):
    """Where the old text is lost, the plan still names what changed."""
    with Workspace(tmp_path) as workspace:
        made(sql_asset("q", "select 1 as one"), workspace)
        shutil.rmtree(tmp_path / ".assetkit" / "sources")
        text = plan(sql_asset("q", "select 2 as one"), workspace=workspace).explain("q")

    assert len(text.splitlines()) == 2
    assert "query changed" in text


def test_texts_are_kept_once_and_tidied(tmp_path):
    """Many changes leave few files, with the texts that are still remembered."""
    with Workspace(tmp_path) as workspace:
        for number in range(14):
            made(sql_asset("q", f"select {number} as one"), workspace)
        text = plan(sql_asset("q", "select 99 as one"), workspace=workspace).explain("q")

    assert "    -select 13 as one" in text.splitlines()
    assert len(list((tmp_path / ".assetkit" / "sources").iterdir())) <= 8
