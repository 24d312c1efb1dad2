"""The command backfill: its cost first, its guard, and how one is stopped and taken up again."""

import os
import pty
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests import warm

WAITING = textwrap.dedent(
    """
    import sys
    import threading
    from assetkit import DailyPartitions, asset

    @asset(partitions=DailyPartitions("2026-01-01", end="2026-01-06"), code_version="1")
    def days(context):
        if context.partition_key == "2026-01-03" and "--resume" not in sys.argv:
            open("reached", "w").close()
            threading.Event().wait()
    """
)


@pytest.fixture
def broken_day(shop):
    """Let one day of the shop's orders fail, until the file is gone."""
    file = shop.folder / "broken"
    file.touch()
    shop.edit(
        '    print("reading", context.partition_key)\n',
        '    if context.partition_key == "2026-01-02" and __import__("os").path.exists("broken"):\n'
        '        raise OSError("the till is locked")\n',
    )
    return file


def test_the_cost_is_said_before_anything_runs(run, shop):
    """Slots at first, and what history knows of time, rows and bytes; nothing runs."""
    assert run("backfill", "-s", "orders", "--estimate").out == "3 slots, no history of orders\n"
    run("backfill", "-s", "orders@2026-01-01")

    told = run("backfill", "-s", "orders", "--estimate", "--json").json

    assert told["schema"] == "assetkit.estimate/1"
    assert {name: told[name] for name in ("slots", "rows", "unknown")} == {
        "slots": 2,
        "rows": 4.0,
        "unknown": [],
    }
    assert 0 < told["seconds"] <= told["slowest"]
    assert told["bytes"] > 0
    assert len(run("runs", "--json").json["runs"]) == 1


def test_progress_and_result_go_their_ways(run, shop):
    """Piped, each partition is a line of progress on stderr; the table is on stdout."""
    ended = run("backfill", "-s", "orders")

    assert ended.code == 0
    assert "3 materialized" in ended.out
    assert "Backfill: 3 slots" in ended.err
    assert "orders@2026-01-02 materialized, 2 rows" in ended.err
    assert "orders@" not in run("backfill", "-s", "orders", "--force", "--progress", "none").err


def test_many_partitions_need_a_yes_where_nobody_can_be_asked(run, shop):
    """The refusal says how many and what to say; with it, all are built."""
    asked = ("backfill", "-s", "valid_orders", "--max-partitions", "5")

    refused = run(*asked)

    assert refused.code == 2
    assert "would build 6 slots, more than --max-partitions 5" in refused.err
    assert "--yes" in refused.err
    assert run("runs", "--json").json["runs"] == []
    assert run(*asked, "--yes").code == 0
    assert run(*asked).code == 0  # nothing is left to do, so nothing is to be asked


def test_a_person_is_asked_on_a_terminal(tmp_path, shop):
    """No: nothing runs. Yes: it does."""
    for answer, code, slots in ((b"n\n", 130, 3), (b"y\n", 0, 0)):
        ours, theirs = pty.openpty()
        os.write(ours, answer)
        done = warm.run(
            ["-m", "assetkit", "backfill", "-s", "orders", "--max-partitions", "2"],
            stdin=theirs,
            cwd=shop.folder,
        )
        os.close(ours)
        os.close(theirs)

        assert done.returncode == code, done.stderr
        assert "Begin? [Y/n]" in done.stderr
        assert _left(shop.folder) == slots


def _left(folder):
    from assetkit import Workspace

    published = Workspace(folder / ".assetkit").status()
    return 3 - int(published.slots.sum())


def test_failures_leave_the_command_for_the_rest(run, shop, broken_day):
    """It names what failed and why; resuming does that and what it blocked, under the same id."""
    failed = run("backfill", "-s", "valid_orders@2026-01-02..2026-01-03")

    assert failed.code == 1
    assert "orders@2026-01-02 failed" in failed.err
    assert "OSError: the till is locked" in failed.err
    command = failed.err.splitlines()[-1].removeprefix("Do what is left:  assetkit ").split()
    assert command[:2] == ["backfill", "--resume"]
    listed = run("backfill", "--list", "--json").json["backfills"]
    assert [(one["status"], one["slots"], one["targets"]) for one in listed] == [
        ("failed", 2, ["valid_orders"])
    ]
    broken_day.unlink()

    ended = run(*command, "--json")

    assert ended.code == 0
    built = [(one["asset"], one["partition"]) for one in ended.lines if "partition" in one]
    assert set(built) == {("orders", "2026-01-02"), ("valid_orders", "2026-01-02")}
    last = ended.lines[-1]
    assert (last["event"], last["status"], last["left"]) == ("backfill_ended", "success", 0)
    assert command[2] == last["backfill_id"]
    listed = run("backfill", "--list").out
    assert listed.count("bf-") == 1
    assert "success" in listed


def test_what_does_not_go_together_is_refused(run, shop):
    """A resumed backfill is about what it was about; an unknown one is named."""
    for arguments, said in (
        (("--resume", "bf-1", "-s", "orders"), "--select does not go with --resume"),
        (("--resume", "bf-1"), "There is no backfill 'bf-1'"),
        (("--cancel", "bf-1"), "There is no run and no backfill 'bf-1'"),
        ((), "say which assets with -s"),
        (("-s", "orders@2026-03-01"), "2026-03-01"),
    ):
        ended = run("backfill", *arguments)
        assert ended.code == 2, arguments
        assert said in ended.err
    assert "No backfill was started" in run("backfill", "--list").out


@pytest.fixture
def waiting(tmp_path, monkeypatch):
    """Return what starts a backfill as a process, and gives it once it waits in its third day."""
    monkeypatch.chdir(tmp_path)
    Path("waiting.py").write_text(WAITING)
    os.mkfifo("reached")
    started = []

    def start(*options):
        process = warm.Process(
            ["-m", "assetkit", "-m", "waiting", "backfill", "-s", "days", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        Path("reached").read_text()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_an_interrupted_backfill_says_how_to_go_on(run, waiting, monkeypatch):
    """Ctrl-C keeps what was committed; the id is there, and resuming does only the rest."""
    process = waiting()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=180)

    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    again = err.splitlines()[-1].removeprefix("Do what is left:  assetkit ").split()
    assert run("backfill", "--list", "--json").json["backfills"][0]["status"] == "cancelled"
    monkeypatch.setattr(sys, "argv", ["assetkit", *again])
    ended = run("-m", "waiting", *again, "--json")
    days = [one["partition"] for one in ended.lines if one["event"] == "step_ended"]
    assert days == ["2026-01-03", "2026-01-04", "2026-01-05"]


def test_a_backfill_is_cancelled_from_another_process(run, waiting):
    """Its process stops, although a worker's function would wait for ever."""
    process = waiting("--executor", "processes:1")
    name = run("backfill", "--list", "--json").json["backfills"][0]["backfill_id"]

    ended = run("backfill", "--cancel", name)

    assert ended.out == f"{name} is asked to stop; what it has committed stays.\n"
    process.communicate(timeout=180)
    assert process.returncode == 1
    listed = run("backfill", "--list", "--json").json["backfills"]
    assert [one["status"] for one in listed] == ["cancelled"]
    assert "is not running" in run("backfill", "--cancel", name).out
