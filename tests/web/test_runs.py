"""Runs as pages: on a line of time, with logs to search, and what is left to do."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

import assetkit as ak
from assetkit import StaticPartitions, Workspace
from assetkit.catalog.liveness import RunGuard
from assetkit.project import Definitions
from assetkit.web.desk import Desk
from assetkit.web.gantt import Scale, gantt_of
from assetkit.web.live import running_here
from assetkit.web.logtext import log_view
from assetkit.web.runlines import runs_page
from assetkit.web.runs import run_page
from assetkit.web.timeline import LANE, WIDTH, timeline_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOG = """2026-11-21 18:04:55,762 INFO assetkit.step.x: reading
2026-11-21 18:04:55,763 WARNING assetkit.step.x: slow \x1b[1;31mred\x1b[0m plain \x1b[2Jgone
printed
Traceback (most recent call last):
  File "shop.py", line 26
ValueError: no
2026-11-21 18:04:55,764 CRITICAL assetkit.step.x: over
"""


@dataclass
class Ran:
    """A run as a line of time needs it."""

    run_id: str
    start: int
    end: int | None
    status: str = "success"
    origin: str = "cli"
    took: str = ""
    targets: tuple[str, ...] = ()

    @property
    def started_at(self):
        return NOW - timedelta(minutes=self.start)

    @property
    def ended_at(self):
        return None if self.end is None else NOW - timedelta(minutes=self.end)


def test_runs_at_the_same_time_are_in_several_lanes():
    """One that failed is on top; a short one can still be seen; one that goes on ends now."""
    line = timeline_of(
        [
            Ran("a", 60, 20, took="40 min", targets=("x", "y", "z", "w")),
            Ran("b", 50, None, "running"),
            Ran("c", 40, 39, "failed"),
        ],
        NOW,
    )

    (band,) = line.bands
    at = {bar.run_id: (bar.x, bar.y // LANE) for bar in band.bars}
    assert at["c"][1] == 0
    assert band.bars[0].words == "a: success, x, y, z and 1 more, from cli, 40 min"
    assert band.bars[1].words == "b: running, from cli"
    assert sorted(lane for _, lane in at.values()) == [0, 1, 2]
    assert at["a"][0] == 0
    assert [bar.x + bar.width for bar in band.bars if bar.run_id == "b"] == [WIDTH]
    assert min(bar.width for bar in band.bars) >= 4
    assert band.height == 3 * LANE
    assert timeline_of([], NOW) is None


def test_runs_that_find_no_lane_are_counted():
    """Twelve are as many as can be looked at."""
    line = timeline_of([Ran(str(n), 60, 10) for n in range(20)], NOW)

    assert (len(line.bands[0].bars), line.left_out) == (12, 8)


def test_runs_that_belong_together_stand_together():
    """Each band has lanes of its own; those with fewest runs share the last."""
    runs = [Ran(str(n), 60, 10, origin=f"o{n // 2}") for n in range(20)]

    few = timeline_of(runs[:4], NOW, band_of=lambda run: run.origin)
    many = timeline_of(runs, NOW, band_of=lambda run: run.origin)

    told = [(band.name, len(band.bars), band.height // LANE) for band in few.bands]
    assert told == [("o0", 2, 2), ("o1", 2, 2)]
    assert [band.name for band in many.bands] == [*(f"o{n}" for n in range(7)), "others"]
    assert many.left_out == 6 - len(many.bands[-1].bars)


def test_runs_are_told_apart_by_what_they_have_in_common(tmp_path):
    """By the group of what they make, by their machine, or by who began them."""
    first = ak.asset(name="first", group="raw")(lambda: pd.DataFrame({"n": [1]}))
    second = ak.asset(name="second")(lambda: pd.DataFrame({"n": [1]}))
    with Workspace(tmp_path / "workspace") as workspace:
        for assets in ([first], [first, second]):
            ak.materialize(assets, workspace=workspace, progress="none", force=True)
        desk = Desk(workspace, Definitions(assets=[first, second]))

        def names(lanes):
            return [band.name for band in runs_page(desk, lanes=lanes).timeline.bands]

        assert names("group") == names("nonsense") == ["raw", "several groups"]
        assert names("worker") == [runs_page(desk).runs[0].worker]
        assert names("origin") == ["python"]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7]),
        ({"level": "warning"}, [2, 4, 5, 6, 7]),
        ({"level": "error"}, [4, 5, 6, 7]),
        ({"find": "SLOW RED"}, [2]),
        ({"level": "error", "find": "shop"}, [5]),
        ({"level": "nonsense"}, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_a_log_is_searched_by_level_and_text(asked, numbers):
    """A traceback counts as an error; numbers of lines are those of the file."""
    assert [line.number for line in log_view("x", LOG, **asked).lines] == numbers


def test_a_log_is_told_by_attempt():
    """A further attempt begins with its line; what is not its turn is just text."""
    text = f"{LOG}[attempt 3]\n[attempt 2]\nagain\n[attempt 3]\nonce more\n"

    told = {n: [line.number for line in log_view("x", text, attempt=n).lines] for n in (1, 2, 3)}
    assert told == {1: [1, 2, 3, 4, 5, 6, 7, 8], 2: [9, 10], 3: [11, 12]}
    everything = log_view("x", text, attempt=4)
    assert (everything.attempt, everything.attempts, len(everything.lines)) == (0, 3, 12)


def tried(asset, event, minutes, attempt=1, duration=60.0):
    """Return an event of a run that began at `NOW`: the end of an attempt of a minute."""
    return {
        "time": NOW + timedelta(minutes=minutes), "asset": asset, "partition": None,
        "event": event, "attempt": attempt, "duration": duration,
    }  # fmt: skip


def test_attempts_have_scales_of_their_own():
    """A retry an hour later is as wide as it was long, once it is looked at alone."""
    events = [
        tried("a", "materialized", 4, duration=240.0),
        tried("b", "attempt failed", 2),
        tried("b", "materialized", 100, attempt=2),
        tried("c", "blocked", 100, attempt=0, duration=0.0),
    ]
    run = Scale(since=NOW, until=NOW + timedelta(minutes=100))
    drawn = {
        n: gantt_of(events, run, left={"c": 1, "d": 2}, opened="b", attempt=n) for n in (0, 1, 2)
    }

    spans = {n: {row.asset: row.bar and row.bar.length for row in drawn[n].rows} for n in drawn}
    assert spans[0] == {"a": 0.04, "b": 0.99, "c": None, "d": None}
    assert spans[1] == {"a": 1.0, "b": 0.25, "c": None, "d": None}
    assert spans[2] == {"a": None, "b": 1.0, "c": None, "d": None}
    assert [drawn[n].ticks for n in (1, 2)] == [
        ["0 s", "2 min", "4 min"],
        ["1 h 39 min", "1 h 39 min", "1 h 40 min"],
    ]
    assert [row.left for row in drawn[0].rows] == [0, 0, 1, 2]
    (step,) = drawn[0].rows[1].steps
    assert [(bar.attempt, bar.state) for bar in step.bars] == [(1, "failed"), (2, "fresh")]


def test_colours_of_a_terminal_become_classes():
    """Whatever else a terminal would do with it is left out."""
    line = log_view("x", LOG).lines[1]

    assert list(line.pieces)[1:] == [("a-bold a-red", "red"), ("", " plain "), ("", "gone")]
    assert log_view("x", LOG, find="nowhere").note == "None of its lines is like that."


def test_a_log_is_downloaded_whole(page, run_id):
    """As text under the name of its step; nothing else can be had that way."""
    said = page.get(f"/runs/{run_id}/log?step=orders%402026-01-02")

    assert said.headers["content-type"].startswith("text/plain")
    assert said.headers["content-disposition"].endswith("orders%402026-01-02.log")
    assert "reading <img" in said.text
    for path in (f"/runs/{run_id}/log?step=../../catalog.duckdb", "/runs/none/log?step=orders"):
        assert page.get(path).status_code == 404


def test_steps_are_listed_by_asset_and_outcome(desk, run_id):
    """What was asked for, and no other; the summary stays that of the whole run."""
    some = run_page(desk, run_id=run_id, asset="orders", event="failed")

    assert [one.step for one in some.steps] == ["orders@2026-01-03"]
    assert some.counts["materialized"] == 8
    assert some.retry_line.shell == f"assetkit retry {run_id}"


def test_where_no_run_is_like_that_the_last_one_is_told(desk, run_id):
    """So that an empty list does not look like an empty history."""
    said = runs_page(desk, status="success", since="24h")

    assert said.sentence == "No run that is success in the last 24h, of 1 run in all."
    assert runs_page(desk, status="failed").sentence == ""
    assert runs_page(desk).timeline.bands[0].bars[0].run_id == run_id


def test_the_log_of_a_step_that_goes_on_is_shown(tmp_path):
    """It is not on record yet; other steps and what was never begun have none."""
    seen = {}

    @ak.asset(partitions=StaticPartitions(["a|b", "c"]))
    def slow(context) -> pd.DataFrame:
        context.log.warning("so far")
        for step in (f"slow@{context.partition_key}", "slow@d", "../slow", "slow"):
            page = run_page(desk, run_id=context.run_id, step=step)
            seen[step] = (page.run.status, [line.number for line in page.log.lines])
        left = {row.asset: row.left for row in page.gantt.rows}
        seen["under way"] = ([one.step for one in page.begun], left)
        return pd.DataFrame({"n": [1]})

    with Workspace(tmp_path / "workspace") as workspace:
        desk = Desk(workspace, Definitions(assets=[slow]))
        ak.materialize(slow, workspace=workspace, partitions="a|b", progress="none")

    assert seen == {
        "slow@a|b": ("running", [1]),
        "slow@d": ("running", []),
        "../slow": ("running", []),
        "slow": ("running", []),
        "under way": (["slow@a|b"], {"slow": 1}),
    }


def test_runs_that_go_on_are_counted_without_the_catalog(tmp_path):
    """By the files that they lock; one whose process died has left its file, and counts no more."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "dead.lock").touch()

    with RunGuard(tmp_path / "runs" / "one.lock"):
        during = running_here(tmp_path)

    assert (during, running_here(tmp_path)) == (1, 0)
