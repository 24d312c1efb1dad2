"""Full disks, missing rights, deleted folders and rude user code: told in words, and survived."""

import os
import subprocess

import pytest

from tests import warm


def told(folder, *what):
    """Run a program in hostile surroundings; return what it said, line by line."""
    done = warm.run(["-m", "tests.faults.surroundings", str(folder), *what])
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def small_disk(tmp_path):
    """Return the folder of a file system of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("no right to mount a small disk here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(small_disk):
    """What fits is kept, the rest fails in words, and with room again only that is made."""
    first, second, due = told(small_disk, "disk_full")

    assert "StorageError" in first or "CatalogError" in first
    made = int(first.split()[0]) if "made" in first else 0
    assert (second, due) == (f"{6 - made} made", "0 due")


def test_a_write_refused_in_its_middle(tmp_path):
    """No part of a file is left, and it is made once the system lets it."""
    first, *rest = told(tmp_path, "large_files_refused")

    assert first.startswith(("CatalogError: The disk", "0 made, failed: StorageError"))
    assert rest == ["6 made", "0 due"]
    assert list((tmp_path / "shop" / ".assetkit" / "staging").glob("*/*")) == []


def test_a_read_only_workspace(tmp_path):
    """The error says which folder, and what to do; nothing ran."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    first, second, third = told(tmp_path, "read_only")

    assert (first, third) == ("1 made", "6 made")
    assert second.startswith(("CatalogError", "StorageError", "WorkspaceError"))
    assert "ROOT" in second or "read-only" in second


def test_a_workspace_deleted_under_a_run(tmp_path):
    """The run ends in words or goes on; the next one makes what is missing."""
    first, second, due = told(tmp_path, "folder_deleted")

    assert "made" in first or first.startswith(("StorageError", "CatalogError"))
    assert (second, due) == ("made", "0 due")


def test_a_worker_killed_by_the_user_s_code(tmp_path):
    """One step fails, the others are made, and the next run makes that one."""
    assert told(tmp_path, "killed_worker") == ["5 made, failed: WorkerLost", "1 made", "0 due"]


def test_output_without_end(tmp_path):
    """A log stops at its limit, and the step is none the worse."""
    assert told(tmp_path, "much_output") == ["1 made", "log of 10 MB"]


def test_a_generator_that_raises_half_way(tmp_path):
    """The table that was published stays as it was."""
    first, second, rows, _ = told(tmp_path, "broken_stream")

    assert (first, rows) == ("1 made", "2000 rows")
    assert second.startswith("0 made, failed: RuntimeError")


def test_few_file_descriptors(tmp_path):
    """Tables of more files than may be open are read all the same."""
    assert told(tmp_path, "few_descriptors") == ["401 made", "400 rows", "0 due"]


def test_a_clock_that_steps_back(tmp_path):
    """An hour less on the clock makes nothing stale, lost or due twice."""
    assert told(tmp_path, "clock_back") == ["1 made", "5 made", "0 due", "6 made", "0 due"]


def test_a_workspace_deleted_under_a_backfill(tmp_path):
    """The backfill ends in words or goes on; what is missing afterwards is made."""
    first, due = told(tmp_path, "backfill_deleted")

    assert "made" in first or "Error: " in first
    assert due == "0 due"


def test_memory_without_end(tmp_path):
    """The step that wants more than there is fails with that reason; the others are made."""
    assert told(tmp_path, "memory_limit") == ["5 made, failed: MemoryError", "1 made", "0 due"]


def test_a_function_that_never_returns(tmp_path):
    """Its process is ended at the timeout; the others are made."""
    assert told(tmp_path, "no_return") == ["5 made, failed: StepTimeout", "1 made", "0 due"]


def test_ten_thousand_open_slots(tmp_path):
    """One run takes them all."""
    assert told(tmp_path, "many_slots") == ["10000 made", "0 due"]


@pytest.mark.parametrize("point", ["write.group", "publish.synced", "publish.replaced"])
def test_workers_killed_at(point, tmp_path):
    """The step fails with its reason, nothing is torn, and the next run makes or adopts it."""
    first, second, due, rows = told(tmp_path, "dying_workers", point)

    assert first == "0 made, failed: WorkerLost"
    assert second == ("0 made" if point == "publish.replaced" else "1 made")
    assert (due, rows) == ("0 due", "2000 rows")


def test_a_catalog_that_stays_locked(tmp_path):
    """The error names the process that holds it; afterwards all goes on."""
    assert told(tmp_path, "locked_catalog") == [
        "1 made", "CatalogLocked names True", "0 made",
    ]  # fmt: skip


def test_faults_are_not_armed_by_accident():
    """Without its variable no process breaks anywhere."""
    assert "ASSETKIT_FAULT" not in os.environ
