"""SIGKILL in the middle of turns: no tick is lost, none doubled, whoever goes on."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.automation.dying import FEW

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def deaths(tmp_path_factory):
    """Return what was found after each death, by point."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.automation.dying", str(tmp_path_factory.mktemp("deaths"))],
        cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    return {line.pop("point"): line for line in lines}


@pytest.mark.parametrize("point", FEW)
def test_a_turn_that_is_killed_is_taken_up(point, deaths):
    """Each tick and each run key ends once, and each made its target once."""
    undisturbed, line = deaths["none"], deaths[point]

    assert line.pop("code") == -signal.SIGKILL
    assert "failed" not in line["statuses"]
    assert "due" not in line["statuses"]
    assert "running" not in line["statuses"]
    for name in ("schedule", "sensor", "made", "reported", "running"):
        assert line[name] == undisturbed[name], name
