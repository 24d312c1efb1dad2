"""The page in a real browser: live, by keyboard, in both themes, without a script.

It runs where Playwright and a Chromium are installed, and is skipped elsewhere.
"""

import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

SHOP = """
import pandas as pd
from assetkit import DailyPartitions, asset

days = DailyPartitions("2026-01-01", end="2026-02-01")

@asset(partitions=days, group="raw")
def orders(context) -> pd.DataFrame:
    if context.partition_key.endswith("03"):
        raise ValueError("<img src=x onerror=alert(1)>")
    return pd.DataFrame({"day": [context.partition_key]})

@asset
def total(orders: pd.DataFrame) -> pd.DataFrame:
    return orders
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A page on a small project, as people start it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "shop.py").write_text(SHOP)
    process = subprocess.Popen(
        [sys.executable, "-m", "assetkit", "-m", "shop", "ui", "--port", "0", "--no-open"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    address = process.stdout.readline().split()[-1]
    yield SimpleNamespace(address=address, base=address.partition("/?")[0], folder=folder)
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture(scope="module")
def browser():
    """One browser for all."""
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield found
        found.close()


@pytest.fixture
def visit(browser, served):
    """Return what opens tabs that know the token; what a page complains about fails the test."""
    said, contexts = [], []

    def make(**options):
        context = browser.new_context(**options)
        context.set_default_timeout(60_000)
        context.on("console", lambda message: said.append(message.text))
        context.on("weberror", lambda error: said.append(str(error.error)))
        contexts.append(context)
        tab = context.new_page()
        tab.goto(served.address)
        return tab

    yield make
    for context in contexts:
        context.close()
    assert said == []


def test_a_plan_is_launched_and_every_tab_follows(visit, served):
    """A click runs the plan; its run and a second tab show the end of it without a reload."""
    tab = visit()
    board = tab.context.new_page()
    board.goto(served.base)
    board.get_by_text("live", exact=True).wait_for()

    tab.goto(f"{served.base}/plan?select=orders@2026-01-01..2026-01-05")
    tab.get_by_role("button", name="Run exactly this: 5 steps").click()
    tab.get_by_text("It ended as failed").wait_for()

    assert "<img src=x onerror=alert(1)>" in tab.locator(".failure .error").inner_text()
    assert tab.locator("img").count() == 0
    board.locator(".strip li").first.wait_for()
    board.get_by_text("ValueError: <img src=x").wait_for()


def test_eight_tabs_of_one_browser_all_load(visit, served):
    """One stream serves them all: a browser opens six connections to a host."""
    first = visit()
    tabs = [first, *(first.context.new_page() for _ in range(7))]

    for tab in tabs[1:]:
        tab.goto(served.base)
    for tab in tabs:
        tab.get_by_text("live", exact=True).wait_for()


def test_a_range_is_chosen_by_keyboard_and_planned(visit, served):
    """Arrows move the cursor in the grid, Shift makes a range, which is text to plan with."""
    tab = visit()
    tab.goto(f"{served.base}/assets/orders")

    tab.locator("#grid").focus()
    for key in ("Home", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        tab.keyboard.press(key)
    tab.get_by_text("2026-01-02..2026-01-04 — Enter").wait_for()
    tab.get_by_role("button", name="Plan these…").click()

    tab.wait_for_url(re.compile(r"/plan\?p=2026-01-02\.\.2026-01-04&select=orders"))
    assert tab.get_by_label("Partitions").input_value() == "2026-01-02..2026-01-04"


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 400)])
def test_pages_fit_in_both_themes(visit, served, scheme, width):
    """No page is wider than its window, and the colours are those of the theme."""
    tab = visit(color_scheme=scheme, viewport={"width": width, "height": 800})

    paths = ("/", "/lineage?overlay=plan", "/assets/orders", "/runs", "/plan?select=orders")
    for path in (*paths, "/backfill?select=orders&size=5"):
        tab.goto(served.base + path)
        body = tab.locator("body")
        assert body.evaluate("one => one.scrollWidth") <= width
        dark = body.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(15, 20, 25)"
        assert dark == (scheme == "dark")


def test_without_a_script_the_page_still_works(visit, served):
    """Pages read, forms plan; only what moves by itself is missing."""
    tab = visit(java_script_enabled=False)

    tab.get_by_label("Selection").fill("orders@2026-01-31")
    tab.get_by_role("button", name="Plan…").first.click()
    assert "1 to build" in tab.locator(".verdict").inner_text()


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
