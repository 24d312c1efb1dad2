"""The story of files, a promise and a mended failure, played with a clock that jumps."""

import json
import shutil
from pathlib import Path

import pytest

from assetkit import Workspace
from tests import warm

EXAMPLE = Path(__file__).parents[2] / "examples" / "freshness"
BROKEN = "orders.amount.astype(float)"
MENDED = 'orders.amount.str.replace(",", ".").astype(float)'


def play(folder, first, hours, *more):
    """Play some hours; return what happened in each turn."""
    command = ["play.py", "--from", first, "--hours", str(hours), *more]
    played = warm.run(command, cwd=folder)
    assert played.returncode == 0, played.stderr
    return [json.loads(line) for line in played.stdout.splitlines()]


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Play two hours, of which the second is broken; mend the code; play one more."""
    folder = tmp_path_factory.mktemp("story") / "freshness"
    leave = shutil.ignore_patterns(".assetkit", "__pycache__", "inbox", "alerts.log")
    shutil.copytree(EXAMPLE, folder, ignore=leave)
    before = play(folder, "2026-03-01T00", 2, "--broken", "2026-03-01T01")
    module = folder / "shop_reports.py"
    text = module.read_text(encoding="utf-8")
    assert BROKEN in text
    module.write_text(text.replace(BROKEN, MENDED), encoding="utf-8")
    alerts = (folder / "alerts.log").read_text(encoding="utf-8")
    after = play(folder, "2026-03-01T02", 1)
    with Workspace(folder / ".assetkit") as workspace:
        yield before, after, alerts, workspace


def test_files_become_a_report_in_time(story):
    """The first hour is in the report a few minutes after its file came."""
    before, *_ = story
    first = before[0]

    assert first["at"] < "01:15"
    assert ["sensor:files_of_orders", "success", "1 materialized"] in first["ticks"]
    assert ["assets", "success", "2 materialized"] in first["ticks"]


def test_a_failure_is_tried_once_and_told_once(story):
    """It is quarantined, the promise is broken, and each is one message."""
    before, _, alerts, workspace = story
    failed = [tick for turn in before for tick in turn["ticks"] if tick[1] == "failed"]

    assert failed == [["assets", "failed", "1 failed"]]
    assert alerts.count("priced_orders: failed in run") == 1
    assert alerts.count("priced_orders: is quarantined") == 1
    assert alerts.count("sales: is overdue") == 2  # before anything was built, and at 02:15
    history = workspace.catalog.automation.ticks(source="freshness:sales")
    assert [tick.message.partition(":")[0] for tick in reversed(history)][:2] == [
        "overdue",
        "fresh",
    ]


def test_an_edit_mends_it(story):
    """The changed code is tried at once: the missing hour is built, and the report is whole."""
    _, after, _, workspace = story
    report = workspace.load("sales")
    orders = workspace.load("orders")

    assert not [tick for turn in after for tick in turn["ticks"] if tick[1] == "failed"]
    assert sorted(orders.partition.unique()) == [f"2026-03-01T0{hour}" for hour in range(3)]
    amounts = orders.amount.str.replace(",", ".").astype(float)
    assert round(report.amount.sum(), 2) == round(amounts.sum(), 2)
