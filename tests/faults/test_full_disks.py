"""A real small disk that fills up at every named step: told in words, and nothing is lost."""

import json
import subprocess

import pytest

from assetkit.faultpoints import POINTS
from tests import warm


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """Return how builds on a full disk ended, by the step at which it filled."""
    disk, notes = tmp_path_factory.mktemp("disk"), tmp_path_factory.mktemp("notes")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        done = warm.run(["-m", "tests.faults.filling", str(disk), str(notes)])
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, done.stdout.splitlines())
    return {line["point"]: line for line in lines}


@pytest.mark.parametrize("point", POINTS)
def test_full_from(point, ends):
    """What was acknowledged stays, the error is ours, and with room again it ends the same."""
    line, undisturbed = ends[point], ends["none"]
    after, end = line["after"], line["end"]

    assert line["code"] == 0
    assert line["words"].startswith(("told: ", "done"))
    lost = {slot for slot in line["promised"] if slot not in after["known"]}
    assert lost == set(), "an acknowledged result is gone"
    assert set(after["files"]) <= set(undisturbed["files"])
    assert end["files"] == undisturbed["files"]
    assert (end["due"], end["running"], end["staged"]) == (0, 0, [])


def test_the_words_say_what_to_do(ends):
    """A full disk is called so, where it was met."""
    assert "is full" in ends["catalog.begun"]["words"]
    assert "Free some space" in ends["catalog.begun"]["words"]
