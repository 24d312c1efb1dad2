"""The trading project: sessions are what is counted, and a correction is merged alone."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from assetkit import Workspace
from tests import warm

EXAMPLE = Path(__file__).parents[2] / "examples" / "trading"


class Project:
    """A copy of the example, with the vendor's files, run as a person runs it."""

    def __init__(self, folder):
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("vendor", ".assetkit"))
        self.folder = folder
        self.run("receive.py")

    def run(self, *command):
        done = warm.run(command, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def assetkit(self, *arguments):
        return self.run("-m", "assetkit", *arguments)

    @property
    def workspace(self):
        return Workspace(self.folder / ".assetkit")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("exchange") / "trading")
    made.assetkit("materialize")
    return made


def by_session(frame):
    """Return closes with a row per session and a column per symbol."""
    return frame.pivot_table(index="session", columns="symbol", values="close")


def test_windows_count_sessions(project):
    """There is no weekend and no holiday, and a mean of five sessions reaches over both."""
    closes = project.workspace.load("closes")
    sessions = sorted(closes.session.unique())

    assert len(sessions) == 25
    assert {pd.Timestamp(one).weekday() for one in sessions} == set(range(5))
    assert "2026-01-19" not in sessions
    wide = by_session(closes)
    means = project.workspace.load("five_session_mean")
    ours = by_session(means)
    pd.testing.assert_frame_equal(ours, wide.rolling(5, min_periods=1).mean())


def test_a_late_correction_is_merged_alone(project):
    """The session, the five means that it is part of, and the history: one session of it."""
    workspace = project.workspace
    whole = workspace.history("price_history").metadata.iloc[0]
    file = project.folder / "vendor" / "2026-01-20.csv"
    file.write_text(file.read_text() + "DDD,7.0,false\n")

    planned = project.assetkit("plan")
    project.assetkit("materialize")

    assert "7 to build" in planned or "1 to build, up to 6 more" in planned
    history = workspace.history("price_history")
    assert "2026-01-20" in str(history.metadata.iloc[0])
    assert "2026-01-21" not in str(history.metadata.iloc[0])
    assert "2026-01-21" in str(whole)
    last = workspace.runs().run_id.iloc[0]
    built = workspace.events(last)
    means = built[built.asset == "five_session_mean"]
    assert sorted(means.partition) == [f"2026-01-{day}" for day in (20, 21, 22, 23, 26)]
    table = workspace.load("price_history")
    assert table[table.symbol == "DDD"].session.tolist() == ["2026-01-20"]
    fresh = workspace.load("closes").sort_values(["symbol", "session"], ignore_index=True)
    assert table.close.tolist() == fresh.close.tolist()
