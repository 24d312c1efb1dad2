"""SIGKILL at every named step and at random moments: nothing is lost, and it heals by itself."""

import json
import signal

import pytest

from assetkit.faultpoints import POINTS, arm
from tests import warm
from tests.faults.shop import SLOTS


def lines_of(tmp_path, *arguments):
    """Run the program that dies, and return what it printed."""
    found = warm.run(["-m", "tests.faults.dying", str(tmp_path), *arguments])
    assert found.returncode == 0, found.stderr
    return [json.loads(line) for line in found.stdout.splitlines()]


def check(line, undisturbed):
    """Hold one death against the promises."""
    after, end = line["after"], line["end"]
    lost = {slot for slot, version in line["promised"].items() if slot not in after["known"]}
    assert lost == set(), "an acknowledged result is gone"
    assert set(after["files"]) <= set(undisturbed["files"])
    assert after["running"] == 0, "a dead run counts as running"
    assert end["files"] == undisturbed["files"]
    assert end["known"] == undisturbed["known"]
    assert (end["due"], end["running"], end["staged"]) == (0, 0, [])


@pytest.fixture(scope="module")
def deaths(tmp_path_factory):
    """Return the deaths at named steps by (step, first build or rebuild)."""
    lines = lines_of(tmp_path_factory.mktemp("deaths"))
    half = len(lines) // 2
    return {
        (line["point"], edition): line
        for edition, part in ((1, lines[:half]), (2, lines[half:]))
        for line in part
    }


@pytest.mark.parametrize("edition", [1, 2], ids=["first-build", "rebuild"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at(point, edition, deaths):
    """What was acknowledged is there, what is there is whole, and the next run ends the same."""
    line = deaths[point, edition]

    assert line["code"] == -signal.SIGKILL
    check(line, deaths["none", edition])


def test_killed_at_random_moments(tmp_path):
    """The same holds wherever the kill strikes."""
    undisturbed, *lines = lines_of(tmp_path, "7")

    assert len(undisturbed["files"]) == SLOTS
    for line in lines:
        check(line, undisturbed)


def test_a_fault_point_has_a_name():
    """A misspelt place is refused, so that no test passes without its fault."""
    with pytest.raises(ValueError, match="no fault point"):
        arm("publish.replacd")
