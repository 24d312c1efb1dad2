"""Whatever step a process dies at, one whole version is there, and the next run goes on."""

import json

import pytest

from tests import warm


@pytest.mark.parametrize(
    ("what", "outcomes", "end"),
    [("publish", {"old", "new"}, "new"), ("delete", {"old", "nothing"}, "nothing")],
)
def test_dying_at_any_step(what, outcomes, end, tmp_path):
    """Old or new, never half of one; nothing staged outlives the sweep; again is the same end."""
    found = warm.run(["-m", "tests.storage.dying", str(tmp_path), what])

    assert (found.returncode, found.stderr) == (0, "")
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    deaths, survivor = lines[:-1], lines[-1]
    assert len(deaths) >= 8
    assert {line["code"] for line in deaths} == {9}
    assert survivor["code"] == 0
    assert {line["seen"] for line in deaths} == outcomes
    assert all(line["listed"] in ([], ["part.parquet"]) for line in lines)
    assert [line["step"] for line in lines if line["left"]] == []
    assert {line["again"] for line in lines} == {end}
