# ruff: noqa: T201
"""What steps say ends up in their own logs, and nowhere it does not belong."""

from __future__ import annotations

import logging
import sys
import threading

import pytest

from assetkit.definitions.policies import RetryPolicy
from assetkit.errors import MaterializationError
from assetkit.execution.logs import StepLog, capturing, routed_to
from assetkit.executors import ThreadExecutor


def logs_of(world):
    """Return the text of each log by file name."""
    return {file.name: file.read_text() for file in sorted(world.folder.rglob("*.log"))}


def test_each_step_has_its_own_log(world, capsys):
    """Prints, log records and the user's part of a traceback are kept; prints go on as ever."""

    def talk(context):
        print("printed", context.partition_key)
        context.log.info("said %s", context.partition_key)
        logging.getLogger("mine").warning("warned")
        print("to stderr", file=sys.stderr)
        if context.partition_key == "b":
            raise ValueError("broken")
        return 1

    world.add("talk", talk, letters="ab")
    with pytest.raises(MaterializationError) as got:
        world.run()
    first, second = logs_of(world).items()

    assert ("0-talk-a.log", "1-talk-b.log") == (first[0], second[0])
    for part in ("printed a", "assetkit.step.talk: said a", "WARNING mine: warned", "to stderr"):
        assert part in first[1]
    assert "ValueError: broken" in second[1]
    assert "in talk" in second[1]
    assert "assetkit/execution" not in second[1]
    assert "assetkit/execution" not in got.value.result.failures[0].traceback
    out = capsys.readouterr()
    assert "printed a" in out.out
    assert "to stderr" in out.err
    logged = [step.log for step in world.catalog.steps]
    assert [f"logs/{got.value.result.run_id}/0-talk-a.log"] == logged[:1]


def test_a_silent_step_leaves_no_file(world):
    """A log is made by its first line."""
    world.add("silent", lambda: 1)
    world.run()

    assert {} == logs_of(world)
    assert world.catalog.steps[0].log is None


def test_threads_do_not_mix(world):
    """Each step's lines go to its own log, also at the same time."""
    world.executor = ThreadExecutor(4)
    barrier = threading.Barrier(4, timeout=120)

    def talk(context):
        barrier.wait()
        for _ in range(50):
            print(context.partition_key)
        return 1

    world.add("talk", talk, letters="abcd")
    world.run()

    assert ["a\n" * 50, "b\n" * 50, "c\n" * 50, "d\n" * 50] == list(logs_of(world).values())


def test_the_process_is_left_as_it_was(world):
    """After a run, streams and logging are those of before."""
    before = (sys.stdout, sys.stderr, logging.getLogger().handlers[:], logging.getLogger().level)
    world.add("one", lambda: print("x"))
    world.run()

    after = (sys.stdout, sys.stderr, logging.getLogger().handlers[:], logging.getLogger().level)
    assert before == after


def test_a_log_has_a_size_limit(tmp_path):
    """What comes after the limit is dropped, and the log says so."""
    log = StepLog(str(tmp_path / "step.log"), limit=10)
    for _ in range(5):
        log.write("12345678")
    log.close()
    text = (tmp_path / "step.log").read_text()

    assert text.startswith("1234567812\n")
    assert "cut here" in text
    assert len(text) < 80


def test_capturing_may_be_nested(tmp_path, capsys):
    """The inner end leaves the outer capture on."""
    log = StepLog(str(tmp_path / "step.log"))
    with capturing():
        with capturing():
            pass
        with routed_to(log):
            print("inside")
        print("outside")
    log.close()

    assert "inside\n" == (tmp_path / "step.log").read_text()
    assert "inside\noutside\n" == capsys.readouterr().out


def test_users_without_logging_of_their_own_still_see_warnings(world, capsys, monkeypatch):
    """Capturing hides no warning from stderr, and shows nothing that was not shown before."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])

    def talk(context):
        context.log.info("quiet")
        logging.getLogger("mine").warning("warned")

    world.add("talk", talk)
    world.run()

    assert "warned\n" == capsys.readouterr().err
    (log,) = logs_of(world).values()
    assert "quiet" in log
    assert 1 == log.count("warned")


def test_a_further_attempt_begins_with_a_line_of_its_own(world):
    """So that a log of several attempts can be told apart; the first has none."""

    def shaky(context):
        if context.attempt < 3:
            raise ValueError("not yet")
        return 1

    world.add("shaky", shaky, retry=RetryPolicy(2))
    world.run()

    lines = logs_of(world)["0-shaky.log"].splitlines()
    assert [one for one in lines if not one.startswith(" ")] == [
        "Traceback (most recent call last):",
        "ValueError: not yet",
        "[attempt 2]",
        "Traceback (most recent call last):",
        "ValueError: not yet",
        "[attempt 3]",
    ]
