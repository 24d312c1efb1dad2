"""The page as people start it: real processes, a real port, a project that changes."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from assetkit.errors import MissingExtra
from assetkit.web.server import Wishes, source_of
from assetkit.web.server import serve as serve_page

SHOP = """
import pandas as pd
from assetkit import DailyPartitions, asset

days = DailyPartitions("2026-01-01", end="2026-01-04")

@asset(partitions=days)
def orders(context) -> pd.DataFrame:
    print("what a project prints is no answer")
    return pd.DataFrame({"day": [context.partition_key]})

@asset
def total(orders: pd.DataFrame) -> pd.DataFrame:
    return orders
"""
NOISE = "print('neither is this')\n"


class Server:
    """A running page, and who asks it as a script does."""

    def __init__(self, process):
        self.process = process
        line = process.stdout.readline()
        assert "?token=" in line, line + process.stderr.read()
        self.base, _, self.token = line.split()[-1].partition("/?token=")

    def open(self, path, *, post=False, accept="application/json", form=None):
        headers = {"authorization": f"Bearer {self.token}", "accept": accept}
        data = urllib.parse.urlencode(form or {}).encode() if post else None
        request = urllib.request.Request(self.base + path, headers=headers, data=data)
        return urllib.request.urlopen(request, timeout=60)

    def text(self, path):
        with self.open(path, accept="text/html") as said:
            return said.read().decode()

    def get(self, path):
        with self.open(path) as said:
            return json.load(said)

    def changes(self):
        """Yield the version after each change, as a browser hears of it."""
        with self.open("/live") as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])["version"]


@pytest.fixture
def serve(tmp_path):
    """Return what starts the page on a project, as a context."""
    (tmp_path / "shop.py").write_text(NOISE + SHOP)

    @contextmanager
    def start(*options):
        process = subprocess.Popen(
            [sys.executable, "-m", "assetkit", "-m", "shop", "ui", "--port", "0", "--no-open",
             *options],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            yield Server(process)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)

    return start


def test_what_was_previewed_runs_and_the_page_follows(serve, tmp_path):
    """A plan is launched, seen live, then refused; code that breaks keeps the last graph."""
    with serve() as page:
        made = page.get("/plan.json?select=orders")
        assert made["steps"] == 3

        changes = page.changes()
        with page.open(f"/plan/{made['plan_id']}/launch", post=True) as said:
            run_id = json.load(said)["run_id"]
        for _ in changes:
            if page.get(f"/runs/{run_id}.json")["run"]["status"] == "success":
                break
        assert page.get(f"/runs/{run_id}.json")["counts"] == {"materialized": 3}

        with pytest.raises(urllib.error.HTTPError) as refused:
            page.open(f"/plan/{made['plan_id']}/launch", post=True)
        assert refused.value.code == 409
        assert (
            "orders@2026-01-01..2026-01-03 (3) does not run any more"
            in json.load(refused.value)["message"]
        )

        (tmp_path / "shop.py").write_text("def broken(:\n")
        for _ in changes:
            text = page.text("/lineage")
            if "The project does not load." in text:
                break
        assert "no valid Python" in text
        assert "orders: 3 fresh" in text


def test_a_backfill_is_launched_as_it_was_shown(serve):
    """Batch after batch, newest first, each on record; then nothing is left to fill."""
    asked = {"select": "orders", "newest": "1", "size": "2"}
    address = f"/backfill.json?{urllib.parse.urlencode(asked)}"
    with serve() as page:
        shown = page.get(address)
        assert shown["batches"] == ["2026-01-02..2026-01-03", "2026-01-01"]

        changes = page.changes()
        form = {**asked, "mark": shown["mark"]}
        with page.open("/backfill/launch", post=True, form=form) as said:
            run_id = json.load(said)["run_id"]
        for _ in changes:
            if page.get(address)["count"] == 0:
                break

        runs = [one for one in page.get("/runs.json")["runs"] if one["status"] == "success"]
        assert runs[-1]["run_id"] == run_id
        with pytest.raises(urllib.error.HTTPError, match="409"):
            page.open("/backfill/launch", post=True, form=form)


def test_the_process_that_answers_stays_small_and_leaves_nothing_behind(serve):
    """It loads no engine, holds no catalog, and ends with all that it started but runs."""
    with serve() as page:
        assert page.get("/board.json")["sentence"].startswith("2 assets with missing data")
        process = psutil.Process(page.process.pid)
        children = process.children()

        loaded = {Path(one.path).name for one in process.memory_maps()}
        assert not [name for name in loaded if name.startswith(("libarrow", "_duckdb", "duckdb"))]
        assert process.memory_info().rss < 100_000_000
        assert not [one for one in process.open_files() if one.path.endswith(".duckdb")]
    assert psutil.wait_procs([process, *children], timeout=10)[1] == []


def test_without_its_packages_the_error_names_the_extra(monkeypatch, tmp_path):
    """Who has not installed the page is told how to."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    source = source_of(module=None, folder=tmp_path, root=str(tmp_path), base=None)

    with pytest.raises(MissingExtra, match=r"assetkit\[ui\]"):
        serve_page(source, Wishes(), print)


def test_others_are_not_let_in_by_accident(serve):
    """A host that is not this machine's own is refused before anything listens."""
    with pytest.raises(AssertionError, match="--allow-remote"), serve("--host", "0.0.0.0"):
        pass
