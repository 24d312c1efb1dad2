"""SIGKILL in the middle of turns: no tick is lost, none doubled, whoever goes on."""

import json
import signal

import pytest

from tests import warm
from tests.automation.dying import FEW


@pytest.fixture(scope="module")
def deaths(tmp_path_factory):
    """Return what was found after each death, by point."""
    folder = tmp_path_factory.mktemp("deaths")
    found = warm.run(["-m", "tests.automation.dying", str(folder)])
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
