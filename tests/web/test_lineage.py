"""What the address of the lineage says: which groups are one box, and how it runs."""

from urllib.parse import parse_qs

import pytest

from assetkit.web.lineage import lineage_page


@pytest.mark.parametrize(
    ("asked", "boxes"),
    [
        (["raw,(no group)"], {" raw", " (no group)", "reports/totals"}),
        (["raw", "reports"], {" raw", " reports", "by_region", "valid_orders"}),
        (["!raw"], {"orders", " reports", " (no group)"}),
        (["raw, reports, !raw"], {"orders", " reports", "by_region", "valid_orders"}),
    ],
)
def test_groups_are_named_in_one_word_or_several_and_left_out(desk, asked, boxes):
    """With ``!`` a group stays open; where only such are named, all others are one box each."""
    page = lineage_page(desk, group=asked)

    assert {one.name for one in page.nodes} == boxes
    assert set(page.unfold) == {name[1:] for name in boxes if name.startswith(" ")}
    assert "no group 'rwa'. Did you mean raw?" in lineage_page(desk, group=["rwa"]).sentence


def test_the_lineage_runs_down_as_well(page):
    """Each box stands beneath what it needs; its other addresses run as it does."""
    down = page.get("/lineage.json?dir=tb&collapse=reports").json()
    places = {one["asset"]: one for one in down["nodes"] if one["asset"]}

    assert places["orders"]["y"] < places["valid_orders"]["y"] == places["by_region"]["y"]
    assert places["valid_orders"]["x"] != places["by_region"]["x"]
    assert down["mermaid"].startswith("flowchart TB")
    assert parse_qs(down["unfold"]["reports"])["dir"] == ["tb"]
    assert page.get("/lineage.json?dir=tb&group=reports").json()["nodes"] == down["nodes"]
    assert page.get("/lineage.json?dir=up").json()["direction"] == "lr"
