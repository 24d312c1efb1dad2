"""How a run is watched: what each view shows, and which one is chosen."""

import io
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from assetkit import StaticPartitions, Workspace, asset, materialize
from assetkit.errors import InvalidArgument
from assetkit.execution.events import (
    ApprovalAsked,
    RunEnded,
    RunStarted,
    Silent,
    StepEnded,
    StepStarted,
)
from assetkit.execution.progress import LineProgress, QuietProgress, choose_progress
from assetkit.execution.progress_notebook import NotebookProgress
from assetkit.execution.progress_rich import RichProgress
from assetkit.execution.tally import RunTally
from assetkit.records import Outcome, RunStatus

START = datetime(2026, 11, 21, 9, 40, tzinfo=UTC)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def events(count, *, failing=()):
    """Yield the events of a run of one asset with *count* partitions, a second each."""
    yield RunStarted(run_id="r-1", at=START, steps={"days": count}, seconds=60.0)
    for i in range(count):
        at = START + timedelta(seconds=i)
        yield StepStarted(asset="days", partition=f"p{i}", attempt=1, at=at)
        bad = i in failing
        yield StepEnded(
            asset="days",
            partition=f"p{i}",
            outcome=Outcome.FAILED if bad else Outcome.MATERIALIZED,
            at=at + timedelta(seconds=1),
            duration=1.0,
            rows=None if bad else 10,
            reason="ValueError: <b>no</b>" if bad else "",
        )
    yield RunEnded(
        run_id="r-1",
        at=START + timedelta(seconds=count),
        status=RunStatus.FAILED if failing else RunStatus.SUCCESS,
        counts={},
        duration=float(count),
    )


def watch(sink, *arguments, **options):
    """Tell a sink of a whole run."""
    for event in events(*arguments, **options):
        sink.notify(event)
    sink.close()


def test_a_short_run_has_a_line_per_step():
    """Each step that ends is named, with its rows and its time."""
    stream = io.StringIO()
    watch(LineProgress(stream), 2, failing={1})

    assert stream.getvalue().splitlines() == [
        "* days@p0 materialized, 10 rows, 1 s",
        "x days@p1 failed, 1 s: ValueError: <b>no</b>",
    ]


def test_a_long_run_has_a_line_in_ten_seconds():
    """Many steps are summed up: how far, how fast, how long yet; failures are always said."""
    stream = io.StringIO()
    watch(LineProgress(stream), 300, failing={7})
    lines = stream.getvalue().splitlines()

    assert len(lines) == 31
    assert lines[0].startswith("x days@p7 failed")
    assert lines[1] == "> 10/300, 10 s, 54/min, about 50 s left, 1 problem"
    assert lines[-1] == "> 300/300, 5 min, 60/min, 1 problem"


def test_a_short_but_slow_run_says_how_long_yet():
    """Between the lines of steps there is a summary every ten seconds."""
    stream = io.StringIO()
    watch(LineProgress(stream), 20)
    summaries = [line for line in stream.getvalue().splitlines() if line.startswith(">")]

    assert summaries == ["> 10/20, 10 s, 1/s, about 10 s left", "> 20/20, 20 s, 1/s"]


def test_steps_that_a_cancelled_run_never_began_are_not_listed():
    """What was given up is summed up in the end; a list of it would bury all else."""
    stream = io.StringIO()
    sink = LineProgress(stream)
    sink.notify(next(events(3)))
    for number, seconds in enumerate((2.0, 0.0)):
        sink.notify(
            StepEnded(
                asset="days",
                partition=f"p{number}",
                outcome=Outcome.CANCELLED,
                at=START,
                duration=seconds,
                reason="the run was cancelled",
            )
        )

    assert stream.getvalue() == "c days@p0 cancelled, 2 s: the run was cancelled\n"


def test_a_tally_knows_what_is_left():
    """History tells how long at first, the pace so far later."""
    tally = RunTally()
    told = list(events(100))
    tally.notify(told[0])
    assert tally.seconds_left(START) == 60.0

    for event in told[1:101]:
        tally.notify(event)
    assert tally.done == 50
    assert tally.seconds_left(START + timedelta(seconds=50)) == pytest.approx(50.0)


def test_a_tally_forgets_steps_that_ended():
    """Only what runs now is under way."""
    tally = RunTally()
    for event in list(events(3))[:4]:
        tally.notify(event)

    assert list(tally.running) == ["days@p1"]


def test_a_retry_is_no_end():
    """A failed attempt that is tried again does not count as done."""
    tally = RunTally()
    tally.notify(next(events(1)))
    tally.notify(StepEnded(asset="days", partition="p0", outcome=None, at=START, reason="no"))

    assert tally.done == 0


def test_the_live_block_is_gone_at_the_end():
    """The terminal is left as it was, but for failures, which stay readable."""
    stream = Terminal()
    watch(RichProgress(stream), 5, failing={2})

    assert "days@p2 failed" in stream.getvalue()
    assert stream.getvalue().rstrip().endswith("\x1b[2K")


def test_a_live_block_closes_more_than_once():
    """Closing after an interruption, and again, is harmless."""
    sink = RichProgress(Terminal())
    sink.notify(next(events(3)))
    sink.close()
    sink.close()


def test_a_notebook_gets_one_output_that_is_replaced():
    """One output appears; the rest are updates of it, at most four a second; the last is final."""
    InteractiveShell.instance()
    with capture_output() as captured:
        watch(NotebookProgress(), 5, failing={2})
    InteractiveShell.clear_instance()

    kept = [one for one in captured.outputs if not getattr(one, "update", False)]
    assert len(kept) == 1
    last = captured.outputs[-1].data["text/html"]
    assert 'value="5"' in last
    assert "&lt;b&gt;no" in last
    assert "<script" not in last


@pytest.mark.parametrize(
    ("wish", "environ", "kind"),
    [
        pytest.param(None, {}, QuietProgress, id="a-pipe-is-quiet"),
        pytest.param(None, {"CI": "true"}, LineProgress, id="ci-has-lines"),
        pytest.param(None, {"ASSETKIT_PROGRESS": "lines"}, LineProgress, id="variable"),
        pytest.param("none", {"ASSETKIT_PROGRESS": "lines"}, Silent, id="the-caller-first"),
        pytest.param("live", {}, RichProgress, id="live"),
    ],
)
def test_the_view_is_chosen_by_wish_then_surroundings(wish, environ, kind):
    """What the caller says counts most, then the variable, then what the stream is."""
    assert type(choose_progress(wish, environ, io.StringIO())) is kind


def test_a_terminal_gets_the_live_block():
    """On a terminal, progress is live unless it is a dumb one."""
    assert type(choose_progress(None, {}, Terminal())) is RichProgress
    assert type(choose_progress(None, {"TERM": "dumb"}, Terminal())) is QuietProgress


def test_what_waits_for_a_person_is_said_also_where_it_is_quiet():
    """Nothing else is; a caller who wants silence has it."""
    asked = ApprovalAsked(run_id="r1", asset="payroll", partition="2026-01", at=START)
    for wish, said in (
        (None, "payroll@2026-01 awaits approval: assetkit approve r1"),
        ("none", ""),
    ):
        stream = io.StringIO()
        sink = choose_progress(wish, {}, stream)
        sink.notify(RunStarted(run_id="r1", at=START, steps={"payroll": 1}))
        sink.notify(asked)
        sink.close()

        assert said in stream.getvalue()
        assert stream.getvalue().count("\n") == bool(said)


def test_a_sink_of_ones_own_is_used_as_it_is():
    """Anything with notify and close will do."""
    sink = Silent()

    assert choose_progress(sink, {}) is sink


def test_an_unknown_kind_is_refused_with_the_nearest():
    """A typo is answered with what there is."""
    with pytest.raises(InvalidArgument, match="Did you mean lines"):
        choose_progress("linse", {})


def test_a_run_goes_on_when_nobody_reads_what_it_says(monkeypatch):
    """The other end of the pipe is closed, as by `head`: progress, prints and all go nowhere."""
    reading, writing = os.pipe()
    os.close(reading)

    @asset(partitions=StaticPartitions(["us", "eu"]))
    def sold(context) -> pd.DataFrame:
        sys.stderr.write(f"reading {context.partition_key}\n")
        return pd.DataFrame({"n": [1]})

    with Workspace.temporary() as workspace:
        closed = os.fdopen(writing, "w", buffering=1)
        monkeypatch.setattr(sys, "stderr", closed)
        result = materialize(sold, workspace=workspace, progress="lines", raise_on_error=False)
        monkeypatch.undo()
        with suppress(OSError):
            closed.close()

    assert result.success
    assert len(result.materialized) == 2
