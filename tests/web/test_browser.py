"""The page in a real browser: live, by keyboard, without a script.

It runs where Playwright and a Chromium are installed, and is skipped elsewhere.
"""

import re

import pytest

import assetkit as ak
from assetkit import Workspace
from assetkit.project import load_project


def test_a_plan_is_launched_and_every_tab_follows(visit, served):
    """A click shows its run at once; that and a second tab follow to its end without a reload."""
    board = visit()
    board.get_by_text("live", exact=True).wait_for()

    tab = visit("/plan?select=orders@2026-01-12..2026-01-13")
    tab.get_by_role("button", name="Run exactly this: 2 steps").click()
    tab.wait_for_url("**/runs/*")
    tab.get_by_text("It ended as failed").wait_for()

    assert "<img src=x onerror=alert(1)>" in tab.locator(".failure .error").inner_text()
    board.locator(f'.strip a[href="{tab.url.removeprefix(served.base)}"]').wait_for()


def test_what_another_process_does_is_seen(visit, hostile_folder):
    """A run of this very process appears on a page that is open, by itself."""
    tab = visit("/runs")
    tab.get_by_text("live", exact=True).wait_for()

    project = load_project("hostile", hostile_folder)
    with Workspace(hostile_folder / ".assetkit" / "hostile") as workspace:
        made = ak.materialize(
            project, select="orders@2026-01-20", workspace=workspace, progress="none"
        )

    tab.get_by_role("link", name=made.run_id).first.wait_for()


def test_eight_tabs_of_one_browser_share_a_stream(visit):
    """One stream serves them all: a browser opens six connections to a host."""
    first, streams = visit("/plan"), []
    first.get_by_text("live", exact=True).wait_for()
    first.context.on("request", lambda asked: "/live?" in asked.url and streams.append(asked.url))

    tabs = [first, *(visit("/plan") for _ in range(7))]

    for tab in tabs:
        tab.get_by_text("live", exact=True).wait_for()
    assert streams == []


def test_a_range_is_chosen_by_keyboard_and_planned(visit):
    """Arrows move the cursor in the grid, Shift makes a range, which is text to plan with."""
    tab = visit("/assets/orders")

    tab.locator("#grid").focus()
    for key in ("Home", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        tab.keyboard.press(key)
    tab.get_by_text("2026-01-02..2026-01-04 —").wait_for()
    tab.get_by_role("button", name="Plan these…").click()

    tab.wait_for_url(re.compile(r"/plan\?p=2026-01-02\.\.2026-01-04&select=orders"))
    assert tab.get_by_label("Partitions").input_value() == "2026-01-02..2026-01-04"


def test_without_a_script_the_page_still_works(visitor_of):
    """Pages read, forms plan; only what moves by itself is missing."""
    plain = visitor_of(java_script_enabled=False)
    tab = plain.open()

    tab.get_by_label("Selection").fill("orders@2026-01-31")
    tab.get_by_role("button", name="Plan…").first.click()
    assert "1 to build" in tab.locator(".verdict").inner_text()
    plain.context.close()


def test_rows_are_reached_with_single_keys(visit):
    """Keys go down (j) and up (k) the rows, Enter opens one; ? lists all keys, Escape closes it."""
    tab = visit()
    tab.get_by_role("heading", name="Board").wait_for()
    rows = tab.locator("#main table.rows tbody th a")
    first, second = rows.nth(0).inner_text(), rows.nth(1).inner_text()

    tab.keyboard.press("?")
    tab.get_by_role("heading", name="Shortcuts").wait_for()
    tab.keyboard.press("Escape")
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    assert tab.evaluate("document.activeElement.innerText") == second
    tab.keyboard.press("k")
    assert tab.evaluate("document.activeElement.innerText") == first
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name=first, exact=True).wait_for()


def test_the_lineage_is_walked_and_made_larger(visit):
    """Arrows go from box to box, what a box is stands beneath; the picture grows in its frame."""
    tab = visit("/lineage?select=report&depth=1")
    picture = tab.locator("#graph svg")
    width = float(picture.get_attribute("width"))

    tab.locator('#graph a[data-asset="orders"]').focus()
    tab.keyboard.press("ArrowRight")
    tab.locator("#graph-panel").get_by_text("report: ").wait_for()
    assert tab.evaluate("document.activeElement.dataset.asset") == "report"
    tab.get_by_role("button", name="Larger").click()
    larger = picture.get_attribute("width")
    assert float(larger) == pytest.approx(1.25 * width)
    picture.hover()
    tab.keyboard.down("Control")
    tab.mouse.wheel(0, -60)
    tab.keyboard.up("Control")
    # Stretched at once, drawn in its new size when the wheel rests.
    tab.locator(f'#graph svg:not([width="{larger}"])').wait_for()
    assert picture.evaluate("one => one.style.transform") == ""
    tab.locator("#graph-panel").get_by_role("link", name="Open").click()
    tab.get_by_role("heading", name="report", exact=True).wait_for()
