"""Jobs by name, and turns of automation, on the command line."""

import pytest

from assetkit import Workspace
from assetkit.catalog.liveness import this_process

MORE = """
from assetkit import AutoMaterializePolicy, asset, job, schedule, sensor

two_days = job("two_days", "orders or by_region", partitions="latest:2")
nightly = schedule(two_days, "* * * * *")


@asset(automation=AutoMaterializePolicy.eager())
def prices():
    return None


@sensor("prices")
def quiet(context):
    return None


@sensor("prices", name="loud")
def loud(context):
    raise ValueError("no such server")
"""


@pytest.fixture
def automatic(shop):
    """Return the shop, with a job, a schedule, a policy and two sensors."""
    file = shop.folder / "shop.py"
    file.write_text(file.read_text(encoding="utf-8") + MORE, encoding="utf-8")
    return shop


def test_a_job_by_name(run, automatic):
    """Planned and materialized as it says: partitions where there are any, the rest whole."""
    planned = run("plan", "--job", "two_days", "--json")
    ended = run("materialize", "two_days", "--progress", "none")

    assert planned.json["schema"] == "assetkit.plan/1"
    assert ended.code == 0, ended.err
    assert "by_region" in ended.out


def test_a_job_goes_without_an_option(run, automatic):
    """`plan two_days` is `plan --job two_days`; what a dry run of it says is the plan."""
    named, given = run("plan", "two_days", "--json"), run("plan", "--job", "two_days", "--json")
    dry = run("materialize", "two_days", "--dry-run", "--json")

    assert named.code == 0
    assert named.json["steps"] == given.json["steps"] == dry.json["steps"]


@pytest.mark.parametrize("command", ["plan", "materialize"])
def test_an_asset_that_stands_for_a_job_is_told_the_option(run, automatic, command):
    """A name alone is a job or a plan's file; assets are selected, and nothing else runs."""
    ended = run(command, "orders@2026-01-01", *(["--dry-run"] if command == "materialize" else []))

    assert (ended.code, ended.out) == (2, "")
    assert "-s orders@2026-01-01" in ended.err


def test_a_job_that_is_none(run, automatic):
    """The nearest names are told; a job and a selection do not go together."""
    unknown = run("plan", "--job", "two_day")
    both = run("plan", "--job", "two_days", "-s", "orders")

    assert (unknown.code, both.code) == (2, 2)
    assert "Did you mean two_days?" in unknown.err
    assert "do not go together" in both.err


def test_a_turn(run, automatic):
    """What it would do, what it did, and what came of it; a failed sensor is exit code 1."""
    would = run("tick", "--dry-run")
    first = run("tick", "--progress", "none")
    again = run("tick", "--json")
    history = run("tick", "--history")
    listed = run("tick", "--history", "--source", "assets", "--json").json["ticks"]

    assert would.code == 0
    assert "prices: launch, never built" in would.out
    assert "2 sensors: not asked in a dry run" in would.out
    assert first.code == 1
    assert "sensor:loud: failed. ValueError: no such server" in first.out
    assert "assets" in first.out
    assert again.code == 0
    assert again.json["schema"] == "assetkit.tick/1"
    assert [one["status"] for one in listed] == ["success"]
    assert listed[0]["request"]["decisions"] == ["prices: launch, never built"]
    assert "prices: launch, never built" in history.out


def test_a_turn_beside_another(run, automatic):
    """Where another process is at work, nothing is done, and the exit code says so."""
    with Workspace() as workspace:
        owner = this_process()
        workspace.catalog.automation.hold("another", owner, workspace.core.now())

    ended = run("tick")
    status = run("daemon", "--status")

    assert ended.code == 5
    assert f"process {owner.pid}" in ended.err
    assert f"process {owner.pid}" in status.out


def test_no_daemon_yet(run, automatic):
    """Asked before there was any, status and history say so."""
    assert "No daemon looks after" in run("daemon", "--status").out
    assert "No tick has come" in run("tick", "--history").out
