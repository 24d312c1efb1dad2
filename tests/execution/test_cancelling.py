"""A run that another process asks to stop."""

from __future__ import annotations

import os
import subprocess
import sys
from time import monotonic

import psutil
import pytest

from assetkit import Workspace

HANGING = """
import os, threading
from pathlib import Path
import pandas as pd
from assetkit import ProcessExecutor, ThreadExecutor, asset, materialize

@asset
def first() -> pd.DataFrame:
    return pd.DataFrame({"n": [1]})

@asset
def hanging(first: pd.DataFrame) -> pd.DataFrame:
    Path("worker.part").write_text(str(os.getpid()))
    Path("worker.part").rename("worker")
    threading.Event().wait(600)

@asset
def never(hanging: pd.DataFrame) -> pd.DataFrame:
    return hanging

if __name__ == "__main__":
    materialize(never, workspace="w", executor=ProcessExecutor(2), progress="none")
"""


@pytest.fixture
def hanging_run(tmp_path):
    """Return a process whose run hangs in a step, and the pid of the worker that does."""
    (tmp_path / "job.py").write_text(HANGING, encoding="utf-8")
    process = subprocess.Popen([sys.executable, "job.py"], stderr=subprocess.PIPE, text=True)
    told = tmp_path / "worker"
    while not told.exists():
        assert process.poll() is None, process.stderr.read()
        os.sched_yield()
    yield process, int(told.read_text(encoding="utf-8"))
    process.kill()
    process.communicate()


def test_a_run_is_stopped_from_another_process(hanging_run):
    """Its running step is killed, what it has finished stays, and the rest is given up."""
    process, worker = hanging_run
    with Workspace("w") as workspace:
        (run_id,) = workspace.runs()["run_id"]

        assert workspace.cancel(run_id)
        _, said = process.communicate(timeout=180)
        assert not psutil.pid_exists(worker)
        assert process.returncode == 1
        assert "2 were given up" in said
        assert workspace.runs()["status"].tolist() == ["cancelled"]
        assert workspace.load("first").n.tolist() == [1]
        assert not workspace.cancel(run_id)


def lives(process):
    """Tell whether a process is there, and no mere entry of one that has ended."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_idle_workers_end_with_the_process_of_their_run(hanging_run):
    """Where a run is killed, its idle workers end at once; the other ends with its step."""
    process, worker = hanging_run
    children = psutil.Process(process.pid).children(recursive=True)
    idle = [one for one in children if one.pid != worker]
    process.kill()
    psutil.Process(worker).kill()
    end = monotonic() + 30
    while any(map(lives, idle)) and monotonic() < end:
        os.sched_yield()

    assert not any(map(lives, idle))
