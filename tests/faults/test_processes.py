"""Several processes at one workspace: no slot is built twice, and late results are refused."""

import json

import pytest

from tests import warm
from tests.faults.shop import SLOTS


def race(tmp_path, what):
    """Run a program of several processes; return what it found, and what was said."""
    done = warm.run(["-m", "tests.faults.racing", str(tmp_path), what])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_a_crowd_builds_each_slot_once(tmp_path):
    """Processes that want the same at once share it out, wait, and reuse."""
    found, said = race(tmp_path, "crowd")

    assert found["codes"] == [0] * 4, said
    assert len(found["built"]) == len(set(found["built"])) == SLOTS


@pytest.mark.parametrize(
    "point", ["run.started", "write.group", "publish.locked", "publish.replaced"]
)
def test_an_owner_that_slept_past_its_lease_is_refused(tmp_path, point):
    """Another takes over; what the first makes when it wakes is refused, and it says so."""
    found, said = race(tmp_path, f"{point}:1:stop")

    assert (found["second"], found["late"]) == (0, 1), said
    assert "taken for dead" in said or "lease was lost" in said
    assert found["end"]["files"] == found["between"]["files"]
    assert found["end"]["known"] == found["between"]["known"]
    assert (found["end"]["due"], found["end"]["running"]) == (0, 0)


def test_plain_readers_see_each_partition_once_and_whole(tmp_path):
    """A program that lists and reads the folders finds all files, each of one version."""
    found, said = race(tmp_path, "readers")

    assert (found["wrote"], found["read"]) == (0, 0), said
    assert found["rounds"] >= 2


def test_vacuum_beside_builds(tmp_path):
    """Clearing up all the time takes nothing from those who are at work."""
    found, said = race(tmp_path, "vacuum")

    assert (found["built"], found["again"], found["cleaner"]) == (0, 0, 0), said
    assert (len(found["end"]["files"]), found["end"]["due"]) == (SLOTS, 0)
