"""Assets that somebody has automation leave alone."""

from __future__ import annotations

import pytest

from assetkit import AutoMaterializePolicy, Definitions, Workspace, asset, materialize
from assetkit.errors import UnknownAsset
from assetkit.planning.decisions import Outcome

EAGER = AutoMaterializePolicy.eager()


@asset(automation=EAGER)
def source() -> None:
    """Where data comes from."""


@asset(automation=EAGER)
def derived(source: None) -> None:
    """What is made of it."""


PROJECT = Definitions(assets=[source, derived])


@pytest.fixture
def workspace():
    with Workspace.temporary() as made:
        yield made


def launched(workspace):
    return [step.asset for step in PROJECT.evaluate(workspace=workspace).steps]


def test_what_is_held_is_left_alone_with_what_needs_it(workspace):
    """The reason stands in the decision, and in status; what waits for it says so."""
    assert workspace.hold(source, "the source is being moved") is True

    plan = PROJECT.evaluate(workspace=workspace)
    decisions = {one.asset: one for one in plan.decisions}

    assert len(plan) == 0
    assert decisions["source"].outcome is Outcome.HELD
    assert "the source is being moved" in decisions["source"].reason
    assert decisions["derived"].outcome is Outcome.WAITING
    materialize(PROJECT, workspace=workspace, progress="none")
    status = workspace.status().set_index("asset")
    assert "being moved" in status.held["source"]


def test_a_held_asset_goes_on_when_it_is_released(workspace):
    """Holding twice is holding once, and so is releasing."""
    workspace.hold(source)
    assert workspace.hold(source) is False

    assert workspace.release("source") is True
    assert workspace.release("source") is False
    assert launched(workspace) == ["source", "derived"]


def test_what_is_held_is_built_by_hand(workspace):
    """A person's word stops automation only."""
    workspace.hold(source)

    assert materialize(source, workspace=workspace, progress="none").materialized
    assert launched(workspace) == ["derived"]


def test_a_hold_outlives_its_process(tmp_path):
    """It is written down in the catalog, beside what automation did."""
    with Workspace(tmp_path / "lake") as first:
        first.hold(source, "later")

    with Workspace(tmp_path / "lake") as second:
        assert launched(second) == []


def test_an_unknown_name_is_not_held(workspace):
    """The nearest names are told."""
    materialize(source, workspace=workspace, progress="none")

    with pytest.raises(UnknownAsset, match="source"):
        workspace.hold("sorce")
