"""Steps that a person must approve: they wait, and go on, or fail, as was decided."""

from __future__ import annotations

import os
import signal
import subprocess
import threading

import pandas as pd
import pytest

from assetkit import (
    StaticPartitions,
    ThreadExecutor,
    Workspace,
    approve,
    asset,
    materialize,
    reject,
)
from assetkit.errors import MaterializationError, PlanError, StepRejected
from tests import warm

PAYROLL = """
import pandas as pd
from assetkit import asset, materialize

@asset
def hours() -> pd.DataFrame:
    return pd.DataFrame({"hours": [8, 7]})

@asset(requires_approval=True)
def payroll(hours: pd.DataFrame) -> pd.DataFrame:
    return hours.assign(pay=hours.hours * 20)

if __name__ == "__main__":
    materialize(payroll, workspace="w", progress="lines")
"""


@asset
def hours() -> pd.DataFrame:
    return pd.DataFrame({"hours": [8, 7]})


@asset(requires_approval=True)
def payroll(hours: pd.DataFrame) -> pd.DataFrame:
    return hours.assign(pay=hours.hours * 20)


@asset
def paid(payroll: pd.DataFrame) -> pd.DataFrame:
    return payroll[["pay"]]


class Person:
    """Watches a run, and decides as soon as it is asked."""

    def __init__(self, decide):
        self._decide, self.asked = decide, []

    def notify(self, event):
        if type(event).__name__ == "ApprovalAsked":
            self.asked.append((event.asset, event.partition))
            self._decide(event)

    def close(self):
        """Leave."""


def run(target, workspace, decide, **said):
    """Materialize, with somebody who decides."""
    person = Person(decide)
    return materialize(target, workspace=workspace, progress=person, **said), person


def test_an_approved_step_runs_and_what_depends_on_it(tmp_path):
    """Until somebody approves, the step waits; then the run goes on, and the record says who."""
    workspace = Workspace(tmp_path / "w")

    def decide(event):
        approve(event.run_id, event.asset, note="checked", workspace=workspace)

    result, person = run(paid, workspace, decide)
    told = workspace.events(result.run_id)

    assert person.asked == [("payroll", None)]
    assert [160, 140] == result.load("paid").pay.tolist()
    assert ["awaiting_approval", "approved"] == [
        event for event in told.event if event != "materialized"
    ]
    assert "checked" in told.reason[told.event == "approved"].item()


def test_a_rejected_step_fails_and_blocks(tmp_path):
    """What was rejected does not run, nor does what needs it; asked for again, it waits again."""
    workspace = Workspace(tmp_path / "w")

    def refuse(event):
        reject(event.run_id, event.asset, note="wrong month", workspace=workspace)

    result, _ = run(paid, workspace, refuse, raise_on_error=False)
    again, person = run(paid, workspace, lambda event: approve(event.run_id, workspace=workspace))

    assert result.failed == [("payroll", None)]
    assert result.blocked == [("paid", None)]
    assert "wrong month" in str(result.error())
    assert isinstance(result.error().__cause__, StepRejected)
    assert person.asked == [("payroll", None)]
    assert again.success


def test_a_step_that_waits_holds_no_worker(tmp_path):
    """With one worker, others run while a step waits."""
    workspace = Workspace(tmp_path / "w")
    asked = []

    @asset
    def other() -> pd.DataFrame:
        for event in asked:
            approve(event.run_id, event.asset, workspace=workspace)
        return pd.DataFrame({"n": [len(asked)]})

    @asset(requires_approval=True)
    def a_first() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    result, _ = run([a_first, other], workspace, asked.append, executor=ThreadExecutor(1))

    assert result.success
    assert result.load("other").n.tolist() == [1]


def test_each_partition_is_decided_on_its_own(tmp_path):
    """One partition is approved and another refused; each is named by its key."""
    workspace = Workspace(tmp_path / "w")

    @asset(partitions=StaticPartitions(["us", "eu"]), requires_approval=True)
    def report(context) -> pd.DataFrame:
        return pd.DataFrame({"region": [context.partition_key]})

    def decide(event):
        call = approve if event.partition == "eu" else reject
        call(event.run_id, (event.asset, event.partition), workspace=workspace)

    result, _ = run(report, workspace, decide, raise_on_error=False)

    assert result.materialized == [("report", "eu")]
    assert result.failed == [("report", "us")]


def test_an_approval_is_spent_with_the_slot(tmp_path):
    """What is forced to run again needs a new approval."""
    workspace = Workspace(tmp_path / "w")

    def decide(event):
        approve(event.run_id, workspace=workspace)

    run(payroll, workspace, decide)
    _, person = run(payroll, workspace, decide, force=True)

    assert person.asked == [("payroll", None)]


def test_an_approval_outlives_the_process_that_asked(tmp_path, monkeypatch):
    """Killed while it waits, the run is taken up by the next, with what was decided meanwhile."""
    (tmp_path / "pay.py").write_text(PAYROLL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    process = warm.Process(["pay.py"], stderr=subprocess.PIPE)
    for line in process.stderr:
        if "awaits approval" in line:
            run_id = line.split()[-2]
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    approve(run_id, "payroll", workspace="w")
    done = warm.run(["pay.py"])

    assert done.returncode == 0, done.stderr
    assert "awaits" not in done.stderr
    assert [160, 140] == Workspace("w").load("payroll").pay.tolist()


def test_a_run_that_waits_can_be_cancelled(tmp_path):
    """A run in which all that is left waits for a person stops when it is asked to."""
    workspace = Workspace(tmp_path / "w")

    def cancel(event):
        threading.Thread(target=workspace.cancel, args=(event.run_id,)).start()

    with pytest.raises(MaterializationError, match="2 were given up"):
        run(paid, workspace, cancel)


def test_what_does_not_wait_cannot_be_decided(tmp_path):
    """An unknown run, an unknown step and one that was decided are each said so."""
    workspace = Workspace(tmp_path / "w")
    result, _ = run(payroll, workspace, lambda e: approve(e.run_id, workspace=workspace))

    for run_id, step, said in (
        ("nope", "payroll", "There is no run 'nope'"),
        (result.run_id, "pairoll", "no step 'pairoll'"),
        (result.run_id, "payroll", "does not wait any more: it is approved by"),
        (result.run_id, None, "No step of run"),
    ):
        with pytest.raises(PlanError, match=said):
            approve(run_id, step, workspace=workspace)


def test_the_command_line_lists_and_decides(tmp_path, monkeypatch):
    """`assetkit approve` shows what waits; with a step, it lets that go on."""
    (tmp_path / "pay.py").write_text(PAYROLL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    environ = {**os.environ, "ASSETKIT_WORKSPACE": str(tmp_path / "w")}

    def assetkit(*words):
        return warm.run(["-m", "assetkit", *words], env=environ)

    process = warm.Process(["pay.py"], stderr=subprocess.PIPE)
    line = next(line for line in process.stderr if "awaits approval" in line)
    listed = assetkit("approve")
    decided = assetkit(*line.split()[-4:][1:], "--note", "fine")
    process.communicate(timeout=180)

    assert "payroll" in listed.stdout
    assert decided.stdout == "payroll is approved.\n"
    assert process.returncode == 0
    assert assetkit("approve").stdout == "No step waits for approval.\n"
