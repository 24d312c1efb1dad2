"""Surroundings that all tests share: no project, no workspace and no colours from outside."""

import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples each time; `--hypothesis-profile explore` looks for others.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("repeatable")

GOLDEN = Path(__file__).parent / "golden"
LONGEST = (
    "tests/examples/test_nyc_flights.py",
    "tests/faults/test_kills.py",
    "tests/web/test_browser.py",
    "tests/contracts/test_executors.py",
    "tests/faults/test_processes.py",
    "tests/object_stores/test_faults.py",
    "tests/object_stores/test_projects.py",
    "tests/notebooks/test_notebooks.py",
    "docs/tutorial/first-project.md",
    "tests/automation/test_daemon.py",
    "tests/catalog/test_crash.py",
    "tests/contracts/test_io_managers.py",
    "tests/contracts/test_clusters.py",
    "tests/storage/test_pandas_round_trip.py",
    "tests/faults/test_surroundings.py",
    "tests/web/test_pages.py",
    "tests/storage/test_crashes.py",
    "tests/automation/test_kills.py",
    "tests/partitions/test_windows_of_time.py",
    "tests/cli/test_processes.py",
)
"""Files in the order in which they are begun; all others follow."""
OUTSIDE = ("ASSETKIT_WORKSPACE", "ASSETKIT_PROGRESS", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS")


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch, tmp_path):
    """Run each test in an empty folder of its own, so that nothing is found by accident."""
    for name in OUTSIDE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)


def pytest_configure():
    """Hear Ctrl-C, which jobs that a shell starts in the background ignore, and their children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that none of them is left over at the end.

    With ``-n`` each file is one process's, and the next is taken from the front.
    """
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


def pytest_addoption(parser):
    """Let the golden files be written anew."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew")


@pytest.fixture
def golden(request) -> Callable[[str, str], None]:
    """Return what compares a text with the golden file of a name, or writes that file."""

    def check(name: str, text: str) -> None:
        file = GOLDEN / f"{name}.txt"
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.is_file(), f"{file.name} is missing; write it with --update-golden"
        assert text == file.read_text(encoding="utf-8")

    return check


@pytest.fixture
def calls() -> Callable[[Callable[[], Any]], int]:
    """Return what counts the calls that a function makes: work done, on a machine of any speed."""

    def count(function: Callable[[], Any]) -> int:
        events = Counter[str]()
        sys.setprofile(lambda _frame, event, _argument: events.update([event]))
        try:
            function()
        finally:
            sys.setprofile(None)
        return events["call"] + events["c_call"]

    return count
