"""How plans and runs read in a terminal."""

from datetime import UTC, datetime

import pytest

from assetkit.display.texttable import text_width
from assetkit.execution.report import RunReport, report_html, report_text
from assetkit.planning.model import AssetSummary, PlanSummary
from assetkit.planning.text import PlanHeading, cause_words, plan_text, verb_of
from assetkit.records import FailedAttempt, Outcome

NOW = datetime(2026, 11, 21, 9, 40, tzinfo=UTC)
HEADING = PlanHeading(
    plan_id="7f3a2c11",
    now=NOW,
    notes=("orders_eur is overridden in this notebook (project: shop/marts.py:27)",),
    apply="assetkit materialize january.plan",
)


def line(asset, **given):
    """Return one asset's line of a plan; what is not given is zero or unknown."""
    zero = dict.fromkeys(("run", "maybe", "fresh", "blocked", "quarantined", "running"), 0)
    unknown = dict.fromkeys(("seconds", "rows", "bytes"))
    return AssetSummary(asset=asset, **{"partitions": "", "causes": (), **zero, **unknown, **given})


def summary(*lines, seconds=None):
    """Return a plan's numbers from those of its assets."""
    totals = {
        name: sum(getattr(one, name) for one in lines)
        for name in ("run", "maybe", "fresh", "blocked")
    }
    return PlanSummary(assets=lines, seconds=seconds, **totals)


BUSY = summary(
    line(
        "raw_orders",
        run=2,
        fresh=10,
        quarantined=1,
        partitions="2013-01-01, 2013-01-02",
        causes=(("missing", 2),),
    ),
    line(
        "stg_orders",
        run=3,
        partitions="2013-01-01..2013-01-03 (3)",
        causes=(("input raw_orders", 1), ("upstream raw_orders", 2)),
    ),
    line("orders_eur", run=90, partitions="2013-01-01..2013-03-31 (90)", causes=(("code", 90),)),
    line("monthly_revenue", maybe=1, partitions="2013-01", causes=(("upstream orders_eur", 1),)),
    line("customer_ltv", maybe=1, causes=(("upstream monthly_revenue", 1),)),
    line("legacy", blocked=4),
    line("fx_rates", fresh=3),
    line("raw_customers", fresh=1),
    seconds=243.0,
)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param("plan_80_columns", {"width": 80}, id="terminal"),
        pytest.param("plan_piped", {"width": None}, id="pipe"),
        pytest.param("plan_ascii", {"width": 80, "ascii": True}, id="ascii"),
        pytest.param("plan_two_assets", {"width": 80, "limit": 2}, id="cut"),
    ],
)
def test_plans_read_as_they_should(golden, name, arguments):
    """A plan says what, why, how much and how to go on."""
    golden(name, plan_text(BUSY, heading=HEADING, **arguments) + "\n")


@pytest.mark.parametrize("width", [80, 100])
def test_plans_fit_the_terminal(width):
    """No line is longer than the terminal is wide."""
    text = plan_text(BUSY, heading=HEADING, width=width)

    assert all(text_width(row) <= width for row in text.splitlines())


def test_ascii_plans_are_ascii():
    """A terminal without Unicode gets stand-ins."""
    assert plan_text(BUSY, heading=HEADING, ascii=True).isascii()


def test_nothing_to_build_is_one_calm_sentence():
    """An idle plan has no table."""
    idle = summary(line("a", fresh=3), line("b", fresh=1))

    assert plan_text(idle, heading=PlanHeading(plan_id="1", now=NOW)) == (
        "Nothing to build: 2 assets are up to date (as of 2026-11-21 09:40 UTC)."
    )


@pytest.mark.parametrize(
    ("given", "verb"),
    [
        pytest.param({"run": 1, "causes": (("missing", 1),)}, "build", id="first-time"),
        pytest.param({"run": 2, "causes": (("missing", 1), ("code", 1))}, "rebuild", id="mixed"),
        pytest.param({"maybe": 1}, "maybe", id="only-if"),
        pytest.param({"blocked": 1, "fresh": 5}, "blocked", id="blocked"),
        pytest.param({"quarantined": 1}, "quarantined", id="held"),
        pytest.param({"running": 1}, "running", id="elsewhere"),
        pytest.param({"fresh": 1}, "keep", id="fresh"),
    ],
)
def test_an_asset_has_one_verb(given, verb):
    """What would happen to an asset is said in one word."""
    assert verb_of(line("a", **given)) == verb


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("missing", "never built"),
        ("code", "code changed"),
        ("input sales/orders", "sales/orders changed"),
        ("upstream sales/orders", "sales/orders in this plan"),
        ("forced", "forced"),
    ],
)
def test_causes_are_said_in_words(cause, words):
    """No code of a cause reaches the reader."""
    assert cause_words(cause) == words


FAILURE = FailedAttempt(
    asset="raw_orders",
    partition="2013-01-13",
    ordinal=12,
    run_id="20261121-094000-1f2e3d",
    attempt=3,
    fingerprint="f",
    error_type="ValueError",
    message="HTTP 503 from <b>the shop</b>",
    traceback='  File "shop/raw.py", line 14, in raw_orders\n    raise error\nValueError: 503\n',
    failed_at=NOW,
    duration=2.1,
)
REPORT = RunReport(
    run_id="20261121-094000-1f2e3d",
    duration=108.0,
    outcomes={
        Outcome.MATERIALIZED: [("raw_orders", f"2013-01-{day}") for day in range(14, 20)],
        Outcome.UNCHANGED: [("fx_rates", None)],
        Outcome.FAILED: [("raw_orders", "2013-01-13")],
        Outcome.BLOCKED: [(name, "2013-01-13") for name in ("a", "b", "c", "d")],
    },
    failures=(FAILURE,),
    rows={"raw_orders": 336_776},
    bytes={"raw_orders": 23_456_789},
    seconds={"raw_orders": 12.3},
)


@pytest.mark.parametrize("ascii", [False, True])
def test_runs_read_as_they_should(golden, ascii):
    """A run says per asset what came of it, then each failure and what it held up."""
    text = report_text(REPORT, ascii=ascii)

    golden(f"run{'_ascii' if ascii else ''}", text + "\n")


def test_a_runs_view_shows_the_failure_escaped():
    """The notebook view opens the first failure; markup in a message is text."""
    view = report_html(REPORT)

    assert "<details open>" in view
    assert "HTTP 503 from &lt;b&gt;the shop" in view
    assert "<b>" not in view


def test_a_long_run_stays_short():
    """A view of thousands of assets and failures stays within what a notebook should keep."""
    slots = [(f"asset_{i}", None) for i in range(5_000)]
    report = RunReport(
        run_id="r", duration=1.0, outcomes={Outcome.FAILED: slots}, failures=[FAILURE] * 5_000
    )

    assert len(report_html(report)) < 200_000
    assert len(report_text(report).splitlines()) < 300
