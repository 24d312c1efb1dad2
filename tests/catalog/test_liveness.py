"""Run files and pids: who lives is known at once, and nobody is taken for dead who lives."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from assetkit.catalog.liveness import (
    SILENCE,
    RunGuard,
    is_alive,
    owner_is_alive,
    process_started,
    this_process,
)
from tests.catalog.records import NOON

PROJECT = Path(__file__).parents[2]

GUARDED = """
import sys
from pathlib import Path
from assetkit.catalog.liveness import RunGuard
with RunGuard(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def lives(owner, guard=None, now=NOON):
    return owner_is_alive(owner, guard=guard, heartbeat_at=NOON, now=now)


def test_a_run_file_lives_as_long_as_its_process(tmp_path):
    """The kernel unlocks it when the process is killed, though the file stays."""
    path = tmp_path / "runs" / "r1.lock"
    child = subprocess.Popen(
        [sys.executable, "-c", GUARDED, str(path)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    child.stdout.readline()
    assert is_alive(path)

    child.send_signal(signal.SIGKILL)
    child.communicate()

    assert path.exists()
    assert not is_alive(path)


def test_a_run_that_ends_leaves_no_file(tmp_path):
    """A guard removes its file, once."""
    guard = RunGuard(tmp_path / "r1.lock")
    with guard:
        assert is_alive(guard.path)
    guard.close()

    assert not guard.path.exists()


def test_a_forked_child_does_not_keep_a_run_alive(tmp_path):
    """The lock is the process's own, not its children's."""
    guard = RunGuard(tmp_path / "r1.lock")
    reader, held = os.pipe()
    with guard:
        child = os.fork()
        if child == 0:
            os.close(held)
            os.read(reader, 1)
            os._exit(0)
        os.close(reader)
    path = tmp_path / "r1.lock"
    path.touch()

    assert not is_alive(path)
    os.close(held)
    os.waitpid(child, 0)


def test_this_process_lives():
    """Its own pid and start time tell it."""
    me = this_process()

    assert lives(me)
    assert me.started == process_started(os.getpid()) > 0


def test_without_a_run_file_pid_and_start_time_decide():
    """A pid that is gone is dead; one that started at another time is another process."""
    me = this_process()
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()

    assert not lives(replace(me, pid=child.pid))
    assert not lives(replace(me, started=me.started + 60))
    assert lives(replace(me, started=0.0))
    assert process_started(child.pid) == 0.0


def test_far_owners_live_by_heartbeats(tmp_path):
    """On another host neither pids nor files say anything."""
    far = replace(this_process(), host="far-away")

    assert lives(far, now=NOON + SILENCE)
    assert not lives(far, now=NOON + SILENCE * 1.1)
    assert lives(far, guard=tmp_path / "r1.lock")
