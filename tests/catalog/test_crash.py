"""Processes that hammer one catalog, and processes that are killed at it: nothing is lost."""

import signal
import subprocess
from pathlib import Path
from random import Random

from assetkit.catalog.duckdb import DuckDBCatalog
from tests import warm

PROJECT = Path(__file__).parents[2]

WRITER = """
import sys
from pathlib import Path
from assetkit.catalog.duckdb import DuckDBCatalog
from tests.catalog.records import commit, made
path, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
catalog = DuckDBCatalog(path)
catalog.snapshot(["a"])
print("ready", flush=True)
sys.stdin.readline()
for i in range(first, first + count):
    catalog.commit(commit(made(ordinal=i), commit_id=str(i)))
    print(i, flush=True)
"""


def writer(path, first, count):
    """Start a process that commits slots one by one, and says so after each."""
    return warm.Process(
        ["-c", WRITER, str(path), str(first), str(count)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def begin(children):
    """Let all go at once, when all are ready."""
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    """Four processes commit 25 times each to one file: all of it is there, in one sequence."""
    path = tmp_path / "catalog.duckdb"
    children = [writer(path, 100 * number, 25) for number in range(4)]
    begin(children)
    said = [int(line) for child in children for line in child.communicate()[0].split()]

    assert [child.returncode for child in children] == [0] * 4
    snapshot = DuckDBCatalog(path).snapshot(["a"])
    assert snapshot.seq == 100
    assert snapshot.slots["a"].ordinal.tolist() == sorted(said)
    assert sorted(snapshot.slots["a"].ver_seq.tolist()) == list(range(1, 101))


def test_killed_writers_lose_nothing_that_they_were_promised(tmp_path):
    """SIGKILL at any moment: each acknowledged commit is there, and no other half of one."""
    path, random, said = tmp_path / "catalog.duckdb", Random(7), set()
    for number in range(4):
        child = writer(path, 100 * number, 100)
        begin([child])
        for _ in range(random.randrange(1, 16)):
            said.add(int(child.stdout.readline()))
        child.send_signal(signal.SIGKILL)
        said |= {int(line) for line in child.communicate()[0].split("\n")[:-1]}
        snapshot = DuckDBCatalog(path).snapshot(["a"])

        there = set(snapshot.slots["a"].ordinal.tolist())
        assert said <= there
        # The commit under way may be in, its acknowledgement lost.
        assert len(there - said) <= number + 1
        assert snapshot.seq == len(there)
