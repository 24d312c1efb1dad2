"""Daemons as processes: one at work, one standing by; killed, ended, given other code."""

import json
import os
import signal
import sys
import time

import pytest

from assetkit import Daemon, Definitions, Workspace, asset, schedule, watch
from assetkit.catalog.automation import TickStatus
from assetkit.daemon.reloading import Origin, origin_of
from assetkit.errors import InvalidArgument
from assetkit.project import load_project
from tests import warm

PATIENCE = 90.0

SHOP = """
from pathlib import Path
import time
from assetkit import asset, schedule

@asset
def prices():
    Path("{folder}", "built").open("a").write("{edition}\\n")

@asset
def slow():
    Path("{folder}", "slow").touch()
    time.sleep(600)

every = schedule(prices, "* * * * * */2", catchup=True)
"""


def wait_for(condition, what):
    """Wait until something is so; fail where it takes too long."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not come about"
        time.sleep(0.3)
    return found


@pytest.fixture
def shop(tmp_path):
    """Return what writes the project, and starts daemons on it; they end with the test."""
    started = []

    class Shop:
        root = tmp_path / "lake"
        file = tmp_path / "shop.py"

        def write(self, edition="first", more=""):
            text = SHOP.format(folder=tmp_path, edition=edition) + more
            staged = tmp_path / "shop.new"
            staged.write_text(text, encoding="utf-8")
            staged.replace(self.file)

        def start(self, *options):
            log = tmp_path / f"log-{len(started)}"
            with log.open("w") as file:
                process = warm.Process(
                    ["-m", "assetkit", "-m", "shop.py", "--workspace", str(self.root),
                     "daemon", *options],
                    cwd=tmp_path, stderr=file, stdout=file,
                )  # fmt: skip
            process.said = log.read_text
            started.append(process)
            return process

        workspace = Workspace(tmp_path / "lake")

        def ticks(self):
            return self.workspace.catalog.automation.ticks()

    made = Shop()
    made.write()
    yield made
    for process in started:
        process.kill()
        process.wait()
    made.workspace.close()


def test_one_works_and_another_takes_over(shop):
    """After SIGKILL the next one goes on at once; each time ticked once, and none is missing."""
    first = shop.start()
    wait_for(lambda: len(shop.ticks()) >= 2, "a tick")
    second = shop.start()
    wait_for(lambda: "standing by" in second.said(), "standing by")
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = len(shop.ticks())
    wait_for(lambda: len(shop.ticks()) >= before + 2, "ticks of the second")
    second.send_signal(signal.SIGTERM)

    assert second.wait(PATIENCE) == 0
    assert "took over" in second.said()
    ticks = sorted(shop.ticks(), key=lambda one: one.instant)
    seconds = [(one.instant - ticks[0].instant).total_seconds() for one in ticks]
    assert seconds == list(range(0, 2 * len(seconds), 2))
    assert {one.status for one in ticks} <= {TickStatus.SUCCESS, TickStatus.DUE}
    with Workspace(shop.root) as workspace:
        assert workspace.catalog.automation.daemon() is None


def test_it_follows_the_code(shop, tmp_path):
    """Changed code is taken; code that does not load is told of, and the last good one stays."""
    daemon = shop.start()
    built = tmp_path / "built"
    wait_for(lambda: built.exists() and "first" in built.read_text(), "the first edition")

    shop.write("second", more="\n1 / 0\n")
    said = wait_for(lambda: daemon.said() if "does not load" in daemon.said() else "", "a warning")
    count = len(built.read_text().splitlines())
    wait_for(lambda: len(built.read_text().splitlines()) > count, "the last good edition")

    assert "ZeroDivisionError" in said
    assert "shop.py" in said
    assert "second" not in built.read_text()
    shop.write("third")
    wait_for(lambda: "third" in built.read_text(), "the third edition")
    daemon.send_signal(signal.SIGINT)
    assert daemon.wait(PATIENCE) == 0


def test_a_run_that_is_under_way_is_taken_up_later(shop, tmp_path):
    """Asked to stop, it gives runs their time, cancels them, and leaves the tick due."""
    shop.write(more='\nlater = schedule(slow, "* * * * * *", name="later")\n')
    daemon = shop.start("--grace", "0s")
    wait_for((tmp_path / "slow").exists, "a long run")
    daemon.send_signal(signal.SIGTERM)

    assert daemon.wait(PATIENCE) == 0
    waiting = [one for one in shop.ticks() if one.source == "schedule:later" and one.is_open]
    assert waiting[-1].runs


def test_status_and_history_are_told(shop):
    """Who is at work, and what came of each tick, for people and for programs."""
    daemon = shop.start("--json")
    wait_for(lambda: len(shop.ticks()) >= 1, "a tick")

    def ask(*words):
        command = ["-m", "assetkit", "--workspace", str(shop.root), *words]
        return warm.run(command, cwd=shop.file.parent)

    told = json.loads(ask("daemon", "--status", "--json").stdout)
    refused = ask("-m", "shop.py", "tick")
    history = json.loads(ask("tick", "--history", "--json").stdout)

    assert told["schema"] == "assetkit.daemon/1"
    assert told["alive"]
    assert f"process {daemon.pid}" in told["daemon"]
    assert refused.returncode == 5
    assert f"process {daemon.pid}" in refused.stderr
    assert history["ticks"][0]["source"] == "schedule:prices [* * * * * */2]"
    line = json.loads(daemon.said().splitlines()[-1])
    assert line["schema"] == "assetkit.daemon/1"


# ------------------------------------------------------------------------------- in this process


def test_a_watch_runs_beside(tmp_path):
    """It works while other code goes on, shows what it did, and ends when asked to."""
    ran = []
    prices = asset(name="prices")(lambda: ran.append(os.getpid()))
    project = Definitions(assets=[prices], schedules=[schedule(prices, "* * * * * *")])

    with Workspace.temporary() as workspace:
        with watch(project, workspace) as watching:
            wait_for(lambda: watching.ticks and ran, "a tick")
            assert "watching" in str(watching)
            assert "prices" in watching._repr_html_()
            assert watching.is_running
        assert not watching.is_running
        assert "no longer" in repr(watching)
    assert set(ran) == {os.getpid()}


def test_where_definitions_come_from(tmp_path):
    """The module that holds them is found, whatever folder it was loaded from."""
    package = tmp_path / "trade" / "rates"
    package.mkdir(parents=True)
    (tmp_path / "trade" / "__init__.py").touch()
    (package / "__init__.py").write_text(
        "from assetkit import Definitions\ndefinitions = Definitions()\n", encoding="utf-8"
    )
    found = load_project("trade.rates", tmp_path)

    assert origin_of(found) == Origin(spec="trade.rates", folder=tmp_path)
    assert origin_of(Definitions()) is None
    for name in ("trade", "trade.rates"):
        sys.modules.pop(name)


def test_what_a_daemon_is_given():
    """Definitions, a module, the name of one; nothing else."""
    with Workspace.temporary() as workspace, pytest.raises(InvalidArgument, match="give Definit"):
        Daemon(3, workspace)
    with Workspace.temporary() as workspace, pytest.raises(InvalidArgument, match="max_runs=0"):
        Daemon(Definitions(), workspace, max_runs=0)
