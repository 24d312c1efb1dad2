"""What an asset's page shows of its data and code: kinds of metadata, checks, what changed."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

import assetkit as ak
from assetkit import DailyPartitions, Workspace
from assetkit.checks import not_null, row_count
from assetkit.metadata import Image, Markdown, Number, PathTo, Table, Text, Url
from assetkit.project import Definitions, load_project
from assetkit.web.assets import asset_page
from assetkit.web.desk import Desk

PNG = b"\x89PNG\r\n\x1a\n"


@ak.asset(
    partitions=DailyPartitions("2026-01-01", end="2026-01-11"),
    checks=[row_count(2), not_null("n")],
)
def sales(context) -> pd.DataFrame:
    """Sold."""
    day = int(context.partition_key[-2:])
    context.add_metadata(
        {
            "takings": Number(day * 2, unit="EUR"),
            "note": Text("a <b>"),
            "how": Markdown("*so*"),
            "site": Url("https://example.com/x"),
            "shelf": Url("s3://bucket/x"),
            "file": PathTo("/in/x.csv"),
            "late": Table([{"who": "UA", "by": 3}]),
            "seen": Image(PNG),
            "plain": {"a": 1},
        }
    )
    return pd.DataFrame({"n": [day, None, None, None][: 1 + (day > 2) * 3]})


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Three days of an asset, built by code that has changed since."""
    with Workspace(tmp_path_factory.mktemp("contents")) as workspace:
        options = {"workspace": workspace, "progress": "none", "raise_on_error": False}
        ak.materialize(sales, partitions="2026-01-01..2026-01-03", **options)
        yield Desk(workspace, Definitions(assets=[sales]))


def test_metadata_is_shown_by_its_kind(project):
    """Links lead on only where that is safe; all else is text, a table or a picture."""
    data = asset_page(project, asset="sales", p="2026-01-03").data

    shown = {one.name: one for one in data.metadata}
    assert {name: one.kind for name, one in shown.items()} == {
        "takings": "number",
        "note": "text",
        "how": "markdown",
        "site": "url",
        "shelf": "path",
        "file": "path",
        "late": "table",
        "seen": "image",
        "plain": "text",
    }
    assert shown["takings"].text == "6 EUR"
    assert (shown["late"].names, shown["late"].rows) == (["who", "by"], [["UA", "3"]])
    assert shown["seen"].text.startswith("data:image/png;base64,")


def test_columns_tell_how_much_is_missing(project):
    """As a count, and as a share of all rows."""
    data = asset_page(project, asset="sales", p="2026-01-03").data

    assert [(one.nulls, one.missing) for one in data.columns] == [("3", 0.75)]
    assert data.sampled == "All rows."


def test_each_check_is_told_once(project):
    """What failed comes first, with how many partitions it failed in; of one, only its own."""
    checks = asset_page(project, asset="sales").checks
    one = asset_page(project, asset="sales", p="2026-01-03").checks

    assert [(found.passed, found.counts) for found in checks] == [
        (False, "1 of 3 failed"),
        (False, "2 of 3 failed"),
    ]
    assert {found.name: found.passed for found in one} == {
        checks[0].name: False,
        checks[1].name: True,
    }


def test_numbers_of_the_metadata_are_plotted(project):
    """Build by build, in the order in which they were made; what never differs lies half way."""
    plots = {one.title: one for one in asset_page(project, asset="sales").plots}

    takings = plots["takings"]
    assert (takings.least, takings.most, takings.newest) == ("2", "6", "6")
    assert [point.y for point in takings.points] == sorted(
        (point.y for point in takings.points), reverse=True
    )
    assert takings.since == takings.until == f"{datetime.now(UTC):%Y-%m-%d}"


SHOP = """
import pandas as pd
from assetkit import asset

def rate():
    return 2

def tax():
    return 1

@asset
def prices() -> pd.DataFrame:
    return pd.DataFrame({"n": [rate() * tax()]})
"""


def test_what_changed_in_the_code_is_shown_line_by_line(tmp_path, monkeypatch):
    """The function that is another than when the data was made comes first; what is as it was
    has no diff, and is there all the same.
    """
    for name, text in (("then", SHOP), ("now", SHOP.replace("return 1", "return 1.07"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pricing.py").write_text(text)
    with Workspace(tmp_path / "workspace") as workspace:
        project = load_project("pricing", tmp_path / "then")
        ak.materialize(project, workspace=workspace, progress="none")

        same = asset_page(Desk(workspace, project), asset="prices").code
        monkeypatch.delitem(sys.modules, "pricing")
        other = load_project("pricing", tmp_path / "now")
        changed = asset_page(Desk(workspace, other), asset="prices").code

    assert (same.changed, {one.state for one in same.texts}) == ("", {""})
    assert changed.changed.startswith("Since 1 partition of it was built: pricing.tax changed (")
    assert [(one.name, one.state) for one in changed.texts] == [
        ("pricing.tax", "changed"),
        ("pricing.prices", ""),
        ("pricing.rate", ""),
    ]
    assert changed.texts[0].diff[1:] == [
        (" ", "def tax():"),
        ("-", "    return 1"),
        ("+", "    return 1.07"),
    ]
    assert not changed.texts[1].diff


def test_a_partition_tells_what_it_was_made_of(tmp_path):
    """Its run and log, its file, its inputs in their versions, and how long it usually takes."""
    days = DailyPartitions("2026-01-01", end="2026-01-05")
    raw = ak.asset(name="raw", partitions=days)(lambda: pd.DataFrame({"n": [1]}))
    fixed = ak.asset(name="fixed")(lambda: pd.DataFrame({"n": [2]}))

    @ak.asset(partitions=days)
    def joined(raw: pd.DataFrame, fixed: pd.DataFrame) -> pd.DataFrame:
        return raw

    with Workspace(tmp_path / "workspace") as workspace:
        ran = ak.materialize([raw, fixed, joined], workspace=workspace, progress="none")
        desk = Desk(workspace, Definitions(assets=[raw, fixed, joined]))
        made = asset_page(desk, asset="joined", p="2026-01-02").made
        whole = asset_page(desk, asset="joined").made
        alone = asset_page(desk, asset="fixed").made

    assert (made.run_id, made.step) == (ran.run_id, "joined@2026-01-02")
    assert Path(made.path).is_file()
    assert ", usually " in made.took
    versions = {one.asset: one.words for one in made.inputs}
    assert versions["raw"].startswith("2026-01-02 (")
    assert versions["fixed"].startswith("all of it (")
    assert whole is None
    assert (alone.step, list(alone.inputs)) == ("fixed", [])


def test_partitions_with_other_columns_are_told(tmp_path):
    """Those that earlier code made, compared with what was made last."""
    days = DailyPartitions("2026-01-01", end="2026-01-05")

    def version(number, frame):
        return ak.asset(name="x", partitions=days, code_version=str(number))(lambda: frame)

    old, new = pd.DataFrame({"a": [1], "b": [1]}), pd.DataFrame({"a": [1.5], "c": ["x"]})
    with Workspace(tmp_path / "workspace") as workspace:
        ak.materialize(version(1, old), workspace=workspace, progress="none")
        latest = version(2, new)
        ak.materialize(latest, partitions="2026-01-04", workspace=workspace, progress="none")
        page = asset_page(Desk(workspace, Definitions(assets=[latest])), asset="x")

    assert [line.partition(" in ")[2] for line in page.drifted] == ["3 partitions"] * 3
    assert page.drifted[0] == "a: is double, was int64 in 3 partitions"
    assert page.drifted[1] == "b: is gone in 3 partitions"
