"""Alerts: one message a run, no message twice; promises and quarantine told once per episode."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from assetkit import (
    Alerts,
    AutoMaterializePolicy,
    Daemon,
    Definitions,
    FreshnessPolicy,
    Hooks,
    StaticPartitions,
    Workspace,
    asset,
    asset_check,
    materialize,
)
from assetkit.catalog.memory import MemoryCatalog
from assetkit.errors import InvalidArgument

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
keys = [f"k{number:02}" for number in range(15)]


@pytest.fixture
def workspace():
    with Workspace.temporary(catalog=MemoryCatalog()) as place:
        yield place


@asset(partitions=StaticPartitions(keys))
def broken(context) -> pd.DataFrame:
    raise ConnectionError(f"no answer from {context.partition_key}")


@asset
def other() -> pd.DataFrame:
    raise KeyError("nothing")


def run(definitions, workspace, minutes):
    """Materialize all, some minutes after noon."""
    from copy import copy
    from dataclasses import replace

    timed = copy(workspace)
    timed.core = replace(workspace.core, clock=lambda: NOON + timedelta(minutes=minutes))
    materialize(definitions, workspace=timed, raise_on_error=False, progress="none")


def test_one_message_for_all_that_failed_in_a_run(workspace):
    """However many partitions failed, the message names the first ones and counts the rest."""
    sent = []
    run(Definitions(assets=[broken, other], hooks=[Alerts(to=sent.append)]), workspace, 0)

    [alert] = sent
    assert len(alert.events) == 16
    head, *lines = str(alert).splitlines()
    assert head == f"broken, other: failed (16 slots) in run {alert.run_id}"
    assert lines[0] == "- broken@k00 failed: ConnectionError: no answer from k00"
    assert lines[-1] == "… 6 more"


def test_the_same_trouble_is_kept_quiet(workspace):
    """Within the quiet period only what is new is told; then how much was kept back is said."""
    sent = []
    hooks = [Alerts(to=sent.append, quiet="1h")]
    run(Definitions(assets=[broken], hooks=hooks), workspace, 0)
    run(Definitions(assets=[broken], hooks=hooks), workspace, 30)
    assert len(sent) == 1

    run(Definitions(assets=[broken, other], hooks=hooks), workspace, 40)
    assert [event.asset for event in sent[1].events] == ["other"]

    run(Definitions(assets=[broken], hooks=hooks), workspace, 70)
    assert sent[2].quiet == 30
    assert str(sent[2]).endswith("30 more since the last message")


def test_another_process_keeps_quiet_too(tmp_path):
    """What was told is in the catalog: a process started anew neither repeats nor forgets it."""
    sent = []

    def started_anew(minutes):
        project = Definitions(assets=[other], hooks=[Alerts(to=sent.append, quiet="1h")])
        with Workspace(tmp_path) as workspace:
            run(project, workspace, minutes)

    for minutes in (0, 20, 40):
        started_anew(minutes)
    assert len(sent) == 1

    started_anew(61)
    assert [alert.quiet for alert in sent] == [0, 2]


def test_receivers_are_told_apart(workspace):
    """What one receiver was told says nothing of what another one was."""
    first, second = [], []

    def page(alert):
        first.append(alert)

    def mail(alert):
        second.append(alert)

    run(Definitions(assets=[other], hooks=[Alerts(to=page)]), workspace, 0)
    run(Definitions(assets=[other], hooks=[Alerts(to=page), Alerts(to=mail)]), workspace, 10)

    assert (len(first), len(second)) == (1, 1)


def test_a_failed_check_is_not_told_twice(workspace):
    """A blocking check that fails is one event, not also the failure of its step."""

    @asset
    def numbers() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    @asset_check(asset=numbers, blocking=True)
    def never(numbers) -> bool:
        return False

    sent = []
    run(Definitions(assets=[numbers], checks=[never], hooks=[Alerts(to=sent.append)]), workspace, 0)

    assert [event.kind for event in sent[0].events] == ["check_failed"]


def test_kinds_and_text_are_the_users(workspace):
    """Only the kinds asked for are told, in the words of the template."""
    sent, none = [], []
    hooks = [
        Alerts(to=sent.append, on="failure", template="{count} {kinds} in {assets}; {logs}"),
        Alerts(to=none.append, on=["overdue"]),
    ]
    run(Definitions(assets=[other], hooks=hooks), workspace, 0)

    assert str(sent[0]) == f"1 failure in other; assetkit logs {sent[0].run_id}"
    assert none == []


def test_an_alert_that_fails_hurts_nothing(workspace, caplog):
    """It is logged, and the next one is told all the same."""
    sent = []

    def fails(alert):
        raise OSError("no network")

    run(Definitions(assets=[other], hooks=[Alerts(to=[fails, sent.append])]), workspace, 0)

    assert len(sent) == 1
    assert "could not be sent" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [{"to": 3}, {"on": "failed"}, {"quiet": "soon"}, {"template": "{nobody}"}, {"template": "{"}],
)
def test_what_cannot_be_is_refused(wrong):
    """Each argument is checked where it is written."""
    with pytest.raises(InvalidArgument, match=next(iter(wrong))):
        Alerts(**{"to": print, **wrong})


def test_a_broken_promise_is_told_once_an_episode(workspace):
    """However many turns find it overdue, also by other processes; kept again, it may be anew."""
    told = []
    data_time = [NOON]

    @asset(automation=AutoMaterializePolicy("never"), freshness=FreshnessPolicy("1h"))
    def report() -> pd.DataFrame:
        return pd.DataFrame({"at": data_time})

    project = Definitions(assets=[report], hooks=[Hooks(on_overdue=told.append)])

    def turn(minutes):
        return Daemon(project, workspace).tick(NOON + timedelta(minutes=minutes))

    turn(0)
    turn(1)
    assert [(event.kind, event.asset) for event in told] == [("overdue", "report")]
    run(project, workspace, 2)
    turn(3)
    turn(60)
    assert len(told) == 1
    turn(90)
    turn(91)
    assert len(told) == 2
    history = workspace.catalog.automation.ticks(source="freshness:report")
    assert [one.message.partition(":")[0] for one in history] == ["overdue", "fresh", "overdue"]


def test_quarantine_is_told_once(workspace):
    """What failed as often as it may is told when that is found, and not at each turn."""
    told = []

    @asset(automation=AutoMaterializePolicy.eager())
    def report():
        raise ValueError("a bug")

    project = Definitions(assets=[report], hooks=[Hooks(on_quarantined=told.append)])
    for minutes in range(5):
        Daemon(project, workspace).tick(NOON + timedelta(minutes=minutes))

    assert [event.asset for event in told] == ["report"]
    assert "a bug" in told[0].reason
