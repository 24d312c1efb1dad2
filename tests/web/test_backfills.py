"""Backfills from the page: which partitions, in what batches, and that just these are run."""

from dataclasses import replace

import pytest

from assetkit import Workspace
from assetkit.errors import InvalidArgument, InvalidSelection, UnknownPartition
from assetkit.project import load_project
from assetkit.web.backfills import backfill_page
from assetkit.web.batches import run_batches
from assetkit.web.desk import Desk
from assetkit.web.launching import Backfill, Launches
from assetkit.web.source import Source

SHOP = """
from assetkit import DailyPartitions, asset

@asset(partitions=DailyPartitions("2026-01-01", end="2026-02-01"), io_manager="pickle")
def sales(context):
    if context.partition_key == "2026-01-03":
        raise ValueError("no such file")
    return [context.partition_key]
"""


@pytest.mark.parametrize(
    ("asked", "batches"),
    [
        pytest.param({"only": "missing"}, ["2026-01-03", "2026-01-06..2026-01-31"], id="missing"),
        pytest.param({"only": "failed"}, ["2026-01-03"], id="failed"),
        pytest.param({"only": "stale"}, [], id="stale"),
        pytest.param(
            {"partitions": "2026-01-05..2026-01-10", "size": 2},
            ["2026-01-06..2026-01-07", "2026-01-08..2026-01-09", "2026-01-10"],
            id="a range in batches",
        ),
        pytest.param(
            {"partitions": "2026-01-02..2026-01-10", "size": 3, "newest": True},
            ["2026-01-08..2026-01-10", "2026-01-06..2026-01-07", "2026-01-03"],
            id="newest first",
        ),
    ],
)
def test_batches_are_ranges_of_what_is_asked_for(desk, asked, batches):
    """Neighbours together, up to so many, in the order asked for; gaps are never bridged."""
    assert backfill_page(desk, select="orders", **asked).batches == batches


@pytest.mark.parametrize(
    ("asked", "batches"),
    [
        pytest.param({}, ["date=2026-01-03..2026-01-05"], id="all neighbours"),
        pytest.param(
            {"size": 4}, ["date=2026-01-03..2026-01-04", "date=2026-01-05"], id="two days of two"
        ),
        pytest.param(
            {"size": 4, "newest": True},
            ["date=2026-01-04..2026-01-05", "date=2026-01-03"],
            id="newest first",
        ),
        pytest.param(
            {"along": "region", "size": 2},
            [
                f"date={days},region={region}"
                for region in ("de", "fr")
                for days in ("2026-01-03..2026-01-04", "2026-01-05")
            ],
            id="region by region",
        ),
        pytest.param(
            {"partitions": "date=2026-01-03..2026-01-05,region=fr", "size": 2},
            ["date=2026-01-03..2026-01-04,region=fr", "date=2026-01-05,region=fr"],
            id="of one region",
        ),
    ],
)
def test_several_dimensions_are_filled_along_one(desk, asked, batches):
    """A batch is one selection, and never of more partitions than asked for."""
    asked = {"partitions": "date=2026-01-03..2026-01-05", **asked}
    page = backfill_page(desk, select="by_region", **asked)

    assert page.batches == batches
    assert page.dimensions == ("date", "region")


def test_a_backfill_says_what_it_would_do(desk):
    """How many there are of each kind, what it costs, and the lines to type instead."""
    page = backfill_page(desk, select="orders", partitions="2026-01-03..2026-01-08", at_once=2)

    assert dict(page.only) == {"not fresh": 4, "missing": 4, "stale": 0, "failed": 1}
    assert page.estimate.startswith("4 slots")
    assert [row.asset for row in page.rows] == ["orders"]
    assert page.shown == [
        "assetkit backfill -s orders --partitions 2026-01-03 --max-concurrency 2",
        "assetkit backfill -s orders --partitions 2026-01-06..2026-01-08 --max-concurrency 2",
    ]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"select": "orders", "only": "red"}, InvalidArgument),
        ({"select": "reports/totals"}, InvalidSelection),
        ({"select": "by_region", "along": "colour"}, InvalidArgument),
        ({"select": "orders", "partitions": "2027-01-01"}, UnknownPartition),
    ],
)
def test_what_cannot_be_filled_is_told(desk, asked, error):
    """Unknown words, assets without ranges, and keys that are not there."""
    with pytest.raises(error):
        backfill_page(desk, **asked)


def test_a_backfill_that_would_go_otherwise_is_refused(page):
    """What is launched is what was looked at; the answer tells how it would go now."""
    seen = page.get("/backfill.json?select=orders&only=failed").json()
    assert seen["schema"] == "assetkit.ui.backfill/1"

    said = page.post(
        "/backfill/launch",
        data={"select": "orders", "only": "missing", "mark": seen["mark"]},
    )

    assert said.status_code == 409
    assert "would go otherwise now: 27 partitions in 2 batches. Nothing ran." in said.text


def test_what_is_launched_runs_batch_after_batch(tmp_path):
    """Each is on record; a batch that fails does not stop the next; newest came first."""
    (tmp_path / "shop.py").write_text(SHOP)
    root = tmp_path / ".assetkit"
    source = Source(
        module="shop", folder=str(tmp_path), root=str(root), base=None,
        catalog=str(root / "catalog.duckdb"),
    )  # fmt: skip
    with Workspace(root) as workspace:
        desk = Desk(workspace, load_project("shop", tmp_path))
        page = backfill_page(
            desk, select="sales", partitions="2026-01-01..2026-01-04", size=2, newest=True
        )
        wanted = Backfill(run_id="20260101-000000-abcdef", asset="sales", batches=page.batches)
        launches = Launches(source)

        run_id = launches.backfill(wanted, page.mark)
        assert launches.backfill(replace(wanted, run_id="another"), page.mark) == run_id
        assert launches.find(run_id).state == "starting"
        launches.wait(120)

        frame = workspace.backfills().sort_values("created_at")
    assert list(frame["status"]) == ["failed", "success"]
    assert frame["runs"].iloc[0] == [run_id]
    assert frame["slots"].tolist() == [2, 2]


def test_so_many_failures_are_enough(tmp_path, capsys):
    """Batches after the last allowed failure are left undone, and it is said."""
    (tmp_path / "bad.py").write_text(
        "from assetkit import asset\n@asset\ndef one():\n    raise ValueError('no')\n"
    )
    failing = ["-m", str(tmp_path / "bad.py"), "--workspace", str(tmp_path / "w")]
    failing += ["materialize", "--yes", "--progress", "none"]

    assert run_batches([["--version"], failing, ["--version"]], stop_after=1) == 1
    said = capsys.readouterr()
    assert said.out.count("assetkit ") == 1
    assert "the batches after it were left undone" in said.err


def test_a_batch_that_cannot_be_run_is_the_last(capsys):
    """The batches behind it are not tried."""
    assert run_batches([["--version"], ["nonsense"], ["--version"]]) == 2
    assert capsys.readouterr().out.count("assetkit ") == 1
