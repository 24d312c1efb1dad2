"""The page as people start it: real processes, a real port, a project that changes."""

import hashlib
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import psutil
import pytest

from assetkit.errors import MissingExtra
from assetkit.web.server import Wishes, source_of
from assetkit.web.server import serve as serve_page

SHOP = """
from assetkit import DailyPartitions, asset

days = DailyPartitions("2026-01-01", end="2026-01-04")

@asset(partitions=days, io_manager="pickle")
def orders(context):
    print("what a project prints is no answer")
    return [context.partition_key]

@asset(io_manager="pickle", deps=[orders])
def total():
    return 1
"""
NOISE = "print('neither is this')\n"


def test_what_was_previewed_runs_and_the_page_follows(serve, tmp_path):
    """A plan is launched, seen live, then refused; code that breaks keeps the last graph.

    When the page ends, nothing that it started but runs is left.
    """
    (tmp_path / "shop.py").write_text(NOISE + SHOP)
    with serve(tmp_path, "shop") as page:
        process = psutil.Process(page.process.pid)
        made = page.get("/plan.json?select=orders")
        assert made["steps"] == 3

        changes = page.changes()
        with page.open(f"/plan/{made['plan_id']}/launch", post=True) as said:
            run_id = json.load(said)["run_id"]
        for _ in changes:
            if page.get(f"/runs/{run_id}.json")["run"]["status"] in ("success", "failed"):
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
        children = process.children()
    assert psutil.wait_procs([process, *children], timeout=60)[1] == []


def test_a_backfill_is_launched_as_it_was_shown(served):
    """Batch after batch, newest first, each on record; then nothing is left to fill."""
    asked = {"select": "orders", "partitions": "2026-01-25..2026-01-27", "newest": "1", "size": "2"}
    address = f"/backfill.json?{urllib.parse.urlencode(asked)}"
    shown = served.get(address)
    assert shown["batches"] == ["2026-01-26..2026-01-27", "2026-01-25"]

    changes = served.changes()
    form = {**asked, "mark": shown["mark"]}
    with served.open("/backfill/launch", post=True, form=form) as said:
        run_id = json.load(said)["run_id"]
    for _ in changes:
        run = served.get(f"/runs/{run_id}.json")["run"]
        if served.get(address)["count"] == 0 or run["status"] == "failed":
            break

    assert served.get(f"/runs/{run_id}.json")["counts"] == {"materialized": 2}
    assert served.refusal("/backfill/launch", form=form) == 409


def test_a_run_has_an_address_before_it_has_begun(served):
    """Whoever launches is led there at once, and told what became of it; twice is once."""
    made = served.get("/plan.json?select=orders@2026-01-29")
    launch = f"/plan/{made['plan_id']}/launch"
    changes = served.changes()

    with served.open(launch, post=True) as first, served.open(launch, post=True) as second:
        run_id = json.load(first)["run_id"]
        assert json.load(second)["run_id"] == run_id

    status = served.get(f"/runs/{run_id}.json")["run"]["status"]
    assert status in ("starting", "running")
    for _ in changes:
        status = served.get(f"/runs/{run_id}.json")["run"]["status"]
        if status not in ("starting", "running"):
            break
    assert status == "success"


def test_the_process_that_answers_stays_small(served):
    """It loads no engine, holds no catalog."""
    assert served.get("/board.json")["sentence"]
    process = psutil.Process(served.process.pid)

    loaded = {Path(one.path).name for one in process.memory_maps()}
    assert not [name for name in loaded if name.startswith(("libarrow", "_duckdb", "duckdb"))]
    assert process.memory_info().rss < 100_000_000
    assert not [one for one in process.open_files() if one.path.endswith(".duckdb")]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"host": "evil.example"}, 421, id="another name"),
        pytest.param({"host": "127.0.0.1"}, 421, id="no port"),
        pytest.param({"host": "127.0.0.1:1"}, 421, id="another port"),
        pytest.param({}, 401, id="no token"),
        pytest.param({"cookie": "COOKIE"}, 403, id="no word of where from"),
        pytest.param({"cookie": "COOKIE", "sec-fetch-site": "same-site"}, 403, id="other port"),
        pytest.param({"cookie": "COOKIE", "origin": "http://evil.example"}, 403, id="other site"),
        pytest.param({"cookie": "COOKIE", "sec-fetch-site": "same-origin"}, 404, id="from here"),
        pytest.param({"cookie": "COOKIE", "origin": "BASE"}, 404, id="an old browser, from here"),
        pytest.param({"authorization": "Bearer wrong"}, 401, id="another token"),
    ],
)
def test_every_post_is_guarded_over_http(served, headers, status):
    """Each address that changes something, by a real server: 404 has come through."""
    port = served.base.rpartition(":")[2]
    cookie = f"assetkit-{port}={hashlib.sha256(f'cookie:{served.token}'.encode()).hexdigest()}"
    said = {
        name: value.replace("COOKIE", cookie).replace("BASE", served.base)
        for name, value in headers.items()
    }
    posts = [
        "/plan/0000/launch",
        "/runs/none/cancel",
        "/runs/none/retry",
        "/runs/none/decide",
        "/assets/none/hold",
        "/assets/none/release",
        "/backfill/launch",
    ]
    for path in posts:
        refused = served.refusal(path, headers=said)
        assert refused in ((400, 404) if status == 404 else (status,)), path


def test_without_its_packages_the_error_names_the_extra(monkeypatch, tmp_path):
    """Who has not installed the page is told how to."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    source = source_of(module=None, folder=tmp_path, root=str(tmp_path), base=None)

    with pytest.raises(MissingExtra, match=r"assetkit\[ui\]"):
        serve_page(source, Wishes(), print)


def test_others_are_not_let_in_by_accident(serve, tmp_path):
    """A host that is not this machine's own is refused before anything listens."""
    open_to_all = serve(tmp_path, "shop", "--host", "0.0.0.0")
    with pytest.raises(AssertionError, match="--allow-remote"), open_to_all:
        pass
