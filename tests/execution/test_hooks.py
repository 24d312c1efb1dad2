"""Hooks: told of what happened, and never in the way."""

from __future__ import annotations

import importlib.util
import logging

import pandas as pd
import pytest

from assetkit import Definitions, Hooks, RetryPolicy, Workspace, asset, checks, materialize
from assetkit.errors import InvalidArgument, MissingExtra


@asset
def good():
    return None


@asset(retry=RetryPolicy(1))
def bad():
    raise ValueError("no luck")


def run(hooks, *assets):
    """Run assets with hooks, whatever comes of it."""
    project = Definitions(assets=assets, hooks=hooks)
    with Workspace.temporary() as workspace:
        return materialize(project, workspace=workspace, progress="none", raise_on_error=False)


def test_each_kind_of_hook_is_told_of_its_own():
    """A success, an attempt to be tried again, and a failure each reach their hooks, in order."""
    told = []
    hooks = Hooks(on_success=told.append, on_failure=[told.append], on_retry=told.append)
    result = run(hooks, good, bad)

    kinds = [(one.kind, one.asset, one.attempt) for one in told]
    assert sorted(kinds) == [("failure", "bad", 2), ("retry", "bad", 1), ("success", "good", 1)]
    assert kinds.index(("retry", "bad", 1)) < kinds.index(("failure", "bad", 2))
    assert {one.run_id for one in told} == {result.run_id}
    assert "bad failed: ValueError: no luck" in map(str, told)


def test_a_hook_that_fails_fails_nothing(caplog):
    """Its error is logged; the run and the other hooks go on."""
    told = []

    def broken(event):
        raise RuntimeError("hook is broken")

    with caplog.at_level(logging.ERROR, logger="assetkit.hooks"):
        result = run([Hooks(on_success=[broken, told.append])], good)

    assert result.success
    assert len(told) == 1
    assert "hook is broken" in caplog.text


def test_a_blocking_check_that_fails_is_told_as_such():
    """It calls the hooks of failed checks, and those of failures."""
    told = []

    @asset(checks=[checks.in_range("n", 0, 1, blocking=True)])
    def numbers():
        return pd.DataFrame({"n": [7]})

    run(Hooks(on_check_failed=told.append, on_failure=told.append), numbers)

    assert [one.kind for one in told] == ["check_failed", "failure"]


@pytest.mark.parametrize("hook", [3, "no url"])
def test_what_cannot_be_called_is_refused(hook):
    """A hook is a function or a URL; anything else is said at once."""
    with pytest.raises(InvalidArgument, match="on_failure"):
        Hooks(on_failure=hook)


def test_hooks_of_another_type_are_refused():
    """`Definitions` takes `Hooks`, so that a bare function's meaning need not be guessed."""
    with pytest.raises(InvalidArgument, match="hooks"):
        Definitions(assets=[good], hooks=print)


@pytest.mark.skipif(importlib.util.find_spec("apprise") is not None, reason="apprise is there")
def test_a_url_without_its_package_is_refused_before_anything_runs():
    """The error names the extra to install."""
    with pytest.raises(MissingExtra, match=r"assetkit\[notify\]"):
        run(Hooks(on_failure="json://localhost"), good)
