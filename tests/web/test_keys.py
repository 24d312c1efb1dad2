"""The page by keyboard and mouse: what is chosen in pictures, attempts, and the way back.

It runs where Playwright and a Chromium are installed, and is skipped elsewhere.
"""

import re

import pytest

HOURS = "2024-01-01T00..2024-01-23T21"  # two of the 64 pieces of the strip, 275 hours each


def planned(tab):
    """Press the key that plans what is chosen; return the partitions of that plan."""
    tab.keyboard.press("p")
    tab.wait_for_url(re.compile("/plan[?]"))
    return tab.get_by_label("Partitions").input_value()


@pytest.fixture
def shaky(visit, served):
    """The page of a run with a step that needed three attempts."""
    runs = served.get("/runs.json")["runs"]
    run_id = next(one["run_id"] for one in runs if one["targets"] == ["shaky"])
    return visit(f"/runs/{run_id}?step=shaky")


def test_a_rectangle_of_a_matrix_is_chosen_by_keyboard_and_planned(visit):
    """Arrows with Shift make one of both dimensions; Escape gives it up."""
    tab = visit("/assets/matrix")

    tab.locator("#grid").focus()
    for key in ("Home", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown"):
        tab.keyboard.press(key)
    tab.get_by_text("date=2026-01-02..2026-01-03,region=de..fr — 4 partitions").wait_for()
    tab.keyboard.press("Escape")
    assert tab.get_by_label("Look at partitions").input_value() == ""
    assert tab.locator("#cursor").inner_text() == ""
    for key in ("Home", "Shift+ArrowDown"):
        tab.keyboard.press(key)

    assert planned(tab) == "date=2026-01-01,region=de..fr"


def test_a_rectangle_of_a_matrix_is_drawn_with_the_mouse(visit):
    """From one corner to the other; the form beneath plans it."""
    tab = visit("/assets/matrix")
    box = tab.locator("#grid").bounding_box()
    sides = (tab.locator("#grid").get_attribute(f"data-{side}") for side in ("left", "top"))
    left, top = map(int, sides)

    tab.mouse.move(box["x"] + left + 7, box["y"] + top + 7)
    tab.mouse.down()
    tab.mouse.move(box["x"] + left + 2 * 14 + 7, box["y"] + top + 2 * 14 + 7)
    tab.mouse.up()
    tab.get_by_role("button", name="Plan these…").click()

    tab.wait_for_url(re.compile("/plan[?]"))
    chosen = tab.get_by_label("Partitions").input_value()
    assert chosen == "date=2026-01-01..2026-01-03,region=de..it"


def test_pieces_of_a_strip_are_chosen_by_keyboard_and_planned(visit):
    """The strip is one stop of the Tab key; arrows with Shift make a range of its pieces."""
    tab = visit("/assets/hours")
    pieces = tab.locator("#strip a")

    assert tab.locator('#strip a[tabindex="0"]').count() == 1
    pieces.first.focus()
    tab.keyboard.press("Shift+ArrowRight")
    tab.get_by_text(f"{HOURS} — 550 partitions").wait_for()

    assert planned(tab) == HOURS


def test_pieces_of_a_strip_are_chosen_with_the_mouse(visit):
    """Dragged over, they are a range; clicked, a piece leads to its own cells."""
    tab = visit("/assets/hours")
    pieces = tab.locator("#strip a")

    def drag(start, end):
        pieces.nth(start).hover(position={"x": 3, "y": 20})
        tab.mouse.down()
        pieces.nth(end).hover(position={"x": 3, "y": 20})
        tab.mouse.up()

    drag(7, 9)
    drag(1, 0)
    assert tab.get_by_label("Look at partitions").input_value() == HOURS
    assert "within" not in tab.url
    pieces.nth(1).click()
    tab.wait_for_url("**/assets/hours?within=2024-01-12T11..2024-01-23T21*")
    tab.get_by_text("beneath are 2024-01-12T11..2024-01-23T21").wait_for()


def test_attempts_are_turned_over(shaky):
    """[ and ] go through what each attempt said; of the first two, that is why they failed."""
    log = shaky.get_by_role("region", name="Lines of the log")
    assert "this is attempt 1" in log.inner_text()

    said = []
    for key in ("]", "]", "]", "["):
        shaky.keyboard.press(key)
        shaky.wait_for_url(re.compile(f"attempt={len(said) + 1 if key == ']' else 2}"))
        said.append(log.inner_text())

    assert ["this is attempt 1" in one for one in said] == [True, False, False, False]
    assert ["TimeoutError" in one for one in said] == [True, True, False, True]
    assert said[1] == said[3]


def test_a_bar_leads_to_what_its_attempt_said(shaky):
    """An asset is opened to its steps, each with a bar for each attempt."""
    shaky.get_by_role("region", name="By asset").get_by_role("link", name="shaky").click()
    shaky.wait_for_url("**asset=shaky**")
    bars = shaky.get_by_role("group", name="Attempts at shaky").get_by_role("link")
    assert bars.count() == 3
    bars.nth(1).focus()
    shaky.keyboard.press("Enter")

    shaky.wait_for_url("**attempt=2#log")
    assert "this is attempt 2" in shaky.get_by_role("region", name="Lines of the log").inner_text()


def test_escape_backs_out_level_by_level(visit):
    """Out of a field, then of a box in hand, then of what is looked at closely; no further."""
    tab = visit("/lineage?select=report&depth=1")

    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "selection"
    tab.keyboard.press("Escape")
    assert tab.evaluate("document.activeElement.tagName") == "BODY"
    tab.locator('#graph a[data-asset="orders"]').focus()
    tab.get_by_text("Draw around it").wait_for()
    tab.keyboard.press("Escape")
    assert tab.get_by_text("Draw around it").is_hidden()
    tab.keyboard.press("Escape")
    tab.wait_for_url("**/lineage")


def test_why_and_plan_are_of_the_row_in_hand(visit):
    """On the board, w and p ask about the asset whose row was reached by j."""
    tab = visit()
    tab.get_by_role("heading", name="Board").wait_for()
    tab.keyboard.press("j")
    asset = tab.evaluate("document.activeElement.innerText")

    tab.keyboard.press("w")
    tab.wait_for_url(f"**/assets/{asset}#why")
    tab.go_back()
    tab.get_by_role("heading", name="Board").wait_for()
    tab.keyboard.press("j")
    tab.keyboard.press("p")
    tab.wait_for_url(f"**/plan?select={asset}")


def test_keys_lead_to_pages_and_neighbours_unless_they_are_off(visit):
    """Press g and a letter, ] on a partition, . for the address; none of it once switched off."""
    tab = visit("/assets/orders?p=2026-01-02")
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.get_by_text("live", exact=True).wait_for()

    tab.keyboard.press("]")
    tab.wait_for_url("**/assets/orders?p=2026-01-03")
    tab.get_by_text("live", exact=True).wait_for()
    tab.keyboard.press(".")
    tab.get_by_text("Address copied").wait_for()
    assert tab.evaluate("navigator.clipboard.readText()") == tab.url
    tab.keyboard.press("g")
    tab.keyboard.press("r")
    tab.get_by_role("heading", name="Runs", exact=True).wait_for()
    tab.get_by_role("button", name="Shortcuts off").click()
    tab.keyboard.press("?")
    tab.get_by_role("button", name="Shortcuts on").click()
    assert tab.get_by_role("heading", name="Shortcuts").count() == 0
