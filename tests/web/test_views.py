"""What pages are made from, before any HTML."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest

import assetkit as ak
from assetkit import (
    DailyPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    StaticPartitions,
    Workspace,
)
from assetkit.display.quantities import duration_text
from assetkit.errors import InvalidArgument, UnknownAsset
from assetkit.project import Definitions
from assetkit.web.assets import asset_page
from assetkit.web.board import board_page
from assetkit.web.desk import Desk, NotFoundHere
from assetkit.web.grid import grid_of
from assetkit.web.layout import Look, laid_out
from assetkit.web.lineage import lineage_page
from assetkit.web.plans import kept_plan_page, make_plan_page, plan_file
from assetkit.web.plots import plot_of
from assetkit.web.runlines import runs_page
from assetkit.web.runs import run_page
from assetkit.web.states import ATTEMPTS, STATES, SlotStates, ranges_of, tally_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def states_of(universe, bad=(), failed=()):
    positions = np.arange(len(universe), dtype=np.int64)
    state = np.full(len(positions), STATES.index("fresh"), dtype=np.int8)
    attempt = np.zeros(len(positions), dtype=np.int8)
    state[list(bad)] = STATES.index("missing")
    attempt[list(failed)] = ATTEMPTS.index("failed")
    return SlotStates(positions=positions, state=state, attempt=attempt)


def test_data_and_the_last_attempt_are_told_apart():
    """A slot whose data is fresh may have failed since; both are counted, and make a range."""
    universe = DailyPartitions("2026-01-01", end="2026-01-11").universe(NOW, {})
    states = states_of(universe, bad=[4, 5], failed=[5, 9])

    tally = tally_of(states)
    assert (tally.total, tally.fresh, tally.missing, tally.failed) == (10, 8, 2, 2)
    assert tally.worst == "failed"
    assert [(one.selection, one.state, one.attempt) for one in ranges_of(states, universe)[0]] == [
        ("2026-01-01..2026-01-04", "fresh", ""),
        ("2026-01-05", "missing", ""),
        ("2026-01-06", "missing", "failed"),
        ("2026-01-07..2026-01-09", "fresh", ""),
        ("2026-01-10", "fresh", "failed"),
    ]


@pytest.mark.parametrize(
    ("partitions", "rows", "columns", "label", "start"),
    [
        pytest.param(
            DailyPartitions("2026-01-05", end="2026-03-02"), 3, 31, "2026-01", 4, id="days by month"
        ),
        pytest.param(
            HourlyPartitions("2026-01-01-06:00", end="2026-01-03-00:00"), 2, 24, "2026-01-01", 6,
            id="hours by day",
        ),
        pytest.param(
            MonthlyPartitions("2025-03-01", end="2026-03-01"), 2, 12, "2025", 2, id="months by year"
        ),
        pytest.param(
            StaticPartitions([f"s{n}" for n in range(90)]), 3, 40, "s0", 0, id="names wrapped"
        ),
    ],
)  # fmt: skip
def test_grids_follow_the_calendar(partitions, rows, columns, label, start):
    """Days stand in rows of months under their day, hours in days, months in years."""
    universe = partitions.universe(NOW, {})

    grid = grid_of(states_of(universe), universe)

    assert (len(grid.rows), grid.columns) == (rows, columns)
    assert (grid.rows[0].label, grid.rows[0].start) == (label, start)
    assert sum(len(row.keys) for row in grid.rows) == len(universe)


def test_ten_thousand_days_are_few_pieces():
    """A grid is as large as what differs in it, not as its number of cells."""
    universe = DailyPartitions("1999-01-01", end="2026-06-01").universe(NOW, {})
    assert len(universe) > 10_000

    grid = grid_of(states_of(universe, bad=range(5_000, 5_010), failed=[7]), universe)

    assert sum(len(row.pieces) for row in grid.rows) < 340


def test_beyond_what_can_be_drawn_a_strip_leads_to_the_cells():
    """Each piece has its share of every state, and its worst attempt; one is drawn as cells."""
    universe = HourlyPartitions("2006-01-01-00:00", end="2026-01-01-00:00").universe(NOW, {})
    states = states_of(universe, bad=range(100_000, 100_100), failed=[5])

    laid = laid_out(states, universe, Look())

    pieces = laid.strip.pieces
    assert len(pieces) <= 64
    assert sum(piece.count for piece in pieces) == len(universe) == laid.strip.total
    hit = [piece for piece in pieces if any(bar[0] == "missing" for bar in piece.bars)]
    assert [piece.words for piece in hit] == [f"{hit[0].count - 100:,} fresh, 100 missing"]
    assert [piece.at for piece in pieces if piece.attempt == "failed"] == [0]
    assert [piece.at for piece in pieces if piece.is_shown] == [len(pieces) - 1]
    assert sum(len(row.keys) for row in laid.grid.rows) == pieces[-1].count

    near = laid_out(states, universe, Look(within=hit[0].selection))

    assert sum(len(row.keys) for row in near.grid.rows) == hit[0].count
    assert [piece.is_shown for piece in near.strip.pieces] == [one is hit[0] for one in pieces]
    assert [(one.count, one.state) for one in near.ranges if one.state == "missing"] == [
        (100, "missing")
    ]


def test_what_selects_nothing_is_told_and_all_is_shown():
    """A mistake in the address does not take the partitions away."""
    universe = DailyPartitions("2026-01-01", end="2026-02-01").universe(NOW, {})

    laid = laid_out(states_of(universe), universe, Look(within="2030-01-01"))

    assert "2030-01-01" in laid.problem
    assert sum(len(row.keys) for row in laid.grid.rows) == 31


def test_two_dimensions_are_a_matrix_whose_axes_can_be_swapped(desk):
    """The first dimension goes across; the address may say otherwise."""
    asked = asset_page(desk, asset="by_region").laid.grid
    swapped = asset_page(desk, asset="by_region", across="region", down="date").laid.grid

    assert (asked.columns, len(asked.rows)) == (31, 2)
    assert (swapped.columns, len(swapped.rows)) == (2, 31)
    assert (swapped.across, swapped.down) == ("region", "date")


def test_of_further_dimensions_one_key_can_be_chosen():
    """Otherwise a cell is the worst of all that lie behind it, and says if some is fresh; ranges
    are boxes, worst first.
    """
    kinds = StaticPartitions(["bread", "milk"])
    days = DailyPartitions("2026-01-01", end="2026-01-04")
    definition = MultiPartitions(date=days, region=StaticPartitions(["de", "fr", "it"]), kind=kinds)
    universe = definition.universe(NOW, {})
    bad = universe.select("date=2026-01-02..2026-01-03,region=de..fr,kind=milk").tolist()
    states = states_of(universe, bad=bad)

    def of_row(look):
        return [piece.state for piece in laid_out(states, universe, look).grid.rows[0].pieces]

    laid = laid_out(states, universe, Look())
    assert [one.keys for one in laid.choices] == [["bread", "milk"]]
    assert of_row(Look()) == of_row(Look(fixed=["kind=milk"])) == ["fresh", "missing"]
    assert of_row(Look(fixed=["kind=bread"])) == ["fresh"]
    mixed = [[one.is_mixed for one in row.pieces] for row in laid.grid.rows]
    assert mixed == [[False, True], [False, True], [False]]
    assert not laid_out(states, universe, Look(fixed=["kind=milk"])).grid.has_mixed
    assert laid.ranges[0].selection == "date=2026-01-02..2026-01-03,region=de..fr,kind=milk"
    assert {one.state for one in laid.ranges[1:]} == {"fresh"}
    assert sum(one.count for one in laid.ranges) == len(universe)
    for one in laid.ranges:
        assert len(universe.select(one.selection)) == one.count


def test_plots_are_scaled_to_what_they_show():
    """Values span the height, the newest stands right; fewer than two make no plot."""
    values = [(NOW + timedelta(days=n), value, f"p{n}") for n, value in enumerate((1.0, 3.0, 2.0))]

    plot = plot_of("duration", values, duration_text)

    heights = [point.y for point in plot.points]
    assert heights[1] < heights[2] < heights[0]
    assert (plot.least, plot.most, plot.newest) == ("1 s", "3 s", "2 s")
    assert plot.points[0].label == "p0 2026-11-21 00:00: 1 s"
    assert plot_of("duration", values[:1], duration_text) is None


def test_the_board_puts_what_needs_a_person_first(desk):
    """A broken promise stands before a failure, a failure before what is only missing."""
    board = board_page(desk)

    assert [(row.asset, row.state) for row in board.rows] == [
        ("reports/totals", "overdue"),
        ("orders", "failed"),
        ("valid_orders", "failed"),
        ("by_region", "missing"),
    ]
    assert board.sentence.startswith("1 promise overdue, 2 assets failed")
    assert board.rows[1].why.endswith("; never built (27)")
    assert board.automation == "Automation is off. Start it: assetkit daemon"
    assert [run.status for run in board.recent] == ["failed"]


def test_an_asset_page_says_how_each_partition_stands(desk):
    """Built, failed and missing days, and the sentence that sums them up."""
    page = asset_page(desk, asset="orders")

    assert page.sentence.startswith("4 of 31 partitions there, 1 failed. Last built 2")
    assert [(one.selection, one.state, one.attempt) for one in page.laid.ranges] == [
        ("2026-01-01..2026-01-02", "fresh", ""),
        ("2026-01-03", "missing", "failed"),
        ("2026-01-04..2026-01-05", "fresh", ""),
        ("2026-01-06..2026-01-31", "missing", ""),
    ]
    assert [one.title for one in page.plots][:2] == ["rows", "duration"]
    assert len(page.builds) == 4
    assert page.code.texts[0].text.startswith("@ak.asset(partitions=DAYS")


def test_one_partition_is_looked_at_closely(desk):
    """Its columns, rows and history are its own; the rest of the asset is left out."""
    page = asset_page(desk, asset="orders", p="2026-01-02")

    assert page.chosen_count == 1
    assert page.data.slot == "orders@2026-01-02"
    assert [one.partition for one in page.builds] == ["2026-01-02"]
    assert "orders@2026-01-02 is fresh" in page.why


def test_a_selection_that_does_not_fit_is_told(desk):
    """The page stays, with the sentence that says what is wrong."""
    page = asset_page(desk, asset="orders", p="2027-01-01")

    assert page.chosen_count == 0
    assert "2027-01-01" in page.problem


def test_unknown_assets_have_near_names(desk):
    """A misspelt name leads to the right one."""
    with pytest.raises(UnknownAsset, match="orders"):
        asset_page(desk, asset="oders")


def test_a_run_shows_its_failure_first(desk, run_id):
    """What was raised, where, and what it stopped."""
    page = run_page(desk, run_id=run_id)

    failed = {one.step: one for one in page.failures}
    assert failed["orders@2026-01-03"].error.startswith("ValueError: <img")
    assert "conftest.py" in failed["orders@2026-01-03"].frames[0]
    assert page.stopped == ["valid_orders@2026-01-03"]
    assert page.can_retry
    assert page.sentence.startswith("It ended as failed after")


def test_a_step_has_its_log(desk, run_id):
    """What the step wrote, found by the run's own record of it."""
    said = run_page(desk, run_id=run_id, step="orders@2026-01-02").log
    never = run_page(desk, run_id=run_id, step="../../etc/passwd").log

    assert any("reading" in text for line in said.lines for _, text in line.pieces)
    assert (list(never.lines), never.note[:25]) == ([], "This run has no such step")


def test_runs_are_filtered_by_status_and_age(desk):
    """The filters are those of the address."""
    assert len(runs_page(desk, status="failed", since="24h").runs) == 1
    assert runs_page(desk, status="lost").runs == []
    assert runs_page(desk, status="lost").total == 1


def test_lineage_is_drawn_around_its_focus(desk):
    """Depth says how many edges up and down; the list says the same as the picture."""
    near = lineage_page(desk, select="valid_orders", depth=0)
    around = lineage_page(desk, select="valid_orders", depth=1)

    assert [one.asset for one in near.nodes] == ["valid_orders"]
    assert {one.asset for one in around.nodes} == {"orders", "valid_orders", "reports/totals"}
    assert {one.asset for one in around.listed} == {one.asset for one in around.nodes}
    assert [one.asset for one in around.nodes if one.is_focus] == ["valid_orders"]
    assert len(around.edges) == 2


def test_groups_fold_into_one_box(desk):
    """Edges into a folded group meet its box."""
    page = lineage_page(desk, group=["(no group)"])

    assert sorted(one.label for one in page.nodes) == ["(no group)", "orders", "reports/totals"]
    assert len(page.edges) == 2


def test_a_selection_with_a_mistake_keeps_the_graph(desk):
    """All assets are drawn, and the mistake is told."""
    page = lineage_page(desk, select="valid_oders")

    assert "valid_orders" in page.error
    assert len(page.nodes) == 4


def test_a_plan_is_kept_as_it_was_shown(desk):
    """Its own address shows it again, unchanged, until it is launched or forgotten."""
    page = make_plan_page(desk, select="orders@2026-01-03")

    assert page.steps == 1
    assert page.rows[0].why
    assert page.run_line.shell == "assetkit materialize -s orders@2026-01-03"
    assert kept_plan_page(desk, plan_id=page.plan_id)["sentence"] == page.sentence
    for plan_id in ("0000", "../secret"):
        with pytest.raises(NotFoundHere):
            kept_plan_page(desk, plan_id=plan_id)


def test_what_would_run_is_laid_over_the_lineage(desk):
    """Each box has the number of its steps, a folded group their sum; nothing else changes."""
    plain, over = lineage_page(desk), lineage_page(desk, overlay="plan")

    assert {one.asset: one.badge for one in over.nodes} == {
        "orders": "+27",
        "valid_orders": "+27",
        "reports/totals": "+1",
        "by_region": "+62",
    }
    assert [one.asset for one in over.nodes] == [one.asset for one in plain.nodes]
    assert "missing" in next(one.note for one in over.nodes if one.asset == "by_region")
    assert lineage_page(desk, overlay="<b>").overlay == "state"


def test_owners_stand_beside_their_assets(desk):
    """A group that is drawn as one box has those of all in it; who has none, none."""
    page = lineage_page(desk, overlay="owner", group=["raw"])

    owner = desk.known_graph.assets["orders"].owners[0]
    badges = {one.label: one.badge for one in page.nodes}
    assert badges["raw"] == owner[:16]
    assert badges["valid_orders"] == ""
    assert f"of {owner}" in next(one.note for one in page.nodes if one.label == "raw")


def test_a_group_drawn_as_one_box_can_be_opened_where_it_is(desk):
    """Its query is that of the page without it; the box tells how its assets stand."""
    page = lineage_page(desk, select="orders", depth=1, group=["raw", "(no group)"])

    assert parse_qs(page.unfold["raw"]) == {
        "select": ["orders"], "depth": ["1"], "overlay": ["state"], "dir": ["lr"],
        "group": ["(no group)"],
    }  # fmt: skip
    box = next(one for one in page.nodes if one.group == "raw")
    assert (box.state, box.note) == ("failed", "raw: 1 asset, 1 failed")
    assert [state for state, _, _ in box.shares] == ["fresh", "missing"]


def test_the_picture_keeps_its_order_while_the_page_is_open(page, desk):
    """What the next picture of the same question is given, is where boxes stood in the last."""
    first = page.get("/lineage.json").json()["nodes"]
    turned = lineage_page(desk, before={one["name"]: -one["y"] for one in first}).nodes

    column = [one["asset"] for one in sorted(first, key=lambda one: one["y"]) if one["x"] > 200]
    assert page.get("/lineage.json").json()["nodes"] == first
    assert [one.asset for one in sorted(turned, key=lambda one: -one.y) if one.x > 200] == column


def test_durations_are_told_apart_by_shade(desk):
    """The slowest is darkest; what never ran has none."""
    page = lineage_page(desk, overlay="durations")

    heats = {one.asset: one.heat for one in page.nodes}
    assert max(heats.values()) == 4
    assert heats["by_region"] == heats["reports/totals"] == 0
    assert next(one.badge for one in page.nodes if one.asset == "orders").endswith("s")


def test_changed_code_is_laid_over_the_lineage(tmp_path):
    """Marked are assets whose function is another than when they were built."""
    with Workspace(tmp_path / "workspace") as workspace:
        first = ak.asset(name="one", code_version="1")(lambda: pd.DataFrame({"n": [1]}))
        ak.materialize(first, workspace=workspace, progress="none")
        changed = ak.asset(name="one", code_version="2")(lambda: pd.DataFrame({"n": [1]}))
        other = ak.asset(name="two")(lambda: pd.DataFrame({"n": [2]}))
        desk = Desk(workspace, Definitions(assets=[changed, other]))

        page = lineage_page(desk, overlay="code")

    assert {one.asset: (one.badge, one.heat) for one in page.nodes} == {
        "one": ("~1", 3),
        "two": ("", 0),
    }


def test_columns_of_sql_are_traced_to_what_they_are_made_of(tmp_path):
    """By column: the upstream and its columns; nothing for what is not made of any."""

    @ak.asset
    def sales() -> pd.DataFrame:
        return pd.DataFrame({"price": [2.0], "count": [3]})

    total = ak.sql_asset("total", "select price * count as worth, 1 as one from sales")
    with Workspace(tmp_path / "workspace") as workspace:
        ak.materialize([sales, total], workspace=workspace, progress="none")
        desk = Desk(workspace, Definitions(assets=[sales, total]))

        page = asset_page(desk, asset="total")

        assert {one.column: sorted(one.sources) for one in page.column_lineage.columns} == {
            "worth": [("sales", "count"), ("sales", "price")]
        }
        assert asset_page(desk, asset="sales").column_lineage is None


def test_assets_can_be_left_out_of_a_plan(desk):
    """What needs them then does without their steps; the rest is planned as before."""
    whole = make_plan_page(desk, select="valid_orders@2026-01-03..2026-01-07")
    page = make_plan_page(
        desk, select="valid_orders@2026-01-03..2026-01-07", without=["valid_orders"]
    )
    blocked = make_plan_page(desk, select="valid_orders@2026-01-07", without=["orders"])

    assert {row.asset: row.steps for row in whole.rows} == {"orders": 3, "valid_orders": 3}
    assert {row.asset: row.steps for row in page.rows} == {"orders": 3}
    assert page.without == ["valid_orders"]
    assert page.run_line.shell.endswith(f"{page.plan_id}.plan")
    assert not blocked.can_launch
    assert Path(plan_file(desk, plan_id=page.plan_id)).is_file()
    with pytest.raises(InvalidArgument, match="Put something back"):
        make_plan_page(desk, select="orders@2026-01-03", without=["orders"])


def test_how_all_stands_is_found_out_once_for_many_pages(desk):
    """Pages that are made one after another share it, and its summary."""
    desk = Desk(desk.workspace, desk.definitions)
    first = desk.standing()
    board_page(desk)
    lineage_page(desk, overlay="plan")

    assert desk.standing() is first
    assert set(first.lines) == set(first.tallies)


def test_an_asset_says_what_its_last_attempts_failed_of(desk, run_id):
    """With the run that has the log; of a partition that succeeded nothing."""
    (failed,) = asset_page(desk, asset="orders").failed

    assert (failed.step, failed.run_id, failed.times) == ("orders@2026-01-03", run_id, 1)
    assert failed.error.startswith("ValueError: <img")
    assert asset_page(desk, asset="orders", p="2026-01-03").failed == [failed]
    assert asset_page(desk, asset="orders", p="2026-01-04").failed == []
    assert asset_page(desk, asset="reports/totals").failed == []
