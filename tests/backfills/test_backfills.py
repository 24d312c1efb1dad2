"""What backfills promise: on record, only what is needed, resumable, cancellable, bounded."""

import subprocess
import textwrap
import threading

import pandas as pd
import pytest

from assetkit import (
    AssetIn,
    BackfillPolicy,
    DailyPartitions,
    Definitions,
    Hooks,
    MultiPartitions,
    StaticPartitions,
    Workspace,
    asset,
    backfill,
    build_context,
    materialize,
    plan,
    resume,
)
from assetkit.catalog.memory import MemoryCatalog
from assetkit.errors import (
    BackfillTooLarge,
    InvalidArgument,
    MaterializationError,
    PlanError,
    UnknownPartition,
)
from assetkit.mappings import window
from assetkit.records import RunStatus
from tests import warm

DAYS = DailyPartitions("2026-01-01", end="2026-01-11")


@pytest.fixture
def workspace():
    with Workspace.temporary() as made:
        yield made


class Readings:
    """Two assets by day; days in ``broken`` fail, and calls are counted."""

    def __init__(self):
        self.broken = set()
        self.calls = []

        @asset(partitions=DAYS, code_version="1")
        def readings(context) -> pd.DataFrame:
            self.calls.append(context.partition_key)
            if context.partition_key in self.broken:
                raise ValueError("no such file")
            return pd.DataFrame({"day": [context.partition_key]})

        @asset(partitions=DAYS, code_version="1")
        def checked(readings: pd.DataFrame) -> pd.DataFrame:
            return readings

        self.readings, self.checked = readings, checked


@pytest.fixture
def project():
    return Readings()


def keys(slots, name):
    return sorted(key for asset_name, key in slots if asset_name == name)


def days(first, last):
    return [f"2026-01-{day:02d}" for day in range(first, last + 1)]


def test_a_backfill_builds_what_is_needed_and_is_on_record(project, workspace):
    """What is fresh is not run; the record says what it was about and how it ended."""
    materialize(project.checked, partitions="2026-01-03", workspace=workspace)

    done = backfill(project.checked, "2026-01-02..2026-01-05", workspace=workspace)

    assert keys(done.materialized, "checked") == ["2026-01-02", "2026-01-04", "2026-01-05"]
    assert done.success
    assert done.status is RunStatus.SUCCESS
    assert done.left == []
    frame = workspace.backfills()
    assert frame.backfill_id.tolist() == [done.backfill_id]
    assert frame.status.tolist() == ["success"]
    assert frame.slots.tolist() == [4]
    assert frame.runs.tolist() == [[done.run_id]]
    assert workspace.runs().tags.iloc[0] == f'{{"backfill": "{done.backfill_id}"}}'


def test_nothing_to_do_runs_nothing(project, workspace):
    """A backfill of what is fresh calls no function and makes no run."""
    materialize(project.checked, workspace=workspace)
    project.calls.clear()

    done = backfill(project.checked, "all", workspace=workspace)

    assert done.success
    assert project.calls == []
    assert len(workspace.runs()) == 1


@pytest.mark.parametrize(
    ("partitions", "expected"),
    [
        ("2026-01-02..2026-01-03", days(2, 3)),
        (["2026-01-09", "2026-01-04"], ["2026-01-04", "2026-01-09"]),
        ("2026-01-07", ["2026-01-07"]),
        ("latest:2", days(9, 10)),
        ("missing", [day for day in days(1, 10) if day != "2026-01-05"]),
        ("all", [day for day in days(1, 10) if day != "2026-01-05"]),
        (None, [day for day in days(1, 10) if day != "2026-01-05"]),
    ],
)
def test_selections(project, workspace, partitions, expected):
    """Every kind of selection means what it means elsewhere."""
    materialize(project.checked, partitions="2026-01-05", workspace=workspace)

    done = backfill(project.checked, partitions, workspace=workspace)

    assert keys(done.materialized, "checked") == expected


def test_selections_by_dimension(workspace):
    """Ranges are given per dimension where there are several."""
    both = MultiPartitions(date=DAYS, region=StaticPartitions(["eu", "us", "asia"]))

    @asset(partitions=both)
    def sales(context):
        return None

    done = backfill(
        sales,
        {"date": "2026-01-01..2026-01-02", "region": ["eu", "us"]},
        workspace=workspace,
    )

    assert [str(key) for _, key in done.materialized] == [
        "2026-01-01|eu",
        "2026-01-01|us",
        "2026-01-02|eu",
        "2026-01-02|us",
    ]


def test_a_wrong_key_is_refused_before_anything_is_written(project, workspace):
    """A key that does not exist is named, and there is no backfill then."""
    with pytest.raises(UnknownPartition, match="2026-02-01"):
        backfill(project.checked, ["2026-02-01"], workspace=workspace)

    assert workspace.backfills().empty


def test_failures_name_the_slots_and_the_command_for_the_rest(project, workspace):
    """The error says which failed and why; resuming does just those, and what they blocked."""
    project.broken = {"2026-01-03"}

    with pytest.raises(MaterializationError, match=r"readings@2026-01-03.*no such file") as caught:
        backfill(project.checked, "2026-01-02..2026-01-04", workspace=workspace)

    name = workspace.backfills().backfill_id.iloc[0]
    assert f"assetkit backfill --resume {name}" in caught.value.__notes__[0]
    assert workspace.backfills().status.tolist() == ["failed"]
    project.broken.clear()
    project.calls.clear()

    done = resume(name, [project.checked], workspace=workspace)

    assert done.materialized == [("readings", "2026-01-03"), ("checked", "2026-01-03")]
    assert project.calls == ["2026-01-03"]
    assert done.backfill_id == name
    assert workspace.backfills().status.tolist() == ["success"]
    assert len(workspace.backfills().runs.iloc[0]) == 2


def test_the_failed_can_be_selected(project, workspace):
    """``failed`` selects what the newest attempt failed at."""
    project.broken = {"2026-01-03", "2026-01-07"}
    first = backfill(project.readings, "all", workspace=workspace, raise_on_error=False)
    assert keys(first.left, "readings") == ["2026-01-03", "2026-01-07"]
    assert first.retry_command in str(first)
    project.broken.clear()

    second = backfill(project.readings, "failed", workspace=workspace)

    assert keys(second.materialized, "readings") == ["2026-01-03", "2026-01-07"]


def test_what_a_backfill_is_about_does_not_move(project, workspace):
    """``missing`` means what was missing when it began, also when it is resumed."""
    project.broken = {"2026-01-03"}
    materialize(project.readings, partitions="2026-01-01..2026-01-02", workspace=workspace)
    first = backfill(project.readings, "missing", workspace=workspace, raise_on_error=False)
    workspace.delete("readings", "2026-01-01")
    project.broken.clear()

    second = resume(first.backfill_id, project.readings, workspace=workspace)

    assert second.materialized == [("readings", "2026-01-03")]


def test_force_builds_each_slot_once(project, workspace):
    """A forced backfill that is resumed does not build again what it has built already."""
    materialize(project.readings, workspace=workspace)
    project.calls.clear()
    project.broken = {"2026-01-08"}

    first = backfill(project.readings, force=True, workspace=workspace, raise_on_error=False)

    assert len(first.unchanged) == 9
    project.broken.clear()
    project.calls.clear()
    second = resume(first.backfill_id, project.readings, workspace=workspace)
    assert project.calls == ["2026-01-08"]
    assert second.success
    third = resume(first.backfill_id, project.readings, workspace=workspace)
    assert third.success
    assert project.calls == ["2026-01-08"]


def test_a_projects_hooks_are_told_of_its_backfills(project, workspace):
    """Hooks of the definitions hear of each step, now and when the rest is done."""
    told = []
    shop = Definitions(assets=[project.readings], hooks=Hooks(on_failure=told.append))
    project.broken = {"2026-01-03"}

    first = backfill(shop, "2026-01-02..2026-01-03", workspace=workspace, raise_on_error=False)
    assert len(told) == 1
    resume(first.backfill_id, shop, workspace=workspace, raise_on_error=False)
    assert len(told) == 2


def test_a_backfill_is_about_what_was_asked_for(workspace):
    """What a slot needs of its own past is neither on record nor forced, now or when resumed."""
    broken = {"2026-01-10"}

    @asset(partitions=DAYS, ins={"running": AssetIn(partitions=window(-1, -1))}, code_version="1")
    def running(context, running: pd.DataFrame) -> pd.DataFrame:
        if context.partition_key in broken:
            raise ValueError("no file")
        return pd.DataFrame({"n": [1 + len(running)]})

    materialize(running, workspace=workspace, raise_on_error=False)
    asked = {"force": True, "workspace": workspace, "raise_on_error": False}
    first = backfill(running, "2026-01-09..2026-01-10", **asked)

    assert first.unchanged == [("running", "2026-01-09")]
    assert workspace.backfills().slots.tolist() == [2]
    broken.clear()
    second = resume(first.backfill_id, running, workspace=workspace)
    assert (second.materialized, second.unchanged) == ([("running", "2026-01-10")], [])


def test_too_many_partitions_are_refused_with_what_they_cost(project, workspace):
    """The guard names the cost; nothing ran and nothing is on record."""
    materialize(project.readings, partitions="2026-01-01", workspace=workspace)

    with pytest.raises(BackfillTooLarge, match=r"9 slots.*max_partitions=3") as caught:
        backfill(project.readings, "all", max_partitions=3, workspace=workspace)

    assert caught.value.estimate.slots == 9
    assert caught.value.estimate.rows == 9
    assert caught.value.estimate.seconds <= caught.value.estimate.slowest
    assert workspace.backfills().empty
    assert len(workspace.runs()) == 1


def test_batches_and_single_runs(workspace):
    """How many partitions a call gets is the asset's policy, also in a backfill."""
    calls = {"batched": [], "single": []}

    def rows(context, name):
        calls[name].append(len(context.partition_keys))
        return pd.DataFrame({"partition": list(context.partition_keys), "n": 1})

    @asset(partitions=DAYS, backfill=BackfillPolicy.batched(4))
    def batched(context) -> pd.DataFrame:
        return rows(context, "batched")

    @asset(partitions=DAYS, backfill=BackfillPolicy.single_run())
    def single(context) -> pd.DataFrame:
        return rows(context, "single")

    done = backfill([batched, single], "2026-01-01..2026-01-09", workspace=workspace)

    assert calls == {"batched": [4, 4, 1], "single": [9]}
    assert len(done.materialized) == 18
    assert single(build_context(partition_keys=["2026-01-01"])).n.tolist() == [1]


def test_so_many_calls_at_once_and_no_more(workspace):
    """`max_concurrency` is how many calls are under way at once."""
    gate, inside, most = threading.Barrier(3), set(), []
    lock = threading.Lock()

    @asset(partitions=StaticPartitions([f"k{number}" for number in range(6)]))
    def slow(context):
        with lock:
            inside.add(context.partition_key)
            most.append(len(inside))
        gate.wait(timeout=120)
        with lock:
            inside.discard(context.partition_key)

    backfill(slow, max_concurrency=3, workspace=workspace)

    assert max(most) == 3
    with pytest.raises(InvalidArgument, match="max_concurrency=0"):
        backfill(slow, max_concurrency=0, workspace=workspace)


class Watched(MemoryCatalog):
    """A catalog that says when a run has heard that it is to stop."""

    def __init__(self):
        super().__init__()
        self.heard = threading.Event()

    def heartbeat(self, run_id, now):
        asked = super().heartbeat(run_id, now)
        if asked:
            self.heard.set()
        return asked


def test_a_backfill_can_be_cancelled_from_elsewhere(tmp_path):
    """What was committed stays, the rest is given up, and a resume does it."""
    workspace = Workspace(tmp_path / "lake", catalog=Watched())

    @asset(partitions=StaticPartitions(["a", "b", "c"]), code_version="1")
    def waits(context):
        if context.partition_key == "b" and not workspace.catalog.heard.is_set():
            name = workspace.backfills().backfill_id.iloc[0]
            with pytest.raises(PlanError, match="is under way in run"):
                resume(name, waits, workspace=workspace)
            assert workspace.cancel(name)
            assert workspace.catalog.heard.wait(timeout=120)

    first = backfill(waits, workspace=workspace, raise_on_error=False)

    assert first.status is RunStatus.CANCELLED
    assert first.materialized == [("waits", "a"), ("waits", "b")]
    assert first.left == [("waits", "c")]
    assert not workspace.cancel(first.backfill_id)
    second = resume(first.backfill_id, waits, workspace=workspace)
    assert second.materialized == [("waits", "c")]
    assert workspace.backfills().status.tolist() == ["success"]


def test_unknown_ids_and_changed_definitions_are_told(project, workspace):
    """There is a sentence for an id that is none, and for partitions defined otherwise."""
    first = backfill(project.readings, "2026-01-01", workspace=workspace)

    with pytest.raises(PlanError, match="There is no backfill 'bf-0'"):
        resume("bf-0", project.readings, workspace=workspace)
    with pytest.raises(PlanError, match="There is no run and no backfill"):
        workspace.cancel("bf-0")

    @asset(partitions=StaticPartitions(["x"]))
    def readings(context):
        return None

    with pytest.raises(PlanError, match="defined otherwise"):
        resume(first.backfill_id, readings, workspace=workspace)


KILLED = textwrap.dedent(
    """
    import os
    import sys
    import threading
    from pathlib import Path

    import pandas as pd
    from assetkit import DailyPartitions, Workspace, asset, backfill, resume

    CALLS = Path("calls.txt")


    @asset(partitions=DailyPartitions("2026-01-01", end="2026-02-10"), code_version="1")
    def readings(context) -> pd.DataFrame:
        with CALLS.open("a") as file:
            print(context.partition_key, file=file)
        if context.partition_key == "2026-01-21" and sys.argv[1] == "begin":
            print("waiting", file=sys.__stdout__, flush=True)
            threading.Event().wait()
        return pd.DataFrame({"day": [context.partition_key]})


    workspace = Workspace("lake")
    if sys.argv[1] == "begin":
        backfill(readings, workspace=workspace)
    else:
        name = workspace.backfills().backfill_id.iloc[0]
        assert workspace.backfills().status.iloc[0] == "lost", workspace.backfills()
        print(len(resume(name, workspace=workspace).materialized), file=sys.__stdout__)
        assert workspace.backfills().status.iloc[0] == "success"
    """
)


def test_a_killed_backfill_is_resumed_with_only_what_is_left(tmp_path):
    """After SIGKILL in the middle the same id goes on: no day is lost, none committed is redone."""
    (tmp_path / "job.py").write_text(KILLED)
    job = warm.Process(["job.py", "begin"], cwd=tmp_path, stdout=subprocess.PIPE)
    assert job.stdout.readline() == "waiting\n"
    committed = _wait_for_commit(Workspace(tmp_path / "lake"), job)
    job.kill()
    job.communicate()
    before = (tmp_path / "calls.txt").read_text().split()
    assert before == [f"2026-01-{day:02d}" for day in range(1, 22)]

    rest = warm.run(["job.py", "resume"], cwd=tmp_path)
    assert rest.returncode == 0, rest.stderr

    again = (tmp_path / "calls.txt").read_text().split()[len(before) :]
    assert not set(again) & committed
    assert again[-20:] == [
        *(f"2026-01-{day:02d}" for day in range(21, 32)),
        *(f"2026-02-{day:02d}" for day in range(1, 10)),
    ]
    assert int(rest.stdout) == len(again) <= 21
    assert len(Workspace(tmp_path / "lake").load("readings")) == 40


def _wait_for_commit(workspace, process):
    """Return the days that the process has committed so far; it does so several times a second."""
    while process.poll() is None:
        columns = workspace.catalog.slot_keys("readings")[1]
        if len(columns) >= 15:
            return set(columns)
    raise AssertionError("the process ended by itself")


def test_plans_given_slots_hold_to_them(project, workspace):
    """A resumed backfill goes through the one planner: what is fresh stays out of it."""
    materialize(project.readings, partitions="2026-01-02", workspace=workspace)
    made = plan(project.readings, partitions="2026-01-01..2026-01-03", workspace=workspace)

    assert [step.partition for step in made.steps] == ["2026-01-01", "2026-01-03"]
