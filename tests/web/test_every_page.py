"""All pages in a real browser, on a project whose every text is hostile: each is looked at once.

It runs where Playwright, axe and a Chromium are installed, and is skipped elsewhere.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

import pytest

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

STRANGE = quote("\"'><img src=x onerror=alert(1)>", safe="")
ADDRESSES = [
    "/",
    "/lineage?overlay=plan",
    f"/lineage?select={STRANGE}",
    "/assets/orders?p=2026-01-02",
    f"/assets/orders?p={STRANGE}",
    "/assets/regions",
    "/assets/by_name",
    "/assets/hours",
    "/assets/matrix?p=date%3D2026-01-02",
    f"/assets/{STRANGE}",
    "/runs",
    f"/runs?status={STRANGE}",
    "/runs/RUN?step=orders%402026-01-03",
    "/runs/RUN?step=orders%402026-01-02",
    "/runs/OTHER?step=regions%40plain",
    "/runs/SHAKY?step=shaky&asset=shaky",
    "/plan",
    "/plan?select=%2Breport",
    "/plan?select=regions&force=1",
    "/backfill?select=orders&size=5",
]
LEAST = {  # how often hostile text is to be read there, at least
    "/": 1,
    "/assets/orders?p=2026-01-02": 10,
    "/assets/regions": 4,
    "/runs/RUN?step=orders%402026-01-03": 5,
    "/runs/RUN?step=orders%402026-01-02": 5,
}
MARKUP = """() => [...document.querySelectorAll("*")].filter(one =>
    one.getAttributeNames().some(name => name.startsWith("on") || name === "style") ||
    ["EMBED", "IFRAME", "OBJECT", "BASE", "STYLE"].includes(one.tagName) ||
    one.tagName === "IMG" && !one.src.startsWith("data:image/png;base64,") ||
    one.tagName === "SCRIPT" && !new URL(one.src).pathname.startsWith("/static/") ||
    /^ *(javascript|data|vbscript):/i.test(one.getAttribute("href") ?? "") && one.tagName === "A"
).map(one => one.outerHTML)"""
FINDINGS = {"resultTypes": ["violations"], "preload": False}  # what is well need not be told
THEMES = {
    "light": FINDINGS,
    # The rest is the same.
    "dark": {**FINDINGS, "runOnly": {"type": "rule", "values": ["color-contrast"]}},
}
IS_DARK = """() => getComputedStyle(document.body).backgroundColor === 'rgb(15, 20, 25)'"""
LOADED = """() => [...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource")].map(one => [one.name, one.transferSize])"""


@dataclass
class Look:
    """What a browser made of a page."""

    path: str
    findings: list
    fits: list
    markup: list
    loaded: list
    nodes: int
    text: str
    html: str


@pytest.fixture(scope="module")
def visitor(visitor_of):
    """Somebody whose browser has nothing in its cache."""
    found = visitor_of(color_scheme="light")
    yield found
    found.context.close()


@pytest.fixture(scope="module")
def looks(visitor, served):
    """Each page, looked at once."""
    runs = served.get("/runs.json")["runs"]
    of = {one["targets"][0]: one["run_id"] for one in runs}
    named = {"RUN": runs[-1]["run_id"], "OTHER": of["regions"], "SHAKY": of["shaky"]}
    visitor.close_tabs()
    tab = visitor.context.new_page()
    return [look(tab, served.base, path, named) for path in ADDRESSES]


def look(tab, base, path, named):
    """Return what a page looks like, in both themes and at two widths."""
    tab.goto(base + re.sub("RUN|OTHER|SHAKY", lambda found: named[found[0]], path))
    tab.get_by_text("live", exact=True).wait_for()
    fits, findings, finder = [], [], axe.Axe()
    for theme, options in THEMES.items():
        tab.emulate_media(color_scheme=theme)
        if f"={STRANGE}" not in path:  # the same page once more
            findings += finder.run(tab, options=options).response["violations"]
        fits.append(tab.evaluate(IS_DARK) == (theme == "dark"))
    for width in (400, 1280):
        tab.set_viewport_size({"width": width, "height": 800})
        fits.append(tab.evaluate("document.body.scrollWidth") <= width)
    tab.emulate_media(color_scheme="light")
    return Look(
        path=path,
        findings=[(one["id"], [node["html"] for node in one["nodes"]]) for one in findings],
        fits=fits,
        markup=tab.evaluate(MARKUP),
        loaded=tab.evaluate(LOADED),
        nodes=tab.evaluate("document.querySelectorAll('*').length"),
        text=tab.locator("main").inner_text(),
        html=tab.content(),
    )


def test_axe_finds_nothing_in_both_themes(looks):
    """Names, roles, contrast, headings, tables: for those who do not see it as most do."""
    assert {one.path: one.findings for one in looks} == {one.path: [] for one in looks}


def test_pages_fit_in_both_themes(looks):
    """No page is wider than its window, 400 or 1,280 pixels, and each has the colours asked for."""
    assert {one.path: one.fits for one in looks} == {one.path: [True] * 4 for one in looks}


def test_nothing_of_users_or_data_becomes_part_of_a_page(looks, visitor):
    """No element, no script, no dialog, and nothing that the policy of the pages had to stop."""
    assert {one.path: one.markup for one in looks} == {one.path: [] for one in looks}
    # Of pages that are not there, browsers say just that.
    assert [one for one in visitor.complaints if "404" not in one and "400" not in one] == []


def test_hostile_text_is_there_to_be_read(looks):
    """Errors, logs, columns, cells, metadata, keys, owners, tags, checks: as they were written."""
    script = "<script>alert(2)</script>{{7*7}}&lt;b&gt;"
    times = {one.path: one.text.count(script) for one in looks}

    assert {path: times[path] for path in LEAST} == {
        path: max(times[path], least) for path, least in LEAST.items()
    }
    regions = next(one for one in looks if one.path == "/assets/regions")
    assert "<img src=x onerror=alert(9)>" in regions.text


def test_secrets_are_told_nowhere(looks):
    """A `SecretStr` of a configuration is masked in whatever shows it."""
    log = next(one for one in looks if one.path.startswith("/runs/OTHER"))
    assert "password=SecretStr('**********')" in log.text
    assert not [one.path for one in looks if "very-secret" in one.html]


def test_pages_load_little_and_from_here_only(looks, served):
    """Files are fetched once, under 150 KB in all; no other place is ever asked."""
    first, *others = looks
    assert all(name.startswith(served.base) for one in looks for name, _ in one.loaded)
    files = {name: size for one in looks for name, size in one.loaded if "/static/" in name}

    assert sum(size for one in looks for name, size in one.loaded if "/static/" in name) < 150_000
    assert len(first.loaded) <= 9
    assert len(files) <= 8
    for one in others:
        assert one.nodes < 3_000
